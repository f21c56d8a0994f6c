"""FastCGI: web servers before PHP-FPM, and before an application that writes down what it is asked."""

import os
import pathlib
import shutil
import struct
import unittest

from support import (Recorder, TracedTest, attribute, children, describe, free_port, needs, of_kind, roots, service,
                     traces, wait_for)

PHP_FPM = next((path.name for path in sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))), "php-fpm")
IS_ROOT = os.geteuid() == 0
TRACE_ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
INCOMING = "-H", f"traceparent: 00-{TRACE_ID}-{PARENT}-01", "-H", "tracestate: a=1,b=2"

NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/tmp-body;
    proxy_temp_path {directory}/tmp-proxy;
    fastcgi_temp_path {directory}/tmp-f;
    uwsgi_temp_path {directory}/tmp-u;
    scgi_temp_path {directory}/tmp-s;
    client_max_body_size 10m;
    upstream application {{ server {application}; keepalive 2; }}
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param REMOTE_ADDR $remote_addr;
    fastcgi_param SERVER_NAME $server_name;
    fastcgi_param SCRIPT_FILENAME {directory}/page.php;
    fastcgi_param UPSTREAM {upstream};
    server {{
        listen 127.0.0.1:{port};
        server_name shop.example;
        location / {{ fastcgi_pass {application}; }}
        location /kept/ {{ fastcgi_pass application; fastcgi_keep_conn on; }}
    }}
}}
"""

FPM = """[global]
error_log = {directory}/fpm.log
daemonize = no
[pool]
{user}
listen = 127.0.0.1:{port}
pm = static
pm.max_children = 1
"""

PAGE = """<?php
if (isset($_GET['die'])) { exec('kill -9 ' . getmypid()); sleep(60); }
http_response_code((int)($_GET['status'] ?? 200));
echo strlen(file_get_contents('php://input')), ' ', strlen(file_get_contents($_SERVER['UPSTREAM'] . '/called'));
"""

APACHE = """ServerName localhost
ServerRoot {directory}
DefaultRuntimeDir {directory}
PidFile {directory}/apache.pid
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_fcgi_module {modules}/mod_proxy_fcgi.so
{user}
ErrorLog {directory}/error.log
ProxyPass / fcgi://{application}/
"""

LIGHTTPD = """
server.document-root = "{directory}"
server.port = {port}
server.bind = "127.0.0.1"
server.modules = ("mod_fastcgi")
fastcgi.server = ("/" => (("host" => "127.0.0.1", "port" => {application_port}, "check-local" => "disable")))
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
fcgi-app application
    docroot {directory}
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    use-fcgi-app application
    server one {application} proto fcgi
