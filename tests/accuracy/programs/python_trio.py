"""A plain server on trio, a task a connection and another one a request, with one httpx.AsyncClient. PORT
UPSTREAM_PORT. A task calls /up/N/after."""
import random
import sys

import httpx
import trio

PORT, UPSTREAM = int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}/up"


async def call(client, number, what):
    return (await client.get(f"{UPSTREAM}/{number}/{what}")).content


async def serve(nursery, client, stream, number):
    await call(client, number, "a")
    await trio.sleep(random.uniform(0, 0.005))
    await call(client, number, "b")
    await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s" %
                          (len(number), number.encode()))
    nursery.start_soon(call, client, number, "after")


async def connection_serve(nursery, client, stream):
    head = b""
    async with stream:
        while received := await stream.receive_some():
            head += received
            if head.endswith(b"\r\n\r\n"):
                number = head.split(b" ", 2)[1].decode().rpartition("/")[2]
                head = b""
                async with trio.open_nursery() as request_nursery:
                    request_nursery.start_soon(serve, nursery, client, stream, number)


async def main():
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client, trio.open_nursery() as nursery:
        async def accepted(stream):
            await connection_serve(nursery, client, stream)
        await trio.serve_tcp(accepted, PORT, host="127.0.0.1", backlog=512)


trio.run(main)
