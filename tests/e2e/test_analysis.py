"""--view --analyze and --compare: what is found in traces, and what is not."""

import json
import os
import pathlib
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PREFIX, LauncherTest, run

START = 1_700_000_000_000_000


class Trace:
    """Lines of one trace: spans by their start and duration in microseconds within it."""

    def __init__(self, random_numbers, start=START):
        self.id = f"{random_numbers.getrandbits(127) + 1:032x}"
        self.random = random_numbers
        self.start = start
        self.lines = []

    def span(self, kind, service, name, start, duration, parent=None, error=None, **attributes):
        span_id = f"{self.random.getrandbits(63) + 1:016x}"
        fields = {"traceId": self.id, "spanId": span_id, "name": name, "timestamp": self.start + start,
                  "duration": duration, "kind": kind, "status": {"code": "ERROR" if error else "OK"},
                  "attributes": attributes | ({"error.type": error} if error else {}),
                  "resource": {"service.name": service}}
        if parent:
            fields["parentSpanId"] = parent
        self.lines.append(json.dumps(fields) + "\n")
        return span_id

    def call(self, *place, site=None, **attributes):
        where = {"code.file.path": f"/src/{site[0]}", "code.line.number": site[1]} if site else {}
        return self.span("CLIENT", *place, **attributes, **where)


def write(name, traces):
    pathlib.Path(name).write_text("".join(line for trace in traces for line in trace.lines))


