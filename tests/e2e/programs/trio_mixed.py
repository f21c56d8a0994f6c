"""What asyncio_mixed.py does, by trio: trio_mixed.py PORT_FILE UPSTREAM_PORT."""

import http.client
import random
import sys

import trio

UPSTREAM = int(sys.argv[2])
SERVED = []


def fetch_blocking(path):
    connection = http.client.HTTPConnection("127.0.0.1", UPSTREAM)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


async def fetch(path):
    async with await trio.open_tcp_stream("127.0.0.1", UPSTREAM) as stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: upstream\r\nConnection: close\r\n\r\n".encode())
        async for _ in stream:
            pass


async def after(number):
    await trio.sleep(random.random() * 0.01)
    await fetch(f"/{number}/after")


async def consume(numbers):
    async for number in numbers:
        await fetch(f"/{number}/queue")


async def look():
    while True:
        await trio.sleep(0.001)
        while SERVED:
            await fetch(f"/{SERVED.pop()}/background")


async def serve(stream, number, numbers, nursery):
    await fetch(f"/{number}/at-once")
    await trio.sleep(random.random() * 0.01)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(fetch, f"/{number}/task")
    async with trio.open_nursery() as tasks:
        tasks.start_soon(fetch, f"/{number}/together")
        tasks.start_soon(fetch, f"/{number}/together")
    await trio.to_thread.run_sync(fetch_blocking, f"/{number}/pool")
    await numbers.send(number)
    SERVED.append(number)
    nursery.start_soon(after, number)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def main():
    send, receive = trio.open_memory_channel(1000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(consume, receive)
        nursery.start_soon(look)

        async def accepted(stream):
            head = b""
            while received := await stream.receive_some():
                head += received
                if head.endswith(b"\r\n\r\n"):
                    number, head = head.split()[1].decode().strip("/"), b""
                    await serve(stream, number, send, nursery)

        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        with open(sys.argv[1], "w", encoding="ascii") as port_file:
            port_file.write(str(listeners[0].socket.getsockname()[1]))
        await trio.serve_listeners(accepted, listeners)


trio.run(main)
