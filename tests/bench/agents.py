"""(g) the OpenTelemetry agents of Node and Python, on the same tiny servers as ours."""

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

from measure import BenchError, compare, load_round, wrk
from variants import BENCH, Collector, Server, clean_env, scratch, variant_env

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALL_LIMIT = 60  # seconds
NODE_PACKAGES = ["@opentelemetry/api", "@opentelemetry/auto-instrumentations-node"]
PYTHON_PACKAGES = ["flask", "opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http",
                   "opentelemetry-instrumentation-flask"]


class Discard(http.server.BaseHTTPRequestHandler):
    """Where the agents send their spans."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def discarding():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Discard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def install(command, directory, what):
    os.makedirs(directory, exist_ok=True)
    try:
        output = subprocess.run(command, cwd=directory, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=INSTALL_LIMIT)
    except subprocess.TimeoutExpired:
        raise BenchError(f"installing {what} took more than {INSTALL_LIMIT} s") from None
    if output.returncode:
        raise BenchError(f"{what} cannot be installed: "
                         f"{(output.stderr or output.stdout).strip()[-160:]}")


def agent_env(url, exporter):
    env = clean_env()
    env.update(OTEL_SERVICE_NAME="bench", OTEL_TRACES_EXPORTER=exporter,
               OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none",
               OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    return env


def compare_servers(bench, what, command, agent_command, agent_extra):
    """@command plain, with our ring, and @agent_command with the agent's spans going to a server that
    drops them."""
    rounds = []
    names = ["plain", "ring", "agent"]
    with scratch() as directory, discarding() as url:
        servers = {}
        collector = Collector(directory)
        try:
            servers["plain"] = Server(command, directory)
            servers["ring"] = Server(command, directory,
                                     env=variant_env("ring", directory, collector.ring))
            servers["agent"] = Server(agent_command, directory,
                                      env={**agent_env(url, "otlp"), **agent_extra})
            for server in servers.values():
                wrk(server.port, 1 if bench.is_quick else 3)
            for number in range(2 if bench.is_quick else 8):
                bench.progress(f"{what}, round {number + 1}")
                rounds.append(load_round(servers, number, 1))
        finally:
            for server in servers.values():
                server.kill()
            counts = collector.stop()
    return {"rounds": rounds, "ring_spans": [counts],
            "over_plain": compare(rounds, names, "plain", ["requests_per_s", "cpu_us"])}


def run_node(bench):
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise BenchError("node and npm are not installed")
    directory = BENCH / "node"
    package = directory / "node_modules" / "@opentelemetry" / "auto-instrumentations-node"
    if not (package / "package.json").exists():
        bench.progress("installing OpenTelemetry's agent for Node")
        install([npm, "install", "--no-audit", "--no-fund", "--prefix", str(directory),
                 *NODE_PACKAGES], directory, NODE_PACKAGES[-1])
    script = [node, f"{HERE}/hello.js", "{port}"]
    agent = [node, "--require", str(package / "build" / "src" / "register.js"), *script[1:]]
    found = compare_servers(bench, "Node", script, agent, {})
    found["version"] = json.loads((package / "package.json").read_text())["version"]
    return found


def run_python(bench):
    directory = BENCH / "python"
    python = directory / "bin" / "python"
    agent = directory / "bin" / "opentelemetry-instrument"
    if not agent.exists():
        bench.progress("installing OpenTelemetry's agent for Python")
        if not python.exists():
            install([sys.executable, "-m", "venv", str(directory)], directory, "a venv")
        install([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                 *PYTHON_PACKAGES], directory, PYTHON_PACKAGES[1])
    script = [str(python), f"{HERE}/hello.py", "{port}"]
    found = compare_servers(bench, "Python", script, [str(agent), *script], {})
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format=json",
                             "--disable-pip-version-check"], capture_output=True, text=True)
    found["version"] = {p["name"]: p["version"] for p in json.loads(listed.stdout or "[]")
                        }.get("opentelemetry-distro")
    return found
