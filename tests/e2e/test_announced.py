"""Tests that their runner announces on its output alone."""

import pathlib
import re
import shutil
import subprocess
import unittest

from support import PYTHON, attribute, of_kind
from test_suites import STATUS, Suites, paths

UNITTEST_SUITE = """
import os, sys, unittest, urllib.request

def get(path):
    urllib.request.urlopen(os.environ["URL"] + "/" + path).read()

class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        get("class")

    def tearDown(self):
        get("teardown")

    def test_fails(self):
        get("fails")
        self.fail()

    def test_is_expected_to_fail(self):
        self.fail()
    test_is_expected_to_fail = unittest.expectedFailure(test_is_expected_to_fail)

    def test_passes(self):
        "A docstring is no part of the name."
        get("passes")

    def test_raises(self):
        raise ValueError

    @unittest.skip("why not")
    def test_skips(self):
        pass

    @unittest.expectedFailure
    def test_succeeds_against_all_expectations(self):
        pass

class Looks(unittest.TestCase):
    def test_prints_what_a_runner_would(self):
        os.write(2, b"test_invented (test_it.Looks.test_invented)")
        os.write(2, b" ... ")
        os.write(2, b"FAIL")
        os.write(2, b"\\n")
        get("looks")

    def test_writes_what_cannot_be_read(self):
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.write(2, ctypes.c_void_p(16), ctypes.c_size_t(9)), -1)
        self.assertEqual(ctypes.get_errno(), 14)
"""


class Unittest(Suites):
    EXPECTED = {
        "test_it.Calls.test_fails": ("fail", ["fails", "teardown"]),
        "test_it.Calls.test_is_expected_to_fail": ("pass", ["teardown"]),
        "test_it.Calls.test_passes": ("pass", ["passes", "teardown"]),
        "test_it.Calls.test_raises": ("fail", ["teardown"]),
        "test_it.Calls.test_skips": ("skipped", []),
        "test_it.Calls.test_succeeds_against_all_expectations": ("fail", ["teardown"]),
        "test_it.Looks.test_prints_what_a_runner_would": ("pass", ["looks"]),
        "test_it.Looks.test_writes_what_cannot_be_read": ("pass", []),
    }

    def setUp(self):
        super().setUp()
        pathlib.Path("test_it.py").write_text(UNITTEST_SUITE)
        self.env = {"URL": self.server.url, "PYTHONDONTWRITEBYTECODE": "1"}

    def check(self, *options, env=None):
        """The same as bare, but for the time that it took."""
        def outcome(run):
            return run.returncode, run.stdout, re.sub(rb"in [0-9.]+s", b"in", run.stderr)
        command = [PYTHON, "-m", "unittest", *options, "test_it"]
        bare = self.bare(*command, env=self.env)
        traced = self.traced(*command, env=self.env | (env or {}))
        self.assertEqual(outcome(traced), outcome(bare))

    def test_each_test_has_its_calls_and_its_result(self):
        self.check("-v")
        tests = self.tests()
        self.assertEqual({name: (attribute(span, STATUS), asked) for name, (span, asked) in tests.items()}, self.EXPECTED)
        self.assertEqual(attribute(tests["test_it.Calls.test_passes"][0], "test.suite.name"), "test_it.Calls")
        self.assertEqual({span["status"]["code"] for span, _ in tests.values() if attribute(span, STATUS) == "fail"}, {"ERROR"})
        in_class = [span for span in of_kind(self.spans(), "CLIENT") if paths([span]) == ["class"]]
        self.assertNotIn(in_class[0].get("parentSpanId"), {span["spanId"] for span, _ in tests.values()})

    def test_a_trace_for_each_test(self):
        self.check("-v", env={"RUN_TRACED_TRACE_PER": "test"})
        self.assertEqual(len({span["traceId"] for span, _ in self.tests().values()}), len(self.EXPECTED))

    def test_names_that_are_not_announced_are_not_invented(self):
        self.check()
        self.assertEqual(self.tests(), {})

    def test_off(self):
        for value in "off", "0":
            self.check("-v", env={"RUN_TRACED_TEST_OUTPUT": value})
            self.assertEqual(self.tests(), {})


