"""nginx in front of two backends: event loop, worker processes, kept connections, sendfile."""

import os
import pathlib
import socket
import subprocess
import unittest

from support import (PATIENCE, TracedTest, attribute, children, clean_env, describe,
                     duplicates, free_port, needs, of_kind, orphans, roots, service, traces)

CONFIG = """
daemon off;
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/tmp-body;
    proxy_temp_path {directory}/tmp-proxy;
    fastcgi_temp_path {directory}/tmp-f;
    uwsgi_temp_path {directory}/tmp-u;
    scgi_temp_path {directory}/tmp-s;
    sendfile on;
    keepalive_requests 100000;
    upstream backends {{
        server 127.0.0.1:{backends[0]} max_fails=0;
        server 127.0.0.1:{backends[1]} max_fails=0;
        {keepalive}
    }}
    server {{
        listen 127.0.0.1:{port};
        root {directory}/www;
        location /api/ {{
            proxy_pass http://backends;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffers 4 8k;
        }}
        location /old/ {{ proxy_pass http://backends; }}
        location /big/ {{ proxy_pass http://backends; proxy_buffering off; }}
        location /down/ {{ proxy_pass http://127.0.0.1:{dead}; }}
    }}
}}
"""


@needs("nginx")
class Nginx(TracedTest):
    keepalive = "keepalive 16;"

    def setUp(self):
        super().setUp()
        self.backends = [self.start_echo(service_name=f"backend-{i}") for i in range(2)]
        os.makedirs("www")
        os.chmod(self.directory, 0o777)
        pathlib.Path("www/static.txt").write_bytes(b"static\n" * 40000)
        self.port = free_port()
        config = CONFIG.format(directory=self.directory, port=self.port, dead=free_port(),
                               backends=[b.port for b in self.backends],
                               keepalive=self.keepalive,
                               user="user nobody nogroup;" if os.geteuid() == 0 else "")
        pathlib.Path("nginx.conf").write_text(config)
        # The connection that only tries whether nginx listens leaves no span.
        self.nginx = self.start("nginx", "-e", f"{self.directory}/error.log", "-c",
                                f"{self.directory}/nginx.conf", "-p", self.directory,
                                service_name="nginx", port=self.port)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def curl(self, *words, **options):
        return self.bare("curl", "-sS", *words, **options)

    def chain(self, found):
        """The SERVER→CLIENT→SERVER of the only trace."""
        self.assertEqual(len(traces(found)), 1, describe(found))
        top = [s for s in of_kind(found, "SERVER") if service(s) == "nginx"]
        self.assertEqual(len(top), 1, describe(found))
        client = children(found, top[0])
        self.assertEqual(len(client), 1, describe(found))
        self.assertEqual(client[0]["kind"], "CLIENT")
        bottom = children(found, client[0])
        self.assertEqual(len(bottom), 1, describe(found))
        self.assert_pair(client[0], bottom[0])
        return top[0], client[0], bottom[0]

    def log(self):
        return [request for backend in self.backends for request in backend.log()]


class Chains(Nginx):
    def test_a_request(self):
        result = self.curl(self.url("/api/1"))
        self.assertEqual(result.stdout, b"seventeen bytes.\n")
        top, client, bottom = self.chain(self.all_spans(3))
        self.assertNotIn("parentSpanId", top)
        self.assertEqual(attribute(top, "url.path"), "/api/1")
        self.assertEqual([attribute(s, "http.response.status_code")
                          for s in (top, client, bottom)], [200] * 3)
        self.assertEqual(dict(self.log()[0]["headers"])["traceparent"],
                         f"00-{client['traceId']}-{client['spanId']}-03")

    def test_an_incoming_traceparent_goes_on_rewritten(self):
        trace_id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
        self.curl("-H", f"traceparent: 00-{trace_id}-{parent}-01", "-H", "tracestate: a=1,b=2",
                  self.url("/api/2"))
        found = self.all_spans(3)
        top, client, _ = self.chain(found)
        self.assertEqual((top["traceId"], top["parentSpanId"]), (trace_id, parent))
        self.assertEqual([span["traceState"] for span in found], ["a=1,b=2"] * 3)
        headers = [(name.lower(), value) for name, value in self.log()[0]["headers"]]
        self.assertEqual([v for n, v in headers if n == "traceparent"],
                         [f"00-{trace_id}-{client['spanId']}-01"])
        self.assertEqual([v for n, v in headers if n == "tracestate"], ["a=1,b=2"])

    def test_a_post_with_a_large_body(self):
        pathlib.Path("body").write_bytes(os.urandom(500000))
        result = self.curl("--data-binary", "@body", self.url("/api/3"))
        self.assertEqual(result.stdout, pathlib.Path("body").read_bytes())
        for span in self.chain(self.all_spans(3)):
            self.assertEqual(attribute(span, "http.request.body.size"), 500000, span)
            self.assertEqual(attribute(span, "http.response.body.size"), 500000, span)

    def test_a_chunked_post(self):
        body = os.urandom(100000)
        result = self.curl("-H", "Transfer-Encoding: chunked", "--data-binary", "@-",
                           self.url("/api/4"), input=body)
        self.assertEqual(result.stdout, body)
        top, _, _ = self.chain(self.all_spans(3))
        self.assertEqual(attribute(top, "http.request.body.size"), 100000)

    def test_a_big_answer_read_slowly(self):
        result = self.curl("--limit-rate", "8M", self.url("/big/3000000"))
        self.assertEqual(result.stdout, bytes(i % 251 for i in range(3000000)))
        for span in self.chain(self.all_spans(3)):
            self.assertEqual(attribute(span, "http.response.body.size"), 3000000, span)

    def test_http_1_0_upstream(self):
        self.curl(self.url("/old/5"))
        _, client, _ = self.chain(self.all_spans(3))
        self.assertEqual(attribute(client, "network.protocol.version"), "1.0")
        self.assertTrue(self.log()[0]["line"].endswith("HTTP/1.0"))

    def test_head(self):
        self.curl("-I", self.url("/api/6"))
        top, client, bottom = self.chain(self.all_spans(3))
        self.assertEqual([span["name"] for span in (top, client, bottom)], ["HEAD"] * 3)

    def test_backend_down(self):
        result = self.curl("-o", "/dev/null", "-w", "%{http_code}", self.url("/down/"))
        self.assertEqual(result.stdout, b"502")
        found = self.all_spans(2)
        top = of_kind(found, "SERVER")[0]
        self.assertEqual(attribute(top, "error.type"), "502")
        self.assertEqual([attribute(s, "error.type") for s in children(found, top)],
                         ["ECONNREFUSED"], describe(found))

    def test_pipelined_requests(self):
        """What a client sends in one go comes back in order, each a chain of its own."""
        requests = b"".join(b"GET /api/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(4))
        requests += b"GET /api/4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(requests)
            answer = b""
            while data := sock.recv(65536):
                answer += data
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 5)
        found = self.all_spans(15)
        self.assertEqual(orphans(found), [], describe(found))
        for trace in traces(found).values():
            path = {attribute(s, "url.path") or attribute(s, "url.full")[-6:] for s in trace}
            self.assertEqual((len(trace), len(path)), (3, 1), describe(trace))


