"""--reproducible: the same bytes from runs that do the same, and one more call is one more line."""

import fcntl
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import PREFIX, PYTHON, LauncherTest, run

# A server on any port, in a process of its own, and threads that call it in whatever order they get to it.
PROGRAM = """
import http.server, os, signal, sys, tempfile, threading, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = False
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()  # waits for what has been answered, but is not over
    os._exit(0)

def call(path):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}").read()
    except urllib.error.HTTPError as error:
        error.read()

paths = ["/a", "/b", "/missing", "/a", f"/files{tempfile.mkdtemp()}/x", f"/items/{os.getpid()}"] + sys.argv[1:]
threads = [threading.Thread(target=call, args=(path,)) for path in paths]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os.kill(child, 15)
os.wait()
"""


class Reproducible(LauncherTest):
    def record(self, file, *words, options=("--reproducible",)):
        run(PREFIX, "-q", *options, "-o", file, PYTHON, "-c", PROGRAM, *words, check=True)
        return pathlib.Path(file).read_text().splitlines()

    def test_two_runs_give_the_same_bytes_and_one_more_call_its_own_lines(self):
        first = self.record("a")
        self.assertEqual(pathlib.Path("a").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.record("b"), first)
        self.assertEqual(len(first), 12)
        more = self.record("c", "/more")
        added = [line for line in more if line not in first]
        self.assertEqual([line for line in more if line in first], first)
        client, server = map(json.loads, added)
        self.assertEqual((client["kind"], server["kind"]), ("CLIENT", "SERVER"))
        self.assertEqual(server["parentSpanId"], client["spanId"])
        self.assertEqual(sorted(os.listdir(".")), ["a", "b", "c"])

    def test_a_finished_file_is_printed_the_same_way(self):
        expected = self.record("a")
        self.record("b", options=())
        for words in (["b"], ["--view", "b"]):
            printed = run(PREFIX, "--reproducible", *words, check=True, text=True)
            self.assertEqual((printed.stdout.splitlines(), printed.stderr), (expected, ""))
        self.assertEqual(run(PREFIX, "--reproducible", "a", check=True, text=True).stdout.splitlines(), expected)

    def test_checks_are_made_before_it(self):
        checks = ["--check", "none(duration = 0s)", "--check", "count() = 12"]
        result = run(PREFIX, "--reproducible", *checks, PYTHON, "-c", PROGRAM, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"duration":0', pathlib.Path("spans.jsonl").read_text())

    def test_what_cannot_be_rewritten_is_refused_and_stays(self):
        pathlib.Path("f").write_text("no span\n")
        for words, status, said in ((["-e", "file:f", "true"], 125, "rewrites a whole file"),
                                    (["-e", "unix:s", "true"], 125, "-o FILE"), (["-D", "--", "true"], 125, "-D"),
                                    (["f"], 2, "no span in f"), (["--view=no"], 2, "cannot rewrite no"),
                                    (["--check", "none(root)", "f"], 125, "not at a file")):
            result = run(PREFIX, "--reproducible", *words, text=True)
            self.assertEqual((result.returncode, result.stdout), (status, ""), words)
            self.assertIn(said, result.stderr)
        result = run(PREFIX, "--reproducible", "-o", "g", "sh", "-c", "echo no span >> g", text=True)
        self.assertEqual((result.returncode, pathlib.Path("g").read_text()), (125, "no span\n"))
        self.assertEqual(sorted(os.listdir(".")), ["f", "g"])

    def test_a_file_that_another_run_writes_to_stays(self):
        with open("f", "w", encoding="ascii") as other:
            fcntl.flock(other, fcntl.LOCK_SH)
            result = run(PREFIX, "--reproducible", "-o", "f", "true", text=True)
            self.assertEqual(result.returncode, 125)
            self.assertIn("another run writes to it", result.stderr)
            self.assertEqual(os.fstat(other.fileno()).st_ino, os.stat("f").st_ino)

    def test_the_commands_status_stays(self):
        self.assertEqual(run(PREFIX, "--reproducible", "sh", "-c", "exit 3").returncode, 3)


if __name__ == "__main__":
    unittest.main()
