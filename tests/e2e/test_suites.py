"""Tests of traced programs as spans: those that pytest names in its environment, and spans of a program's own."""

import os
import pathlib
import re
import subprocess
import unittest

from support import (PREFIX, PYTHON, ROOT, StrictServer, TracedTest, attribute, children, clean_env, describe, needs, of_kind, orphans,
                     roots, traces)

HEADER = ROOT / "src" / "shim"
PROGRAM = ROOT / "tests" / "e2e" / "programs" / "custom_spans.c"
STATUS = "test.case.result.status"


def has_module(name):
    return subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def needs_module(name):
    return unittest.skipUnless(has_module(name), f"not installed: Python's {name}")


def paths(spans):
    """Of calls: what they asked for."""
    return sorted(re.sub(r"^http://[^/]*/", "", attribute(span, "url.full")) for span in spans)


class Suites(TracedTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(StrictServer(traceparents=None))

    def tests(self):
        """{name: (its span, what was asked for in it)}"""
        spans = self.spans()
        self.assertEqual(orphans(spans), [], describe(spans))
        found = {}
        for span in spans:
            name = attribute(span, "test.case.name")
            if name is None:
                continue
            self.assertNotIn(name, found, describe(spans))
            self.assertEqual((span["kind"], span["name"]), ("INTERNAL", name))
            found[name] = (span, paths(of_kind(children(spans, span), "CLIENT")))
        return found

    def results(self):
        return {name: attribute(span, STATUS) for name, (span, _) in self.tests().items()}


class CustomSpans(Suites):
    def build(self, compiler, *flags, name="program"):
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-I", HEADER, *flags, "-o", name, "-pthread"], check=True)
        return f"./{name}"

    def check(self, program):
        bare = self.bare(program, self.server.port)
        self.assertEqual(bare.stdout, b"bare 0 77\n")
        traced = self.traced(program, self.server.port)
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr), (0, b"traced 55 77\n", b""))
        spans = self.spans()
        by_name = {span["name"]: span for span in of_kind(spans, "INTERNAL")}
        test = by_name["a test with a name of more than thirty-two bytes"]
        inner = by_name["inner"]
        self.assertEqual(inner["parentSpanId"], test["spanId"])
        self.assertEqual((attribute(inner, "app.string"), attribute(inner, "app.int"), attribute(inner, "app.bool")),
                         ("text", -7, False))
        self.assertIsNone(attribute(inner, "app.late"))
        self.assertEqual([event["name"] for event in inner["events"]], ["app.event"])
        self.assertEqual((inner["status"], attribute(inner, "error.type")),
                         ({"code": "ERROR", "message": "it did not work"}, "app_error"))
        self.assertEqual((attribute(test, "test.suite.name"), attribute(test, STATUS), test["status"]["code"]),
                         ("a suite", "fail", "ERROR"))
        self.assertEqual(paths(of_kind(children(spans, test), "CLIENT")), ["in-test", "in-test-again"])
        self.assertEqual(paths(of_kind(children(spans, inner), "CLIENT")), ["in-span", "in-thread"])
        self.assertEqual(paths(roots(of_kind(spans, "CLIENT"))), ["outside"])

    def test_in_c(self):
        self.check(self.build("gcc", "-std=c11", "-D_GNU_SOURCE", PROGRAM))

    def test_in_c_with_hidden_symbols_and_optimised(self):
        self.check(self.build("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-fvisibility=hidden", PROGRAM))

    def test_in_a_program_that_is_no_pie(self):
        self.check(self.build("gcc", "-std=c11", "-D_GNU_SOURCE", "-no-pie", "-fPIE", PROGRAM))

    @needs("g++")
    def test_in_cpp(self):
        self.check(self.build("g++", "-std=c++17", "-Wno-cast-qual", "-x", "c++", PROGRAM))

    def test_from_python_by_ctypes(self):
        script = ("import ctypes, sys, urllib.request as u\n"
                  "lib = ctypes.CDLL(None)\n"
                  "lib.run_traced_v1_span_begin.restype = ctypes.c_uint64\n"
                  "lib.run_traced_v1_span_end.argtypes = [ctypes.c_uint64]\n"
                  "span = lib.run_traced_v1_span_begin(b'from python')\n"
                  "u.urlopen(sys.argv[1] + '/in').read()\n"
                  "lib.run_traced_v1_span_end(span)\n"
                  "u.urlopen(sys.argv[1] + '/out').read()\n")
        self.assertEqual(self.traced(PYTHON, "-c", script, self.server.url).stderr, b"")
        spans = self.spans()
        [custom] = of_kind(spans, "INTERNAL")
        self.assertEqual(custom["name"], "from python")
        self.assertEqual(paths(children(spans, custom)), ["in"])
        self.assertEqual(len(traces(spans)), 2)

    def test_what_is_open_at_the_end_says_so(self):
        program = self.build("gcc", "-D_GNU_SOURCE", PROGRAM)
        self.traced(program, self.server.port, "left open")
        span = self.tests()["left open"][0]
        self.assertIs(attribute(span, "run_traced.unfinished"), True)
        self.assertIsNone(attribute(span, STATUS))

    def test_a_trace_for_each_test(self):
        program = self.build("gcc", "-D_GNU_SOURCE", PROGRAM)
        outer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.traced(program, self.server.port, env={"RUN_TRACED_TRACE_PER": "test", "TRACEPARENT": outer})
        spans = self.spans()
        [test] = [span for span in spans if attribute(span, "test.case.name")]
        self.assertNotIn("parentSpanId", test)
        self.assertEqual(test["links"], [{"traceId": outer[3:35], "spanId": outer[36:52]}])
        self.assertEqual(len([span for span in spans if span["traceId"] == test["traceId"]]), 6)
        [outside] = [span for span in spans if span["traceId"] == outer[3:35]]
        self.assertEqual(paths([outside]), ["outside"])