class Analysis(LauncherTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(8)

    def _trace(self):
        return Trace(self.random)

    def _analyze(self, *traces):
        write("f", traces)
        return json.loads(run(PREFIX, "--view", "f", "--analyze", "--json", check=True, text=True).stdout)

    def _findings(self, *traces):
        return self._analyze(*traces)["findings"]

    def test_calls_repeated_in_a_row_are_found(self):
        trace = self._trace()
        root = trace.span("SERVER", "web", "GET /list", 0, 100_000)
        for i in range(9):
            trace.call("web", "GET", 5_000 + i * 10_000, 9_000, root, site=("list.c", 7), **{"url.path": f"/item/{i}"})
        found, = [f for f in self._findings(trace) if f["kind"] == "repeated"]
        self.assertEqual((found["operation"], found["within"], found["place"], found["calls"], found["longest"]),
                         ("GET /item/{id}", "GET /list", "list.c line 7", 9, 72_000))
        self.assertEqual(found["traceId"], trace.id)

    def test_few_calls_or_calls_at_the_same_time_are_no_row(self):
        few, together = self._trace(), self._trace()
        root = few.span("SERVER", "web", "GET /list", 0, 100_000)
        for i in range(4):
            few.call("web", "GET /item", i * 10_000, 9_000, root)
        root = together.span("SERVER", "web", "GET /list", 0, 100_000)
        for i in range(9):
            together.call("web", "GET /item", i * 1_000, 9_000, root)
        self.assertEqual([f for f in self._findings(few, together) if f["kind"] == "repeated"], [])

    def test_tries_after_a_failure_are_retries(self):
        trace = self._trace()
        root = trace.span("SERVER", "web", "POST /buy", 0, 100_000)
        trace.call("web", "POST /pay", 0, 20_000, root, error="timeout", site=("pay.c", 12))
        trace.call("web", "POST /pay", 30_000, 20_000, root, error="503", site=("pay.c", 12))
        trace.call("web", "POST /pay", 60_000, 20_000, root, site=("pay.c", 12))
        found, = [f for f in self._findings(trace) if f["kind"] == "retried"]
        self.assertEqual((found["operation"], found["calls"], found["us"]), ("POST /pay", 2, 40_000))
        text = run(PREFIX, "--view", "f", check=True, text=True).stdout
        self.assertIn("retry 1 of 2", text)
        self.assertIn("retry 2 of 2", text)

    def test_another_call_after_a_failure_is_no_retry(self):
        trace = self._trace()
        root = trace.span("SERVER", "web", "POST /buy", 0, 100_000)
        trace.call("web", "POST /pay", 0, 20_000, root, error="503", site=("pay.c", 12))
        trace.call("web", "POST /pay", 30_000, 20_000, root, site=("pay.c", 99))
        trace.call("web", "POST /pay", 50_000, 20_000, root, site=("pay.c", 99))
        self.assertEqual([f for f in self._findings(trace) if f["kind"] == "retried"], [])

    def test_only_reads_are_said_to_fit_beside_each_other(self):
        reads, writes = self._trace(), self._trace()
        for trace, method in ((reads, "GET"), (writes, "POST")):
            root = trace.span("SERVER", "web", f"{method} /page", 0, 100_000)
            trace.call("web", f"{method} /a", 0, 40_000, root)
            trace.call("web", f"{method} /b", 40_000, 50_000, root)
        found, = [f for f in self._findings(reads, writes) if f["kind"] == "sequential"]
        self.assertEqual((found["operation"], found["within"], found["us"]), ("GET /a and GET /b", "GET /page", 40_000))
        self.assertIn("may", found["text"])

    def test_time_that_nothing_accounts_for_has_an_owner(self):
        trace = self._trace()
        root = trace.span("SERVER", "web", "GET /", 0, 200_000)
        trace.call("web", "SELECT", 10_000, 150_000, root, **{"server.address": "db", "server.port": 5432})
        own = self._trace()
        own.span("SERVER", "web", "GET /slow", 0, 300_000)
        kinds = {f["kind"]: f for f in self._findings(trace, own)}
        self.assertEqual((kinds["waited"]["toAddress"], kinds["waited"]["us"]), ("db:5432", 150_000))
        self.assertEqual((kinds["own"]["operation"], kinds["own"]["us"]), ("GET /slow", 300_000))

    def test_nothing_is_found_where_something_is_missing(self):
        orphan, skewed = self._trace(), self._trace()
        orphan.span("SERVER", "web", "GET /slow", 0, 300_000, parent="00000000000000aa")
        root = skewed.call("web", "GET /far", 0, 300_000)
        skewed.span("SERVER", "far", "GET /far", -900_000, 290_000, root)
        profile = self._analyze(orphan, skewed)
        self.assertEqual((profile["findings"], profile["unjudgedTraces"]), ([], 2))
        text = run(PREFIX, "--view", "f", "--analyze", check=True, text=True).stdout
        self.assertIn("2 of the traces not looked at", text)

    def test_a_bottleneck_has_the_line_that_all_calls_to_it_are_from(self):
        for lines, expected in (((7, 7), "called by web from pay.c line 7\n"), ((7, 8), "called by web\n")):
            trace = self._trace()
            root = trace.span("SERVER", "web", "GET /", 0, 200_000)
            for i, line in enumerate(lines):
                call = trace.call("web", "POST /pay", i * 90_000, 80_000, root, site=("pay.c", line))
                trace.span("SERVER", "pay", "POST /pay", i * 90_000, 80_000, call)
            write("f", [trace])
            self.assertIn(expected, run(PREFIX, "--view", "f", check=True, text=True).stdout)
            shares = json.loads(run(PREFIX, "--view", "f", "--json", check=True, text=True).stdout)["criticalPath"]
            pay, = [share for share in shares if share.get("name") == "pay"]
            self.assertEqual(pay.get("line"), 7 if lines[0] == lines[1] else None)

    def test_operations_and_calls_add_up(self):
        traces = [self._trace() for _ in range(100)]
        for i, trace in enumerate(traces):
            root = trace.span("SERVER", "web", "GET", 0, 1000 * (i + 1), **{"url.path": f"/user/{i}"})
            call = trace.call("web", "GET /rights", 0, 500, root, error="503" if i < 5 else None)
            trace.span("SERVER", "rights", "GET /rights", 100, 300, call)
        profile = self._analyze(*traces)
        rows = {(o["service"], o["kind"], o["operation"]): o for o in profile["operations"]}
        web = rows["web", "SERVER", "GET /user/{id}"]
        self.assertEqual((web["count"], web["p50"], web["p95"], web["p99"]), (100, 50_000, 95_000, 99_000))
        self.assertEqual(sum(o["criticalPath"] for o in profile["operations"]), profile["criticalPath"])
        call, = profile["calls"]
        self.assertEqual((call["from"], call["to"], call["count"], call["errors"], call["criticalPath"]),
                         ("web", "rights", 100, 5, 50_000))

    def test_the_graph_is_for_graphviz(self):
        trace = self._trace()
        call = trace.call('we"b', "GET /", 0, 5_000)
        trace.span("SERVER", "api", "GET /", 0, 4_000, call)
        write("f", [trace])
        dot = run(PREFIX, "--view", "f", "--dot", check=True, text=True).stdout
        self.assertIn('"we\\"b" -> "api" [label="1 x 5.0 ms"];', dot)
        self.assertTrue(dot.startswith("digraph") and dot.endswith("}\n"))

    def _shop(self, count, pay_ms=20, fail=0.0, more=()):
        """Traces whose ids, ports, users and times differ each time, but not what they are about."""
        for _ in range(count):
            trace = self._trace()
            scale = self.random.lognormvariate(0, 0.4)
            pay = int(pay_ms * 1000 * self.random.lognormvariate(0, 0.4))
            root = trace.span("SERVER", "web", "POST", 0, pay + int(9_000 * scale),
                              **{"url.path": f"/users/{self.random.randrange(10**6)}/orders"})
            error = "500" if self.random.random() < fail else None
            call = trace.call("web", "POST /pay", 1_000, pay, root, error=error,
                              **{"server.address": "127.0.0.1", "server.port": self.random.randrange(40000, 60000)})
            trace.span("SERVER", "pay", "POST /pay", 1_100, pay - 500, call, error=error)
            for name in more:
                trace.call("web", name, pay + 2_000, 1_000, root)
            yield trace

    def _compare(self, before, after):
        write("old", before)
        write("new", after)
        result = json.loads(run(PREFIX, "--compare", "old", "new", "--json", check=True, text=True).stdout)
        return {(o["service"], o["kind"], o["operation"]): o["verdicts"] for o in result["operations"]}

    def test_noise_is_no_difference(self):
        for count in (3, 8, 9, 10, 30, 300):
            verdicts = self._compare(self._shop(count), self._shop(count))
            self.assertEqual(set(map(tuple, verdicts.values())), {("too_rare",)} if count < 8 else {()}, verdicts)

    def test_what_got_slower_is_told(self):
        verdicts = self._compare(self._shop(60), self._shop(60, pay_ms=40))
        self.assertEqual(verdicts["pay", "SERVER", "POST /pay"], ["slower"])
        verdicts = self._compare(self._shop(60, pay_ms=40), self._shop(60))
        self.assertEqual(verdicts["pay", "SERVER", "POST /pay"], ["faster"])
        text = run(PREFIX, "--compare", "old", "new", check=True, text=True).stdout
        self.assertIn("\nFaster\n", text)
        for words in (["--view", "new", "--compare", "old"], ["--view", "--compare", "old", "new"]):
            self.assertEqual(run(PREFIX, *words, check=True, text=True).stdout, text)
        self.assertIn("pay POST /pay, called by web: median", text)

    def test_what_fails_more_often_is_told(self):
        verdicts = self._compare(self._shop(100, fail=0.02), self._shop(100, fail=0.4))
        self.assertEqual(verdicts["pay", "SERVER", "POST /pay"], ["more_errors"])
        self.assertEqual(verdicts["web", "SERVER", "POST /users/{id}/orders"], [])

    def test_what_is_new_and_what_is_gone_is_told(self):
        verdicts = self._compare(self._shop(9, more=["GET /old"]), self._shop(9, more=["GET /new"]))
        self.assertEqual(verdicts["web", "CLIENT", "GET /old"], ["gone"])
        self.assertEqual(verdicts["web", "CLIENT", "GET /new"], ["new"])

    def test_what_does_not_fit_together_is_refused(self):
        write("f", self._shop(1))
        result = run(PREFIX, "--view", "f", "--follow", "--analyze", text=True)
        self.assertEqual(result.returncode, 125)
        self.assertIn("--follow shows each trace when it is over", result.stderr)
        result = run(PREFIX, "--view", "f", "--compare", "away", text=True)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("cannot read away", result.stderr)
        result = run(PREFIX, "--compare", "f", "f", "f", text=True)
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("--compare takes two files, OLD and NEW; too many: f", result.stderr)


if __name__ == "__main__":
    unittest.main()
