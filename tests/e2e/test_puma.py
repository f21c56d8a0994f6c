"""Puma: its reactor reads requests that are slow to come, and its threads serve them."""

import pathlib
import socket

from support import StrictServer, TracedTest, describe, free_port, needs, of_kind, wait_for

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "accuracy" / "programs" / "ruby_puma.ru"
CLIENTS = 8
HALVES = "GET /r/%d HTTP/1.1\r\nHost: puma\r\n", "Connection: close\r\n\r\n"


def unread(port):
    """How many bytes the connections that were accepted at @port have yet to read, in all."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(int(row[4].split(":")[1], 16) for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01")


@needs("puma")
class Puma(TracedTest):
    def setUp(self):
        super().setUp()
        self.upstream = self.serve(StrictServer())
        self.port = free_port()
        self.start("puma", "--quiet", "--silent", "-C", "-", "-t", "4:4", "-b", f"tcp://127.0.0.1:{self.port}", PROGRAM,
                   env={"UPSTREAM_PORT": str(self.upstream.port)}, service_name="puma", port=self.port)

    def test_what_its_reactor_reads_is_the_work_of_the_thread_that_serves_it(self):
        clients = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(CLIENTS)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.sendall((HALVES[0] % number).encode())
        wait_for(lambda: unread(self.port) == 0, "the first halves to be read")
        for client in clients:
            client.sendall(HALVES[1].encode())
        for number, client in enumerate(clients):
            with client.makefile("rb") as answer:
                self.assertTrue(answer.read().endswith(str(number).encode()))
        found = self.all_spans(CLIENTS * 4)  # a request, two calls, and one after the answer
        paths = {span["spanId"]: span["attributes"]["url.path"] for span in of_kind(found, "SERVER")}
        for span in of_kind(found, "CLIENT"):
            number = span["attributes"]["url.full"].split("/")[4]
            self.assertEqual(paths.get(span.get("parentSpanId")), f"/r/{number}", describe(found))
        self.assert_no_problems(self.upstream)