PYTEST_SUITE = """
import os, threading, urllib.request
import pytest

def get(path):
    urllib.request.urlopen(os.environ["URL"] + "/" + path).read()

def test_passes():
    get("passes")

def test_fails():
    get("fails")
    assert False

def test_skips():
    get("skips")
    pytest.skip("why not")

@pytest.mark.skip
def test_is_marked():
    get("never")

@pytest.fixture
def fixture():
    get("setup")
    yield 1
    get("teardown")

@pytest.fixture
def broken():
    yield 1
    raise RuntimeError("teardown")

class TestClass:
    @pytest.mark.parametrize("value", ["a::b", "c[d"])
    def test_with_a_fixture(self, fixture, value):
        threads = [threading.Thread(target=get, args=("thread",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

def test_teardown_fails(broken):
    get("broken")

def test_is_last():
    pytest.fail("no exception of the usual kind")
"""


@needs_module("pytest")
class Pytest(Suites):
    EXPECTED = {
        "test_it.py::test_passes": ("pass", ["passes"]),
        "test_it.py::test_fails": ("fail", ["fails"]),
        "test_it.py::test_skips": ("skipped", ["skips"]),
        "test_it.py::test_is_marked": ("skipped", []),
        "test_it.py::TestClass::test_with_a_fixture[a::b]": ("pass", ["setup", "teardown", "thread", "thread"]),
        "test_it.py::TestClass::test_with_a_fixture[c[d]": ("pass", ["setup", "teardown", "thread", "thread"]),
        "test_it.py::test_teardown_fails": ("fail", ["broken"]),
        "test_it.py::test_is_last": ("fail", []),
    }

    def setUp(self):
        super().setUp()
        pathlib.Path("test_it.py").write_text(PYTEST_SUITE)
        self.env = {"URL": self.server.url, "PYTHONDONTWRITEBYTECODE": "1"}
        self.command = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "test_it.py"]

    def check(self, *options, env=None):
        """The same as bare, but for the time that it took."""
        env = self.env | (env or {})

        def outcome(run):
            return run.returncode, re.sub(rb"in [0-9.]+s", b"in", run.stdout), run.stderr
        bare = self.bare(*self.command, *options, env=env)
        traced = self.traced(*self.command, *options, env=env)
        self.assertEqual(outcome(traced), outcome(bare))

    def test_each_test_has_its_calls_and_its_result(self):
        self.check()
        found = {name: (attribute(span, STATUS), asked) for name, (span, asked) in self.tests().items()}
        self.assertEqual(found, self.EXPECTED)
        span = self.tests()["test_it.py::TestClass::test_with_a_fixture[a::b]"][0]
        self.assertEqual(attribute(span, "test.suite.name"), "test_it.py::TestClass")

    def test_without_the_bridge_no_result_is_claimed_but_what_is_seen(self):
        self.check(env={"RUN_TRACED_PYTHON_BRIDGE": "off"})
        self.assertEqual(set(self.results().values()), {None})

    def test_a_trace_for_each_test(self):
        self.check(env={"RUN_TRACED_TRACE_PER": "test"})
        tests = self.tests()
        self.assertEqual(len({span["traceId"] for span, _ in tests.values()}), len(self.EXPECTED))

    @needs_module("xdist")
    def test_workers_are_told_apart(self):
        env = self.env
        self.assertEqual(self.bare(*self.command, "-n2", env=env, timeout=60).returncode,
                         self.traced(*self.command, "-n2", env=env, timeout=60).returncode)
        found = {name: (attribute(span, STATUS), asked) for name, (span, asked) in self.tests().items()}
        self.assertEqual(found, self.EXPECTED)
        self.assertEqual({attribute(span, "run_traced.test.worker") for span, _ in self.tests().values()}, {"gw0", "gw1"})

    def test_a_killed_test_is_an_error(self):
        pathlib.Path("test_it.py").write_text("import os, signal\ndef test_dies():\n    os.kill(os.getpid(), signal.SIGKILL)\n")
        self.traced(*self.command, env=self.env)
        [(span, _)] = self.tests().values()
        self.assertEqual((span["status"]["code"], attribute(span, "error.type")), ("ERROR", "SIGKILL"))

    def test_no_test_is_part_of_a_request_that_is_open(self):
        pathlib.Path("test_it.py").write_text("""
import http.client, http.server, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.set()
        over.wait()
        self.send_response(204)
        self.end_headers()

asked, over = threading.Event(), threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
connection = http.client.HTTPConnection("127.0.0.1", server.server_port)

def test_begins():
    connection.request("GET", "/long")
    asked.wait()

def test_is_between():
    pass

def test_ends():
    over.set()
    assert connection.getresponse().status == 204
""")
        self.traced(*self.command, env=self.env)
        for span, _ in self.tests().values():
            self.assertNotIn("parentSpanId", span)


