"""How a command is run: bare, or traced; and within a time limit, whatever it does."""
import os
import pathlib
import pwd
import signal
import subprocess
import threading
import time

ENDING = threading.Event()  # once set, whatever runs is ended, and nothing more begins
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Way:
    """@kind: "bare", "ring" (the launcher) or "direct" (the library alone, which writes by itself)."""

    def __init__(self, kind, build):
        self.kind = kind
        self.build = build

    def command(self, command, spans):
        if self.kind != "ring":
            return command
        return [str(ROOT / "run-traced.sh"), "-q", "-o", str(spans), "--", *command]

    def environ(self, spans):
        if self.kind != "direct":
            return {"RUN_TRACED_BUILD": str(self.build)} if self.kind == "ring" else {}
        return {"LD_PRELOAD": str(self.build / "librun-traced.so"),
                "RUN_TRACED_EXPORTER": f"file:{spans}"}


class Ended:
    """@status: as of Popen, or None if the time limit ended it."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors


def nobody():
    """What makes Popen drop root's privileges, for suites that refuse to run with them."""
    if os.getuid():
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def run(way, job, limit, is_alive=None):
    """Runs job's command in a session of its own. @is_alive: called ten times a second; returns the
    time (monotonic) of the last sign of life, from which @limit counts."""
    paths = [job.directory / f"{way.kind}.{name}" for name in ("out", "err", "spans.jsonl")]
    paths[2].unlink(missing_ok=True)
    environ = {**os.environ, **job.environ, **way.environ(paths[2])}
    with open(paths[0], "wb") as output, open(paths[1], "wb") as errors:
        child = subprocess.Popen(way.command(job.command, paths[2]), cwd=job.cwd, env=environ,
                                 stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                 start_new_session=True, **(nobody() if job.is_for_nobody else {}))
        begin = time.monotonic()
        status = None
        try:
            while not ENDING.is_set() and time.monotonic() - (is_alive() if is_alive else begin) < limit:
                try:
                    status = child.wait(0.1)
                    break
                except subprocess.TimeoutExpired:
                    pass
        finally:
            session_kill(child)
    if ENDING.is_set():
        raise InterruptedError
    return Ended(status, *(path.read_text(errors="replace") for path in paths[:2]))


def session_kill(child):
    """What the tests leave behind must not be in the way of the next ones."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == child.pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except (OSError, IndexError):
            pass
    child.wait()
