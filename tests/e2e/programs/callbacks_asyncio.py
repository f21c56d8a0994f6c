"""callbacks_asyncio.py PORT-FILE [concurrent]: for each POST with [{"url": ..., "arguments": ...}], posts the
arguments to each URL, in order or at once. One thread, aiohttp."""
import asyncio
import os
import sys

from aiohttp import ClientSession, web


async def main():
    async def call(session, action):
        async with session.post(action["url"], json=action["arguments"]) as response:
            await response.read()

    async def serve(request):
        actions = await request.json()
        async with ClientSession() as session:
            if "concurrent" in sys.argv[2:]:
                await asyncio.gather(*(call(session, action) for action in actions))
            else:
                for action in actions:
                    await call(session, action)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{tail:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    with open(sys.argv[1] + ".new", "w", encoding="utf-8") as port_file:
        port_file.write(str(runner.addresses[0][1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    await asyncio.Event().wait()


asyncio.run(main())
