"""What is within a TLS session if it is not HTTP/1: said, not passed over. And TLS through a proxy."""

import contextlib
import os
import socket
import ssl
import subprocess
import threading

from support import PYTHON, ROOT, TracedTest, attribute, can_connect, describe, free_port, needs, of_kind, wait_for

CLIENT = """
import socket, ssl, sys
port, alpn, script = int(sys.argv[1]), sys.argv[2], eval(sys.argv[3])
context = ssl.create_default_context(cafile=sys.argv[4])
if alpn:
    context.set_alpn_protocols([alpn])
with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as s:
    for step in script:
        if isinstance(step, bytes):
            s.sendall(step)
        else:
            print(s.recv(step, ))
"""
BY_PROXY = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": sys.argv[2]}),
                                     urllib.request.HTTPSHandler(context=context))
print(opener.open(sys.argv[3]).read())
"""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def identity_make(directory):
    """Paths of a certificate for localhost that signs itself, and of its key."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return str(cert), str(key)


class Listener:
    """Accepts connections, one after the other: serve(connection)."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with contextlib.suppress(OSError):
                    self.serve(connection)

    def serve(self, connection):
        raise NotImplementedError

    def stop(self):
        self.socket.close()


class Server(Listener):
    """Each connection goes by @script, a function of the TLS socket."""

    def __init__(self, directory, script, alpn=None):
        self.cert, key = identity_make(directory)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        if alpn:
            self.context.set_alpn_protocols([alpn])
        self.script = script
        super().__init__()

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as tls:
            self.script(tls)


class Proxy(Listener):
    """Takes one CONNECT after the other."""

    def __init__(self):
        self.heads = []
        super().__init__()

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        self.heads.append(head.decode())
        host, port = head.split()[1].decode().split(":")
        upstream = socket.create_connection((host, int(port)))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = threading.Thread(target=self.pump, args=(connection, upstream))
        there.start()
        self.pump(upstream, connection)
        there.join()
        connection.close()
        upstream.close()

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def echo(tls):
    while data := tls.recv(1000):
        tls.sendall(data)


class Within(TracedTest):
    def talk(self, script, steps, alpn=""):
        server = Server(self.directory, script, alpn)
        self.addCleanup(server.stop)
        command = (PYTHON, "-c", CLIENT, str(server.port), alpn, repr(steps), server.cert)
        bare = self.bare(*command)
        self.result = self.traced(*command)
        self.assertEqual((self.result.returncode, self.result.stdout), (0, bare.stdout), self.result.stderr)
        self.port = server.port
        return self.only_span()

    def check(self, span, sent, received):
        self.assertEqual((span["name"], span["kind"], span["status"]["code"]), ("tls", "CLIENT", "UNSET"), describe([span]))
        self.assertIs(attribute(span, "run_traced.opaque"), True)
        self.assertEqual(attribute(span, "server.address"), "localhost")
        self.assertEqual(attribute(span, "network.peer.port"), self.port)
        self.assertEqual(attribute(span, "run_traced.sent_bytes"), sent)
        self.assertEqual(attribute(span, "run_traced.received_bytes"), received)
        self.assertTrue(attribute(span, "tls.protocol.version").startswith("1."))
        self.assertEqual([event["name"] for event in span["events"]],
                         ["connect", "connected", "tls.handshake.start", "tls.handshake.done"])

    def test_another_protocol(self):
        span = self.talk(echo, [b"\x00\x01binary", 100, b"more", 100])
        self.check(span, 12, 12)

    def test_the_server_speaks_first(self):
        def greet(tls):
            tls.sendall(b"220 hello\r\n")
            echo(tls)
        span = self.talk(greet, [100, b"\x01QUIT", 100])
        self.check(span, 5, 16)

    def test_http2(self):
        span = self.talk(echo, [PREFACE, 100], alpn="h2")
        self.check(span, len(PREFACE), len(PREFACE))
        self.assertEqual(attribute(span, "network.protocol.name"), "http")
        self.assertEqual(attribute(span, "network.protocol.version"), "2")

    def test_protocol_by_name(self):
        span = self.talk(echo, [b"\x01", 100], alpn="x-own")
        self.assertEqual(attribute(span, "network.protocol.name"), "x-own")


class Http2(TracedTest):
    @needs("nginx")
    def test_by_libcurl(self):
        (cert, key), port = identity_make(self.directory), free_port()
        conf, log = self.directory / "nginx.conf", self.directory / "access.log"
        user = "user root;" if os.geteuid() == 0 else ""
        temp = " ".join(f"{kind}_temp_path {self.directory}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf.write_text(f"""daemon off; {user} pid {self.directory}/pid; error_log {self.directory}/error.log; events {{ }}
            http {{ log_format line '$server_protocol $request_uri $http_traceparent'; access_log {log} line; {temp}
                server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key};
                         location / {{ return 200 "taken"; }} }} }}""")
        self.start("nginx", "-e", self.directory / "error.log", "-p", self.directory, "-c", conf, traced=False, port=port)
        urls = [f"https://localhost:{port}/{i}" for i in range(5)]
        result = self.traced("curl", "-sS", "--http2", "--cacert", cert, "-Z", *urls)
        self.assertEqual((result.returncode, result.stdout), (0, b"taken" * 5), result.stderr)
        lines = wait_for(lambda: len(found := log.read_text().splitlines()) == 5 and found, "five requests")
        found = self.all_spans(5)
        self.assertEqual({attribute(span, "network.protocol.version") for span in found}, {"2"}, describe(found))
        paths = {attribute(span, "url.full").rpartition("/")[2]: span for span in found}
        expected = {f"HTTP/2.0 /{path} 00-{span['traceId']}-{span['spanId']}-03" for path, span in paths.items()}
        self.assertEqual(set(lines), expected)


class EarlyData(TracedTest):
    def open(self, *command):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        return child

    def test_is_sent_as_it_is(self):
        """It may be refused, and is sent again then: not touched, but said."""
        (cert, key), port = identity_make(self.directory), free_port()
        session, request = self.directory / "session", self.directory / "request"
        request.write_bytes(b"GET / HTTP/1.0\r\n\r\n")
        server = self.open("openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key,
                            "-early_data", "-no_anti_replay", "-max_early_data", "16000")
        wait_for(lambda: can_connect(port), "the server")
        first = self.open("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-sess_out", str(session))
        wait_for(session.exists, "a session")
        first.communicate()
        result = self.traced("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-sess_in", str(session), "-early_data",
                             str(request), input=b"Q\n")
        self.assertIn(b"Early data was accepted", result.stdout)
        self.assertEqual(server.stdout.read(18), request.read_bytes())
        span = self.only_span()
        self.assertEqual((span["name"], span["status"]["code"]), ("tls", "UNSET"), describe([span]))
        self.assertEqual(attribute(span, "run_traced.sent_bytes"), 18)


IMPLIED = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost",
                        do_handshake_on_connect=False)
s.write(eval(sys.argv[3]))
print(s.read(100))
"""


