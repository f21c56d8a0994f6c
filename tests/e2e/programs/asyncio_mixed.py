"""A server of asyncio's for the tests: asyncio_mixed.py PORT_FILE UPSTREAM_PORT [uvloop]. For
GET /N it calls upstream /N/KIND in many
ways: at once, from a task, several together, from a thread pool, after the answer, for a consumer of a queue that
serves all requests, and for one that looks now and then."""

import asyncio
import concurrent.futures
import http.client
import random
import sys

UPSTREAM = int(sys.argv[2])
SERVED = []
POOL = concurrent.futures.ThreadPoolExecutor(4)


def fetch_blocking(path):
    connection = http.client.HTTPConnection("127.0.0.1", UPSTREAM)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


async def fetch(path):
    reader, writer = await asyncio.open_connection("127.0.0.1", UPSTREAM)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: upstream\r\nConnection: close\r\n\r\n".encode())
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def after(number):
    await asyncio.sleep(random.random() * 0.01)
    await fetch(f"/{number}/after")


async def consume(queue):
    while True:
        number = await queue.get()
        await fetch(f"/{number}/queue")


async def look():
    while True:
        await asyncio.sleep(0.001)
        while SERVED:
            await fetch(f"/{SERVED.pop()}/background")


async def serve(queue, reader, writer):
    tasks = set()
    while head := await reader.readuntil(b"\r\n\r\n"):
        number = head.split()[1].decode().strip("/")
        await fetch(f"/{number}/at-once")
        await asyncio.sleep(random.random() * 0.01)
        await asyncio.create_task(fetch(f"/{number}/task"))
        await asyncio.gather(fetch(f"/{number}/together"), fetch(f"/{number}/together"))
        await asyncio.get_running_loop().run_in_executor(POOL, fetch_blocking, f"/{number}/pool")
        await queue.put(number)
        SERVED.append(number)
        tasks.add(asyncio.create_task(after(number)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


async def serve_until_closed(queue, reader, writer):
    try:
        await serve(queue, reader, writer)
    except asyncio.IncompleteReadError:
        writer.close()


async def main():
    queue = asyncio.Queue()
    consumer = asyncio.create_task(consume(queue))
    looker = asyncio.create_task(look())
    server = await asyncio.start_server(lambda *ends: serve_until_closed(queue, *ends), "127.0.0.1", 0)
    with open(sys.argv[1], "w", encoding="ascii") as port_file:
        port_file.write(str(server.sockets[0].getsockname()[1]))
    await asyncio.gather(consumer, looker)


if sys.argv[3:] == ["uvloop"]:
    import uvloop
    uvloop.install()
asyncio.run(main())
