"""starting_server.py PORT-FILE URL: a server in one thread for each request, which starts curl for it in the way that the
path says, or a program that shows its environment."""
import http.server
import os
import resource
import subprocess
import sys
import tempfile

from serving import serve_forever

CURL = ["/usr/bin/env", "curl", "-sS", sys.argv[2]]


def spawned(pid):
    os.waitpid(pid, 0)
    return b""


def forked():
    pid = os.fork()
    if pid == 0:
        os.execv(CURL[0], CURL)
    return spawned(pid)


def by_system(command):
    """What it prints."""
    with tempfile.NamedTemporaryFile() as output:
        os.system(f"{command} >{output.name}")
        return output.read()


def takes(length):
    """Does a program start with so long an environment?"""
    try:
        variables = {"A": "x" * 100000, "B": "x" * 100000, "C": "x" * length}
        spawned(os.posix_spawn("/bin/true", ["true"], {**os.environ, **variables}))
    except OSError:
        return False
    return True


def longest():
    low, high = 0, 130000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(middle) else (low, middle)
    return low


resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))  # a quarter is for that
LONGEST = longest()
WAYS = {
    "/longest": lambda: f"{LONGEST} {longest()}".encode(),
    "/run": lambda: subprocess.run(CURL, stdout=subprocess.PIPE, check=True).stdout,
    "/shell": lambda: subprocess.run(" ".join(CURL), shell=True, stdout=subprocess.PIPE, check=True).stdout,
    "/spawn": lambda: spawned(os.posix_spawn(CURL[0], CURL, os.environ)),
    "/fork": forked,
    "/system": lambda: by_system(" ".join(CURL)),
    "/system-environment": lambda: by_system("env -0"),
    "/environment": lambda: subprocess.run(["env", "-0"], stdout=subprocess.PIPE, check=True).stdout,
    "/cleared": lambda: subprocess.run(["/usr/bin/env", "-0"], env={"A": "b"}, stdout=subprocess.PIPE, check=True).stdout,
    "/own": lambda: repr(os.environ.get("TRACEPARENT")).encode(),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = WAYS[self.path]()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


serve_forever(Handler, sys.argv[1])