class Runner(Suites):
    """Runners that start a process a test."""
    process_spans = "auto"

    def write(self, name, text, is_program=False):
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if is_program:
            path.chmod(0o755)

    def get(self, path):
        """A shell's command."""
        return f"curl -s {self.server.url}/{path} >/dev/null"

    def run_same(self, *command, env=None, hide=rb"[0-9.]+ *(sec|wallclock|usr|sys|cusr|csys|CPU|s\b)"):
        """The same as bare, but for times."""
        def outcome(run):
            return run.returncode, re.sub(hide, b"", run.stdout), re.sub(hide, b"", run.stderr)
        bare = self.bare(*command, env=env, timeout=60)
        traced = self.traced(*command, env=env, timeout=60)
        self.assertEqual(outcome(traced), outcome(bare))

    def below(self, span):
        """What was asked for by the test's process and all that it has started."""
        spans, found, waiting = self.spans(), [], [span]
        while waiting:
            nearest = children(spans, waiting.pop())
            found += of_kind(nearest, "CLIENT")
            waiting += of_kind(nearest, "INTERNAL")
        return paths(found)

    def assert_tests(self, expected):
        found = {name: (attribute(span, STATUS), self.below(span)) for name, (span, _) in self.tests().items()}
        self.assertEqual(found, expected, describe(self.spans()))


