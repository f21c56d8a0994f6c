"""(a) nginx serving a small static file, over HTTPS too, and what strace and ltrace make of it."""

import os
import shutil
import subprocess
import time

from measure import BenchError, Pulses, compare, load_round, rotated, wrk
from variants import VARIANTS, Server, free_port, scratch, variant_env

# Debian's defaults, but for one worker, no log, and connections that last.
CONFIG = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log crit;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types {{ text/html html; }}
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/tmp-body;
    proxy_temp_path {directory}/tmp-proxy;
    fastcgi_temp_path {directory}/tmp-f;
    uwsgi_temp_path {directory}/tmp-u;
    scgi_temp_path {directory}/tmp-s;
    server {{
        listen 127.0.0.1:{port} backlog=512;
        {more}
        root {directory}/www;
        location = /status {{ stub_status; }}
    }}
}}
"""
PAGE = "<!doctype html><title>Hello</title><p>Hello, world!\n".ljust(256)


class Nginx(Server):
    def __init__(self, directory, **options):
        super().__init__(["nginx", "-e", "{directory}/error.log", "-p", "{directory}",
                          "-c", "{directory}/nginx.conf"], directory, worker=True, **options)

    def prepare(self):
        (self.directory / "www").mkdir()
        (self.directory / "www" / "index.html").write_text(PAGE)
        (self.directory / "nginx.conf").write_text(CONFIG.format(
            directory=self.directory, port=self.port, more=self.more(),
            user="user root;" if os.geteuid() == 0 else ""))

    def more(self):
        return ""


class TlsNginx(Nginx):
    """The load comes by HTTPS; the status is still asked for in plain text."""

    def more(self):
        cert, key, port = self.directory / "cert.pem", self.directory / "key.pem", free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                        "-subj", "/CN=localhost"], check=True, capture_output=True)
        self.load_url = f"https://127.0.0.1:{port}/"
        return f"listen 127.0.0.1:{port} ssl backlog=512; ssl_certificate {cert}; ssl_certificate_key {key};"


def start(kind, name, directory):
    if name == "ring":
        return kind(directory, launcher=True)
    return kind(directory, env=variant_env(name, directory))


def session(bench, kind, rounds, seconds):
    """Fresh servers, and rounds for @seconds. Returns what became of the ring's spans."""
    begin = time.monotonic()
    servers, pulses, failed = {}, {}, []
    with scratch() as directory:
        try:
            for name in VARIANTS:
                servers[name] = start(kind, bench.variant(name), directory)
                wrk(servers[name].port, 1)  # sees to it that the answers are right
                pulses[name] = Pulses(servers[name])
            while time.monotonic() < begin + seconds:
                bench.progress(f"nginx, round {len(rounds) + 1}")
                try:
                    rounds.append({name: pulses[name].pulse()
                                   for name in rotated(VARIANTS, len(rounds))})
                except BenchError as error:  # starved for a whole pulse: no pair, no round
                    failed.append(str(error))
                    if len(failed) > 10:
                        raise
                for server in servers.values():
                    server.after_round()
            if not rounds:
                raise BenchError("there was no time for a single round")
            due = pulses["ring"].requests()
            pulses["ring"].stop()
            return {"requests": due, **servers["ring"].stop()}
        finally:
            for pulse in pulses.values():
                pulse.stop()
            for server in servers.values():
                server.kill()


def measure(bench, kind, sessions):
    if not shutil.which("nginx") or not shutil.which("wrk"):
        raise BenchError("nginx and wrk are needed")
    rounds, spans = [], []
    for _ in range(1 if bench.is_quick else sessions):
        spans.append(session(bench, kind, rounds, 12 if bench.is_quick else 38))
    keys = ["requests_per_s", "cpu_us", "cpu_apart_us", "collector_us"]
    return {"rounds": rounds, "ring_spans": spans,
            "over_plain": compare(rounds, VARIANTS, "plain", keys),
            "over_empty": compare(rounds, VARIANTS, "empty", keys)}


def run(bench):
    return measure(bench, Nginx, 4)


def run_tls(bench):
    return measure(bench, TlsNginx, 2)


TRACERS = {
    "strace": ["strace", "-f", "-e", "trace=network", "-o", "/dev/null"],
    "ltrace": ["ltrace", "-f", "-e", "recv+writev+sendfile64+epoll_wait", "-o", "/dev/null"],
}


def tracers(bench):
    """(g) nginx under wrk again: strace and ltrace beside ours."""
    found = {name: command for name, command in TRACERS.items() if shutil.which(name)}
    rounds = []
    with scratch() as directory:
        servers = {}
        try:
            servers["plain"] = Nginx(directory, env=variant_env("plain", directory))
            servers["ring"] = Nginx(directory, launcher=True)
            for name, command in found.items():
                servers[name] = Nginx(directory, tracer=command)
            for server in servers.values():
                wrk(server.port, 1)
            for number in range(2 if bench.is_quick else 4):
                bench.progress(f"strace and ltrace, round {number + 1}")
                rounds.append(load_round(servers, number, 1))
        finally:
            for server in servers.values():
                server.kill()
    return {"rounds": rounds,
            "skipped": {name: f"{name} is not installed" for name in TRACERS if name not in found},
            "over_plain": compare(rounds, list(servers), "plain", ["requests_per_s", "cpu_us"])}
