"""The prefix changes nothing: each thing is run with and without run-traced.sh and compared."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import BUILD, PREFIX, PYTHON, LauncherTest, is_library, run


class ExitStatus(LauncherTest):
    def test_is_the_commands(self):
        for status in (0, 1, 42, 125, 126, 127, 255):
            self.assertEqual(self.assert_same("sh", "-c", f"exit {status}").returncode, status)

    def test_is_the_signal_that_killed_the_command(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGABRT,
                       signal.SIGPIPE, signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN + 3):
            result = self.assert_same(PYTHON, "-c", "import os, signal\n"
                                      f"signal.signal({number:d}, signal.SIG_DFL)\n"
                                      f"os.kill(os.getpid(), {number:d})"
                                      if number != signal.SIGKILL else
                                      "import os; os.kill(os.getpid(), 9)")
            self.assertEqual(result.returncode, -number)

    def test_leaves_one_core_at_most(self):
        run(PREFIX, "sh", "-c", "ulimit -c 0; kill -ABRT $$")
        self.assertEqual([n for n in os.listdir() if n.startswith("core")], [])

    def test_of_what_cannot_be_run(self):
        os.mkdir("directory")
        self.write_script("plain", "x", 0o644)
        self.write_script("orphan", "#!/no/such/interpreter\n")
        for command, status, text in (
                ("no-such-command", 127, b"command not found: 'no-such-command'"),
                ("./no-such-file", 127, b"cannot run './no-such-file': No such file or directory"),
                ("./directory", 126, b"cannot run './directory': Is a directory"),
                ("./plain", 126, b"cannot run './plain': Permission denied"),
                ("./orphan", 127, b"interpreter"),
                ("", 127, b"command not found: ''")):
            result = run(PREFIX, "-o", "spans", command)
            self.assertEqual(result.returncode, status, command)
            self.assertIn(text, result.stderr)
            self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)

    def test_of_a_wrong_command_line(self):
        for words in ([], ["-x"], ["--bogus", "ls"], ["-o"], ["-e", "nonsense", "ls"],
                      ["-e", "tcp:no-host.invalid:1", "ls"], ["--view", "a", "b"]):
            result = run(PREFIX, *words)
            self.assertEqual((result.returncode, result.stdout), (125, b""), words)
            self.assertRegex(result.stderr, b"^run-traced: .*\n$")

    def test_a_script_without_interpreter_line_is_run_by_the_shell(self):
        self.write_script("script", 'echo "$0" "$@"; exit 3\n')
        result = run(PREFIX, "-q", "./script", "a b", "c")
        self.assertEqual((result.returncode, result.stdout), (3, b"./script a b c\n"))

    def test_help_and_version(self):
        self.assertIn(b"127", run(PREFIX, "--help").stdout)
        self.assertRegex(run(PREFIX, "--version").stdout, rb"^run-traced \d+\.\d+\.\d+\n$")
        with open("/dev/full", "w") as full:
            self.assertEqual(run(PREFIX, "--help", stdout=full).returncode, 125)


class Surroundings(LauncherTest):
    def test_bytes_pass_untouched(self):
        every_byte = bytes(range(256)) * 5000
        self.assertEqual(self.assert_same("cat", input=every_byte).stdout, every_byte)
        self.assert_same("sh", "-c", "cat >&2; echo out", input=every_byte)

    def test_arguments_pass_untouched(self):
        self.assert_same("printf", "%s|", "", "a b", "-o", "--", "*", "\n", "\\", "ü", b"\xff")

    def test_environment_differs_by_what_is_documented(self):
        # A sanitized program does not start where another library is preloaded before its runtime.
        is_sanitized = b"libasan.so" in (BUILD / "run-traced").read_bytes()
        for preload in ({}, {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/libm.so.6"})[:2 - is_sanitized]:
            given = {"EMPTY": "", "TEXT": "a\nb=c ü", "HOME": "/", "build": "mine",
                     "RUN_TRACED_BUILD": str(BUILD), "PWD": os.getcwd()} | preload
            given |= {k: os.environ[k] for k in ("PATH", "ASAN_OPTIONS") if k in os.environ}
            bare = self.environment("env", "-0", env=given)
            traced = self.environment(PREFIX, "-s", "shop", "env", "-0", env=given)
            self.assertEqual(bare, given)
            changed = {name: value for name, value in traced.items() if bare.get(name) != value}
            self.assertEqual(set(bare) - set(traced), set())
            self.assertEqual(changed.pop("OTEL_SERVICE_NAME"), "shop")
            self.assertEqual(changed.pop("RUN_TRACED_EXPORTER"), f"file:{os.getcwd()}/spans.jsonl")
            self.assertRegex(changed.pop("RUN_TRACED_RING"), r"^/.*/run-traced-\w{6}/ring$")
            *others, library = changed.pop("LD_PRELOAD").split(":")
            self.assertEqual(others, [*preload.values()])
            self.assertTrue(is_library(library), library)
            self.assertRegex(changed.pop("TRACEPARENT"), r"^00-[0-9a-f]{32}-[0-9a-f]{16}-03$")
            changed.pop("ASAN_OPTIONS", None)
            self.assertIn("verify_asan_link_order=0", traced["ASAN_OPTIONS"])
            self.assertEqual(changed, {})

    def environment(self, *command, env):
        output = run(*command, env=env).stdout.decode()
        return dict(line.split("=", 1) for line in output.split("\0") if line)

    def test_descriptors_are_the_same(self):
        extra, other = os.pipe()
        self.addCleanup(os.close, extra)
        self.addCleanup(os.close, other)
        script = ("import os\n"
                  "for fd in sorted(os.listdir('/proc/self/fd'), key=int):\n"
                  "    try: print(fd, os.readlink('/proc/self/fd/' + fd))\n"
                  "    except OSError: pass\n")
        for descriptors in ((), (extra,), (extra, other)):
            out = [open("listing", "wb") for _ in range(2)]
            for file, words in zip(out, ([], [PREFIX, "-q", "-o", "spans"])):
                file.seek(0)
                run(*words, PYTHON, "-c", script, stdout=file, stderr=subprocess.DEVNULL,
                    pass_fds=descriptors, check=True)
                file.close()
                text = pathlib.Path("listing").read_text()
                if not words:
                    bare = text
            self.assertEqual(text, bare)

    def test_closed_descriptors_stay_closed(self):
        for closed in ("2>&-", "<&-", "<&- 2>&-", "<&- >&- 2>&-"):
            for prefix in ("", f"{PREFIX} -o spans "):
                run("sh", "-c", f"{prefix}sh -c 'ls /proc/self/fd >list; echo text >&2' {closed}")
                os.rename("list", "list.traced" if prefix else "list.bare")
            self.assertEqual(pathlib.Path("list.traced").read_text(),
                             pathlib.Path("list.bare").read_text(), closed)
            self.assertEqual(pathlib.Path("spans").read_text(), "", "stderr went into the spans")

    def test_signals_are_inherited(self):
        script = ("import signal, sys, os\n"
                  "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                  "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
                  "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN])\n"
                  "os.execvp(sys.argv[1], sys.argv[1:])\n")
        status = ("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
        bare = run(PYTHON, "-c", script, *status)
        traced = run(PYTHON, "-c", script, PREFIX, "-q", *status)
        self.assertEqual(traced.stdout, bare.stdout)
        self.assertIn(b"SigIgn", bare.stdout)

    def test_process_group_and_session_are_the_same(self):
        result = run(PREFIX, "-q", PYTHON, "-c", "import os; print(os.getpgrp(), os.getsid(0))")
        self.assertEqual(result.stdout.split(), [b"%d" % os.getpgrp(), b"%d" % os.getsid(0)])

    def test_an_alarm_set_before_reaches_the_command(self):
        script = "import os, signal, sys; signal.alarm(1); os.execvp(sys.argv[1], sys.argv[1:])"
        result = run(PYTHON, "-c", script, PREFIX, "-q", "sleep", "30")
        self.assertEqual(result.returncode, -signal.SIGALRM)

    def test_limits_and_umask_are_the_same(self):
        self.assert_same("sh", "-c", "ulimit -a; umask; nice; pwd")

    def test_a_parent_that_ignores_its_children_gets_the_status(self):
        program = self.compile("""
            #include <signal.h>
            #include <unistd.h>
            int main(int c, char **v) { (void)c; signal(SIGCHLD, SIG_IGN); return execv(v[1], v + 1); }
        """)
        result = run(program, str(BUILD / "run-traced"), "-q", PYTHON, "-c", "import os, signal\n"
                     "os._exit(7 if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN else 8)")
        self.assertEqual(result.returncode, 7)


if __name__ == "__main__":
    unittest.main()
