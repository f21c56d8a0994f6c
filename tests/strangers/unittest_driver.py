"""unittest_driver.py ORDER OUTCOMES - runs the tests of one module, in the interpreter that is tried.

ORDER is a file of JSON: {"module": NAME, "only": [ID...] or null, "without": [ID...], "resources": [what
CPython's tests may use]}. OUTCOMES gets a line of JSON for each event: [ID, "start" or the outcome, details].
The file is opened for each line: the tests count, close and replace descriptors.
"""
import json
import os
import sys
import unittest


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


class Reporter(unittest.TestResult):
    """The worst that a test or its subtests came to is its outcome."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.worst = None

    def say(self, name, outcome, details=""):
        with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps([name, outcome, details]) + "\n")

    def startTest(self, test):
        super().startTest(test)
        self.worst = None
        self.say(test.id(), "start")

    def stopTest(self, test):
        super().stopTest(test)
        self.say(test.id(), *(self.worst or ("ok", "")))
        self.worst = None

    def _bad(self, test, outcome, err):
        details = self._exc_info_to_string(err, test)
        if not isinstance(test, unittest.TestCase):
            self.say(test.id(), outcome, details)  # setUpClass and its kin
        elif self.worst is None or self.worst[0] == "skip":
            self.worst = (outcome, details)

    def addError(self, test, err):
        self._bad(test, "error", err)

    def addFailure(self, test, err):
        self._bad(test, "fail", err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            is_failure = issubclass(err[0], test.failureException)
            self._bad(test, "fail" if is_failure else "error", err)

    def addSkip(self, test, reason):
        if not isinstance(test, unittest.TestCase):
            self.say(test.id(), "skip", reason)
        elif self.worst is None:
            self.worst = ("skip", reason)

    def addExpectedFailure(self, test, err):
        self.worst = ("expected failure", "")

    def addUnexpectedSuccess(self, test):
        self.worst = ("unexpected success", "")


def main(order_path, outcomes_path):
    with open(order_path, encoding="utf-8") as file:
        order = json.load(file)
    if order["module"].startswith("test."):
        from test import support  # pylint: disable=import-outside-toplevel
        support.use_resources = order["resources"]
    without = set(order["without"])
    only = None if order["only"] is None else set(order["only"])
    loaded = unittest.defaultTestLoader.loadTestsFromName(order["module"])
    tests = [test for test in flatten(loaded)
             if test.id() not in without and (only is None or test.id() in only)]
    reporter = Reporter(outcomes_path)
    unittest.TestSuite(tests).run(reporter)
    reporter.say("", "end")


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
