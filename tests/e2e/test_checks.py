"""--check: checks on files and on the spans of a run; what is reported, and with which status."""

import json
import os
import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PREFIX, PYTHON, LauncherTest, run
from support import StrictServer

NO_CALL_LEAVES = 'none(kind = CLIENT and server.address != "127.0.0.1")'
CALLS = """
import sys, urllib.request
for url in sys.argv[1:]:
    urllib.request.urlopen(url).read()
"""


def line(span, parent=None, duration=1000, kind="INTERNAL", trace=1, service="shop", **attributes):
    fields = {"traceId": f"{trace:032x}", "spanId": f"{span:016x}", "name": "x", "timestamp": 1700000000000000 + span,
              "duration": duration, "kind": kind, "status": {"code": "UNSET"}, "attributes": attributes,
              "resource": {"service.name": service, "process.pid": 1}}
    if parent:
        fields["parentSpanId"] = f"{parent:016x}"
    return json.dumps(fields) + "\n"


def tests_file(queries):
    """One test with so many queries, and one with none."""
    test = {"test.case.name": "test_many"}
    text = line(1, **test) + line(2, **{"test.case.name": "test_none"})
    return text + "".join(line(10 + i, 1, kind="CLIENT", **{"db.system.name": "postgresql"}) for i in range(queries))