"""


class WebServer(TracedTest):
    """Starts one before an application."""

    def web_server(self, name, application, traced=True, port=None, upstream="none"):
        """Returns the URL."""
        port = port or free_port()
        places = {"directory": self.directory, "port": port, "application": application, "upstream": upstream,
                  "application_port": application.rpartition(":")[2], "modules": "/usr/lib/apache2/modules"}
        self.directory.chmod(0o777)
        template, user, words = {
            "nginx": (NGINX, "user root;", ["nginx", "-e", f"{self.directory}/error.log", "-p", self.directory, "-c"]),
            "apache2": (APACHE, "User www-data\nGroup www-data", ["apache2", "-D", "FOREGROUND", "-f"]),
            "lighttpd": (LIGHTTPD, "", ["lighttpd", "-D", "-f"]),
            "haproxy": (HAPROXY, "", ["haproxy", "-db", "-f"])}[name]
        config = self.directory / f"{name}-{port}.conf"
        config.write_text(template.format(user=user if IS_ROOT else "", **places))
        self.start(*words, config, traced=traced, service_name=name, port=port,
                   env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        return f"http://127.0.0.1:{port}"

    def curl(self, *words, **options):
        return self.bare("curl", "-sS", *words, **options)


# ---- PHP-FPM ---------------------------------------------------------------------------------------------------------

@needs("nginx", PHP_FPM)
class Php(WebServer):
    def setUp(self):
        super().setUp()
        self.echo = self.start_echo(service_name="upstream")
        pathlib.Path("page.php").write_text(PAGE)
        self.port = free_port()  # by a Unix socket it would first try whether another one listens there: a span
        pathlib.Path("fpm.conf").write_text(FPM.format(directory=self.directory, port=self.port,
                                                       user="user = root" if IS_ROOT else ""))
        self.start(shutil.which(PHP_FPM, path="/usr/sbin"), *(["-R"] if IS_ROOT else []), "-F", "-y",
                   f"{self.directory}/fpm.conf", service_name="php", port=self.port)
        self.url = self.web_server("nginx", f"127.0.0.1:{self.port}", upstream=self.echo.url)

    def chain(self, found):
        """The spans of the only trace, from the outermost in: nginx, PHP, the upstream server."""
        self.assertEqual(len(traces(found)), 1, describe(found))
        chain = [s for s in of_kind(found, "SERVER") if service(s) == "nginx"]
        while below := children(found, chain[-1]):
            self.assertEqual(len(below), 1, describe(found))
            chain += below
        self.assertEqual([(span["kind"], service(span)) for span in chain],
                         [("SERVER", "nginx"), ("CLIENT", "nginx"), ("SERVER", "php"), ("CLIENT", "php"),
                          ("SERVER", "upstream")], describe(found))
        return chain

    def test_a_chain(self):
        self.assertEqual(self.curl(f"{self.url}/cart/7?token=abc").stdout, b"0 17")
        chain = self.chain(self.all_spans(5))
        self.assertNotIn("parentSpanId", chain[0])
        for span in chain[1:3]:
            self.assertEqual(attribute(span, "network.protocol.name"), "fastcgi")
            self.assertEqual(attribute(span, "url.path"), "/cart/7")
            self.assertEqual(attribute(span, "url.query"), "token=REDACTED")
            self.assertEqual(attribute(span, "http.response.status_code"), 200)
            self.assertEqual(attribute(span, "http.response.body.size"), 4)
        self.assertEqual(attribute(chain[1], "server.port"), self.port)
        self.assertEqual(attribute(chain[2], "client.address"), "127.0.0.1")

    def test_an_incoming_traceparent_goes_on(self):
        self.curl(*INCOMING, f"{self.url}/")
        found = self.all_spans(5)
        chain = self.chain(found)
        self.assertEqual((chain[0]["traceId"], chain[0]["parentSpanId"]), (TRACE_ID, PARENT))
        self.assertEqual([span["traceState"] for span in found], ["a=1,b=2"] * 5)

    def test_a_large_body(self):
        body = os.urandom(400000)
        result = self.curl("--data-binary", "@-", f"{self.url}/", input=body)
        self.assertEqual(result.stdout, b"400000 17")
        for span in self.chain(self.all_spans(5))[:3]:
            self.assertEqual(attribute(span, "http.request.body.size"), len(body), span)

    def test_errors(self):
        for status in 404, 503:
            self.curl(f"{self.url}/?status={status}")
        found = self.all_spans(10)
        by_status = {status: [span["status"]["code"] for name in ("nginx", "php") for kind in ("SERVER", "CLIENT")
                              for span in of_kind(found, kind)
                              if service(span) == name and attribute(span, "http.response.status_code") == status]
                     for status in (404, 503)}
        self.assertEqual(by_status, {404: ["UNSET", "ERROR", "UNSET"], 503: ["ERROR"] * 3}, describe(found))

    def test_a_connection_that_is_kept(self):
        for number in range(4):
            self.assertEqual(self.curl(f"{self.url}/kept/{number}").stdout, b"0 17")
        found = self.all_spans(20)
        self.assertEqual(len(roots(found)), 4, describe(found))
        for trace in traces(found).values():
            self.chain(trace)

    def test_php_dies(self):
        self.curl(f"{self.url}/?die=1")
        found = self.all_spans(3)
        chain = {(service(span), span["kind"]): span for span in found}
        self.assertIn(attribute(chain["nginx", "CLIENT"], "error.type"), ("connection_closed", "ECONNRESET"))
        self.assertEqual(attribute(chain["php", "SERVER"], "error.type"), "SIGKILL")
        self.assertEqual(attribute(chain["nginx", "SERVER"], "http.response.status_code"), 502)


# ---- the bytes -------------------------------------------------------------------------------------------------------

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
KEEP_CONN = 1


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def answer(conversation):
    """Takes requests, until the peer has had enough, or has said that it wants one alone. An application reads records
    one by one."""
    is_kept = True
    while is_kept and (header := conversation.read_exactly(8)):
        kind, content_len, padding_len = struct.unpack(">xBxxHBx", header)
        content = conversation.read_exactly(content_len + padding_len)
        if kind == BEGIN_REQUEST:
            keeps = content[2] & KEEP_CONN
        if kind == STDIN and not content_len:
            conversation.send(record(STDOUT, b"Status: 203 Well\r\nContent-Type: text/plain\r\n\r\nhello"),
                              record(STDOUT, b""), record(END_REQUEST, bytes(8)))
            is_kept = keeps


def records(received):
    """[(type, content)]"""
    found, at = [], 0
    while at < len(received):
        kind, content_len, padding_len = struct.unpack_from(">xBxxHBx", received, at)
        found.append((kind, received[at + 8:at + 8 + content_len]))
        at += 8 + content_len + padding_len
    return found


def length_take(content, at):
    if content[at] < 128:
        return content[at], at + 1
    return struct.unpack_from(">I", content, at)[0] & 0x7fffffff, at + 4


def pairs(content):
    """[(name, value)]"""
    found, at = [], 0
    while at < len(content):
        name_len, at = length_take(content, at)
        value_len, at = length_take(content, at)
        found.append((content[at:at + name_len], content[at + name_len:at + name_len + value_len]))
        at += name_len + value_len
    return found


def asked(received):
    """The records, with parameters as pairs without what differs from run to run. The body, which comes as it is read,
    is made one."""
    found = [(kind, content) for kind, content in records(received) if kind != STDIN or not content]
    found.append((STDIN, b"".join(content for kind, content in records(received) if kind == STDIN)))
    return [(kind, [pair for pair in pairs(content) if pair[0] != b"REMOTE_PORT"] if kind == PARAMS else content)
            for kind, content in found]


class Bytes(WebServer):
    def setUp(self):
        super().setUp()
        self.application = self.serve(Recorder(answer))
        self.port = free_port()

    def conversation(self, name, traced, *words):
        """What one request by curl makes the web server say, and curl's output."""
        self.application.conversations.clear()
        url = self.web_server(name, f"127.0.0.1:{self.application.port}", traced, self.port)
        result = self.curl("--data-binary", "@-", *words, f"{url}/a/b?c=d", input=bytes(range(256)) * 300)
        self.assertEqual(result.stdout, b"hello")
        wait_for(lambda: len(self.application.conversations) == 1)
        self.stop_servers()
        return asked(self.application.conversations[0].received)

    def client(self):
        found = [span for span in of_kind(self.spans(), "CLIENT")]
        self.assertEqual(len(found), 1, describe(found))
        self.assertEqual(attribute(found[0], "http.response.status_code"), 203)
        return found[0]

    def assert_same(self, traced, bare):
        """As assertEqual, which takes minutes to tell so much apart."""
        for ours, other in zip(traced, bare):
            if ours != other:
                self.fail(f"{[part for part in ours[1] if part not in other[1]]!r:.800} is not in {other!r:.800}")
        self.assertEqual(len(traced), len(bare))

    def check(self, name):
        bare = self.conversation(name, False)
        traced = self.conversation(name, True)
        client = self.client()
        ours = [(PARAMS, [(b"HTTP_TRACEPARENT", f"00-{client['traceId']}-{client['spanId']}-03".encode())])]
        at = traced.index(ours[0]) if ours[0] in traced else self.fail(traced)
        self.assertEqual(traced[at + 1], (PARAMS, []))
        self.assert_same(traced[:at] + traced[at + 1:], bare)

    def check_passed_on(self, name):
        bare = self.conversation(name, False, *INCOMING)
        self.forget_spans()
        traced = self.conversation(name, True, *INCOMING)
        client = self.client()
        old, new = (f"00-{TRACE_ID}-{span_id}-01".encode() for span_id in (PARENT, client["spanId"]))
        expected = [(kind, [(n, v.replace(old, new)) for n, v in content] if kind == PARAMS else content)
                    for kind, content in bare]
        self.assertTrue(expected != bare, "nothing was passed on")
        self.assert_same(traced, expected)

    def both(self, name):
        self.check(name)
        self.forget_spans()
        self.check_passed_on(name)

    @needs("nginx")
    def test_nginx(self):
        self.both("nginx")

    @needs("apache2")
    @unittest.skipUnless(pathlib.Path("/usr/lib/apache2/modules/mod_proxy_fcgi.so").exists(), "no mod_proxy_fcgi")
    def test_apache(self):
        self.both("apache2")

    @needs("lighttpd")
    def test_lighttpd(self):
        self.both("lighttpd")

    @needs("haproxy")
    def test_haproxy(self):
        self.both("haproxy")
