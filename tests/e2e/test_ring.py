"""The ring and its collector from outside: nothing that a server saw is lost, whatever dies, stops or is
full; and the traced programs never notice."""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest

from support import (PATIENCE, PREFIX, PROGRAMS, PYTHON, SANITIZED, SHIM, StrictServer, TracedTest,
                     attribute, clean_env, duplicates, needs, needs_root, of_kind, parse_spans,
                     sanitizer_env, spans, wait_for)

NOBODY = 65534
CAN_MOUNT = subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
needs_mounts = unittest.skipUnless(CAN_MOUNT, "no mount namespaces here (not root, or in a chroot)")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
COUNT = 200 if SANITIZED else 1000


class Recording:
    """An untraced HTTP server in the test: answers, and writes down the traceparents that it sees."""

    def __init__(self, delay_max=0.0):
        self.traceparents = []
        self.delay_max = delay_max
        self.random = random.Random(4711)
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.sock.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True) for _ in range(32)]
        for thread in self.threads:
            thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.sock.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                self._talk(connection)

    def _talk(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return
            head += more
        self.traceparents += re.findall(rb"(?im)^traceparent: (\S+)\r$", head)
        if self.delay_max:
            time.sleep(self.random.random() * self.delay_max)
        connection.sendall(OK)

    def span_ids(self):
        return [value.decode().split("-")[2] for value in self.traceparents]

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for thread in self.threads:
            thread.join(PATIENCE)


def get(port, path="/", traceparent=None, patience=PATIENCE):
    """One request by plain sockets. Returns the body, None if the connection broke."""
    header = f"traceparent: {traceparent}\r\n" if traceparent else ""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                data += more
    return data.partition(b"\r\n\r\n")[2].decode() if data else None


def traceparent(number):
    return f"00-{'ab' * 12}{number:08x}-{'cd' * 4}{number:08x}-01"


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(p) for task in os.listdir(f"/proc/{pid}/task")
                for p in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return []


def is_running(pid):
    with contextlib.suppress(OSError, IndexError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class RingTest(TracedTest):
    """With a runtime directory of its own, which is to be empty at the end."""

    leaves_directories = False

    def setUp(self):
        super().setUp()
        self.runtime = pathlib.Path(self._stack.enter_context(self.shared_memory_directory()))
        self.env = clean_env(XDG_RUNTIME_DIR=self.runtime) | sanitizer_env()
        self.out = self.directory / "out.jsonl"

    def tearDown(self):
        if not self.leaves_directories and self._outcome.success:
            wait_for(lambda: not os.listdir(self.runtime), f"{self.runtime} to be empty")
        super().tearDown()

    @contextlib.contextmanager
    def shared_memory_directory(self):
        path = f"/dev/shm/test-ring-{os.getpid()}-{self.id().rpartition('.')[2]}"
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path, 0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def program(self, name):
        return self.compile((PROGRAMS / f"{name}.c").read_text(), "-O1", name=name)

    def prefix(self, *words, **options):
        """Runs the prefix to its end."""
        options = {"capture_output": True, "timeout": 4 * PATIENCE, "env": self.env,
                   "stdin": subprocess.DEVNULL} | options
        return subprocess.run([str(word) for word in (PREFIX, *words)], **options)

    def popen(self, *words, **options):
        options = {"env": self.env, "stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE,
                   "stdout": subprocess.PIPE} | options
        child = subprocess.Popen([str(word) for word in words], **options)

        def end():
            for pid in [*children_of(child.pid), child.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.wait(PATIENCE)
            for stream in (child.stdout, child.stderr):
                if stream:
                    stream.close()
        self._stack.callback(end)
        return child

    def start_server(self, *mode, options=("-q",), words=None, env=None):
        """The C server under the prefix. Returns the process, with .port and .server_pid."""
        server = self.program("ring_server")
        name = f"port-{len(os.listdir())}"
        words = words or (PREFIX, *options, "-o", self.out)
        child = self.popen(*words, server, name, *mode, **({"env": env} if env else {}))
        wait_for(lambda: os.path.exists(name) or child.poll() is not None, "the server")
        child.port = int(pathlib.Path(name).read_text())
        child.server_pid = (children_of(child.pid) or [child.pid])[0]
        self._stack.callback(lambda: is_running(child.server_pid) and
                             os.kill(child.server_pid, signal.SIGKILL))
        return child

    def quit(self, child):
        get(child.port, "/quit")
        out, err = child.communicate(timeout=PATIENCE)
        return err.decode()

    def held_request(self, child, path, number=1):
        """A request that the server holds: returns its thread and a list for the answer."""
        answers = []

        def ask():
            answers.append(get(child.port, path, traceparent(number)))
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        wait_for(lambda: os.path.exists("held"), "the server to hold the request")
        return thread, answers

    def server_spans(self, number):
        """The SERVER spans of the request with that traceparent."""
        return [s for s in of_kind(spans(self.out), "SERVER")
                if s["traceId"] == traceparent(number).split("-")[1]]

    def the_server_span(self, number):
        found = self.server_spans(number)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def ring_directory(self):
        wait_for(lambda: os.listdir(self.runtime), "the ring")
        name, = os.listdir(self.runtime)
        return self.runtime / name


class Exactly(RingTest):
    """1,000 short processes."""

    def test_what_a_server_saw_is_there_once_though_a_third_is_killed(self):
        server = Recording(delay_max=0.04)
        self._stack.callback(server.stop)
        result = self.prefix("-o", self.out, self.program("ring_batches"), COUNT, 25, 4711,
                             self.program("ring_client"), server.port, 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        killed = int(re.search(rb"(\d+) killed", result.stdout).group(1))
        self.assertGreater(killed, COUNT / 20, "too few were killed")
        self.assertNotIn(b"lost", result.stderr)
        found = spans(self.out)
        counts = {}
        for span in found:
            counts[span["spanId"]] = counts.get(span["spanId"], 0) + 1
        seen = server.span_ids()
        self.assertGreater(len(seen), COUNT / 2)
        self.assertEqual([i for i in seen if counts.get(i) != 1], [])
        self.assertEqual([i for i, count in counts.items() if count != 1], [])
        broken = [s for s in found if s["status"]["code"] == "ERROR"]
        self.assertGreater(len(broken), 0)
        kinds = {}
        for span in broken:
            kinds[attribute(span, "error.type")] = kinds.get(attribute(span, "error.type"), 0) + 1
        self.assertEqual(set(kinds) - {"SIGKILL", "died"}, set(), kinds)
        self.assertGreater(kinds.get("SIGKILL", 0), len(broken) * 0.5, kinds)
        self.assertEqual({s["resource"]["service.name"] for s in found}, {"ring_client"})

    def test_short_processes_without_network_leave_nothing(self):
        result = self.prefix("-o", self.out, "sh", "-c",
                             f"i=0; while [ $i -lt {COUNT} ]; do /bin/true; i=$((i+1)); done;"
                             "ls -A $XDG_RUNTIME_DIR; od -An -tx8 -N8 $RUN_TRACED_RING >/dev/null")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.split()), 1)
        self.assertEqual(self.out.read_bytes(), b"")
        self.assertIn(b"no spans", result.stderr)

    def test_the_ring_is_private_and_gone_at_the_end(self):
        child = self.start_server()
        directory = self.ring_directory()
        self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700)
        self.assertEqual([p.name for p in directory.iterdir()], ["ring"])
        self.assertEqual(stat.S_IMODE((directory / "ring").stat().st_mode), 0o600)
        self.quit(child)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_the_ring_is_gone_when_the_command_was_killed(self):
        result = self.prefix("-q", "-o", self.out, "sh", "-c", "kill -9 $$")
        self.assertEqual(result.returncode, -signal.SIGKILL)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_without_a_runtime_directory_shared_memory_serves(self):
        env = {k: v for k, v in self.env.items() if k != "XDG_RUNTIME_DIR"}
        for value in (None, "relative", "/nowhere/at/all"):
            more = {"XDG_RUNTIME_DIR": value} if value else {}
            result = self.prefix("-q", "-o", self.out, "sh", "-c", "echo $RUN_TRACED_RING",
                                 env=env | more)
            self.assertRegex(result.stdout.decode(), r"^/dev/shm/run-traced-\w+/ring\n$")
            self.assertFalse(os.path.exists(os.path.dirname(result.stdout.decode().strip())))


class Deaths(RingTest):
    """The server ends in the middle of a request."""

    def broken_off(self, number=1):
        span = self.the_server_span(number)
        self.assertEqual(span["status"]["code"], "ERROR")
        return attribute(span, "error.type"), span["status"].get("message", "")

    def test_killed(self):
        child = self.start_server()
        self.held_request(child, "/hold")
        os.kill(child.server_pid, signal.SIGKILL)
        self.assertEqual(child.wait(PATIENCE), -signal.SIGKILL)
        kind, message = self.broken_off()
        self.assertEqual(kind, "SIGKILL")
        self.assertIn("signal 9", message)

    def test_segmentation_fault(self):
        child = self.start_server()
        get(child.port, "/segv", traceparent(1))
        self.assertEqual(child.wait(PATIENCE), -signal.SIGSEGV)
        self.assertEqual(self.broken_off()[0], "SIGSEGV")

    def test_exit_by_system_call(self):
        child = self.start_server()
        get(child.port, "/exit_group", traceparent(1))
        self.assertEqual(child.wait(PATIENCE), 3)
        kind, message = self.broken_off()
        self.assertEqual(kind, "exit")
        self.assertIn("status 3", message)

    def test_exit(self):
        child = self.start_server()
        get(child.port, "/exit", traceparent(1))
        self.assertEqual(child.wait(PATIENCE), 3)
        self.assertIn(self.broken_off()[0], ("exit", "aborted"))

    def test_grandchild_killed(self):
        child = self.start_server(words=(PREFIX, "-q", "-o", self.out, "sh", "-c",
                                         '"$@"; exit 5', "sh"))
        wait_for(lambda: children_of(child.server_pid))
        pid, = children_of(child.server_pid)
        # Its parent reaps it at once: the collector must have come to know it before.
        get(child.port, "/", traceparent(2))
        wait_for(lambda: self.out.exists() and spans(self.out))
        self.held_request(child, "/hold")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(child.wait(PATIENCE), 5)
        self.assertEqual(self.broken_off()[0], "SIGKILL")

    def test_another_program_in_the_middle_of_a_request(self):
        child = self.start_server()
        self.assertEqual(get(child.port, "/exec", traceparent(1)), "another program")
        for number in range(2, 12):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        self.quit(child)
        self.assertEqual(self.the_server_span(1)["status"]["code"], "ERROR")
        for number in range(2, 12):
            self.assertNotEqual(self.the_server_span(number)["status"]["code"], "ERROR")


class Forks(RingTest):
    def test_a_process_for_each_connection(self):
        child = self.start_server("fork")
        for number in range(1, 101):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        os.kill(child.server_pid, signal.SIGTERM)
        child.wait(PATIENCE)
        for number in range(1, 101):
            self.assertEqual(self.the_server_span(number)["status"]["code"], "OK")
        self.assertEqual(len(spans(self.out)), 100)

    def test_the_child_answers_while_the_parent_goes_on(self):
        child = self.start_server()
        thread, answers = self.held_request(child, "/child-answers", 1)
        for number in range(2, 52):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        pathlib.Path("go").touch()
        thread.join(PATIENCE)
        self.assertEqual(answers, ["child"])
        wait_for(lambda: os.path.exists("done"))
        self.quit(child)
        self.assertEqual(duplicates(spans(self.out)), [])
        for number in range(1, 52):
            span = self.the_server_span(number)
            self.assertEqual(span["status"]["code"], "OK", span)
            self.assertEqual(span["parentSpanId"], traceparent(number).split("-")[2])
        self.assertEqual(attribute(self.the_server_span(1), "url.path"), "/child-answers")

    def test_the_parent_answers_and_the_child_goes(self):
        child = self.start_server()
        self.assertEqual(get(child.port, "/parent-answers", traceparent(1)), "ok")
        self.assertEqual(get(child.port, "/", traceparent(2)), "ok")
        self.quit(child)
        for number in (1, 2):
            self.assertEqual(self.the_server_span(number)["status"]["code"], "OK")

    def test_the_parent_answers_while_the_child_lives_on(self):
        child = self.start_server()
        thread, answers = self.held_request(child, "/parent-answers-first", 1)
        for number in range(2, 52):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        pathlib.Path("go").touch()
        thread.join(PATIENCE)
        self.quit(child)
        self.assertEqual(duplicates(spans(self.out)), [])
        for number in range(1, 52):
            self.assertEqual(self.the_server_span(number)["status"]["code"], "OK")

    def test_killed_parent_and_child_report_a_request_once(self):
        child = self.start_server()
        self.held_request(child, "/child-answers", 1)
        os.kill(child.server_pid, signal.SIGKILL)
        self.assertEqual(child.wait(PATIENCE), -signal.SIGKILL)
        pathlib.Path("go").touch()
        wait_for(lambda: os.path.exists("done"))
        self.assertLessEqual(len(self.server_spans(1)), 1)


class CollectorDeath(RingTest):
    leaves_directories = True

    def load(self, port):
        """A client in a process of its own that asks all the time; returns it and its progress."""
        client = self.popen(self.program("ring_client"), port, 0, self.directory,
                            env=clean_env())

        def progress():
            with contextlib.suppress(OSError):
                return tuple(map(int, pathlib.Path("answers").read_text().split()))
            return (0, 0)
        return client, progress

    def stop_load(self, client, progress):
        pathlib.Path("stop").touch()
        client.wait(PATIENCE)
        answered, asked = progress()
        self.assertEqual(answered, asked)
        return asked

    def go_on(self, progress, count=300):
        """Waits until so many more were answered."""
        begin = progress()[0]
        wait_for(lambda: progress()[0] >= begin + count, "the server to go on")

    def test_killed_under_load(self):
        child = self.start_server()
        directory = self.ring_directory()
        client, progress = self.load(child.port)
        self.go_on(progress)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(PATIENCE)
        self.go_on(progress)
        self.assertEqual(get(child.port, "/", traceparent(1)), "ok")
        second = self.directory / "second.jsonl"
        collector = self.popen(PREFIX, "-o", second, "--collect", directory)
        wait_for(lambda: second.exists() and second.stat().st_size, "the second collector")
        self.go_on(progress)
        asked = self.stop_load(client, progress)
        self.held_request(child, "/hold", 2)
        os.kill(child.server_pid, signal.SIGKILL)
        wait_for(lambda: any(s["traceId"] == traceparent(2).split("-")[1] for s in spans(second)),
                 "the broken off span")
        collector.terminate()
        err = collector.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(collector.returncode, 0, err)
        # What the first one was just writing may end early; every line but that is whole.
        data = self.out.read_bytes()
        first = parse_spans(data[:data.rfind(b"\n") + 1])
        found = first + spans(second)
        self.assertEqual(duplicates(found), [])
        lost = sum(int(n) for n in re.findall(r"(\d+) spans? lost", err))
        self.assertGreater(len(found) + lost, asked * 0.5)
        self.assertLessEqual(len(found) + lost, asked + 2)
        self.assertTrue(any(s["traceId"] == traceparent(1).split("-")[1] for s in found) or lost)
        last, = [s for s in found if s["traceId"] == traceparent(2).split("-")[1]]
        self.assertEqual((last["status"]["code"], attribute(last, "error.type")),
                         ("ERROR", "SIGKILL"))

    def test_killed_in_quiet_loses_nothing(self):
        child = self.start_server()
        directory = self.ring_directory()
        for number in range(1, 101):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        wait_for(lambda: len(spans(self.out)) == 100)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(PATIENCE)
        for number in range(101, 201):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        second = self.directory / "second.jsonl"
        collector = self.popen(PREFIX, "-q", "-o", second, "--collect", directory)
        wait_for(lambda: len(spans(second)) == 100)
        collector.terminate()
        collector.wait(PATIENCE)
        for number in range(201, 301):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        third = self.directory / "third.jsonl"
        collector = self.popen(PREFIX, "-q", "-o", third, "--collect", directory)
        wait_for(lambda: len(spans(third)) == 100)
        collector.terminate()
        collector.wait(PATIENCE)
        found = spans(self.out) + spans(second) + spans(third)
        self.assertEqual({s["traceId"] for s in found},
                         {traceparent(n).split("-")[1] for n in range(1, 301)})

    def test_stopped_under_load(self):
        child = self.start_server(options=())
        client, progress = self.load(child.port)
        self.go_on(progress, 1000)

        def answered_in(seconds):
            begin, until = progress()[0], time.monotonic() + seconds
            while time.monotonic() < until:
                time.sleep(0.01)
            return progress()[0] - begin
        before = answered_in(1.5)
        os.kill(child.pid, signal.SIGSTOP)
        while_stopped = answered_in(3) / 2
        # Enough for the ring to be full.
        begin = progress()[0]
        wait_for(lambda: progress()[0] > begin + 6000, patience=3 * PATIENCE)
        os.kill(child.pid, signal.SIGCONT)
        self.assertGreater(while_stopped, before * 0.4)
        self.go_on(progress, 3000)
        asked = self.stop_load(client, progress)
        err = self.quit(child)
        self.assertRegex(err, r"\d+ spans lost: they came faster than they could be collected")
        lost = int(re.search(r"(\d+) spans lost", err).group(1))
        self.assertEqual(len(spans(self.out)) + lost, asked + 1)
        self.assertGreater(len(spans(self.out)), 4000)
        begun = sorted(s["timestamp"] for s in spans(self.out))
        self.assertLess(max(b - a for a, b in zip(begun[-1000:], begun[-999:])), 1_000_000,
                        "spans are recorded again after the collector goes on")
        self.assertEqual(os.listdir(self.runtime), [])


class Leftovers(RingTest):
    """A launcher that is killed leaves its ring behind, which is memory; a later one removes it."""

    def killed(self, *command):
        """A run whose launcher was killed: its command, and the directory, two minutes old."""
        child = subprocess.Popen([PREFIX, "-q", "-o", self.out, *command], env=self.env,
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.stdout.close)
        self.assertEqual(child.stdout.readline(), "ready\n")
        directory = self.ring_directory()
        pid, = children_of(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(PATIENCE)
        self.make_old(directory, 120)
        return pid, directory

    @staticmethod
    def make_old(directory, seconds):
        os.utime(directory, (time.time() - seconds,) * 2)

    def run_another(self):
        self.assertEqual(self.prefix("-q", "-o", "other.jsonl", "true").returncode, 0)

    def test_nobody_is_alive(self):
        pid, directory = self.killed("sh", "-c", "echo ready; exec sleep 60")
        os.kill(pid, signal.SIGKILL)
        self.run_another()
        self.assertEqual(os.listdir(self.runtime), [])
        self.assertFalse(directory.exists())

    def test_one_that_is_young_may_be_starting(self):
        pid, directory = self.killed("sh", "-c", "echo ready; exec sleep 60")
        os.kill(pid, signal.SIGKILL)
        self.make_old(directory, 0)
        self.run_another()
        self.assertTrue(directory.exists())
        shutil.rmtree(directory)

    def test_a_process_that_makes_spans_still_uses_it(self):
        server = self.serve(StrictServer())
        pid, directory = self.killed(
            PYTHON, "-c", "import http.client, sys, time\n"
            "c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
            "c.request('GET', '/')\nc.getresponse().read()\nprint('ready', flush=True)\n"
            "time.sleep(60)\n", str(server.port))
        self.run_another()
        self.assertTrue((directory / "ring").exists())
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"))
        self.run_another()
        if directory.exists():  # its span was not collected before the launcher was killed: kept for a day
            self.make_old(directory, 25 * 3600)
            self.run_another()
        self.assertFalse(directory.exists())

    def test_a_run_under_way(self):
        child = self.start_server()
        directory = self.ring_directory()
        self.make_old(directory, 120)
        self.run_another()
        self.assertTrue((directory / "ring").exists())
        self.quit(child)

    def test_what_is_not_ours_is_left_alone(self):
        for name, mode in (("run-traced-abcdef", 0o700), ("run-traced-open00", 0o755)):
            directory = self.runtime / name
            directory.mkdir(mode=mode)
            (directory / "ring").write_bytes(b"something else")
            self.make_old(directory, 120)
        (self.runtime / "run-traced-a-file").write_bytes(b"")
        self.run_another()
        self.assertEqual(len(os.listdir(self.runtime)), 3)
        shutil.rmtree(self.runtime)
        self.runtime.mkdir()


class Outputs(RingTest):
    def ask_once(self, output, *more, **options):
        server = Recording()
        try:
            return self.prefix("-o", output, *more, self.program("ring_client"), server.port, 20,
                               **options)
        finally:
            server.stop()

    def test_dev_full(self):
        result = self.ask_once("/dev/full")
        self.assertEqual((result.returncode, result.stdout), (0, b"20 of 20\n"))
        self.assertIn(b"20 spans lost: the spans file could not be written "
                      b"(No space left on device)", result.stderr)

    def test_the_exit_status_stays_with_dev_full(self):
        result = self.prefix("-o", "/dev/full", "sh", "-c", "exit 7")
        self.assertEqual(result.returncode, 7)

    @needs_mounts
    def test_a_full_file_system_for_the_output(self):
        os.mkdir("small")
        server = Recording()
        self._stack.callback(server.stop)
        result = subprocess.run(
            ["unshare", "-m", "sh", "-c",
             'mount -t tmpfs -o size=8k none small && "$@"; status=$?; '
             'cat small/spans; exit $status', "sh",
             str(PREFIX), "-o", "small/spans", self.program("ring_client"), str(server.port), "50"],
            env=self.env, capture_output=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"50 of 50\n", result.stdout)
        found = re.search(rb"(\d+) spans? lost: .* \(No space left on device\)", result.stderr)
        self.assertTrue(found, result.stderr)
        lines = [line for line in result.stdout.splitlines() if line.startswith(b"{")]
        whole = [line for line in lines if line.endswith(b"}}")]
        self.assertEqual(len(whole) + int(found.group(1)), 50)

    @needs_mounts
    def test_a_full_file_system_for_the_ring(self):
        os.mkdir("small")
        server = Recording()
        self._stack.callback(server.stop)
        for size in ("4k", "1m", "9m"):
            result = subprocess.run(
                ["unshare", "-m", "sh", "-c",
                 f'mount -t tmpfs -o size={size} none small && mount -t tmpfs -o size={size} none '
                 '/dev/shm && exec "$@"', "sh", str(PREFIX), "-o", str(self.out),
                 self.program("ring_client"), str(server.port), "5"],
                env=self.env | {"XDG_RUNTIME_DIR": f"{self.directory}/small"},
                capture_output=True, timeout=PATIENCE)
            self.assertEqual((result.returncode, result.stdout), (0, b"5 of 5\n"), result.stderr)
            self.assertEqual(len(spans(self.out)), 5, result.stderr)

    def test_spans_are_there_when_the_prefix_returns(self):
        for _ in range(20):
            self.assertEqual(self.ask_once(self.out, "-q").returncode, 0)
            self.assertEqual(len(spans(self.out)), 20)


class Prefix(RingTest):
    def test_no_descriptor_is_open_in_the_program(self):
        bare = self.start_server(words=("env",))
        traced = self.start_server()
        for _ in range(3):
            self.assertEqual(get(traced.port, "/descriptors"), get(bare.port, "/descriptors"))
        get(bare.port, "/quit")
        self.quit(traced)
        result = self.prefix("-q", "-o", self.out, "ls", "/proc/self/fd")
        bare = subprocess.run(["ls", "/proc/self/fd"], capture_output=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(result.stdout, bare.stdout)

    def test_no_descriptor_of_the_detached_collector_either(self):
        result = self.prefix("-D", "-q", "-o", self.out, "ls", "/proc/self/fd")
        bare = subprocess.run(["ls", "/proc/self/fd"], capture_output=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(result.stdout, bare.stdout)

    @needs_root
    def test_privileges_dropped_after_the_start(self):
        self.directory.chmod(0o777)
        child = self.start_server()
        self.assertEqual(get(child.port, "/setuid", traceparent(1)), "ok")
        for number in range(2, 12):
            self.assertEqual(get(child.port, "/", traceparent(number)), "ok")
        self.assertEqual(os.stat(f"/proc/{child.server_pid}").st_uid, NOBODY)
        self.held_request(child, "/hold", 12)
        os.kill(child.server_pid, signal.SIGKILL)
        child.wait(PATIENCE)
        for number in range(1, 12):
            self.assertEqual(self.the_server_span(number)["status"]["code"], "OK")
        self.assertEqual(attribute(self.the_server_span(12), "error.type"), "SIGKILL")

    def test_detached(self):
        server = Recording()
        self._stack.callback(server.stop)
        script = (f'echo $$; cat /proc/$$/task/$$/children; echo; {self.program("ring_client")} '
                  f'{server.port} 50; exit 4')
        child = self.popen(PREFIX, "-D", "-o", self.out, "sh", "-c", script)
        out, err = child.communicate(timeout=PATIENCE)  # to its end: the collector is over as well
        self.assertEqual(child.returncode, 4)
        pid, *children, last = out.decode().splitlines()
        self.assertEqual((int(pid), last), (child.pid, "50 of 50"))
        # What /proc shows is the cat itself.
        self.assertLessEqual(len(" ".join(children).split()), 1)
        self.assertEqual(len(spans(self.out)), 50)
        self.assertRegex(err.decode(), r"50 spans of 1 service, no errors")

    def test_detached_and_killed(self):
        server = self.program("ring_server")
        child = self.popen(PREFIX, "-D", "-q", "-o", self.out, server, "port")
        wait_for(lambda: os.path.exists("port"))
        child.port = int(pathlib.Path("port").read_text())
        self.assertEqual(children_of(child.pid), [])
        self.held_request(child, "/hold")
        os.kill(child.pid, signal.SIGKILL)
        child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, -signal.SIGKILL)
        self.assertEqual(attribute(self.the_server_span(1), "error.type"), "SIGKILL")

    def test_detached_command_that_is_not_there(self):
        result = self.prefix("-D", "-q", "-o", self.out, "no-such-command")
        self.assertEqual(result.returncode, 127)

    def test_detached_collector_does_not_hold_the_commands_pipe(self):
        """A reader of the command's output sees its end when the command has closed it."""
        child = self.popen(PREFIX, "-D", "-q", "-o", self.out, "sh", "-c",
                           "exec >&- 2>&-; while [ ! -e go ]; do sleep 0.01; done",
                           stderr=subprocess.DEVNULL)
        reader = threading.Thread(target=child.stdout.read, daemon=True)
        reader.start()
        reader.join(3)
        was_closed = not reader.is_alive()
        pathlib.Path("go").touch()
        child.wait(PATIENCE)
        reader.join(PATIENCE)
        self.assertTrue(was_closed, "somebody else holds the pipe")

    def background(self, *options):
        """A command that ends at once and leaves a process that goes on to make spans."""
        server = Recording()
        self._stack.callback(server.stop)
        client = self.program("ring_client")
        script = (f"(while [ ! -e go ]; do sleep 0.01; done; {client} {server.port} 30; "
                  f"touch gone) </dev/null >/dev/null 2>&1 & exit 6")
        return self.popen(PREFIX, *options, "-o", self.out, "sh", "-c", script)

    def test_follow_waits_for_what_outlives_the_command(self):
        child = self.background("--follow")
        with self.assertRaises(subprocess.TimeoutExpired):
            child.wait(1)
        pathlib.Path("go").touch()
        err = child.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(child.returncode, 6)
        self.assertTrue(os.path.exists("gone"))
        self.assertEqual(len(spans(self.out)), 30, err)

    def test_follow_knows_how_an_orphan_died(self):
        server = self.program("ring_server")
        child = self.popen(PREFIX, "--follow", "-q", "-o", self.out, "sh", "-c",
                           f"(echo $$ >/dev/null; exec {server} port) & exit 0")
        wait_for(lambda: os.path.exists("port"))
        child.port = int(pathlib.Path("port").read_text())
        wait_for(lambda: len(children_of(child.pid)) == 1)
        self.held_request(child, "/hold")
        os.kill(children_of(child.pid)[0], signal.SIGKILL)
        self.assertEqual(child.wait(PATIENCE), 0)
        self.assertEqual(attribute(self.the_server_span(1), "error.type"), "SIGKILL")

    def test_without_follow_the_prefix_returns_with_the_command(self):
        child = self.background()
        child.wait(PATIENCE)
        self.assertEqual(child.returncode, 6)
        self.assertFalse(os.path.exists("gone"))
        pathlib.Path("go").touch()
        wait_for(lambda: os.path.exists("gone"))

    @needs_mounts
    def test_a_process_in_a_pid_namespace_of_its_own(self):
        server = Recording(delay_max=0.3)
        self._stack.callback(server.stop)
        for proc in ((), ("--mount-proc",)):
            result = self.prefix("-q", "-o", self.out, "unshare", "--pid", "--fork", *proc, "sh",
                                 "-c", "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done;"
                                 "for i in 1 2 3; do "
                                 f"{self.program('ring_client')} {server.port} 5; done")
            self.assertEqual(result.returncode, 0, result.stderr)
            found = spans(self.out)
            self.assertEqual(duplicates(found), [])
            self.assertEqual(len(found), 15)
            self.assertEqual([s for s in found if s["status"]["code"] == "ERROR"], [])

    @needs_mounts
    def test_a_death_in_a_pid_namespace(self):
        child = self.start_server(words=(PREFIX, "-q", "-o", self.out, "unshare", "--pid", "--fork",
                                         "sh", "-c", '"$@"; exit 5', "sh"))
        wait_for(lambda: children_of(child.server_pid))
        shell, = children_of(child.server_pid)
        wait_for(lambda: children_of(shell))
        self.held_request(child, "/hold")
        os.kill(children_of(shell)[0], signal.SIGKILL)
        self.assertEqual(child.wait(PATIENCE), 5)
        self.assertEqual(self.the_server_span(1)["status"]["code"], "ERROR")

    @needs_root
    def test_more_processes_than_the_collector_may_have_descriptors(self):
        server = Recording(delay_max=1.0)
        self._stack.callback(server.stop)
        client = self.program("ring_client")
        script = (f"ulimit -n 1024; i=0; while [ $i -lt 100 ]; do {client} {server.port} 1 & "
                  "i=$((i+1)); done; wait")
        result = self.prefix("-q", "-o", self.out, "sh", "-c", script,
                             preexec_fn=lambda: __import__("resource").setrlimit(
                                 __import__("resource").RLIMIT_NOFILE, (48, 1024)))
        self.assertEqual(result.returncode, 0, result.stderr)
        found = spans(self.out)
        self.assertEqual(len(found), 100)
        self.assertEqual([s["status"] for s in found if s["status"]["code"] == "ERROR"], [])


class Collect(RingTest):
    """Services that are started by themselves."""

    def start_collector(self, *words):
        directory = self.directory / "ring-dir"
        collector = self.popen(PREFIX, *words, "-o", self.out, "--collect", directory)
        wait_for(lambda: (directory / "ring").exists() or collector.poll() is not None)
        wait_for(lambda: "anon_inode:[eventpoll]" in self.descriptors(collector.pid) or
                 collector.poll() is not None, "the collector to wait for events")
        return collector, directory

    @staticmethod
    def descriptors(pid):
        found = []
        with contextlib.suppress(OSError):
            found += [os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        return found

    def service_env(self, directory):
        env = clean_env() | sanitizer_env()
        env["LD_PRELOAD"] = ":".join(filter(None, (env.get("LD_PRELOAD"), str(SHIM))))
        return env | {"RUN_TRACED_RING": str(directory / "ring")}

    def test_services_started_separately(self):
        collector, directory = self.start_collector()
        self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((directory / "ring").stat().st_mode), 0o600)
        one = self.start_server(words=("env",), env=self.service_env(directory))
        two = self.start_server(words=("env",), env=self.service_env(directory))
        for number in range(1, 21):
            get((one, two)[number % 2].port, "/", traceparent(number))
        wait_for(lambda: len(spans(self.out)) == 20)
        self.held_request(one, "/hold", 21)
        one.kill()
        wait_for(lambda: len(spans(self.out)) == 21)
        self.assertEqual(attribute(self.the_server_span(21), "error.type"), "SIGKILL")
        get(two.port, "/quit", traceparent(22))
        wait_for(lambda: len(spans(self.out)) == 22)
        collector.send_signal(signal.SIGINT)
        err = collector.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(collector.returncode, 0, err)
        self.assertIn("LD_PRELOAD=", err)
        self.assertIn("22 spans of 1 service, 1 error", err)
        self.assertTrue((directory / "ring").exists())

    def test_a_second_collector_is_refused(self):
        collector, directory = self.start_collector("-q")
        result = self.prefix("-o", "other", "--collect", directory)
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"another collector is at work there", result.stderr)
        collector.terminate()
        collector.wait(PATIENCE)

    def test_a_second_collector_is_refused_beside_the_prefix(self):
        child = self.start_server()
        second = self.popen(PREFIX, "-q", "-o", "other", "--collect", self.ring_directory())
        with contextlib.suppress(subprocess.TimeoutExpired):
            second.wait(3)
        status = second.poll()
        second.kill()
        second.wait(PATIENCE)
        self.quit(child)
        self.assertEqual(status, 125, "two collectors work on one ring")

    def test_an_open_directory_is_refused(self):
        for mode in (0o755, 0o750, 0o707, 0o770):
            os.mkdir("shared")
            os.chmod("shared", mode)
            result = self.prefix("-o", "other", "--collect", "shared")
            self.assertEqual(result.returncode, 125, oct(mode))
            self.assertIn(b"mode 0700", result.stderr)
            self.assertEqual(os.listdir("shared"), [])
            self.assertFalse(os.path.exists("other"))
            os.rmdir("shared")

    def test_what_is_no_ring_is_refused(self):
        os.mkdir("mine", 0o700)
        pathlib.Path("mine/ring").write_text("no ring")
        result = self.prefix("-o", "other", "--collect", "mine")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"no ring of this version", result.stderr)
        os.unlink("mine/ring")
        os.symlink("mine", "link")
        self.assertEqual(self.prefix("-o", "other", "--collect", "link").returncode, 125)
        self.assertEqual(self.prefix("-o", "other", "--collect", "/nowhere/x").returncode, 125)
        self.assertEqual(self.prefix("-o", "other", "--collect", PREFIX).returncode, 125)

    def test_what_it_says_to_do_works(self):
        collector, directory = self.start_collector()
        line = collector.stderr.readline().decode()
        assignments = line.partition("start services with ")[2].split()
        self.assertEqual(len(assignments), 2, line)
        server = self.start_server(words=("env", *assignments), env=clean_env() | sanitizer_env())
        get(server.port, "/", traceparent(1))
        wait_for(lambda: len(spans(self.out)) == 1)
        collector.terminate()
        collector.wait(PATIENCE)
        # The service goes on without it.
        self.assertEqual(get(server.port, "/", traceparent(2)), "ok")


if __name__ == "__main__":
    unittest.main()