class Files(LauncherTest):
    def check(self, *words, status=0):
        result = run(PREFIX, *words, text=True)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def test_no_span_of_a_file_that_is_larger_than_memory_is_left_out(self):
        count = 263000  # view/span_reader.h, SPAN_SET_MEMORY_MAX
        text = "".join(line(1 + i, trace=1 + i // 10) for i in range(count))
        pathlib.Path("f").write_text(text)
        pathlib.Path("old").write_text(line(count + 1, service="gone") + text)
        self.check("--check", f"count(name = 'x') = {count}", "f")
        gone = self.check("--diff", "old", "f", status=1).stdout
        self.assertIn("gone", gone)
        self.assertEqual(self.check("--reproducible", "f").stdout.count("\n"), count)

    def test_the_four_examples_hold_and_fail(self):
        cases = [
            (NO_CALL_LEAVES, line(1, kind="CLIENT", **{"server.address": "127.0.0.1"}),
             line(2, kind="CLIENT", **{"server.address": "example.org"})),
            ("count(db.system.name exists) <= 20 per test", tests_file(20), line(90, 1, **{"db.system.name": "mysql"})),
            ("none(duration > 2s)", line(1, duration=2000000), line(2, duration=2000001)),
            ('count(service = "payment" and kind = SERVER) <= 1 per trace',
             line(1, kind="SERVER", service="payment") + line(2, kind="SERVER", service="payment", trace=2),
             line(3, kind="SERVER", service="payment", trace=2)),
        ]
        for text, good, bad in cases:
            pathlib.Path("spans.jsonl").write_text(good)
            self.assertRegex(self.check("--check", text).stdout, "^ok      ")
            pathlib.Path("f").write_text(good + bad)
            said = self.check("--check", text, "f", status=1).stdout
            self.assertRegex(said, "\n    line [0-9]+: ")
            self.assertIn("1 of 1 check failed", said)

    def test_where_the_file_may_stand(self):
        pathlib.Path("f").write_text(line(1))
        for words in (["--check", "count() = 1", "f"], ["--view", "f", "--check", "count() = 1"],
                      ["--check=count() = 1", "--view=f"]):
            self.assertIn("(1 of 1 spans matched)", self.check(*words).stdout)
        result = run(PREFIX, "--check", "count() = 1", "-", text=True, input=line(1))
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_what_is_wrong_is_pointed_at(self):
        pathlib.Path("f").write_text(line(1))
        said = self.check("--check", "none(kind = CLEINT)", "f", status=2)
        self.assertEqual(said.stderr,
                         "run-traced: --check: expected one of INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER\n"
                         "  none(kind = CLEINT)\n"
                         "              ^^^^^^\n")
        pathlib.Path("c").write_text("# all\n\nfirst: none(root)\nsecond: count(\n   root) <= 2s\n")
        said = self.check("--checks", "c", "f", status=2)
        self.assertEqual(said.stderr,
                         "run-traced: c:5:13: expected a number\n     root) <= 2s\n              ^^\n")
        for words, expected in ((["--checks", "absent", "f"], "cannot read absent: No such file"),
                                (["--check", "none(root)", "--view", "absent"], "cannot check absent: No such file"),
                                (["--checks", "empty", "f"], "there is no check in it"),
                                (["--check", "none(root)", "empty"], "no span in empty"),
                                (["--check", "any(root)", "--check-report", "no/r.xml", "f"], "cannot write the")):
            pathlib.Path("empty").write_text("# nothing\n")
            self.assertIn(expected, self.check(*words, status=2).stderr)

    def test_options_that_do_not_go_together_are_refused(self):
        for words in (["--check-report", "r.xml", "true"], ["--check-report", "r.txt", "--check", "none(root)", "true"],
                      ["-D", "--check", "none(root)", "--", "true"], ["--check", "none(root)", "--errors", "true"]):
            self.assertIn("run-traced: ", self.check(*words, status=125).stderr)

    def test_a_file_of_checks_and_reports_of_it(self):
        pathlib.Path("f").write_text(tests_file(21) + line(99, service="<&\">\x01"))
        pathlib.Path("c").write_text("few # queries: none(root)\n"
                                     "few queries: count(db.system.name exists) <= 20\n  per test\n"
                                     "nothing slow: none(duration > 2s)\n"
                                     "no \\d#: max(rows) < 3\n")
        self.check("--checks", "c", "--check-report", "r.xml", "--check-report", "r?format=tap", "f", status=1)
        suite = ElementTree.parse("r.xml").getroot().find("testsuite")
        self.assertEqual([suite.get(k) for k in ("tests", "failures", "errors", "skipped")], ["4", "2", "0", "1"])
        cases = {case.get("name"): case for case in suite.iter("testcase")}
        self.assertIn("is 21 in test test_many", cases["few queries"].find("failure").text)
        self.assertIsNone(cases["nothing slow"].find("failure"))
        self.assertIsNotNone(cases["no \\d#"].find("skipped"))
        tap = pathlib.Path("r").read_text().splitlines()
        self.assertEqual(tap[:2], ["TAP version 13", "1..4"])
        results = [text for text in tap if re.match("(not )?ok", text)]
        self.assertEqual(results, ["not ok 1 - few \\# queries", "not ok 2 - few queries", "ok 3 - nothing slow",
                                   "ok 4 - no \\\\d\\# # SKIP there is nothing that could be judged"])

    def test_quiet_tells_of_failures_alone(self):
        pathlib.Path("f").write_text(line(1))
        self.assertEqual(self.check("-q", "--check", "count() = 1", "f").stdout, "")
        self.assertIn("FAILED", self.check("-q", "--check", "count() = 2", "f", status=1).stdout)

    def test_a_terminal_is_not_driven_by_the_file(self):
        pathlib.Path("f").write_text(line(1, service="\x1b[31m") + line(2, **{"test.case.name": "\x9b31m\n"}))
        said = self.check("--check", "none(root) per test", "--check", "none(root) per service", "f", status=1).stdout
        self.assertNotRegex(said, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Runs(LauncherTest):
    def run_checked(self, *words):
        result = run(PREFIX, *words, text=True)
        return result.returncode, result.stdout, result.stderr

    def calls(self, count=2):
        server = StrictServer()
        self.addCleanup(server.stop)
        return [PYTHON, "-c", CALLS, *[f"http://127.0.0.1:{server.port}/{i}" for i in range(count)]]

    def test_the_spans_of_the_run_are_judged(self):
        calls = self.calls()
        status, out, err = self.run_checked("--check", NO_CALL_LEAVES, "--check", "count(kind = CLIENT) = 2", *calls)
        self.assertEqual((status, out), (0, ""), err)
        self.assertIn("ok      count(kind = CLIENT) = 2  (2 of 2 spans matched)\n", err)
        status, out, err = self.run_checked("--check", "few: count(kind = CLIENT) <= 1", *calls)
        self.assertEqual((status, out), (1, ""), err)
        self.assertIn("FAILED  few", err)

    def test_what_was_in_the_file_before_does_not_count(self):
        calls = self.calls()
        for _ in range(2):
            status, _, err = self.run_checked("-e", "file:f", "--check", "count(kind = CLIENT) = 2", *calls)
            self.assertEqual(status, 0, err)

    def test_the_commands_failure_wins(self):
        for script, expected in (("exit 3", 3), ("kill -TERM $$", -15)):
            status, _, err = self.run_checked("--check", "count() > 0", "sh", "-c", script)
            self.assertEqual(status, expected)
            self.assertIn("FAILED  count() > 0", err)

    def test_nothing_is_started_with_a_wrong_check(self):
        status, _, err = self.run_checked("--check", "none(", "--", "touch", "made")
        self.assertEqual((status, os.path.exists("made"), os.path.exists("spans.jsonl")), (125, False, False), err)
        status, _, err = self.run_checked("-e", "unix:s", "--check", "none(root)", "--", "touch", "made")
        self.assertEqual((status, os.path.exists("made")), (125, False), err)
        self.assertIn("-o FILE", err)

    def test_a_command_is_told_from_a_file(self):
        pathlib.Path("script").write_text("#!/bin/sh\nexit 7\n")
        os.chmod("script", 0o755)
        self.assertEqual(self.run_checked("--check", "none(root)", "./script")[0], 7)
        os.chmod("script", 0o644)
        self.assertEqual(self.run_checked("--check", "none(root)", "./script")[0], 2)
        self.assertEqual(self.run_checked("--check", "none(root)", "--", "./script")[0], 126)


if __name__ == "__main__":
    unittest.main()