@needs("curl")
class Variable(Runner):
    def test_a_program_is_a_test_and_what_it_starts_is_not(self):
        inner = f"{self.get('one')}; sh -c '{self.get('two')}; true'; exit 3"
        self.write("inner.sh", "#!/bin/sh\n" + inner, is_program=True)
        self.run_same("sh", "-c", "RUN_TRACED_TEST='by name' ./inner.sh; RUN_TRACED_TEST=other /bin/true; true")
        self.assert_tests({"by name": ("fail", ["one", "two"]), "other": ("pass", [])})

    def test_a_test_that_becomes_another_program_goes_on(self):
        self.run_same("sh", "-c", f"RUN_TRACED_TEST=chain env A=1 sh -c 'exec {self.get('x')}'; true")
        self.assert_tests({"chain": ("pass", ["x"])})

    def test_a_killed_test_has_failed(self):
        self.traced("sh", "-c", "kill -9 $$", env={"RUN_TRACED_TEST": "dies"})
        [(span, _)] = self.tests().values()
        self.assertEqual((attribute(span, STATUS), attribute(span, "error.type")), ("fail", "SIGKILL"))

    def test_a_trace_for_each_process(self):
        self.run_same("sh", "-c", f"{self.get('a')}; {self.get('b')}; true", env={"RUN_TRACED_TRACE_PER": "process"})
        spans = self.spans()
        self.assertEqual(len(traces(spans)), 3, describe(spans))  # the shell, and two programs
        for span in of_kind(spans, "CLIENT"):
            [program] = [one for one in spans if one["spanId"] == span["parentSpanId"]]
            self.assertEqual((program["name"], "parentSpanId" in program, len(program["links"])), ("curl", False, 1))


@needs("curl", "bash")
class Marks(Runner):
    def script(self, shell):
        mark = f"{PREFIX} --mark"
        self.write("script", f"""
            {self.get('before')}
            {mark} "step 1"
            {self.get('a')}
            ({self.get('b')})
            {mark} "step 2"
            {self.get('c')} | cat
            ({mark} "within 2"; {self.get('d')}; true)
            {self.get('e')}
            {mark} "step 3"
        """)
        traced = self.traced(shell, "script")
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr), (0, b"", b""))
        self.assert_tests({"step 1": (None, ["a", "b"]), "step 2": (None, ["c", "d", "e"]), "within 2": (None, ["d"]),
                           "step 3": (None, [])})
        steps = [span for span in self.spans() if attribute(span, "test.case.name")]
        self.assertEqual([span for span in steps if attribute(span, "run_traced.unfinished")], [])
        by_name = {span["name"]: span for span in steps}
        self.assertEqual(by_name["within 2"]["parentSpanId"], by_name["step 2"]["spanId"])
        end = by_name["step 1"]["timestamp"] + by_name["step 1"]["duration"]
        self.assertAlmostEqual(end, by_name["step 2"]["timestamp"], delta=2)

    def test_steps_of_a_script_of_sh(self):
        self.script("sh")

    def test_steps_of_a_script_of_bash(self):
        self.script("bash")

    def test_a_step_that_becomes_another_program(self):
        self.write("script", f"{PREFIX} --mark last\nexec {self.get('x')}\n")
        self.traced("sh", "script")
        [(span, _)] = self.tests().values()
        self.assertEqual((span["status"]["code"], attribute(span, "run_traced.unfinished")), ("UNSET", True))
        self.assertEqual(self.below(span), ["x"])

    def test_without_a_run_it_says_so(self):
        bare = self.bare(PREFIX, "--mark", "x")
        self.assertEqual(bare.returncode, 125)
        self.assertIn(b"nothing is being traced here", bare.stderr)
        self.assertIn(b"needs a name", self.bare(PREFIX, "--mark", "").stderr)
        self.assertIn(b"at most 216 bytes", self.bare(PREFIX, "--mark", "x" * 217).stderr)
        self.assertIn(b"is over", self.bare(PREFIX, "--mark", "x", env={"RUN_TRACED_RING": "/nowhere/ring"}).stderr)

    def test_who_is_not_traced_is_told(self):
        words, env = self.traced_command(["env", "-u", "LD_PRELOAD", "sh", "-c", f"{PREFIX} --mark x; exit $?"])
        traced = subprocess.run([words[0], "--no-keep-env", *words[1:]], env=env, capture_output=True, check=False)
        self.assertIn(b"is not traced itself", traced.stderr)
        self.assertEqual(traced.returncode, 125)


@needs("curl", "prove")
class Prove(Runner):
    def test_scripts_are_tests(self):
        self.write("t/perl.t", f"print qq(1..1\\nok 1\\n); system q({self.get('perl')}); exit 0;")
        self.write("t/shell.t", f"#!/bin/sh\n{self.get('shell')}\necho 1..1\necho not ok 1\nexit 1\n", is_program=True)
        self.run_same("prove", "t/perl.t", "t/shell.t")
        self.assert_tests({"t/perl.t": (None, ["perl"]), "t/shell.t": ("fail", ["shell"])})


