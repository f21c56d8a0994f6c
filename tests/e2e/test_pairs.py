"""Real clients against a traced Python server: two spans, one trace, and nothing else changed."""

import base64
import os
import pathlib
import subprocess
import unittest

from support import (PYTHON, TracedTest, attribute, describe, free_port, needs, not_sanitized,
                     of_kind)

BODY = bytes(range(256)) * 40


class Pair(TracedTest):
    def setUp(self):
        super().setUp()
        self.echo = self.start_echo(service_name="echo")

    def pair(self, *command, bare_too=True, plain=False, **options):
        """Runs a client once against the echo server. Returns its two spans and its output, after
        all that must hold of any pair."""
        if bare_too:
            self.check_untraced(command, options)
        traced = self.traced(*command, plain=plain, **options)
        if bare_too:
            self.assertEqual((traced.returncode, traced.stdout, traced.stderr),
                             (self.was.returncode, self.was.stdout, self.was.stderr))
        self.assertEqual(traced.returncode, 0, traced.stderr)
        # The untraced run leaves its SERVER span, a root, behind.
        found = self.all_spans(3 if bare_too else 2)
        client = of_kind(found, "CLIENT")
        self.assertEqual(len(client), 1, describe(found))
        mine = [span for span in found if span["traceId"] == client[0]["traceId"]]
        self.assertEqual(len(mine), 2, describe(found))
        server = of_kind(mine, "SERVER")[0]
        self.assert_pair(client[0], server)
        self.assertNotIn("parentSpanId", client[0])
        self.check_received(client[0])
        return client[0], server, traced

    def check_untraced(self, command, options):
        self.was = self.bare(*command, **options)
        self.bare_request = self.echo.log()[-1]
        names = [name.lower() for name, _ in self.bare_request["headers"]]
        self.assertNotIn("traceparent", names)

    def check_received(self, client):
        request = self.echo.log()[-1]
        received = [value for name, value in request["headers"] if name.lower() == "traceparent"]
        self.assertEqual(received, [f"00-{client['traceId']}-{client['spanId']}-03"])
        if hasattr(self, "bare_request"):
            rest = [pair for pair in request["headers"] if pair[0].lower() != "traceparent"]
            self.assertEqual(rest, self.bare_request["headers"])
            self.assertEqual(request["line"], self.bare_request["line"])
            self.assertEqual(request["body"], self.bare_request["body"])

    def check_get(self, client, server, path="/"):
        for span in (client, server):
            self.assertEqual(span["name"].split()[0], "GET")
            self.assertEqual(attribute(span, "http.request.method"), "GET")
            self.assertEqual(attribute(span, "http.response.status_code"), 200)
            self.assertEqual(span["status"], {"code": "OK"})
        self.assertEqual(attribute(client, "url.full"), self.echo.url + path)
        self.assertEqual(attribute(client, "server.port"), self.echo.port)
        self.assertEqual(attribute(server, "url.path"), path)
        self.assertEqual(attribute(server, "http.response.body.size"), 17)


