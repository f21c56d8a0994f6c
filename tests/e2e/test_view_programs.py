"""--view of runs with spans of programs and of tests: what the time is said to have gone into, and what is not."""

import json
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PREFIX, LauncherTest, run
from test_analysis import Trace, write

MS = 1_000


class Run(Trace):
    """One run: spans that know which process they are of."""

    def __init__(self):
        super().__init__(random.Random(7))

    def of(self, pid, *place, kind="INTERNAL", error=None, **attributes):
        span_id = self.span(kind, *place, error=error, **attributes)
        line = json.loads(self.lines[-1])
        line["resource"]["process.pid"] = pid
        self.lines[-1] = json.dumps(line) + "\n"
        return span_id

    def program(self, pid, name, *place, service=None, **more):
        return self.of(pid, service or name, name, *place, **{"process.executable.name": name} | more)

    def test(self, pid, name, result, *place, **more):
        return self.of(pid, "pytest", name, *place, **{"test.case.name": name, "test.case.result.status": result} | more)


def shop():
    """A script that starts a server, calls it once, and stops it."""
    trace = Run()
    root = trace.program(10, "start.sh", 0, 1000 * MS)
    trace.program(11, "shopd", 10 * MS, 985 * MS, root, service="shop")
    trace.program(12, "idled", 10 * MS, 989 * MS, root, error="SIGTERM")
    curl = trace.program(13, "curl", 100 * MS, 800 * MS, root)
    call = trace.of(13, "curl", "GET /", 110 * MS, 780 * MS, curl, kind="CLIENT", **{"code.file.path": "/src/a.c",
                                                                                   "code.line.number": 7})
    trace.of(11, "shop", "GET /", 111 * MS, 770 * MS, call, kind="SERVER")
    return trace


def suite():
    """Tests whose own process serves what they ask for; by a shim that goes on as another program."""
    trace = Run()
    root = trace.program(20, "env", 0, 1000 * MS)
    python = trace.program(20, "python3", 100 * MS, 900 * MS, root, service="pytest")
    call = trace.of(20, "pytest", "GET /x", 210 * MS, 80 * MS,
                    trace.test(20, "test_a", "pass", 200 * MS, 100 * MS, python), kind="CLIENT")
    trace.of(20, "pytest", "GET /x", 211 * MS, 70 * MS, call, kind="SERVER")
    trace.test(20, "test_b", "fail", 400 * MS, 100 * MS, python, error="AssertionError")
    trace.test(20, "test_c", "skipped", 600 * MS, 1 * MS, python)
    return trace


class Programs(LauncherTest):
    def _shown(self, trace, *words):
        write("f", [trace])
        return run(PREFIX, "--view", "f", *words, check=True, text=True).stdout

    def _path(self, trace):
        return {(part["kind"], part.get("name")): part["us"] // MS
                for part in json.loads(self._shown(trace, "--json"))["criticalPath"] if part["us"]}

    def test_a_server_that_is_up_is_not_waited_for(self):
        self.assertEqual(self._path(shop()), {("service", "shop"): 770, ("network", None): 10,
                                              ("program", "curl"): 20, ("program", "start.sh"): 200})

    def test_a_server_alone_counts_for_nothing(self):
        trace = Run()
        root = trace.program(11, "shopd", 0, 1000 * MS)
        trace.of(11, "shopd", "GET /", 111 * MS, 100 * MS, root, kind="SERVER")
        self.assertEqual(self._path(trace), {("outside", None): 900, ("service", "shopd"): 100})
        self.assertIn("Bottleneck: shopd: 100 ms", self._shown(trace))

    def test_a_master_counts_as_its_workers(self):
        trace = Run()
        root = trace.program(1, "sh", 0, 1000 * MS)
        master = trace.program(2, "nginx", 0, 990 * MS, root)
        trace.program(3, "nginx", 1 * MS, 980 * MS, master)
        call = trace.of(1, "sh", "GET /", 500 * MS, 120 * MS, root, kind="CLIENT")
        trace.of(3, "nginx", "GET /", 510 * MS, 100 * MS, call, kind="SERVER")
        self.assertEqual(self._path(trace), {("program", "sh"): 880, ("service", "nginx"): 100, ("network", None): 20})

    def test_programs_have_no_gaps_and_are_no_operations(self):
        text = self._shown(shop())
        self.assertNotIn("(no call recorded)", text)
        self.assertIn("Bottleneck: shop: 770 ms", text)
        self.assertIn("called by curl from a.c line 7", text)
        told = json.loads(self._shown(shop(), "--analyze", "--json"))
        self.assertEqual([(o["service"], o["kind"]) for o in told["operations"]], [("shop", "SERVER"), ("curl", "CLIENT")])
        self.assertEqual([(c["from"], c["to"]) for c in told["calls"]], [("curl", "shop")])
        self.assertEqual(told["programs"], 220 * MS)
        self.assertEqual([f["service"] for f in told["findings"]], ["shop"])

    def test_an_error_is_rather_a_requests_than_a_programs(self):
        trace = shop()
        deep = trace.program(14, "sh", 0, 90 * MS, json.loads(trace.lines[0])["spanId"])
        for pid in range(15, 20):
            deep = trace.program(pid, "sh", 0, 80 * MS, deep, error="1")
        root = json.loads(trace.lines[0])["spanId"]
        trace.of(10, "start.sh", "GET /y", 920 * MS, 10 * MS, root, kind="CLIENT", error="timeout",
                 **{"code.file.path": "/src/b.c", "code.line.number": 9})
        self.assertIn("Error: GET /y from start.sh failed: timeout after 10 ms, called from b.c line 9", self._shown(trace))

    def test_results_of_tests_are_seen(self):
        text = self._shown(suite())
        self.assertIn("3 tests: 1 pass, 1 fail, 1 skipped\n", text)
        for words in ("✓ pass", "✗ fail Assertion", "○ skipped"):
            self.assertIn(words, text)
        self.assertIn("Error: pytest failed in test_b: AssertionError", text)

    def test_tests_that_serve_themselves_are_waited_for(self):
        self.assertEqual(self._path(suite()), {("program", "env"): 100, ("program", "python3"): 699,
                                               ("service", "pytest"): 191, ("network", None): 10})

    def test_a_run_in_the_list(self):
        line = self._shown(suite(), "--list").splitlines()[1]
        self.assertRegex(line, r" env +pytest$")


if __name__ == "__main__":
    unittest.main()
