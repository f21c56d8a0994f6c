"""Python's asyncio, uvloop, trio, gevent: one thread serves many requests, and goes from one to the other by itself.
Each call is to be the child of the request that it was made for."""

import collections
import http.client
import re
import subprocess
import threading
import unittest

from support import PROGRAMS, StrictServer, TracedTest, attribute, describe, needs, of_kind

PYTHON = "/usr/bin/python3"
AT_ONCE = 32
ROUNDS = 4
KINDS = {"at-once": 1, "task": 1, "together": 2, "pool": 1, "after": 1, "queue": 1, "background": 1}
ANYONES = "queue", "background"


def path_of(span):
    return attribute(span, "url.path") or re.sub(r"https?://[^/]*", "", attribute(span, "url.full"))


def needs_module(name):
    is_missing = subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode
    return unittest.skipIf(is_missing, f"{PYTHON} has no {name}")


class Mixed(TracedTest):
    PROGRAM, MORE = "asyncio_mixed.py", ()

    def ask(self, port, numbers):
        """One connection, on which one number is asked for after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers:
            connection.request("GET", f"/{number}")
            self.answers.append(connection.getresponse().read())
        connection.close()

    def ask_all(self, at_once, **env):
        """{(kind, right or wrong or ambiguous or none): count} of the calls that were made."""
        upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        self.start(PYTHON, PROGRAMS / self.PROGRAM, port_file, upstream.port, *self.MORE,
                   ready=lambda: port_file.exists() and port_file.read_text(), env=env)
        port, count, self.answers = int(port_file.read_text()), at_once * ROUNDS, []
        threads = [threading.Thread(target=self.ask, args=(port, range(n, count, at_once))) for n in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.answers), count)
        self.wait_spans((1 + sum(KINDS.values())) * count)
        self.stop_servers()
        self.assert_no_problems(upstream)
        return self.verdicts(self.spans())

    def verdicts(self, spans):
        servers = {span["spanId"]: path_of(span) for span in of_kind(spans, "SERVER")}
        found = collections.Counter()
        for span in of_kind(spans, "CLIENT"):
            number, kind = path_of(span).lstrip("/").split("/")
            parent = servers.get(span.get("parentSpanId"))
            if parent:
                verdict = "right" if parent == f"/{number}" else "wrong"
            else:
                verdict = "ambiguous" if attribute(span, "run_traced.parent.ambiguous") else "none"
                self.assertEqual(bool(span.get("links")), verdict == "ambiguous", describe([span]))
            found[kind, verdict] += 1
        return found

    def check_many_at_once(self, rounds=ROUNDS):
        found = self.ask_all(AT_ONCE)
        for kind, calls in KINDS.items():
            self.assertEqual(found[kind, "wrong"], 0, found)
            if kind not in ANYONES:
                self.assertGreaterEqual(found[kind, "right"], calls * AT_ONCE * rounds, found)
        return found

    def check_switched_off(self):
        """Nothing decides then, and that is said; this test fails where another way is found to know it."""
        found = self.ask_all(AT_ONCE, RUN_TRACED_PYTHON_BRIDGE="off")
        self.assertEqual(sum(count for (_, verdict), count in found.items() if verdict == "wrong"), 0, found)
        self.assertLess(found["after", "right"], AT_ONCE * ROUNDS, found)


@needs(PYTHON)
class Asyncio(Mixed):
    def test_many_at_once(self):
        found = self.check_many_at_once()
        self.assertEqual(found["queue", "none"], 0, "who serves all requests may be at work for any of them")

    def test_switched_off(self):
        self.check_switched_off()


@needs(PYTHON)
@needs_module("uvloop")
class Uvloop(Mixed):
    MORE = ["uvloop"]

    def test_many_at_once(self):
        """What serves a connection may not be waiting yet when the first request on it comes: that is nobody's then."""
        self.check_many_at_once(ROUNDS - 1)

    def test_switched_off(self):
        self.check_switched_off()


@needs(PYTHON)
@needs_module("trio")
class Trio(Mixed):
    PROGRAM = "trio_mixed.py"

    def test_many_at_once(self):
        self.check_many_at_once()

    def test_switched_off(self):
        self.check_switched_off()


@needs(PYTHON)
@needs_module("gevent")
class Gevent(Mixed):
    PROGRAM = "gevent_mixed.py"

    def test_many_at_once(self):
        self.check_many_at_once()

    def test_switched_off(self):
        self.check_switched_off()


if __name__ == "__main__":
    unittest.main()