class UnittestInATest(Unittest):
    """The process is a test already."""
    process_spans = "auto"
    EXPECTED = {}

    def setUp(self):
        super().setUp()
        self.env["RUN_TRACED_TEST"] = "all of it"

    test_off = test_names_that_are_not_announced_are_not_invented = test_a_trace_for_each_test = None

    def test_each_test_has_its_calls_and_its_result(self):
        self.check("-v")
        self.assertEqual(list(self.results().items()), [("all of it", "fail")])


GTEST_SUITE = r"""
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <unistd.h>

static void get(const char *path)
{
    char bytes[4096];
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(getenv("PORT")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int len = snprintf(bytes, sizeof bytes, "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    if (connect(fd, (sockaddr *)&address, sizeof address) == 0 && write(fd, bytes, len) == len)
        while (read(fd, bytes, sizeof bytes) > 0)
            ;
    close(fd);
}

struct Calls : testing::Test {
    static void SetUpTestSuite() { get("suite"); }
    void SetUp() override { get("setup"); }
    void TearDown() override { get("teardown"); }
};

TEST_F(Calls, passes) { get("passes"); }
TEST_F(Calls, fails) { FAIL(); }
TEST_F(Calls, skips) { GTEST_SKIP(); }
TEST(Alone, prints_what_a_runner_would)
{
    puts("[  FAILED  ] Alone.prints_what_a_runner_would (0 ms)");
    printf("[ RUN      ] %s.%s\n", "Alone", "invented");
}
struct Each : testing::TestWithParam<int> {};
TEST_P(Each, is_less) { EXPECT_LT(GetParam(), 2); }
INSTANTIATE_TEST_SUITE_P(Of, Each, testing::Values(1, 2));
"""


@unittest.skipUnless(shutil.which("g++") and pathlib.Path("/usr/include/gtest/gtest.h").exists(),
                     "not installed: g++ or GoogleTest")
class GoogleTest(Suites):
    FIXTURE = ["setup", "teardown"]
    EXPECTED = {
        "Calls.passes": ("pass", ["passes", *FIXTURE]),
        "Calls.fails": ("fail", FIXTURE),
        "Calls.skips": ("skipped", FIXTURE),
        "Alone.prints_what_a_runner_would": ("pass", []),
        "Of/Each.is_less/0": ("pass", []),
        "Of/Each.is_less/1": ("fail", []),
    }

    def build(self, text=GTEST_SUITE):
        pathlib.Path("suite.cc").write_text(text)
        subprocess.run(["g++", "-std=c++17", "-o", "suite", "suite.cc", "-lgtest", "-lgtest_main", "-pthread"], check=True)

    def check(self, *options, env=None):
        """The same as bare, but for the time that it took."""
        def outcome(run):
            return run.returncode, re.sub(rb"\d+ ms", b"ms", run.stdout), run.stderr
        env = (env or {}) | {"PORT": str(self.server.port)}
        bare = self.bare("./suite", *options, env=env)
        traced = self.traced("./suite", *options, env=env)
        self.assertEqual(outcome(traced), outcome(bare))

    def found(self):
        return {name: (attribute(span, STATUS), asked) for name, (span, asked) in self.tests().items()}

    def test_each_test_has_its_calls_and_its_result(self):
        self.build()
        self.check()
        self.assertEqual(self.found(), self.EXPECTED)
        self.assertEqual(attribute(self.tests()["Of/Each.is_less/1"][0], "test.suite.name"), "Of/Each")

    def test_in_colours(self):
        self.build()
        self.check("--gtest_color=yes")
        self.assertEqual(self.found(), self.EXPECTED)

    def test_off_or_not_announced(self):
        self.build()
        self.check(env={"RUN_TRACED_TEST_OUTPUT": "off"})
        self.check("--gtest_brief=1")
        self.assertEqual(self.found(), {})

    def test_a_test_that_dies_is_an_error(self):
        self.build(GTEST_SUITE.replace("FAIL();", "abort();"))
        self.check()
        span = self.tests()["Calls.fails"][0]
        self.assertEqual((span["status"]["code"], attribute(span, "error.type")), ("ERROR", "SIGABRT"))