@needs("curl", "bats")
class Bats(Runner):
    def test_each_has_its_name_and_result(self):
        self.write("a.bats", f'@test "first (one)" {{ {self.get("first")}; }}\n@test "skips" {{ skip "so"; }}\n'
                   f'@test "fails_here" {{ {self.get("fails")}; false; }}\n')
        self.run_same("bats", "a.bats")
        self.assert_tests({"first (one)": ("pass", ["first"]), "skips": ("skipped", []), "fails_here": ("fail", ["fails"])})


@needs("curl", "cmake", "ctest")
class Ctest(Runner):
    def test_names_come_from_the_file_and_results_from_exit_statuses(self):
        self.write("CMakeLists.txt", f"""
            cmake_minimum_required(VERSION 3.13)
            project(x NONE)
            enable_testing()
            add_test(NAME passes COMMAND sh -c "{self.get('passes')}")
            add_test(NAME fails COMMAND sh -c "{self.get('fails')}; exit 3")
            add_test(NAME elsewhere COMMAND sh -c "{self.get('elsewhere')}; true" WORKING_DIRECTORY /)
            add_test(NAME inverted COMMAND sh -c "exit 1")
            set_tests_properties(inverted PROPERTIES WILL_FAIL 1)
        """)
        self.bare("cmake", "-S", ".", "-B", "build", check=True)
        os.chdir("build")
        self.run_same("ctest", env={"PWD": os.getcwd()})
        self.assert_tests({"passes": ("pass", ["passes"]), "fails": ("fail", ["fails"]),
                           "elsewhere": ("pass", ["elsewhere"]), "inverted": (None, [])})

    def test_what_runs_at_the_same_time_is_told_apart(self):
        names = [f"t{number}" for number in range(12)]
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.13)\nproject(x NONE)\nenable_testing()\n" + "".join(
            f'add_test(NAME {name} COMMAND sh -c "{self.get(name)}; {self.get(name)}")\n' for name in names))
        self.bare("cmake", "-S", ".", "-B", "build", check=True)
        os.chdir("build")
        self.assertEqual(self.traced("ctest", "-j4").returncode, 0)
        self.assert_tests({name: ("pass", [name, name]) for name in names})


def test_driver():
    return next(iter(sorted(pathlib.Path("/usr/share").glob("automake-*/test-driver"))), None)


@needs("curl")
@unittest.skipUnless(test_driver(), "not installed: automake")
class Automake(Runner):
    def test_statuses_are_automakes(self):
        expected = {}
        script = ""
        for name, status, is_failure_expected, result in (
                ("a.sh", 0, "no", "pass"), ("b.sh", 1, "no", "fail"), ("c.sh", 77, "no", "skipped"),
                ("d.sh", 99, "yes", "fail"), ("e.sh", 1, "yes", "pass"), ("f.sh", 0, "yes", "fail")):
            self.write(name, f"#!/bin/sh\n{self.get(name)}\nexit {status}\n", is_program=True)
            script += f"sh {test_driver()} --test-name {name} --log-file {name}.log --trs-file {name}.trs " \
                      f"--color-tests no --enable-hard-errors yes --expect-failure {is_failure_expected} -- ./{name}\n"
            expected[name] = (result, [name])
        self.run_same("sh", "-c", script)
        self.assert_tests(expected)


class Criterion(Runner):
    def test_each_process_has_its_test(self):
        source = """
            #include <criterion/criterion.h>
            #include <signal.h>
            #include <stdlib.h>
            Test(suite, good) { cr_assert_eq(system(COMMAND "/good"), 0); }
            Test(suite, bad) { cr_expect(0); cr_assert_eq(system(COMMAND "/bad"), 0); }
            Test(suite, dies) { raise(SIGSEGV); }
        """
        self.write("suite.c", source)
        subprocess.run(["gcc", f'-DCOMMAND="curl -s {self.server.url}"', "suite.c", "-o", "suite", "-lcriterion"], check=True)
        self.assertEqual(self.bare("./suite").returncode, self.traced("./suite").returncode)
        self.assert_tests({"good": (None, ["good"]), "bad": ("fail", ["bad"]), "dies": ("fail", [])})
        self.assertEqual({attribute(span, "test.suite.name") for span, _ in self.tests().values()}, {"suite"})


if __name__ == "__main__":
    unittest.main()
