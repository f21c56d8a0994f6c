"""Programs that write TAP by themselves."""

import subprocess

from support import attribute, needs, of_kind
from test_suites import STATUS, Runner


@needs("curl", "dash", "perl")
class Tap(Runner):
    def run_script(self, text, interpreter="dash", env=None):
        self.write("script", text)
        env = (env or {}) | {"URL": self.server.url}
        bare = self.bare(interpreter, "script", env=env)
        traced = self.traced(interpreter, "script", env=env)
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr), (bare.returncode, bare.stdout, bare.stderr))

    def test_each_test_has_its_calls_and_its_result(self):
        self.run_script(f"""
            {self.get('before')}
            echo 1..6
            {self.get('one')}
            {self.get('more')}
            echo ok 1 - first
            {self.get('two')}
            echo '# ok 2 - not yet'
            echo '    ok 1 - of a subtest'
            echo 'not ok 2 - second'
            echo ok 3 '#' SKIP not here
            {self.get('four')}
            echo 'not ok - fourth # TODO later'
            echo 'ok 5 - elsewhere' >file
            {self.get('five')}
            printf 'ok 5 - in '; echo pieces
            {self.get('six')}
            echo ok 6
            {self.get('after')}
        """)
        self.assert_tests({"first": ("pass", ["more", "one"]), "second": ("fail", ["two"]),
                           "test 3": ("skipped", []), "fourth": ("skipped", ["four"]),
                           "in pieces": ("pass", ["five"]), "test 6": ("pass", ["six"])})
        span = self.tests()["first"][0]
        self.assertEqual(attribute(span, "test.suite.name"), "script")

    def test_by_perl(self):
        self.run_script("""
            use Test::More tests => 4;
            sub get { system("curl -s $ENV{URL}/$_[0] >/dev/null") }
            get('one');
            ok(1, 'first');
            get('two');
            is(1, 2, 'second');
            subtest third => sub { plan tests => 1; get('three'); ok(1, 'inner') };
            TODO: { local $TODO = 'later'; ok(0, 'fourth'); }
        """, "perl")
        self.assert_tests({"first": ("pass", ["one"]), "second": ("fail", ["two"]), "third": ("pass", ["three"]),
                           "fourth": ("skipped", [])})

    def test_a_trace_for_each_test(self):
        self.run_script(f"echo 1..2; {self.get('a')}; echo ok 1 - one; {self.get('b')}; echo ok 2 - two",
                        env={"RUN_TRACED_TRACE_PER": "test"})
        self.assertEqual(len({span["traceId"] for span, _ in self.tests().values()}), 2)

    def test_what_is_not_sure_is_no_test(self):
        for text in (
            f"echo ok 1 - first; {self.get('a')}; echo ok 2; echo 1..2",            # nobody knows that it is TAP
            f"echo hello; echo 1..1; {self.get('a')}; echo ok 1 - first",           # what comes first is none
            f"echo 1..1; echo TAP; {self.get('a')}; echo ok 2 - of another",        # a gap
            f"echo 1..2; {self.get('a')}; printf 'ok 1 - a\\nok 2 - b\\n'",         # buffered: when was it?
            f"echo 1..1; {self.get('a')}; echo Bail out!; echo ok 1 - first",
            f"(echo 1..1; {self.get('a')}; echo ok 1 - first) >file",               # not what the program was given
        ):
            self.forget_spans()
            self.run_script(text)
            self.assertEqual(self.tests(), {}, text)

    def test_who_passes_it_on_has_no_tests(self):
        words, env = self.traced_command(["sh", "-c", "tee copy"])
        with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as tee:
            for line in b"1..1\n", b"ok 1 - first\n":
                tee.stdin.write(line)
                self.assertEqual(tee.stdout.readline(), line)
            tee.stdin.close()
        self.assertEqual(tee.returncode, 0)
        self.assertEqual(self.tests(), {})

    def test_in_a_test(self):
        self.run_script(f"echo 1..1; {self.get('a')}; echo ok 1 - first", env={"RUN_TRACED_TEST": "all of it"})
        self.assert_tests({"all of it": ("pass", ["a"])})

    def test_off(self):
        self.run_script(f"echo 1..1; {self.get('a')}; echo ok 1 - first", env={"RUN_TRACED_TEST_OUTPUT": "off"})
        self.assertEqual(self.tests(), {})

    def test_a_program_that_ends_early_says_so(self):
        self.run_script(f"echo 1..2; {self.get('a')}; echo ok 1 - first; {self.get('b')}")
        self.assert_tests({"first": ("pass", ["a"])})
        [rest] = [span for span in of_kind(self.spans(), "INTERNAL") if attribute(span, "run_traced.unfinished")]
        self.assertEqual((rest["name"], self.below(rest)), ("test 2", ["b"]))
