"""What asyncio_mixed.py does, by gevent: gevent_mixed.py PORT_FILE UPSTREAM_PORT. The
thread pool's threads are greenlets."""

# pylint: disable=wrong-import-position,wrong-import-order
from gevent import monkey
monkey.patch_all()

import concurrent.futures
import http.client
import random
import sys

import gevent
import gevent.queue
import gevent.server

UPSTREAM = int(sys.argv[2])
POOL = concurrent.futures.ThreadPoolExecutor(4)
SERVED = []
QUEUE = gevent.queue.Queue()


def fetch(path):
    connection = http.client.HTTPConnection("127.0.0.1", UPSTREAM)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


def consume():
    while True:
        fetch(f"/{QUEUE.get()}/queue")


def look():
    while True:
        gevent.sleep(0.001)
        while SERVED:
            fetch(f"/{SERVED.pop()}/background")


def serve(connection, _address):
    stream = connection.makefile("rb")
    while line := stream.readline():
        number = line.split()[1].decode().strip("/")
        while stream.readline() != b"\r\n":
            pass
        fetch(f"/{number}/at-once")
        gevent.sleep(random.random() * 0.01)
        gevent.spawn(fetch, f"/{number}/task").get()
        gevent.joinall([gevent.spawn(fetch, f"/{number}/together") for _ in range(2)])
        POOL.submit(fetch, f"/{number}/pool").result()
        QUEUE.put(number)
        SERVED.append(number)
        gevent.spawn_later(random.random() * 0.01, fetch, f"/{number}/after")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


gevent.spawn(consume)
gevent.spawn(look)
SERVER = gevent.server.StreamServer(("127.0.0.1", 0), serve)
SERVER.start()
with open(sys.argv[1], "w", encoding="ascii") as port_file:
    port_file.write(str(SERVER.server_port))
SERVER.serve_forever()
