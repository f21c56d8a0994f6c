"""Both ends of a server that is tried, neither of them traced: who asks it, and whom it asks."""
import asyncio
import contextlib
import random
import re
import secrets
import uuid

LIMIT = 60  # seconds for one request
CLOSE_EVERY = 20  # requests that a connection lives for, on average


class Upstream(asyncio.Protocol):
    """Answers each request with its path's number, after 1 to 30 ms. @log gets the paths."""

    def __init__(self, log):
        self.log, self.buffer = log, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            self.log.append(path)
            asyncio.get_running_loop().call_later(random.uniform(0.001, 0.03), self.answer, path, head.lower())

    def answer(self, path, head):
        number = re.match(r"/(?:up|r)/(\d+)", path)[1]
        is_last = b"\r\nconnection: close" in head or b"http/1.0" in head
        connection = "close" if is_last else "keep-alive"
        self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(number)}\r\n"
                             f"Connection: {connection}\r\n\r\n{number}".encode())
        if is_last:
            self.transport.close()


@contextlib.asynccontextmanager
async def upstream_start():
    """Gives the server's port and the list of the paths that it is asked for."""
    log = []
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(log), "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1], log
    finally:
        server.close()


class Connection:
    """To the server that is tried: one request at a time."""

    def __init__(self, port, with_ids):
        self.port, self.with_ids, self.writer = port, with_ids, None

    async def ask(self, number, traceparent=None):
        """GET /r/@number; raises ValueError unless the answer is the number's own."""
        is_new = not self.writer
        if is_new:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        header = f"traceparent: {traceparent}\r\n" if traceparent else ""
        header += f"X-Request-ID: {uuid.uuid4()}\r\n" if self.with_ids else ""
        try:
            self.writer.write(f"GET /r/{number} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{header}\r\n".encode())
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            if is_new:
                raise ValueError(f"no answer for {number}: {error}") from None
            await self.ask(number, traceparent)  # the server has closed it meanwhile
            return
        body = await self.body_read(head)
        if head.split()[1] != "200" or body.strip() != str(number):
            raise ValueError(f"another answer for {number}: {head!r} {body!r}")
        if "\r\nconnection: close" in head or head.startswith("http/1.0") or random.random() < 1 / CLOSE_EVERY:
            self.close()

    async def body_read(self, head):
        if length := re.search(r"\r\ncontent-length: *(\d+)", head):
            return (await self.reader.readexactly(int(length[1]))).decode()
        if "\r\ntransfer-encoding: chunked" in head:
            return (await self.reader.readuntil(b"0\r\n\r\n")).split(b"\r\n")[1].decode()
        body = (await self.reader.read()).decode()
        self.close()
        return body

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None


async def ask_all(port, numbers, in_flight, with_parents=False, with_ids=False):
    """Asks for each of @numbers, @in_flight at a time. Returns {number: (trace id, span id)} of what was sent along."""
    parents = {number: (secrets.token_hex(16), secrets.token_hex(8)) for number in numbers} if with_parents else {}
    waiting = iter(numbers)

    async def keep_asking():
        connection = Connection(port, with_ids)
        for number in waiting:
            traceparent = "00-{}-{}-01".format(*parents[number]) if parents else None
            await asyncio.wait_for(connection.ask(number, traceparent), LIMIT)
        connection.close()

    await asyncio.gather(*(keep_asking() for _ in range(in_flight)))
    return parents
