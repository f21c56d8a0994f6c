"""The servers to be tried: started traced, asked by an untraced curl that sends a traceparent of its own."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time

import support

PYTHON = "/usr/bin/python3"
PATIENCE = 20


class NotStarted(Exception):
    pass


class Failure(Exception):
    """What must hold does not."""


class Server:
    name = program = ""
    takes_posts = True
    path = "/file?n={n}"

    def __init__(self, bench):
        self.bench = bench
        self.port = support.free_port()
        self.directory = bench.directory / f"server-{self.port}"
        self.directory.mkdir()
        self.spans = self.directory / "spans.jsonl"
        self.root = self.directory / "root"
        self.root.mkdir()
        (self.root / "small").write_bytes(b"s" * 1000)
        (self.root / "large").symlink_to(bench.large)
        os.chmod(bench.directory, 0o755)
        os.chmod(self.directory, 0o777)

    @classmethod
    def is_there(cls):
        return bool(shutil.which(cls.program))

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        words = [str(support.PREFIX), "-q", "-o", str(self.spans), "--", *map(str, self.command())]
        self.log = open(self.directory / "log", "wb")
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                      env=support.clean_env() | support.sanitizer_env(), cwd=self.root, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise NotStarted((self.directory / "log").read_text(errors="replace")[-500:])
            time.sleep(0.05)

    def __exit__(self, *_error):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        self.log.close()


class Nginx(Server):
    name, program = "nginx", "nginx"
    more = ""

    def command(self):
        conf = self.directory / "nginx.conf"
        temp = " ".join(f"{kind}_temp_path {self.directory}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        conf.write_text(f"""daemon off; {user} worker_processes 2; pid {self.directory}/pid; error_log {self.directory}/error.log;
            events {{ worker_connections 512; }}
            http {{ access_log off; {temp} client_max_body_size 0; {self.more}
                server {{ listen 127.0.0.1:{self.port} ssl; root {self.root};
                         ssl_certificate {self.bench.identity.cert}; ssl_certificate_key {self.bench.identity.key};
                         location = /post {{ proxy_pass https://127.0.0.1:{self.port}/gone; }}
                         location = /gone {{ return 200 "taken"; }} }} }}""")
        return ["nginx", "-e", self.directory / "error.log", "-p", self.directory, "-c", conf]


class Lighttpd(Server):
    name, program, takes_posts = "lighttpd (OpenSSL)", "lighttpd", False

    @classmethod
    def is_there(cls):
        return super().is_there() and any(os.path.exists(f"/usr/lib/lighttpd/mod_{m}.so") for m in ("openssl",))

    def command(self):
        conf = self.directory / "lighttpd.conf"
        conf.write_text(f"""server.modules = ("mod_openssl")
            server.document-root = "{self.root}"
            server.bind = "127.0.0.1"
            server.port = {self.port}
            ssl.engine = "enable"
            ssl.pemfile = "{self.bench.identity.both}"
            server.feature-flags = ("server.h2proto" => "disable")
            server.errorlog = "{self.directory}/error.log"
            """)
        return ["lighttpd", "-D", "-f", conf]


class Haproxy(Server):
    """In front of a plain Python server, which is not traced."""
    name, program, takes_posts = "haproxy", "haproxy", False

    def command(self):
        backend = support.free_port()
        self.backend = subprocess.Popen([PYTHON, "-m", "http.server", "--bind", "127.0.0.1", str(backend)], cwd=self.root,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", backend), 1):
                break
            time.sleep(0.05)
        conf = self.directory / "haproxy.cfg"
        conf.write_text(f"""global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{self.port} ssl crt {self.bench.identity.both}
    default_backend back
backend back
    server one 127.0.0.1:{backend}
""")
        return ["haproxy", "-db", "-f", conf]

    def __exit__(self, *error):
        super().__exit__(*error)
        self.backend.terminate()
        self.backend.wait()


class Apache(Server):
    name, program, takes_posts = "apache2", "apache2", False

    def command(self):
        modules = "/usr/lib/apache2/modules"
        conf = self.directory / "apache.conf"
        conf.write_text(f"""ServerName localhost
            ServerRoot {self.directory}
            PidFile {self.directory}/pid
            Listen 127.0.0.1:{self.port}
            LoadModule mpm_event_module {modules}/mod_mpm_event.so
            LoadModule authz_core_module {modules}/mod_authz_core.so
            LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
            LoadModule ssl_module {modules}/mod_ssl.so
            ErrorLog {self.directory}/error.log
            DocumentRoot {self.root}
            <Directory {self.root}>
                Options FollowSymLinks
                Require all granted
            </Directory>
            SSLEngine on
            SSLCertificateFile {self.bench.identity.cert}
            SSLCertificateKeyFile {self.bench.identity.key}
            """)
        return ["apache2", "-X", "-f", conf]


PYTHON_SERVER = """
import http.server, ssl, sys, hashlib
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


class Python(Server):
    name, program = "python ssl", PYTHON

    def command(self):
        return [PYTHON, "-c", PYTHON_SERVER, self.port, self.bench.identity.cert, self.bench.identity.key]


class Openssl(Server):
    """One connection after the other, read and written by BIO_f_ssl."""
    name, program, takes_posts = "openssl s_server", "openssl", False

    def command(self):
        return ["openssl", "s_server", "-quiet", "-WWW", "-accept", f"127.0.0.1:{self.port}", "-cert", self.bench.identity.cert,
                "-key", self.bench.identity.key]


class Stunnel(Haproxy):
    name, program = "stunnel", "stunnel4"

    def command(self):
        super().command()
        backend = re.search(r"server one 127.0.0.1:(\d+)", (self.directory / "haproxy.cfg").read_text())[1]
        conf = self.directory / "stunnel.conf"
        conf.write_text(f"foreground = yes\npid =\n[https]\naccept = 127.0.0.1:{self.port}\nconnect = 127.0.0.1:{backend}\n"
                        f"cert = {self.bench.identity.both}\n")
        return ["stunnel4", conf]


SERVERS = [Nginx, Lighttpd, Haproxy, Apache, Python, Openssl, Stunnel]


class ServerTry:
    def __init__(self, bench, server, pattern):
        self.bench, self.server, self.pattern = bench, server, pattern

    def ask(self, paths, *more):
        """Returns the bodies' sha256 and the parents that were sent."""
        parents = [(secrets.token_hex(16), secrets.token_hex(8)) for _ in paths]
        words = ["curl", "-sS", "--cacert", str(self.bench.identity.cert)]
        files = []
        for index, (path, (trace_id, span_id)) in enumerate(zip(paths, parents)):
            files.append(self.server.directory / f"body-{span_id}")
            words += ["--next"] if index else []
            words += ["-sS", "--cacert", str(self.bench.identity.cert), "-H", f"traceparent: 00-{trace_id}-{span_id}-01", *more,
                      "-o", str(files[-1]), f"https://localhost:{self.server.port}{path}"]
        result = subprocess.run(words, capture_output=True, text=True, env=support.clean_env(), check=False, timeout=120)
        if result.returncode:
            raise Failure(f"curl: {result.stderr[:300]}")
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files], parents

    def check(self, parents, method="GET", count=1):
        """Each parent has its SERVER span, once that is written."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.server.spans.read_bytes().splitlines() if self.server.spans.exists() else []
            found = [json.loads(line) for line in lines if line.endswith(b"}")]
            mine = {parent: [s for s in found if s["kind"] == "SERVER" and (s["traceId"], s.get("parentSpanId")) == parent]
                    for parent in parents}
            if all(len(spans) >= count for spans in mine.values()) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for parent, spans in mine.items():
            if len(spans) != count:
                raise Failure(f"{len(spans)} SERVER spans for one request: {spans}")
            for span in spans:
                self.check_span(span, method)

    @staticmethod
    def check_span(span, method):
        attributes = span["attributes"]
        if (span["status"]["code"] != "OK" or attributes["url.scheme"] != "https" or
                attributes["http.request.method"] != method or attributes["http.response.status_code"] != 200 or
                not attributes["tls.protocol.version"].startswith("1.")):
            raise Failure(f"not what was asked: {span}")

    def get(self, names):
        bodies, parents = self.ask([f"/{name}" for name in names])
        for name, body in zip(names, bodies):
            if body != hashlib.sha256((self.server.root / name).read_bytes()).hexdigest():
                raise Failure(f"another body of {name}")
        self.check(parents)

    def small(self):
        self.get(["small"])

    def download(self):
        self.get(["large"])

    def several(self):
        self.get(["small"] * 5)

    def upload(self):
        if not self.server.takes_posts:
            return "-"
        bodies, parents = self.ask(["/post"], "-H", "Expect:", "--data-binary", f"@{self.bench.large}")
        expected = {hashlib.sha256(self.bench.large.read_bytes()).hexdigest(),  # python's answer
                    hashlib.sha256(hashlib.sha256(self.bench.large.read_bytes()).hexdigest().encode()).hexdigest(),
                    hashlib.sha256(b"taken").hexdigest()}
        if bodies[0] not in expected:
            raise Failure("another answer")
        return self.check(parents, "POST")

    def parallel(self):
        with concurrent.futures.ThreadPoolExecutor(self.bench.options.parallel) as pool:
            list(pool.map(lambda _: self.small(), range(self.bench.options.parallel)))
