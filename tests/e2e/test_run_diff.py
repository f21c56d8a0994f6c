"""--diff: two real runs compared, and what is wrong with words."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PREFIX, PYTHON, LauncherTest, run
from support import StrictServer

CALLS = """
import sys, urllib.request
for url in sys.argv[1:]:
    urllib.request.urlopen(url).read()
"""


class RunDiff(LauncherTest):
    def record(self, file, *paths):
        """Calls of a server that is another one each time."""
        server = StrictServer()
        self.addCleanup(server.stop)
        urls = [f"http://127.0.0.1:{server.port}{path}" for path in paths]
        run(PREFIX, "-q", "-o", file, PYTHON, "-c", CALLS, *urls, check=True)

    def diff(self, *words):
        result = run(PREFIX, "--diff", *words, text=True)
        return result.returncode, result.stdout, result.stderr

    def test_runs_alike_are_equal(self):
        self.record("a", "/items/17", "/list")
        self.record("b", "/items/4711", "/list")
        self.assertEqual(self.diff("a", "b"), (0, "2 call paths, no difference\n", ""))
        self.assertEqual(self.diff("--json", "a", "b"), (0, "", ""))

    def test_what_is_new_gone_and_more_often_is_named(self):
        self.record("a", "/list", "/old")
        self.record("b", "/list", "/list", "/new")
        service = json.loads(open("a", encoding="utf-8").readline())["resource"]["service.name"]
        status, out, _ = self.diff("a", "b")
        self.assertEqual((status, out.splitlines()), (1, [
            f"  more    1 → 2  {service} CLIENT GET /list",
            f"  new     1  {service} CLIENT GET /new",
            f"  gone    1  {service} CLIENT GET /old",
            "3 call paths, 1 new, 1 gone, 1 more"]))
        status, out, _ = self.diff("a", "b", "--json")
        changes = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((status, [(c["change"], c["old"]["count"], c["new"]["count"]) for c in changes]),
                         (1, [("more", 1, 2), ("new", 0, 1), ("gone", 1, 0)]))
        self.assertEqual(changes[1]["path"], [{"service": service, "kind": "CLIENT", "name": "GET /new"}])

    def test_words_that_make_no_sense_are_refused(self):
        self.record("a", "/")
        for words, status, said in ((["a"], 125, "--diff needs two files"), (["a", "a", "a"], 125, "too many: a"),
                                    (["a", "--errors", "a"], 125, "it takes no --errors"),
                                    (["a", "absent"], 2, "cannot compare absent: No such file"),
                                    (["a", PYTHON], 2, "no span in")):
            code, _, err = self.diff(*words)
            self.assertEqual(code, status, words)
            self.assertIn(said, err)


if __name__ == "__main__":
    unittest.main()
