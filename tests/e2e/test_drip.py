"""A client that writes a few bytes a call, on a socket with the smallest buffer, and checks every
return value: the header goes in whole, and the client never notices."""

import time
import unittest

from support import BUILD, StrictServer, TracedTest, describe, spans

CALLS = ("write", "send", "sendto", "sendmsg", "sendmmsg", "writev")
CHUNKS = (1, 2, 3, 7, 64, 1000, 1 << 20)


class Drip(TracedTest):
    def drip(self, *options, gate=None, answer=None):
        """Runs drip bare and traced against a strict server. Returns (server, spans)."""
        outcomes = []
        for run in (self.bare, self.preloaded):
            server = StrictServer(traceparents=0 if run == self.bare else 1, gate=gate)
            try:
                result = run(BUILD / "testapps/drip", *options, "127.0.0.1", server.port)
                self.assertEqual((result.returncode, result.stderr), (0, b""), run.__name__)
                outcomes.append((result, server))
            finally:
                server.stop(check=False)
            self.assert_no_problems(server)
        (bare, bare_server), (traced, server) = outcomes
        self.assertEqual(traced.stdout, bare.stdout)
        self.assertEqual([r.bare_head for r in server.requests],
                         [r.head for r in bare_server.requests])
        self.assertEqual([r.body for r in server.requests], [r.body for r in bare_server.requests])
        self.check_spans(server)
        return server

    def check_spans(self, server):
        """One CLIENT span a request, with the ids that the server received."""
        found = spans(self._span_files[-1])
        self.assertEqual([f"00-{s['traceId']}-{s['spanId']}-03" for s in found],
                         [r.traceparent for r in server.requests], describe(found))
        self.assertEqual({s["kind"] for s in found}, {"CLIENT"})
        for request in server.requests:
            lines = request.head.split(b"\r\n")
            at = [i for i, line in enumerate(lines) if line.lower().startswith(b"traceparent:")]
            self.assertEqual(len(at), 1)
            self.assertGreater(at[0], 0)

    def try_all(self, *options):
        for call in CALLS:
            for chunk in CHUNKS:
                with self.subTest(call=call, chunk=chunk):
                    self.drip("--call", call, "--chunk", chunk, *options)


class EveryCall(Drip):
    def test_nonblocking_get(self):
        self.try_all("--requests", 3)

    def test_nonblocking_post(self):
        self.try_all("--requests", 2, "--body", 3000)


class EveryCallBlocking(Drip):
    def test_blocking_get(self):
        self.try_all("--requests", 3, "--blocking")

    def test_blocking_post(self):
        self.try_all("--requests", 2, "--body", 3000, "--blocking")


class FullBuffers(Drip):
    """The server does not read until the client's buffers are full: writes are cut short anywhere."""

    BODY = 100_000

    def gate(self, conversation):
        """Waits until the kernel takes nothing more: what is queued on the way stops growing."""
        port = f"{conversation.sock.getsockname()[1]:04X}"
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 0.05:
            with open("/proc/net/tcp", encoding="ascii") as table:
                queues = sum(sum(int(q, 16) for q in line.split()[4].split(":")) for line in table
                             if f":{port}" in line)
            if queues != last:
                last, since = queues, time.monotonic()
            time.sleep(0.002)

    def test_short_writes(self):
        for call in CALLS:
            for chunk in (997, 1 << 20):
                with self.subTest(call=call, chunk=chunk):
                    self.drip("--call", call, "--chunk", chunk, "--body", self.BODY, "--requests", 2,
                              gate=self.gate)

    def test_short_writes_blocking(self):
        for call in CALLS:
            with self.subTest(call=call):
                self.drip("--call", call, "--chunk", 1 << 20, "--body", self.BODY, "--blocking",
                          gate=self.gate)

    def test_long_heads(self):
        """The path fills the send buffer, so that the header itself goes out in pieces."""
        for length in range(6000, 6800, 97):
            with self.subTest(length=length):
                self.drip("--path", "/" + "x" * length, "--requests", 3, "--chunk", 100000,
                          gate=self.gate)


if __name__ == "__main__":
    unittest.main()
