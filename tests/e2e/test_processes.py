"""Processes as spans: a tree of what was executed, below the command, with what was seen in it."""

import signal

from support import PREFIX, TracedTest, attribute, children, clean_env, of_kind, orphans, roots, sanitizer_env


def processes(spans):
    return of_kind(spans, "INTERNAL")


def named(spans, name):
    return [span for span in processes(spans) if span["name"] == name]


class ProcessTest(TracedTest):
    process_spans = "all"

    def tree(self, *command, **options):
        """Runs it; its spans, which are one trace, and the span of the command."""
        self.traced(*command, **options)
        found = self.spans()
        self.assertEqual(orphans(found), [])
        self.assertEqual(len({span["traceId"] for span in found}), 1)
        self.assertEqual(len(roots(found)), 1)
        self.assertEqual(len({span["spanId"] for span in found}), len(found))
        return found, roots(found)[0]

    def only(self, spans, name):
        self.assertEqual(len(named(spans, name)), 1, spans)
        return named(spans, name)[0]


    def assert_blind(self, name, reason):
        span = self.only(self.spans(), name)
        self.assertEqual(attribute(span, "run_traced.process.blind"), reason)
        return span


class Tree(ProcessTest):
    def test_the_command_and_what_it_executes(self):
        found, root = self.tree("sh", "-c", "ls / >/dev/null; true; exit 3")
        ls = self.only(found, "ls")
        self.assertEqual(children(found, root), [ls])
        self.assertEqual(root["resource"]["service.name"], "sh")
        self.assertEqual(attribute(root, "process.exit.code"), 3)
        self.assertEqual(root["status"]["code"], "UNSET")
        self.assertEqual(attribute(ls, "process.exit.code"), 0)
        self.assertEqual(attribute(ls, "process.parent_pid"), attribute(root, "process.pid"))
        self.assertRegex(attribute(ls, "process.executable.path"), "^/.*/ls$")
        self.assertGreaterEqual(ls["timestamp"], root["timestamp"])

    def test_a_fork_that_executes_nothing_has_no_span(self):
        found, root = self.tree("sh", "-c", "(ls / >/dev/null; exit 1); exit 0")
        self.assertEqual(len(found), 2)
        self.assertEqual(children(found, root), [self.only(found, "ls")])

    def test_a_program_that_another_one_becomes_is_its_child(self):
        found, root = self.tree("env", "FOO=1", "sh", "-c", "sleep 0.05; exec ls / >/dev/null")
        shell = children(found, root)[0]
        self.assertEqual(attribute(root, "process.exit.code"), 0)
        self.assertEqual(attribute(shell, "run_traced.process.end"), "exec")
        self.assertNotIn("process.exit.code", shell["attributes"])
        ls = self.only(found, "ls")
        self.assertIn(ls, children(found, shell))
        self.assertEqual(attribute(ls, "process.pid"), attribute(root, "process.pid"))
        self.assertLessEqual(ls["timestamp"] + ls["duration"], root["timestamp"] + root["duration"] + 1000)

    def test_the_signal_that_killed_it(self):
        result = self.traced("sh", "-c", "kill -KILL $$")
        root = roots(self.spans())[0]
        self.assertEqual(result.returncode, -signal.SIGKILL)
        self.assertEqual(attribute(root, "error.type"), "SIGKILL")
        self.assertEqual(root["status"], {"code": "ERROR", "message": "killed by signal 9"})

    def test_traceparent_is_continued_and_handed_on(self):
        given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        result = self.traced("sh", "-c", "echo $TRACEPARENT", env={"TRACEPARENT": given})
        span, = self.spans()
        self.assertEqual(span["traceId"], given[3:35])
        self.assertEqual(span["parentSpanId"], given[36:52])
        self.assertEqual(result.stdout.decode().strip(), f"00-{given[3:35]}-{span['spanId']}-01")

    def test_a_trace_that_is_not_sampled_has_none(self):
        given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        result = self.traced("sh", "-c", "ls / >/dev/null; echo $TRACEPARENT", env={"TRACEPARENT": given})
        self.assertEqual(self.spans(), [])
        self.assertEqual(result.stdout.decode().strip(), given)


class Environments(ProcessTest):
    def test_a_cleared_environment_is_completed_out_of_sight(self):
        bare = self.bare("env", "-i", "A=b", "sh", "-c", "env; env -i env")
        found, _ = self.tree("env", "-i", "A=b", "sh", "-c", "env; env -i env")
        self.forget_spans()
        traced = self.traced("env", "-i", "A=b", "sh", "-c", "env; env -i env")
        self.assertEqual(traced.stdout, bare.stdout)
        self.assertEqual(sorted(span["name"] for span in processes(found) if span["name"] != "env"), ["dash"])
        self.assertEqual(len(named(found, "env")), 4)

    def test_a_preload_of_its_own_stays(self):
        library = self.compile("int unused;", "-shared", "-fPIC", name="own.so")
        script = f"LD_PRELOAD={library} env | grep LD_PRELOAD; LD_PRELOAD={library} cat /proc/self/maps | grep -c own.so"
        result = self.traced("sh", "-c", script)
        self.assertEqual(result.stdout.splitlines()[0].decode(), f"LD_PRELOAD={library}")
        self.assertGreater(int(result.stdout.splitlines()[1]), 0)
        self.assertEqual(len(named(self.spans(), "cat")), 1)

    def test_an_environment_without_the_library_alone_is_meant(self):
        self.traced("env", "-u", "LD_PRELOAD", "ls", "/")
        self.assert_blind("ls", "environment")

    def test_no_keep_env_leaves_them_alone(self):
        path = self.new_span_file()
        self._run([str(PREFIX), "-q", "--no-keep-env", "--process-spans", "all", "-o", str(path), "env", "-i", "ls", "/"],
                  clean_env() | sanitizer_env())
        self.assert_blind("ls", "environment")
