"""asyncio's streams, HTTP by hand: a list of free upstream connections. PORT UPSTREAM_PORT. A task calls /up/N/after."""
import asyncio
import random
import re
import sys

PORT, UPSTREAM = int(sys.argv[1]), int(sys.argv[2])
free, tasks = [], set()


async def call(number, what):
    reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", UPSTREAM)
    writer.write(f"GET /up/{number}/{what} HTTP/1.1\r\nHost: upstream\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(re.search(rb"(?i)content-length: *(\d+)", head)[1]))
    free.append((reader, writer))
    return body


async def serve(reader, writer):
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        number = int(re.match(rb"GET /r/(\d+) ", head)[1])
        await call(number, "a")
        await asyncio.sleep(random.uniform(0, 0.005))
        await call(number, "b")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(str(number))}\r\n\r\n{number}".encode())
        await writer.drain()
        task = asyncio.create_task(call(number, "after"))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=512)
    await server.serve_forever()


asyncio.run(main())