class ImpliedHandshake(TracedTest):
    """By the first write, which is looked at before there is anything to be said of the session."""

    def talk(self, script, first):
        server = Server(self.directory, script)
        self.addCleanup(server.stop)
        result = self.traced(PYTHON, "-c", IMPLIED, str(server.port), server.cert, repr(first))
        self.assertEqual(result.returncode, 0, result.stderr)
        span = self.only_span()
        self.assertTrue(attribute(span, "tls.protocol.version").startswith("1."), describe([span]))
        self.assertTrue(attribute(span, "tls.cipher"))
        self.assertIn("tls.handshake.done", [event["name"] for event in span["events"]])
        return span

    def test_http(self):
        def serve(tls):
            tls.recv(1000)
            tls.sendall(ANSWER)
        span = self.talk(serve, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual((span["name"], span["status"]["code"]), ("GET", "OK"))

    def test_another_protocol(self):
        self.assertEqual(self.talk(echo, b"\x01hello")["name"], "tls")


class Refused(TracedTest):
    def check(self, *command):
        server = Server(self.directory, echo)
        self.addCleanup(server.stop)
        result = self.traced(*[str(word).replace("@url@", f"https://localhost:{server.port}/") for word in command])
        self.assertNotEqual(result.returncode, 0)
        span = self.only_span()
        self.assertEqual((span["name"], span["kind"], span["status"]["code"]), ("TLS handshake", "CLIENT", "ERROR"))
        self.assertEqual(attribute(span, "server.address"), "localhost")
        return span

    def test_by_openssl(self):
        span = self.check(PYTHON, "-c", "import urllib.request; urllib.request.urlopen('@url@')")
        self.assertEqual(attribute(span, "error.type"), "tls")
        self.assertEqual(span["status"]["message"], "certificate verify failed")

    def test_by_openssl_over_memory(self):
        self.check(PYTHON, "-c", "import asyncio, urllib.parse as p; u = p.urlsplit('@url@')\n"
                                 "asyncio.run(asyncio.open_connection(u.hostname, u.port, ssl=True))")

    def test_by_gnutls(self):
        program = self.directory / "gnutls_client"
        subprocess.run(["gcc", "-o", program, ROOT / "tests" / "tls" / "gnutls_client.c", "-lgnutls"], check=True)
        server = Server(self.directory, echo)
        self.addCleanup(server.stop)
        result = self.traced(program, "own", "localhost", server.port, "/dev/null", "/")
        self.assertNotEqual(result.returncode, 0)
        span = self.only_span()
        self.assertEqual((span["name"], span["status"]["code"]), ("TLS handshake", "ERROR"), describe([span]))
        self.assertEqual(attribute(span, "server.address"), "localhost")
        self.assertIn("GNUTLS_E_CERTIFICATE", attribute(span, "error.type"))


class Writes(TracedTest):
    """The programs that write in every way there is, of the differential bed: each request has its spans."""

    def check(self, name, library, count):
        program = self.directory / name
        subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-o", program, ROOT / "tests" / "harmless" / f"{name}.c",
                        *library], check=True)
        result = self.traced(program)
        self.assertEqual(result.returncode, 0, result.stderr)
        posts = [span for span in self.spans() if span["name"] == "POST" and span["status"]["code"] == "OK"]
        self.assertEqual(len(of_kind(posts, "CLIENT")), count)
        self.assertGreaterEqual(len(of_kind(posts, "SERVER")), count)

    def test_openssl(self):
        self.check("tls_writes", ["-lssl", "-lcrypto"], 480)

    def test_gnutls(self):
        self.check("gnutls_writes", ["-lgnutls"], 96)


