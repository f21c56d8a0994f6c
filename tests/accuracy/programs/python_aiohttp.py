"""aiohttp as server, and as client with one session. PORT UPSTREAM_PORT [uvloop]. A task calls /up/N/after."""
import asyncio
import random
import sys

import aiohttp
from aiohttp import web

PORT, UPSTREAM = int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}/up"
tasks = set()


async def call(session, number, what):
    async with session.get(f"{UPSTREAM}/{number}/{what}") as answer:
        return await answer.read()


async def notify(session, number):
    await asyncio.sleep(0.01)
    await call(session, number, "after")


async def serve(request):
    session, number = request.app["session"], request.match_info["number"]
    await call(session, number, "a")
    await asyncio.sleep(random.uniform(0, 0.005))
    await call(session, number, "b")
    task = asyncio.create_task(notify(session, number))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return web.Response(text=number)


async def with_session(app):
    async with aiohttp.ClientSession() as app["session"]:
        yield


if sys.argv[3:] == ["uvloop"]:
    import uvloop
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
application = web.Application()
application.cleanup_ctx.append(with_session)
application.router.add_get("/r/{number}", serve)
web.run_app(application, host="127.0.0.1", port=PORT, print=None, access_log=None, backlog=512,
            loop=asyncio.new_event_loop())
