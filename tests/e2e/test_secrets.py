"""A run full of planted secrets, each a random string of its own: none is in any byte of any output, nor in the ring while
the spans are open or after; the requests that carried them are recorded all the same."""

import base64
import json
import os
import pathlib
import secrets
import socket
import subprocess
import unittest

import support
from support import PREFIX, PYTHON, Recorder, TracedTest, wait_for

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nSet-Cookie: sid=%s\r\nX-Secret: %s\r\n\r\n%s"

RAW_CLIENT = """
import os, socket, sys
host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sock = socket.create_connection((host, port))
sock.sendall(open(path, "rb").read())
sock.settimeout(10)
try:
    sock.recv(65536)
    if len(sys.argv) > 4:
        print(os.environ["RUN_TRACED_RING"], flush=True)
        sys.stdin.readline()
except OSError:
    pass
"""

RAW_SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1] + ".new", "w").write(str(listener.getsockname()[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    sock, _ = listener.accept()
    sock.settimeout(1)
    try:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    except OSError:
        pass
    sock.close()
"""

CAPTURED = ("authorization,proxy-authorization,cookie,set-cookie,x-api-key,x-auth-token,x-amz-security-token,x-csrf-token,"
            "referer,x-original-uri,sec-websocket-key,sec-websocket-protocol,x-anything,x-tenant")


class Planted(TracedTest):
    def setUp(self):
        super().setUp()
        self.planted = {}
        self.outputs = []
        self.env = {"RUN_TRACED_CAPTURE_HEADERS": CAPTURED, "RUN_TRACED_BAGGAGE_ATTRIBUTES": "*"}

    def secret(self, where):
        """Plants one: letters and digits, so that no encoding changes it. The last is no letter that in an option would
        stand for a name with a password behind it."""
        text = f"s3cr3t{secrets.token_hex(6)}7"
        self.planted[where] = text
        return text

    # -- looking for them

    def assert_none_in(self, data, what):
        for where, text in self.planted.items():
            for spelling in (text, base64.b64encode(text.encode())[:-4].decode(), text.encode().hex()):
                self.assertNotIn(spelling.encode(), data, f"the secret from {where} is in {what}")

    def run_prefix(self, *command, **env):
        """A run with a spans file of its own; what it says is looked at as well. Returns its spans as they are."""
        path = self.directory / f"out-{len(self.outputs)}.jsonl"
        self.outputs.append(path)
        result = self._run([str(PREFIX), "-o", str(path), *map(str, command)],
                           support.clean_env() | support.sanitizer_env() | self.env | env)
        view = self._run([str(PREFIX), "--view", str(path)], support.clean_env())
        for data, what in ((result.stderr, "stderr"), (path.read_bytes(), "the spans"), (view.stdout, "the view")):
            self.assert_none_in(data, what)
        return [json.loads(line) for line in path.read_bytes().splitlines()]

    # -- requests

    def server(self):
        """Answers with secrets of its own, whatever is asked."""
        body = self.secret("answer's body").encode()
        answer = ANSWER % (len(body), self.secret("answer's cookie").encode(), self.secret("answer's header").encode(), body)

        def script(conversation):
            while conversation.read_head():
                conversation.send(answer)
                if b"\r\nExpect" in conversation.received or b"POST" in conversation.received:
                    return
        return self.serve(Recorder(script))

    def head(self, line, host="host.example"):
        """A request with a secret in everything that may hold one."""
        s = self.secret
        fields = {"Host": host, "User-Agent": "planted/1", "X-Tenant": "seen",
                  "Authorization": f"Bearer {s('Authorization')}", "Proxy-Authorization": f"Basic {s('proxy')}",
                  "Cookie": f"a={s('Cookie')}", "X-Api-Key": s("X-Api-Key"), "X-Auth-Token": s("X-Auth-Token"),
                  "X-Amz-Security-Token": s("X-Amz-Security-Token"), "X-CSRF-Token": s("csrf"),
                  "X-Anything": f"Bearer {s('a bearer anywhere')}", "X-Not-Captured": s("another header"),
                  "Referer": f"https://u:{s('referer userinfo')}@h/p?q={s('referer query')}",
                  "X-Original-URI": f"/p?q={s('original uri')}", "Sec-WebSocket-Key": s("websocket key"),
                  "Sec-WebSocket-Protocol": f"bearer.{s('websocket protocol')}",
                  "Baggage": f"access_token={s('baggage token')},link=http%3A%2F%2Fu%3A{s('baggage userinfo')}%40h"}
        return (line + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode()

    def lines(self):
        """Request lines and Host fields with secrets in all shapes."""
        s = self.secret
        return [
            (f"GET /q?token={s('query')}&a={s('any key')};b={s('after a semicolon')}&{s('no key')} HTTP/1.1", "host.example"),
            (f"GET /c;jsessionid={s('path parameter')}/x?a={s('1')}%26b={s('2')} HTTP/1.1", "host.example"),
            (f"GET http://u:{s('absolute form')}@host.example/p?x={s('its query')} HTTP/1.1", "host.example"),
            (f"GET /to/http://u:{s('url in a path')}@h/x HTTP/1.1", "host.example"),
            (f"GET /to/https%3A%2F%2Fu%3A{s('encoded url')}%40h HTTP/1.1", "host.example"),
            (f"GET /p#access_token={s('fragment')} HTTP/1.1", "host.example"),
            ("GET /h HTTP/1.1", f"u:{s('Host')}@host.example"),
            ("GET /h2 HTTP/1.1", f"host.example/p?a={s('Host query')}"),
            (f"CONNECT u:{s('CONNECT')}@host.example:443 HTTP/1.1", "host.example:443"),
            (f"GET foo:/u:{s('another scheme')}@h/p HTTP/1.1", "host.example"),
            (f"GET /deep/{'x' * 1100}?token={s('beyond what is kept')} HTTP/1.1", "host.example"),
            (f"GET http://u:{s('long userinfo')}{'y' * 1100}@h/p HTTP/1.1", "host.example"),
            ("GET /long HTTP/1.1", f"u:{s('long Host')}{'z' * 300}@h"),
        ]


class Outputs(Planted):
    def test_in_heads_of_clients(self):
        server = self.server()
        for number, (line, host) in enumerate(self.lines()):
            request = self.directory / f"request-{number}"
            request.write_bytes(self.head(line, host))
            found = self.run_prefix(PYTHON, "-c", RAW_CLIENT, "127.0.0.1", server.port, request)
            self.assertEqual([span["kind"] for span in found], ["CLIENT"], line)
            if number == 0:
                attributes = found[0]["attributes"]
                self.assertEqual(attributes["http.request.header.x-tenant"], ["seen"])
                self.assertEqual(attributes["http.request.header.authorization"], ["REDACTED"])
                self.assertEqual(attributes["http.request.header.referer"], ["https://h/p?q=REDACTED"])
                self.assertEqual(attributes["url.full"],
                                 "http://host.example/q?token=REDACTED&a=REDACTED&REDACTED")

    def test_in_heads_that_a_server_reads(self):
        ready, path = self.directory / "port", self.directory / "server.jsonl"
        with subprocess.Popen([str(PREFIX), "-o", str(path), PYTHON, "-c", RAW_SERVER, str(ready)], stderr=subprocess.PIPE,
                              env=support.clean_env() | support.sanitizer_env() | self.env, start_new_session=True) as child:
            self.addCleanup(lambda: child.poll() is None and child.kill())
            wait_for(ready.exists)
            port, lines = int(ready.read_text()), self.lines()
            for line, host in lines:
                with socket.create_connection(("127.0.0.1", port)) as sock:
                    sock.sendall(self.head(line, host))
                    sock.recv(100)
            wait_for(lambda: path.read_bytes().count(b"\n") >= len(lines) - 1)
            child.terminate()
            self.assert_none_in(child.stderr.read(), "stderr")
        data = path.read_bytes()
        self.assert_none_in(data, "the spans")
        paths = [json.loads(line)["attributes"].get("url.path") for line in data.splitlines()]
        for expected in ("/q", "/c;jsessionid=REDACTED/x", "/to/http://h/x", "/to/h", "/p"):
            self.assertIn(expected, paths)

    def test_in_command_lines_of_curl(self):
        server, s = self.server(), self.secret
        url = f"http://u:{s('url of curl')}@127.0.0.1:{server.port}/p?key={s('its query')}#{s('its fragment')}"
        found = self.run_prefix(
            "curl", "-sS", "-o", self.directory / "answer", "-u", f"user:{s('-u')}", "-H", f"X-Api-Key: {s('-H')}",
            "-H", f"Authorization: Bearer {s('its Authorization')}", "-b", f"a={s('-b')}", "-d", f"password={s('-d')}",
            "-A", "planted/1", url, ENVIRONMENT=s("environment"), BAGGAGE=f"password={s('BAGGAGE')}")
        self.assertEqual([(x["kind"], x["name"]) for x in found], [("CLIENT", "POST")])
        self.assertEqual(found[0]["attributes"]["url.full"], f"http://127.0.0.1:{server.port}/p?key=REDACTED")
        self.assertEqual(found[0]["attributes"]["http.request.header.x-api-key"], ["REDACTED"])
        found = self.run_prefix("curl", "-sS", "-F", f"file={s('multipart')};filename={s('file name')}",
                                "-x", f"http://p:{s('proxy userinfo')}@127.0.0.1:{server.port}",
                                f"http://u:{s('userinfo by proxy')}@host.example/x")
        self.assertEqual(len(found), 1)

    def test_in_requests_that_fail(self):
        port, s = support.free_port(), self.secret
        found = self.run_prefix("curl", "-s", f"http://u:{s('refused')}@127.0.0.1:{port}/?t={s('its query')}")
        self.assertEqual([x["status"]["code"] for x in found], ["ERROR"])
        self.run_prefix("curl", "-s", f"http://u:{s('a slash in it')}/{s('behind it')}@127.0.0.1/")
        self.run_prefix("curl", "-s", f"http://u:{s('a sharp in it')}#{s('behind the sharp')}@127.0.0.1/")

        def garbage(conversation):
            conversation.read_head()
            conversation.send(f"HTTP/9 {s('a malformed answer')}\r\n\r\n".encode())
        server = self.serve(Recorder(garbage))
        self.assertEqual(len(self.run_prefix("curl", "-s", server.url)), 1)
        request = self.directory / "malformed"
        request.write_bytes(f"GET /x?t={s('malformed')} HTTP/1.1\r\n{s('no field')}\r\n\r\n".encode())
        self.run_prefix(PYTHON, "-c", RAW_CLIENT, "127.0.0.1", server.port, request)

    def test_in_the_ring_of_a_run_whose_spans_are_open(self):
        body = self.secret("a body that is not over").encode()
        def unfinished(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + body)
            conversation.read_to_end()
        server = self.serve(Recorder(unfinished))
        request, path = self.directory / "request", self.directory / "open.jsonl"
        line = f"GET /open/http://u:{self.secret('path')}@h/?token={self.secret('query')} HTTP/1.1"
        request.write_bytes(self.head(line, f"u:{self.secret('Host')}@host.example"))
        with subprocess.Popen([str(PREFIX), "-q", "-o", str(path), PYTHON, "-c", RAW_CLIENT, "127.0.0.1", str(server.port),
                               str(request), "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=support.clean_env() | support.sanitizer_env() | self.env) as child:
            self.addCleanup(lambda: child.poll() is None and child.kill())
            ring_file = self._stack.enter_context(open(child.stdout.readline().decode().rstrip("\n"), "rb"))
            ring = ring_file.read()
            self.assertIn(b"/open/http://h/?token=REDACTED", ring, "the open span is not in the ring")
            self.assert_none_in(ring, "the ring")
            child.stdin.close()
            child.stdin = None
            self.assert_none_in(child.stderr.read(), "stderr")
        ring_file.seek(0)
        self.assert_none_in(ring_file.read(), "the ring after the run")
        self.assert_none_in(path.read_bytes(), "the spans")
        self.assertIn(b"/open/http://h/?token=REDACTED", path.read_bytes())

    @support.needs("openssl")
    def test_within_tls(self):
        s = self.secret
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert",
                        "-subj", "/CN=localhost", "-days", "2"], check=True, capture_output=True)
        port = support.free_port()
        self.start("openssl", "s_server", "-quiet", "-www", "-accept", port, "-key", "key", "-cert", "cert", traced=False,
                   port=port)
        script = ("import sys, ssl, urllib.request as u\n"
                  "u.urlopen(u.Request(sys.argv[1], headers={'Authorization': sys.argv[2]}), "
                  "context=ssl._create_unverified_context()).read()\n")
        found = self.run_prefix(PYTHON, "-c", script, f"https://localhost:{port}/?t={s('query in TLS')}",
                                f"Bearer {s('header in TLS')}")
        self.assertEqual([x["attributes"]["url.full"] for x in found], [f"https://localhost:{port}/?t=REDACTED"])


class Arguments(Planted):
    """Of programs, by --process-args."""

    def arguments(self, *command):
        self.env |= {"RUN_TRACED_PROCESS_SPANS": "all", "RUN_TRACED_PROCESS_ARGS": "1"}
        return [span["attributes"]["process.command_args"] for span in self.run_prefix(*command)]

    def test_of_a_command(self):
        s = self.secret
        told = self.arguments("true", f"--password={s('option')}", "--token", s("next"), "-H", f"Authorization: Bearer {s('head')}",
                              f"http://joe:{s('url')}@h.example/p?k={s('query')}", f"DB_SECRET={s('variable')}",
                              "-u", f"joe:{s('pair')}", f"-p{s('letter')}", f'{{"api_key": "{s("json")}"}}', "plain")[0]
        self.assertEqual(told, ["true", "--password=REDACTED", "--token", "REDACTED", "-H", "Authorization:REDACTED",
                                "http://h.example/p?k=REDACTED", "DB_SECRET=REDACTED", "-u", "REDACTED", "-pREDACTED",
                                '{"api_key":REDACTED', "plain"])

    def test_of_a_script_and_what_it_starts(self):
        s = self.secret
        told = self.arguments("sh", "-c", f"env true --passphrase {s('option')} x; true {s('word')}")
        self.assertIn(["sh", "-c", "env true --passphrase REDACTED"], told)
        self.assertIn(["true", "--passphrase", "REDACTED", "x"], told)

    def test_of_a_program_that_goes_unseen(self):
        told = self.arguments("sh", "-c", f"env -u LD_PRELOAD true / --hide=x --author y password={self.secret('blind')}; true")
        self.assertIn(["true", "/", "--hide=x", "--author", "REDACTED", "password=REDACTED"], told)

    def test_where_it_is_cut_no_half_of_a_secret_is_left(self):
        for len_before in range(990, 1030, 10):
            self.arguments("true", "x" * len_before + f" http://joe:{self.secret('long')}@h.example/")
            self.arguments("true", "x" * len_before + f"http://joe:{self.secret('long word')}@h.example/")

    def test_user_patterns(self):
        self.env["RUN_TRACED_REDACT"] = "acme-*"
        self.assertEqual(self.arguments("true", f"x=acme-{self.secret('pattern')}"), [["true", "x=REDACTED"]])


class Choices(Planted):
    """What the user asks for besides."""

    def test_patterns(self):
        server, s = self.server(), self.secret
        name = s("pattern")
        request = self.directory / "request"
        request.write_bytes((f"GET /acme-{name}/x HTTP/1.1\r\nHost: ACME-{name}.example\r\nUser-Agent: acme-{name} x\r\n"
                             f"X-Tenant: acme-{name}\r\n\r\n").encode())
        self.env["RUN_TRACED_REDACT"] = "nothing, acme-*"
        self.env["RUN_TRACED_URL_ROUTES"] = "on"
        attributes = self.run_prefix(PYTHON, "-c", RAW_CLIENT, "127.0.0.1", server.port, request,
                                     TRACEPARENT=f"00-{'1' * 32}-{'2' * 16}-01", TRACESTATE=f"a=acme-{name}",
                                     BAGGAGE=f"k=acme-{name}")[0]["attributes"]
        self.assertEqual(attributes["url.template"], "/REDACTED/x")
        self.assertEqual(attributes["user_agent.original"], "REDACTED x")
        self.assertEqual(attributes["http.request.header.x-tenant"], ["REDACTED"])

    def test_routes(self):
        server = self.server()
        found = self.run_prefix("curl", "-s", f"{server.url}/orders/{self.secret('id').encode().hex()}/items/17?a=1",
                                RUN_TRACED_URL_ROUTES="on")
        self.assertEqual(found[0]["name"], "GET /orders/{id}/items/{id}")
        self.assertEqual(found[0]["attributes"]["url.full"], f"{server.url}/orders/{{id}}/items/{{id}}?a=REDACTED")
        self.assertEqual(found[0]["attributes"]["url.template"], "/orders/{id}/items/{id}")

    def test_queries_that_are_kept(self):
        server, s = self.server(), self.secret
        url = f"{server.url}/p?page=2&token={s('token')}&X-Amz-Signature={s('amz')}&sig={s('sig')}&cb=http://u:{s('cb')}@h/"
        found = self.run_prefix("curl", "-s", url, RUN_TRACED_URL_QUERY="keep")
        self.assertIn("?page=2&token=REDACTED&", found[0]["attributes"]["url.full"])
        found = self.run_prefix("curl", "-s", url, RUN_TRACED_URL_QUERY_KEEP="page")
        self.assertIn("?page=2&token=REDACTED&", found[0]["attributes"]["url.full"])


if __name__ == "__main__":
    unittest.main()