class Clients(Pair):
    def test_curl(self):
        client, server, result = self.pair("curl", "-sS", self.echo.url + "/")
        self.check_get(client, server)
        self.assertEqual(result.stdout, b"seventeen bytes.\n")
        self.assertEqual(client["resource"]["service.name"], "curl")
        self.assertEqual(server["resource"]["service.name"], "echo")

    def test_curl_by_plain_preload(self):
        client, server, _ = self.pair("curl", "-sS", self.echo.url + "/", plain=True)
        self.check_get(client, server)

    def test_curl_posts_a_large_body(self):
        pathlib.Path("body").write_bytes(BODY * 100)
        _, server, result = self.pair("curl", "-sS", "--data-binary", "@body", self.echo.url)
        self.assertEqual(result.stdout, BODY * 100)
        self.assertEqual(base64.b64decode(self.echo.log()[-1]["body"]), BODY * 100)
        self.assertEqual(attribute(server, "http.request.body.size"), len(BODY) * 100)

    def test_curl_head(self):
        client, server, _ = self.pair("curl", "-sSI", self.echo.url, bare_too=False)
        self.assertEqual((client["name"], server["name"]), ("HEAD", "HEAD"))

    @needs("wget")
    def test_wget(self):
        client, server, _ = self.pair("wget", "-q", "-O", "-", self.echo.url + "/")
        self.check_get(client, server)

    @needs("wget")
    def test_wget_posts(self):
        pathlib.Path("body").write_bytes(BODY)
        _, _, result = self.pair("wget", "-q", "-O", "-", "--post-file=body", self.echo.url)
        self.assertEqual(result.stdout, BODY)

    def test_python_urllib(self):
        client, server, _ = self.pair(PYTHON, "-c", "import urllib.request as r\n"
                                      f"print(r.urlopen('{self.echo.url}/').read())")
        self.check_get(client, server)

    def test_python_http_client_posts_head_and_body_apart(self):
        script = (f"import http.client as h\nc = h.HTTPConnection('127.0.0.1', {self.echo.port})\n"
                  "c.request('POST', '/items?secret=1&b', body=bytes(range(256)) * 40)\n"
                  "import sys; sys.stdout.buffer.write(c.getresponse().read())\n")
        client, server, result = self.pair(PYTHON, "-c", script)
        self.assertEqual(result.stdout, BODY)
        self.assertEqual(attribute(client, "http.request.body.size"), len(BODY))
        self.assertEqual(attribute(client, "url.full"),
                         self.echo.url + "/items?secret=REDACTED&REDACTED")
        self.assertEqual(attribute(server, "http.request.method"), "POST")

    @needs("perl")
    def test_perl_http_tiny(self):
        client, server, _ = self.pair("perl", "-MHTTP::Tiny", "-e",
                                      "print HTTP::Tiny->new->get($ARGV[0])->{content}",
                                      self.echo.url + "/")
        self.check_get(client, server)

    @needs("php")
    def test_php_curl_extension_is_seen_despite_deepbind(self):
        has = subprocess.run(["php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"]).returncode
        if has:
            self.skipTest("not installed: php-curl")
        client, server, _ = self.pair("php", "-r", f"$c = curl_init('{self.echo.url}/');"
                                      "curl_setopt($c, CURLOPT_RETURNTRANSFER, true);"
                                      "echo curl_exec($c);")
        self.check_get(client, server)

    @needs("php")
    def test_php_file_get_contents(self):
        client, server, _ = self.pair("php", "-r", f"echo file_get_contents('{self.echo.url}/');")
        self.check_get(client, server)

    @needs("node")
    @not_sanitized("node crashes as soon as it loads libasan")
    def test_node(self):
        script = (f"require('http').get('{self.echo.url}/',"
                  " r => { r.on('data', d => process.stdout.write(d)) })")
        client, server, _ = self.pair("node", "-e", script)
        self.check_get(client, server)

    @needs("node")
    @not_sanitized("node crashes as soon as it loads libasan")
    def test_node_posts_chunked(self):
        script = (f"const r = require('http').request('{self.echo.url}/', {{method: 'PUT', headers:"
                  " {'content-length': 10240}}, a => a.on('data', d => process.stdout.write(d)));"
                  "const b = Buffer.alloc(1024, 'x'); for (let i = 0; i < 10; i++) r.write(b); r.end()")
        _, _, result = self.pair("node", "-e", script)
        self.assertEqual(result.stdout, b"x" * 10240)

    @needs("ruby")
    def test_ruby(self):
        client, server, _ = self.pair("ruby", "-rnet/http", "-e",
                                      f"print Net::HTTP.get(URI('{self.echo.url}/'))")
        self.check_get(client, server)


