"""Makes requests in several ways; what is marked "calls NAME" is where from. Arguments: the server's port, a closed port."""

import asyncio
import http.client
import socket
import sys
import threading
import urllib.error
import urllib.request

PORT, CLOSED_PORT = int(sys.argv[1]), int(sys.argv[2])
GET = b"GET /%s HTTP/1.1\r\nHost: calling\r\nConnection: close\r\n\r\n"


class Order:
    def pay(self):
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        connection.request("GET", "/client")  # calls client
        connection.getresponse().read()


def fetch(name):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/{name}").read()  # calls urllib thread missing
    except urllib.error.HTTPError:
        pass


def give_up():
    try:
        socket.create_connection(("127.0.0.1", CLOSED_PORT))  # calls refused
    except OSError:
        pass


def generate():
    connection = socket.create_connection(("127.0.0.1", PORT))
    connection.sendall(GET % b"generator")  # calls generator
    yield connection.recv(1000)


async def ask(name):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(GET % name)  # calls asyncio
    await reader.read()
    writer.close()


async def ask_all():
    await asyncio.gather(*(ask(b"asyncio") for _ in range(3)))


def größe():
    connection = socket.create_connection(("127.0.0.1", PORT))
    for _ in range(300):
        pass
    connection.sendall(
        GET
        %
        b"unicode"
    )  # before this line, by up to four
    connection.recv(1000)


Order().pay()
fetch("urllib")
thread = threading.Thread(target=fetch, args=("thread",))
thread.start()
thread.join()
fetch("missing")
give_up()
list(generate())
größe()
asyncio.run(ask_all())
