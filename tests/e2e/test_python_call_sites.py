"""From which line of a Python program a call was made, of each CPython that is found: those of the system, those of pyenv."""

import glob
import os
import shutil
import socket
import subprocess
import sys
import unittest

from support import PROGRAMS, StrictServer, TracedTest, attribute

PROGRAM = PROGRAMS / "calling.py"
MINORS = range(8, 14)
FUNCTIONS = {"client": "Order.pay", "urllib": "fetch", "thread": "fetch", "missing": "fetch", "refused": "give_up",
             "generator": "generate", "asyncio": "ask"}

DAEMONS = """import socket, sys, threading
def ask(started):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    while True:
        connection.sendall(b"GET /daemon HTTP/1.1\\r\\nHost: daemons\\r\\n\\r\\n")
        connection.recv(1000)
        started.set()
events = [threading.Event() for _ in range(4)]
for event in events:
    threading.Thread(target=ask, args=(event,), daemon=True).start()
for event in events:
    event.wait()
"""


def interpreters():
    """The path of one CPython for each minor version."""
    paths = [path for minor in MINORS if (path := shutil.which(f"python3.{minor}"))]
    paths += glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")) + [sys.executable, "/usr/bin/python3"]
    found = {}
    for path in paths:
        result = subprocess.run([path, "-c", "import sys; print(sys.version_info[1], sys.implementation.name)"],
                                capture_output=True, text=True)
        minor, _, name = result.stdout.strip().partition(" ")
        if name == "cpython" and int(minor) in MINORS:
            found.setdefault(int(minor), path)
    return found


def lines():
    """By name, the line that is marked as calling it."""
    found = {}
    for number, line in enumerate(PROGRAM.read_text().splitlines(), 1):
        for name in line.partition("# calls ")[2].split():
            found[name] = number
    return found


def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def name_of(span):
    path = attribute(span, "url.full")
    return path.rpartition("/")[2] if path else "refused"


class PythonCallSites(TracedTest):
    def client_spans(self, *command, options=(), env=None):
        self.forget_spans()
        server = self.serve(StrictServer())
        words, whole_env = self.traced_command([*command, server.port, closed_port()])
        words[1:1] = options
        result = self._run(words, {**whole_env, **(env or {})})
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return [span for span in self.spans() if span["kind"] == "CLIENT"]

    def check(self, spans, minor):
        where = lines()
        names = sorted(name_of(span) for span in spans)
        self.assertEqual(names, sorted([*FUNCTIONS, "unicode", "asyncio", "asyncio"]))
        for span in spans:
            name = name_of(span)
            self.assertEqual(attribute(span, "code.file.path"), str(PROGRAM), name)
            self.assertIsNone(attribute(span, "run_traced.code.address"))
            function, line = attribute(span, "code.function.name"), attribute(span, "code.line.number")
            if name == "unicode":
                self.assertEqual(function, "größe")
                self.assertTrue(0 <= where_of_unicode() - line <= 4, line)
            else:
                self.assertEqual(function, FUNCTIONS[name] if minor >= 11 else FUNCTIONS[name].rpartition(".")[2])
                self.assertEqual(line, where[name], name)

    def test_every_version_says_its_own_line(self):
        for minor, path in sorted(interpreters().items()):
            with self.subTest(version=f"3.{minor}"):
                self.check(self.client_spans(path, PROGRAM), minor)

    def test_daemon_threads_may_be_at_it_when_the_interpreter_ends(self):
        program = self.directory / "daemons.py"
        program.write_text(DAEMONS)
        for minor, path in sorted(interpreters().items()):
            with self.subTest(version=f"3.{minor}"):
                spans = self.client_spans(path, program)
                self.assertIn("ask", [attribute(span, "code.function.name") for span in spans])


def where_of_unicode():
    return 1 + PROGRAM.read_text().splitlines().index("    )  # before this line, by up to four")


if __name__ == "__main__":
    unittest.main()