class KeepAlive(Pair):
    def test_three_requests_on_one_connection(self):
        script = (f"import http.client as h\nc = h.HTTPConnection('127.0.0.1', {self.echo.port})\n"
                  "for i in range(3):\n"
                  "    c.request('POST', '/%d' % i, body=b'x' * i)\n"
                  "    c.getresponse().read()\n")
        self.assertEqual(self.traced(PYTHON, "-c", script).returncode, 0)
        found = self.all_spans(6)
        for i, request in enumerate(self.echo.log()):
            client = [s for s in of_kind(found, "CLIENT")
                      if attribute(s, "url.full") == f"{self.echo.url}/{i}"]
            server = [s for s in of_kind(found, "SERVER") if attribute(s, "url.path") == f"/{i}"]
            self.assertEqual((len(client), len(server)), (1, 1), describe(found))
            self.assert_pair(client[0], server[0])
            self.assertEqual(dict(request["headers"])["traceparent"][36:52], client[0]["spanId"])
        self.assertEqual(len({span["traceId"] for span in found}), 3)

    def test_curl_with_three_urls(self):
        self.assertEqual(self.traced("curl", "-sS", *[f"{self.echo.url}/{i}" for i in range(3)])
                         .returncode, 0)
        found = self.all_spans(6)
        self.assertEqual(len({span["traceId"] for span in found}), 3, describe(found))
        for client in of_kind(found, "CLIENT"):
            server = [s for s in of_kind(found, "SERVER") if s["traceId"] == client["traceId"]]
            self.assert_pair(client, server[0])


class PlainPythonServer(TracedTest):
    """What a newcomer tries first."""

    def test_curl_and_http_server(self):
        pathlib.Path("index.html").write_text("hello\n")
        port = free_port()
        self.start(PYTHON, "-m", "http.server", port, "--bind", "127.0.0.1", port=port)
        result = self.traced("curl", "-sS", f"http://127.0.0.1:{port}/")
        self.assertEqual((result.returncode, result.stdout), (0, b"hello\n"))
        found = self.all_spans(2)
        self.assert_pair(of_kind(found, "CLIENT")[0], of_kind(found, "SERVER")[0])


@needs("git")
class Git(TracedTest):
    def setUp(self):
        super().setUp()
        script = ("git init -q work && cd work && git config user.email a@b && git config user.name n"
                  " && for i in 1 2 3; do seq $i 5000 >f$i; git add f$i; git commit -qm $i; done"
                  " && cd .. && git clone -q --bare work repo.git"
                  " && cd repo.git && git update-server-info")
        subprocess.run(["sh", "-ec", script], check=True, env=os.environ | {"HOME": os.getcwd()})

    def check_clone(self, url):
        result = self.traced("git", "clone", "-q", url, "copy", env={"HOME": os.getcwd()})
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(pathlib.Path("copy/f3").read_bytes(), pathlib.Path("work/f3").read_bytes())
        clients = self.wait_clients()
        self.stop_servers()
        found = self.spans()
        servers = of_kind(found, "SERVER")
        self.assertEqual(len(clients), len(servers), describe(found))
        for server in servers:
            parent = [c for c in clients if c["spanId"] == server.get("parentSpanId")]
            self.assertEqual(len(parent), 1, describe(found))
            self.assert_pair(parent[0], server)
        return found

    def wait_clients(self):
        clients = of_kind(self.spans(), "CLIENT")
        self.assertGreater(len(clients), 0)
        self.wait_spans(2 * len(clients))
        return clients

    def test_clone_from_a_dumb_server(self):
        port = free_port()
        self.start(PYTHON, "-m", "http.server", port, "--bind", "127.0.0.1", port=port)
        self.check_clone(f"http://127.0.0.1:{port}/repo.git")

    def test_clone_by_http_backend(self):
        """A server that forks and executes; the answer's bytes are made by the child."""
        backend = pathlib.Path("/usr/lib/git-core/git-http-backend")
        if not backend.exists():
            self.skipTest("no git-http-backend")
        os.mkdir("cgi-bin")
        script = pathlib.Path("cgi-bin/git")
        script.write_text(f"#!/bin/sh\nexport GIT_PROJECT_ROOT='{self.directory}' HOME='{self.directory}'"
                          f" GIT_HTTP_EXPORT_ALL=1\nexec {backend}\n")
        script.chmod(0o755)
        subprocess.run(["git", "config", "--file", ".gitconfig", "safe.directory", "*"], check=True)
        os.chmod(".", 0o777)
        port = free_port()
        self.start(PYTHON, "-m", "http.server", "--cgi", port, "--bind", "127.0.0.1", port=port)
        if os.geteuid() == 0:  # http.server runs CGI programs as nobody
            subprocess.run(["chmod", "-R", "a+rwX", "."], check=True)
        self.check_clone(f"http://127.0.0.1:{port}/cgi-bin/git/repo.git")


if __name__ == "__main__":
    unittest.main()
