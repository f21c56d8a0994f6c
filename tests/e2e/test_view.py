"""--view: what is chosen, what pipes, and traces shown while they are written."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PATIENCE, PREFIX, LauncherTest, run


def span(trace, number=1, service="api", parent=None, **more):
    """A line; traces and spans are told apart by numbers."""
    fields = {"traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": "GET", "timestamp": trace * 1000000,
              "duration": 1000, "kind": "SERVER", "resource": {"service.name": service}, **more}
    if parent:
        fields["parentSpanId"] = f"{parent:016x}"
    return json.dumps(fields) + "\n"


def shown(text):
    return [int(json.loads(line)["traceId"], 16) for line in text.splitlines()]


class View(LauncherTest):
    def test_options_stand_on_either_side_of_the_file(self):
        pathlib.Path("f").write_text(span(1) + span(2, service="web"))
        for words in (["f", "--json", "--service", "web"], ["--json", "--service=web", "f"]):
            result = run(PREFIX, "--view", *words, check=True, text=True)
            self.assertEqual(shown(result.stdout), [2], words)

    def test_settings_for_runs_choose_nothing(self):
        pathlib.Path("f").write_text(span(1))
        pathlib.Path("run-traced.conf").write_text("service = other\nfollow = on\n")
        self.assertEqual(shown(run(PREFIX, "--view", "f", "--json", check=True, text=True).stdout), [1])

    def test_nothing_found_is_a_failure_without_output(self):
        pathlib.Path("f").write_text(span(1))
        result = run(PREFIX, "--view", "f", "--json", "--errors", text=True)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr, "run-traced: no trace that is asked for in f\n")

    def test_events_are_those_of_each_span(self):
        events = {n: [{"name": f"event.{n}.{i}", "timestamp": 1000000 + 100 * i} for i in range(2)] for n in (1, 2)}
        pathlib.Path("f").write_text(span(2) + span(1, 1, events=events[1]) + span(1, 2, parent=1, events=events[2]))
        result = run(PREFIX, "--view", "f", "--trace", f"{1:032x}", "--events", check=True, text=True)
        lines = result.stdout.splitlines()
        places = [i for i, line in enumerate(lines) if "event." in line]
        self.assertEqual([lines[i].split("event.")[1].split()[0] for i in places], ["1.0", "1.1", "2.0", "2.1"])
        self.assertIn("100 µs", lines[places[1]])
        self.assertNotIn("event.", run(PREFIX, "--view", "f", check=True, text=True).stdout)
        piped = run(PREFIX, "--view", "-", "--events", check=True, text=True, input=pathlib.Path("f").read_text())
        self.assertIn("event.1.0", piped.stdout, "what comes through a pipe is kept")

    def _follow(self, *words, **more):
        child = subprocess.Popen([str(PREFIX), "--view", "--follow", "--json", *words], stdout=subprocess.PIPE,
                                 text=True, **more)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_a_trace_is_shown_when_it_is_over(self):
        pathlib.Path("f").write_text(span(1))
        child = self._follow("f")
        self.assertEqual(shown(child.stdout.readline()), [1])
        with open("f", "a", encoding="ascii") as file:
            file.write(span(2) + span(3, 2, parent=1) + span(2, 2, parent=1)[:40])
            file.flush()
            line = child.stdout.readline()
            self.assertEqual((shown(line), json.loads(line)["spans"]), ([2], 1))
        child.send_signal(signal.SIGINT)
        self.assertEqual(shown(child.communicate(timeout=PATIENCE)[0]), [3])
        self.assertEqual(child.returncode, 0)

    def test_a_file_that_takes_the_place_is_read_next(self):
        pathlib.Path("f").write_text(span(1))
        child = self._follow("f", "--limit", "2")
        self.assertEqual(shown(child.stdout.readline()), [1])
        pathlib.Path("new").write_text(span(2))
        os.rename("new", "f")
        self.assertEqual(shown(child.communicate(timeout=PATIENCE)[0]), [2])

    def test_a_pipe_is_followed_to_its_end(self):
        child = self._follow("-", "--name", "GET", stdin=subprocess.PIPE)
        child.stdin.write(span(1))
        child.stdin.flush()
        self.assertEqual(shown(child.stdout.readline()), [1])
        self.assertEqual(shown(child.communicate(span(2), timeout=PATIENCE)[0]), [2])
        self.assertEqual(child.returncode, 0)


if __name__ == "__main__":
    unittest.main()
