"""The four ways to run a program, and the collector."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from measure import SERVER_CPU, TICK_LIMIT, BenchError, children, pin, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.path.abspath(ROOT / os.environ.get("BUILD", "build")))
BENCH = BUILD / "bench"
LIBRARY = BUILD / "librun-traced.so"
LAUNCHER = ROOT / "run-traced.sh"
VARIANTS = ["plain", "empty", "direct", "ring"]
OURS = ("RUN_TRACED_", "OTEL_", "TRACE", "BAGGAGE", "LD_PRELOAD", "NODE_OPTIONS", "PYTHONPATH")


def scratch():
    """A directory in memory if there is room: what a disk does is no concern here."""
    for parent in ("/dev/shm", None):
        if parent is None or (os.path.isdir(parent) and shutil.disk_usage(parent).free > 4 << 30):
            return tempfile.TemporaryDirectory(prefix="run-traced-bench-", dir=parent)
    raise BenchError("no temporary directory")


def clean_env():
    env = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    env["RUN_TRACED_BUILD"] = str(BUILD)
    return env


def variant_env(name, directory, ring=None):
    """The environment of @name: plain, empty, direct (spans into @directory), ring (a collector's)."""
    env = clean_env()
    if name == "empty":
        env["LD_PRELOAD"] = str(BENCH / "empty.so")
    elif name == "direct":
        env.update(LD_PRELOAD=str(LIBRARY), RUN_TRACED_EXPORTER=f"file:{directory}/direct.jsonl")
    elif name == "ring":
        env.update(LD_PRELOAD=str(LIBRARY), RUN_TRACED_RING=ring)
    return env


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def summary_counts(text):
    """What the launcher's closing lines say: spans exported and lost."""
    exported = re.search(r"run-traced: (\d+) spans? of", text)
    lost = re.findall(r"run-traced: (\d+) spans? lost", text)
    return {"exported": int(exported[1]) if exported else 0, "lost": sum(map(int, lost))}


def stop(child, number=signal.SIGTERM):
    if child.poll() is None:
        child.send_signal(number)
    try:
        child.wait(TICK_LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Collector:
    """run-traced --collect. After stop(), counts holds what became of the spans."""

    def __init__(self, directory):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=directory))
        self.ring = str(self.directory / "ring")
        self.output = self.directory / "spans.jsonl"
        self.log = self.directory / "log"
        self.counts = None
        self.child = subprocess.Popen(
            [str(LAUNCHER), "-o", str(self.output), "--collect", str(self.directory)],
            stderr=open(self.log, "w"), env=clean_env())
        self.pid = self.child.pid
        wait_until(lambda: "collecting" in self.log.read_text() or self.child.poll() is not None,
                   "the collector's start")
        if self.child.poll() is not None:
            raise BenchError(f"the collector: {self.log.read_text().strip()}")

    def empty(self):
        if self.output.exists():
            os.truncate(self.output, 0)

    def stop(self):
        if self.counts is None:
            stop(self.child)
            self.counts = summary_counts(self.log.read_text())
            shutil.rmtree(self.directory, ignore_errors=True)
        return self.counts


class Server:
    """A running server: what load_round wants. @command may hold {port}. With @launcher, it runs under
    the prefix; otherwise with @env. @worker: it is a child of the command that serves."""

    def __init__(self, command, directory, env=None, launcher=False, tracer=(), worker=False):
        self.port = free_port()
        self.load_url = f"http://127.0.0.1:{self.port}/"
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=directory))
        self.output = self.directory / "spans.jsonl"
        self.log = self.directory / "log"
        self.collector_pid = None
        self.prepare()
        words = [str(word).format(port=self.port, directory=self.directory) for word in command]
        if launcher:
            words = [str(LAUNCHER), "-o", str(self.output), "--", *words]
        self.child = subprocess.Popen([*tracer, *words], env=env or clean_env(),
                                      stdout=subprocess.DEVNULL, stderr=open(self.log, "w"),
                                      start_new_session=True)
        try:
            wait_until(lambda: self.child.poll() is not None or is_listening(self.port),
                       f"the start of {words[0]}")
            if self.child.poll() is not None:
                raise BenchError(f"{words[0]}: {self.log.read_text().strip()[-300:]}")
            self.main_pid = self.pid = self.child.pid
            if launcher:
                self.collector_pid = self.child.pid
            if launcher or tracer:
                self.main_pid = self.pid = self._child_of(self.pid)
            if worker:
                self.pid = self._child_of(self.pid)
        except BaseException:
            self.kill()
            raise
        pin(self.pid, SERVER_CPU)

    def prepare(self):
        """What has to be there before the command starts; the port is known."""

    @staticmethod
    def _child_of(pid):
        wait_until(lambda: children(pid), "the server's process")
        return children(pid)[0]

    def after_round(self):
        """Spans files of many gigabytes are no use to anybody."""
        for path in (self.output, self.directory.parent / "direct.jsonl"):
            if path.exists():
                os.truncate(path, 0)

    def kill(self):
        if self.collector_pid and self.child.poll() is None:
            self.collector_pid = None
            self.stop()  # or its run directory stays behind
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()

    def stop(self):
        """Ends the server, then what it runs under. Returns what the launcher said of the spans."""
        try:
            os.kill(self.main_pid, signal.SIGTERM)
            self.child.wait(TICK_LIMIT)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.kill()
        time.sleep(0.05)
        counts = summary_counts(self.log.read_text())
        shutil.rmtree(self.directory, ignore_errors=True)
        return counts