class Tunnel(TracedTest):
    def test_https_through_a_proxy(self):
        """The proxy gets the header of the CONNECT, the server that of the request."""
        seen = []

        def serve(tls):
            head = b""
            while b"\r\n\r\n" not in head:
                head += tls.recv(1000)
            seen.append(head.decode())
            tls.sendall(ANSWER)
        server, proxy = Server(self.directory, serve), Proxy()
        self.addCleanup(server.stop)
        self.addCleanup(proxy.stop)
        result = self.traced(PYTHON, "-c", BY_PROXY, server.cert, f"http://127.0.0.1:{proxy.port}",
                             f"https://localhost:{server.port}/x")
        self.assertEqual((result.returncode, result.stdout), (0, b"b'ok'\n"), result.stderr)
        found = of_kind(self.all_spans(2), "CLIENT")
        by_method = {attribute(span, "http.request.method"): span for span in found}
        for method, head in (("CONNECT", proxy.heads[0]), ("GET", seen[0])):
            span = by_method[method]
            self.assertEqual(head.lower().count("traceparent:"), 1)
            self.assertIn(f"traceparent: 00-{span['traceId']}-{span['spanId']}-03", head)
        self.assertEqual(attribute(by_method["GET"], "url.full"), f"https://localhost:{server.port}/x")
        self.assertEqual(attribute(by_method["GET"], "network.peer.port"), proxy.port)

    @needs("node")
    def test_tls_of_its_own_through_a_proxy(self):
        server, proxy = Server(self.directory, echo), Proxy()
        self.addCleanup(server.stop)
        self.addCleanup(proxy.stop)
        script = f"""require("http").request({{host: "127.0.0.1", port: {proxy.port}, method: "CONNECT", path: "localhost:{server.port}"}})
            .on("connect", (answer, socket) => {{
                const tls = require("tls").connect({{socket, servername: "localhost", ca: require("fs").readFileSync("{server.cert}")}},
                                                   () => tls.write("hello"));
                tls.on("data", data => {{ console.log(data.toString()); tls.end(); }});
            }}).end()"""
        result = self.traced("node", "-e", script)
        self.assertEqual((result.returncode, result.stdout), (0, b"hello\n"), result.stderr)
        found = {span["name"]: span for span in self.all_spans(2)}
        self.assertEqual(attribute(found["CONNECT"], "http.response.status_code"), 200)
        span = found["tls"]
        self.assertEqual((span["status"]["code"], attribute(span, "server.address")), ("UNSET", "localhost"), describe([span]))
        self.assertIs(attribute(span, "run_traced.opaque"), True)
        self.assertEqual(attribute(span, "network.peer.port"), proxy.port)
