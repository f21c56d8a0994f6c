"""Signals and job control go through the prefix as if it were not there."""

import glob
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import BUILD, PATIENCE, PREFIX, PYTHON, LauncherTest, run
from support import wait_for


REPORT_SIGNALS = """
import os, signal, sys, time
seen = []
for number in set(range(1, 65)) - {9, 19, 32, 33, signal.SIGCHLD}:
    signal.signal(number, lambda number, frame: seen.append(number))
print("ready", flush=True)
deadline = time.monotonic() + 15
while signal.SIGUSR2 not in seen and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(0.1)
print(*sorted(set(n for n in seen)), "of", len(seen), flush=True)
"""


class Signals(LauncherTest):
    def test_kill_reaches_the_command(self):
        child = self.start("import time; print('ready', flush=True); time.sleep(60)")
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(PATIENCE), -signal.SIGTERM)

    def test_every_signal_is_handed_on_once(self):
        numbers = sorted(set(range(1, 65)) - {9, 19, 32, 33, signal.SIGCHLD, signal.SIGUSR2})
        child = self.start(REPORT_SIGNALS)
        for number in numbers + [signal.SIGUSR2]:
            child.send_signal(number)
            time.sleep(0.005)
        report = child.stdout.readline().split()
        self.assertEqual(report, [str(int(n)) for n in sorted(numbers + [signal.SIGUSR2])] +
                         ["of", str(len(numbers) + 1)])
        self.assertEqual(child.wait(PATIENCE), 0)

    def test_what_the_command_sends_to_its_group_arrives_once(self):
        for sender in ("os.kill(0, signal.SIGUSR1)",
                       "os.system('trap true USR1; kill -USR1 0; sleep 0.1')"):
            child = self.start("import os, signal, time\n"
                               "seen = []\n"
                               "signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))\n"
                               f"print('ready', flush=True); {sender}\n"
                               "time.sleep(0.3); print(len(seen), flush=True)\n",
                               start_new_session=True)
            self.assertEqual(child.stdout.readline(), "1\n", sender)
            self.assertEqual(child.wait(PATIENCE), 0)

    def test_a_watchdog_started_before_exec_reaches_the_command(self):
        result = run("sh", "-c", f"(sleep 0.3; kill -TERM $$) & exec {PREFIX} -q sleep 30",
                     start_new_session=True)
        self.assertEqual(result.returncode, -signal.SIGTERM)

    def test_a_queued_value_arrives(self):
        receiver = self.compile("""
            #include <signal.h>
            #include <stdio.h>
            int main(void) {
                sigset_t set; siginfo_t info;
                sigemptyset(&set); sigaddset(&set, SIGRTMIN); sigprocmask(SIG_BLOCK, &set, NULL);
                puts("ready"); fflush(stdout);
                sigwaitinfo(&set, &info);
                return printf("%d %d\\n", info.si_value.sival_int, info.si_code == SI_QUEUE) < 0;
            }""", name="receiver")
        sender = self.compile("""
            #include <signal.h>
            #include <stdlib.h>
            int main(int c, char **v) {
                (void)c; return sigqueue(atoi(v[1]), SIGRTMIN, (union sigval){.sival_int = 4711});
            }""", name="sender")
        child = subprocess.Popen([PREFIX, "-q", receiver], stdout=subprocess.PIPE, text=True)
        with child:
            self.assertEqual(child.stdout.readline(), "ready\n")
            run(sender, str(child.pid), check=True)
            self.assertEqual(child.stdout.readline(), "4711 1\n")

    def test_a_signal_at_any_moment_is_not_lost_and_nothing_is_left_behind(self):
        env = dict(os.environ, XDG_RUNTIME_DIR=os.getcwd())
        for option in ("-q", "-qD"):
            for delay in range(40):
                child = subprocess.Popen([str(BUILD / "run-traced"), option, "-o", "/dev/null",
                                          "sleep", "30"], env=env)
                time.sleep(delay / 4000)
                child.terminate()
                self.assertEqual(child.wait(PATIENCE), -signal.SIGTERM, delay)
                wait_for(lambda: not glob.glob("run-traced-*"))

    def test_stop_and_continue(self):
        # In a group of its own: where a whole group is orphaned, the kernel takes no SIGTSTP.
        child = self.start("import time; print('ready', flush=True); time.sleep(60)",
                           process_group=0)
        child.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTSTP)
        child.send_signal(signal.SIGCONT)
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(PATIENCE), -signal.SIGTERM)

    def test_a_pipe_that_closes_early(self):
        for prefix in ("", f"{PREFIX} -q "):
            result = run("bash", "-c", f"{prefix}yes | head -1; echo ${{PIPESTATUS[0]}}",
                         restore_signals=True)
            self.assertEqual(result.stdout, b"y\n141\n")


