"""Processes as spans: a tree of what was executed, below the command, with what was seen in it."""

import os
import signal
import urllib.request

from support import (PREFIX, PYTHON, StrictServer, TracedTest, attribute, children, clean_env, needs_root, of_kind,
                     orphans, roots, sanitizer_env)


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

    def test_arguments_are_told_if_asked_for_and_as_far_as_there_is_room(self):
        _, root = self.tree("true", "a", "b c")
        self.assertIsNone(attribute(root, "process.command_args"))
        self.forget_spans()
        _, root = self.tree("true", "a", "", "b c", env={"RUN_TRACED_PROCESS_ARGS": "1"})
        self.assertEqual(attribute(root, "process.command_args"), ["true", "a", "", "b c"])
        self.assertIsNone(attribute(root, "run_traced.process.command_args.cut"))
        for words in (["x" * 300], ["x"] * 40, ["x" * 200] * 3, ["x " * 600]):
            self.forget_spans()
            _, root = self.tree("true", *words, env={"RUN_TRACED_PROCESS_ARGS": "on"})
            told = attribute(root, "process.command_args")
            self.assertTrue(attribute(root, "run_traced.process.command_args.cut"), words)
            self.assertLessEqual(len("".join(told)), 512)
            self.assertTrue(all(word.startswith(part) for word, part in zip(["true", *words], told)), told)

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

    def test_none_that_is_killed_at_once_and_reaped_is_missed(self):
        self.traced(PYTHON, "-c", "import subprocess\nfor _ in range(40): subprocess.run(['sh', '-c', 'kill -KILL $$'])")
        found = [span for span in self.spans() if attribute(span, "process.executable.name") == "dash"]
        told = [attribute(span, "error.type") for span in found]
        self.assertEqual(len(told), 40)
        self.assertLessEqual(set(told), {"SIGKILL", None})
        self.assertGreaterEqual(told.count("SIGKILL"), 36)  # the collector may look before the parent has said it

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


