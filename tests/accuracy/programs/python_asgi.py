"""A plain ASGI application, by uvicorn, with one httpx.AsyncClient. PORT UPSTREAM_PORT LOOP. A task
calls /up/N/after."""
import asyncio
import random
import sys

import httpx
import uvicorn

PORT, UPSTREAM = int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}/up"
client = httpx.AsyncClient(timeout=30)
tasks = set()


async def call(number, what):
    return (await client.get(f"{UPSTREAM}/{number}/{what}")).content


async def application(scope, _receive, send):
    number = scope["path"].rpartition("/")[2]
    await call(number, "a")
    await asyncio.sleep(random.uniform(0, 0.005))
    await call(number, "b")
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", str(len(number)).encode())]})
    await send({"type": "http.response.body", "body": number.encode()})
    task = asyncio.create_task(call(number, "after"))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


uvicorn.run(application, host="127.0.0.1", port=PORT, loop=sys.argv[3], log_level="error", lifespan="off", backlog=512)