class Terminal:
    """An interactive bash in a new session on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="$ ", TERM="dumb", HISTFILE="")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.text = ""
        self.send("stty -echo; echo hello-$((40 + 2))\n")
        self.expect("hello-42")

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Reads until @pattern has been printed; returns the match and forgets all up to it."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text[found.end():]
        return found

    def close(self):
        os.kill(self.pid, signal.SIGHUP)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


COUNT_INTERRUPTS = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda n, f: seen.append(n))
print("read" + "y", flush=True)
while not seen: time.sleep(0.01)
time.sleep(0.3)
print("interrupted", len(seen), "times", flush=True)
"""


class JobControl(LauncherTest):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal()
        self.addCleanup(self.terminal.close)
        pathlib.Path("count.py").write_text(COUNT_INTERRUPTS)

    def test_ctrl_c_kills_a_plain_command(self):
        for prefix in ("", f"{PREFIX} -q "):
            self.terminal.send(f"{prefix}sh -c 'echo read''y; exec sleep 30'\n")
            self.terminal.expect("ready")
            self.terminal.send("\x03")
            self.terminal.send("echo status=$?\n")
            self.terminal.expect("status=130")

    def test_ctrl_c_reaches_a_handler_once(self):
        self.terminal.send(f"{PREFIX} -q {PYTHON} count.py; echo status=$?\n")
        self.terminal.expect("ready")
        self.terminal.send("\x03")
        self.terminal.expect("interrupted 1 times")
        self.terminal.expect("status=0")

    def test_ctrl_c_ends_a_script_of_several_commands(self):
        self.terminal.send(f"bash -c '{PREFIX} -q sh -c \"echo read\"y\"; exec sleep 30\"; echo went-on'\n")
        self.terminal.expect("ready")
        self.terminal.send("\x03")
        self.terminal.send("echo status=$?\n")
        self.assertNotIn("went-on", self.terminal.expect(r"[\s\S]*status=130").group())

    def test_ctrl_c_reaches_a_command_that_left_the_group(self):
        self.terminal.send(f"{PREFIX} -q setsid {PYTHON} count.py; echo status=$?\n")
        self.terminal.expect("ready")
        self.terminal.send("\x03")
        self.terminal.expect("interrupted 1 times")
        self.terminal.expect("status=0")

    def test_ctrl_z_and_fg(self):
        for prefix in ("", f"{PREFIX} -q "):
            self.terminal.send(f"{prefix}{PYTHON} count.py; echo status=$?\n")
            self.terminal.expect("ready")
            for _ in range(3):
                self.terminal.send("\x1a")
                self.terminal.expect("Stopped  ")
                self.terminal.expect("status=148")
                self.terminal.send("fg; echo status=$?\n")
                self.terminal.expect("count.py")
                time.sleep(0.1)
            self.terminal.send("\x03")
            self.terminal.expect("interrupted 1 times")
            self.terminal.expect("status=0")

    def test_ctrl_z_then_bg_then_kill(self):
        self.terminal.send(f"{PREFIX} -q sh -c 'echo read''y; exec sleep 30'\n")
        self.terminal.expect("ready")
        self.terminal.send("\x1a")
        self.terminal.expect("Stopped  ")
        self.terminal.send("bg\n")
        self.terminal.expect("sleep 30")
        self.terminal.send("kill %1; wait %1; echo status=$?\n")
        self.terminal.expect("status=143")

    def test_background_read_stops(self):
        self.terminal.send(f"{PREFIX} -q cat &\n")
        time.sleep(0.5)
        self.terminal.send("\n")
        self.terminal.expect(r"Stopped")
        self.terminal.send("kill %1; fg; echo status=$?\n")
        self.terminal.expect("status=143")

    def test_an_interactive_shell_under_the_prefix(self):
        self.terminal.send(f"{PREFIX} -q bash --norc --noediting -i; echo status=$?\n")
        self.terminal.send("echo inner-$((1 + 1))\n")
        self.terminal.expect("inner-2")
        self.terminal.send("sleep 30\n")
        time.sleep(0.3)
        self.terminal.send("\x03")
        self.terminal.send("echo inner-$?; exit 5\n")
        self.terminal.expect("inner-130")
        self.terminal.expect("status=5")

    def test_a_nested_prefix(self):
        self.terminal.send(f"{PREFIX} -q {PREFIX} -q {PYTHON} count.py; echo status=$?\n")
        self.terminal.expect("ready")
        self.terminal.send("\x1a")
        self.terminal.expect("Stopped  ")
        self.terminal.send("fg; echo status=$?\n")
        self.terminal.expect("count.py")
        time.sleep(0.1)
        self.terminal.send("\x03")
        self.terminal.expect("interrupted 1 times")
        self.terminal.expect("status=0")


if __name__ == "__main__":
    unittest.main()