THREADS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void *work(void *unused)
{
    if (system("ls / >/dev/null; ls / >/dev/null"))
        exit(1);
    pclose(popen("cat /dev/null", "r"));
    return unused;
}
int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
"""
MAKEFILE = """
all: $(addprefix t,$(shell seq 40))
t%:
\t@sh -c 'ls / >/dev/null; exec cat /dev/null'
"""
SPAWN = r"""
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
extern char **environ;
int main(int argc, char **argv)
{
    char *words[] = {argv[2], NULL};
    for (int i = 0; i < atoi(argv[1]); i++) {
        pid_t pid;
        int status;
        if (argc != 3 || posix_spawn(&pid, argv[2], NULL, NULL, words, environ) ||
            waitpid(pid, &status, 0) != pid || status)
            return 1;
    }
    return 0;
}
"""


class Many(ProcessTest):
    def test_shells_of_a_program_with_threads(self):
        program = self.compile(THREADS)
        found, root = self.tree(program)
        shells = children(found, root)
        self.assertEqual(len(shells), 8)
        self.assertEqual(sorted(span["name"] for shell in shells for span in children(found, shell)),
                         ["cat"] * 4 + ["ls"] * 8)

    def test_make_in_parallel(self):
        (self.directory / "makefile").write_text(MAKEFILE)
        found, root = self.tree("make", "-s", "-j4", "-f", "makefile")
        shells = [span for span in children(found, root) if span["name"] != "seq"]
        self.assertEqual(len(shells), 40)
        for shell in shells:
            self.assertEqual(attribute(shell, "run_traced.process.end"), "exec")
            self.assertEqual(sorted(span["name"] for span in children(found, shell)), ["cat", "ls"])

    def test_xargs_in_parallel(self):
        found, root = self.tree("xargs", "-P4", "-n1", "true", input=b"x " * 100)
        self.assertEqual(len(children(found, root)), 100)

    def test_a_thousand_spawned(self):
        program = self.compile(SPAWN)
        found, root = self.tree(program, "1000", "/bin/true")
        self.assertEqual(len(children(found, root)), 1000)
        self.assertEqual({attribute(span, "process.exit.code") for span in processes(found)}, {0})


TRY = r"""
#include <unistd.h>
int main(int argc, char **argv)
{
    for (int i = 0; i < 10000; i++)
        execv(argv[1], argv);
    return argc + 5;
}
"""


class Unseen(ProcessTest):
    process_spans = "auto"

    def test_a_static_program(self):
        program = self.compile("#include <stdlib.h>\nint main(int n, char **v) { return n > 1 ? atoi(v[1]) : 0; }",
                               "-static")
        self.traced("sh", "-c", f"ls / >/dev/null; {program} 7; exit 1")
        span = self.assert_blind("program", "static")
        self.assertEqual([span["name"] for span in self.spans()], ["program", "dash"])
        self.assertEqual(attribute(span, "process.executable.path"), str(program))

    def test_a_static_program_spawned(self):
        program = self.compile("int main(void) { return 0; }", "-static", name="static")
        self.traced(self.compile(SPAWN), "3", program)
        self.assertEqual([attribute(span, "run_traced.process.blind") for span in named(self.spans(), "static")],
                         ["static"] * 3)

    def test_a_static_command(self):
        program = self.compile("int main(void) { return 5; }", "-static")
        self.assertEqual(self.traced(program).returncode, 5)
        span = self.assert_blind("program", "static")
        self.assertEqual(attribute(span, "process.exit.code"), 5)
        self.assertNotIn("parentSpanId", span)

    def test_a_static_program_that_cannot_be_executed(self):
        """More often than there are places for processes; who has tried it goes on."""
        self.process_spans = "all"
        damaged = bytearray(open("/bin/true", "rb").read(64))
        damaged[56:58] = b"\0\0"  # it has no segments
        (self.directory / "damaged").write_bytes(damaged)
        (self.directory / "damaged").chmod(0o755)
        program = self.compile(TRY, name="try")
        self.assertEqual(self.traced(program, self.directory / "damaged").returncode, 7)
        span = self.only(self.spans(), "try")
        self.assertEqual(attribute(span, "process.exit.code"), 7)
        self.assertIsNone(attribute(span, "run_traced.process.end"))
        self.assertIsNone(attribute(span, "run_traced.dropped.no_process"))
        self.assertEqual(named(self.spans(), "damaged"), [])

    @needs_root
    def test_a_setuid_program(self):
        program = self.compile("int main(void) { return 0; }", name="privileged")
        os.chown(program, 65534, 65534)
        program.chmod(0o4755)
        self.traced("sh", "-c", f"{program}; true")
        self.assert_blind("privileged", "setuid")

    def test_the_report(self):
        program = self.compile("int main(void) { return 0; }", "-static")
        words = [str(PREFIX), "-o", str(self.new_span_file()), "sh", "-c", f"{program}; {program}; true"]
        env = clean_env() | sanitizer_env() | {"RUN_TRACED_PROCESS_SPANS": "auto"}
        self.assertIn(b"run-traced: not seen into: program (static); --coverage tells more\n",
                      self._run(words, env).stderr)
        whole = self._run(words[:1] + ["--coverage"] + words[1:], env).stderr
        self.assertIn(b"program was not seen into (2 processes): it is statically linked\n", whole)
        self.assertIn(b"coverage: 1 program seen\n", whole)
        self.assertIn(b"coverage: no span was lost\n", whole)


class Auto(ProcessTest):
    process_spans = "auto"

    def test_who_does_nothing_is_not_told_of(self):
        self.traced("sh", "-c", "ls / >/dev/null; exit 3")
        self.assertEqual(self.spans(), [])

    def test_who_calls_and_who_it_comes_from(self):
        server = self.serve(StrictServer())
        code = f"import urllib.request; urllib.request.urlopen('{server.url}')"
        script = f"ls / >/dev/null; env A=b {PYTHON} -c \"{code}\""
        self.traced("sh", "-c", script)
        found = self.spans()
        python = os.path.basename(os.path.realpath(PYTHON))
        self.assertEqual(sorted(span["name"] for span in found), ["GET", "dash", "env", python])
        call, = of_kind(found, "CLIENT")
        self.assertEqual(orphans(found), [])
        self.assertEqual(children(found, self.only(found, python)), [call])
        self.assertNotIn("run_traced.parent.source", call["attributes"])

    def test_the_killed_is_told_of(self):
        self.traced("sh", "-c", "sh -c 'sleep 0.3; kill -SEGV $$'; true")
        killed, root = self.spans()
        self.assertEqual(attribute(killed, "error.type"), "SIGSEGV")
        self.assertEqual(killed["parentSpanId"], root["spanId"])

    def test_a_request_without_traceparent_is_a_trace_of_its_own(self):
        server = self.start_echo()
        urllib.request.urlopen(f"{server.url}/plain").close()
        self.stop_servers()
        found = self.spans()
        served, = of_kind(found, "SERVER")
        program, = processes(found)
        self.assertNotIn("parentSpanId", served)
        self.assertNotEqual(served["traceId"], program["traceId"])


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
        script = f"export LD_PRELOAD={library}; env | grep LD_PRELOAD; cat /proc/self/maps | grep -c own.so"
        result = self.traced("sh", "-c", script)
        self.assertEqual(result.stdout.splitlines()[0].decode(), f"LD_PRELOAD={library}")
        self.assertGreater(int(result.stdout.splitlines()[1]), 0)
        self.assertEqual(len(named(self.spans(), "cat")), 1)

    def test_an_environment_without_the_library_alone_is_meant(self):
        self.traced("env", "-u", "LD_PRELOAD", "ls", "/")
        self.assert_blind("ls", "environment")

    def test_no_keep_env_leaves_them_alone(self):
        path = self.new_span_file()
        options = ["-q", "--no-keep-env", "--process-spans", "all", "-o", str(path)]
        self._run([str(PREFIX), *options, "env", "-i", "ls", "/"], clean_env() | sanitizer_env())
        self.assert_blind("ls", "environment")