class Static(Nginx):
    def test_sendfile(self):
        result = self.curl(self.url("/static.txt"))
        self.assertEqual(result.stdout, b"static\n" * 40000)
        span = self.only_span()
        self.assertEqual(attribute(span, "http.response.body.size"), 280000)
        self.assertEqual(span["status"], {"code": "OK"})

    def test_ranges_and_not_modified(self):
        part = self.curl("-r", "7-13", self.url("/static.txt"))
        self.assertEqual(part.stdout, b"static\n")
        self.curl("-H", f"If-None-Match: {self.etag()}", self.url("/static.txt"))
        found = self.all_spans(2)
        self.assertEqual(sorted(attribute(s, "http.response.status_code") for s in found),
                         [206, 304])

    def etag(self):
        stat = os.stat("www/static.txt")
        return f'"{int(stat.st_mtime):x}-{stat.st_size:x}"'

    def test_not_found_is_no_error_of_the_server(self):
        self.curl(self.url("/missing"))
        span = self.only_span()
        self.assertEqual((attribute(span, "http.response.status_code"), span["status"]),
                         (404, {"code": "UNSET"}))

    def test_garbage_gets_a_400(self):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(b"GET /x HTTP/1.1\r\nbroken header line\r\n\r\n")
            answer = sock.recv(65536)
        self.assertIn(b" 400 ", answer)

    def test_stops_as_without_the_tracer(self):
        self.assertEqual(self.stop(self.nginx), 0)


class ManyKept(Nginx):
    """1,000 requests, 8 at a time, on kept connections on both sides."""

    @needs("ab")
    def test_every_chain_is_whole(self):
        result = subprocess.run(["ab", "-k", "-q", "-c", "8", "-n", "1000", self.url("/api/x")],
                                capture_output=True, text=True, env=clean_env(), timeout=PATIENCE * 3)
        self.assertRegex(result.stdout, r"Complete requests: +1000\n", result.stderr)
        self.assertRegex(result.stdout, r"Failed requests: +0\n")
        self.assertNotIn("Non-2xx", result.stdout)
        found = self.all_spans(3000)
        self.assertEqual(duplicates(found), [])
        self.assertEqual(len(orphans(found)), 0, describe(orphans(found)))
        self.assertEqual(len(roots(found)), 1000)
        bad = [trace for trace in traces(found).values()
               if [(s["kind"], "nginx" if service(s) == "nginx" else "backend")
                   for s in self.top_down(trace)] !=
               [("SERVER", "nginx"), ("CLIENT", "nginx"), ("SERVER", "backend")]]
        self.assertEqual(len(bad), 0, describe(sum(bad[:5], [])))
        received = {dict(r["headers"])["traceparent"] for r in self.log()}
        self.assertEqual(received, {f"00-{c['traceId']}-{c['spanId']}-03"
                                    for c in of_kind(found, "CLIENT")})
        ambiguous = [s for s in found if attribute(s, "run_traced.parent.ambiguous")]
        self.assertEqual(len(ambiguous), 0, "nginx is never in doubt")

    @staticmethod
    def top_down(trace):
        line = roots(trace)
        while line and len(below := children(trace, line[-1])) == 1:
            line.append(below[0])
        return line


class ManyUnkept(ManyKept):
    """The same with a new upstream connection for each request."""

    keepalive = ""


if __name__ == "__main__":
    unittest.main()
