"""What the tests of the prefix share."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = str(ROOT / "run-traced.sh")
os.environ["RUN_TRACED_PROCESS_SPANS"] = "none"  # test_processes.py asks for more
BUILD = ROOT / os.environ.get("RUN_TRACED_BUILD", "build")
PYTHON = sys.executable
NOBODY = 65534
PATIENCE = 20  # seconds that anything may take before it counts as hung


def run(*words, **options):
    options = {"capture_output": True, "timeout": PATIENCE, "stdin": subprocess.DEVNULL} | options
    if "stdout" in options or "stderr" in options:
        del options["capture_output"]
    if "input" in options:
        del options["stdin"]
    return subprocess.run(words, **options)


def install_into(directory):
    """The tree that `make install` makes. Returns the path of its run-traced.sh."""
    for name in ("bin", "lib/run-traced"):
        os.makedirs(f"{directory}/{name}")
    shutil.copy(PREFIX, f"{directory}/bin/run-traced.sh")
    for name in ("run-traced", "librun-traced.so"):
        shutil.copy(BUILD / name, f"{directory}/lib/run-traced/{name}")
    return f"{directory}/bin/run-traced.sh"


class LauncherTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.directory = stack.enter_context(tempfile.TemporaryDirectory())
        os.chmod(self.directory, 0o755)
        before = os.getcwd()
        os.chdir(self.directory)
        self.addCleanup(os.chdir, before)

    def assert_same(self, *command, **options):
        """Runs it bare and with the prefix; all that can be seen from outside is the same."""
        bare = run(*command, **options)
        traced = run(PREFIX, "-q", "-o", "/dev/null", *command, **options)
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr),
                         (bare.returncode, bare.stdout, bare.stderr))
        return traced

    def start(self, script, *options, **keywords):
        """Starts a Python program under the prefix and waits until it has printed "ready"."""
        keywords = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL} | keywords
        child = subprocess.Popen([PREFIX, "-q", "-o", "/dev/null", *options, PYTHON, "-c", script],
                                 text=True, **keywords)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "ready\n")
        return child

    def write_script(self, name, text, mode=0o755):
        pathlib.Path(name).write_text(text)
        os.chmod(name, mode)

    def compile(self, source, *flags, name="program"):
        run("gcc", "-x", "c", "-", "-o", name, *flags, input=source.encode(), check=True)
        return f"./{name}"


def is_library(path):
    """Where root's checkout is closed to others, the library that is preloaded is a copy of it."""
    path = pathlib.Path(path)
    return path == BUILD / "librun-traced.so" or (
        path.parent == pathlib.Path(f"/tmp/run-traced-{os.geteuid()}") and
        path.read_bytes() == (BUILD / "librun-traced.so").read_bytes())
