"""Spans on their way to backends: what arrives, what is tried again, what is lost and said to be."""

import gzip
import json
import re
import ssl
import subprocess
import threading
import time
import unittest

from support import PREFIX, Recorder, StrictServer, TracedTest, clean_env, free_port, spans, wait_for

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def answer(status, body=b"", *fields):
    head = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(body)}\r\n" + "".join(f"{f}\r\n" for f in fields)
    return head.encode() + b"\r\n" + body


class Backend(StrictServer):
    """Answers with one of @answers after the other, and then as a healthy one; bytes, or what is called with the
    conversation."""

    def __init__(self, *answers, address=None, tls=None):
        self.answers = list(answers)
        self.times = []
        self.tls = tls
        super().__init__(traceparents=None, answer=self.next_answer, gate=self.shake_hands, address=address)

    def shake_hands(self, conversation):
        if not self.tls:
            return
        try:
            conversation.sock = self.tls.wrap_socket(conversation.sock, server_side=True)
        except OSError:
            conversation.read_head = lambda: b""

    def next_answer(self, _request):
        self.times.append(time.monotonic())
        return self.answers.pop(0) if self.answers else OK

    def otlp_spans(self, requests=None):
        """All that came in OTLP JSON."""
        return [span for request in (self.requests if requests is None else requests)
                for resource in json.loads(request.body)["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]


class BackendTest(TracedTest):
    def setUp(self):
        super().setUp()
        self.application = self.serve(StrictServer())

    def calls(self, count):
        return ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{self.application.port}/[1-{count}]"]

    def prefixed(self, *options, command=None, env=None, timeout=60):
        words = [str(PREFIX), *map(str, options), "--", *(command or self.calls(3))]
        result = subprocess.run(words, env=clean_env() | (env or {}), capture_output=True, timeout=timeout, check=False,
                                cwd=self.directory, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stderr.decode()

    def otlp(self, backend, query="?format=otlp-json"):
        return f"otlp+http://127.0.0.1:{backend.port}{query}"

    def native(self, path="native.jsonl"):
        return spans(self.directory / path)


class Backends(BackendTest):
    def assert_all_there(self, backend, count, requests=None):
        native = {span["spanId"]: span for span in self.native()}
        found = backend.otlp_spans(requests)
        self.assertEqual(len(found), count)
        self.assertEqual({span["spanId"] for span in found}, set(native))
        for span in found:
            line = native[span["spanId"]]
            self.assertEqual((span["traceId"], span["name"]), (line["traceId"], line["name"]))
            self.assertEqual(int(span["startTimeUnixNano"]) // 1000, line["timestamp"])

    def test_each_span_arrives_once(self):
        backend = self.serve(Backend())
        said = self.prefixed("-e", self.otlp(backend), "-e", "file:native.jsonl", command=self.calls(50))
        self.assert_all_there(backend, 50)
        self.assertEqual({r.target for r in backend.requests}, {"/v1/traces"})
        self.assertIn("50 spans of 1 service, no errors", said)
        self.assertNotIn("lost", said)

    def test_what_may_be_tried_again_is(self):
        for failure in (answer(503), answer(429), answer(502), answer(504, b"busy"), b"garbage\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nhalf"):
            with self.subTest(failure=failure):
                backend = self.serve(Backend(failure, failure))
                said = self.prefixed("-e", self.otlp(backend), "-o", "native.jsonl")
                self.assertEqual(len(backend.requests), 3)
                self.assert_all_there(backend, 3, backend.requests[-1:])
                self.assertIn("3 spans sent", said)
                self.assertIn("2 tries were repeated", said)
                self.assertNotIn("lost", said)

    def test_a_backend_that_names_a_time_is_left_alone_till_then(self):
        backend = self.serve(Backend(answer(429, b"", "Retry-After: 2")))
        self.prefixed("-e", self.otlp(backend), "-o", "native.jsonl")
        self.assert_all_there(backend, 3, backend.requests[-1:])
        self.assertGreaterEqual(backend.times[1] - backend.times[0], 1.9)

    def test_what_is_refused_is_lost_once_and_said(self):
        for status in (400, 401, 404, 413, 500):
            with self.subTest(status=status):
                backend = self.serve(Backend(answer(status, b"we do not\nlike it")))
                said = self.prefixed("-q", "-e", self.otlp(backend), "-o", "native.jsonl")
                self.assertEqual((len(backend.requests), said), (1, ""))
                backend = self.serve(Backend(answer(status, b"we do not\nlike it")))
                said = self.prefixed("-e", self.otlp(backend))
                self.assertRegex(said, rf"3 spans lost for otlp\+http://127.0.0.1:{backend.port}: refused: "
                                       rf"HTTP {status}.*we do not like it")

    def test_zipkin_may_have_an_internal_error_for_a_while(self):
        backend = self.serve(Backend(answer(500)))
        self.prefixed("-e", f"zipkin+http://127.0.0.1:{backend.port}")
        self.assertEqual([r.target for r in backend.requests], ["/api/v2/spans"] * 2)
        self.assertEqual(len(json.loads(backend.requests[1].body)), 3)

    def test_a_partial_success_counts_what_was_rejected(self):
        partial = json.dumps({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}).encode()
        backend = self.serve(Backend(answer(200, partial)))
        self.assertIn("2 spans lost", said := self.prefixed("-e", self.otlp(backend)))
        self.assertIn("refused: too old", said)
        protobuf = bytes([0x0a, 11, 0x08, 2, 0x12, 7]) + b"too old"
        backend = self.serve(Backend(answer(200, protobuf)))
        self.assertIn("refused: too old", self.prefixed("-e", self.otlp(backend, "")))

    def test_a_backend_that_comes_late_gets_all(self):
        """The command itself waits until the backend is there, after its spans have been tried in vain."""
        port = free_port()
        release = self.directory / "release"
        command = ["sh", "-c", 'curl -s -o /dev/null "$1"; while [ ! -e "$2" ]; do sleep 0.05; done; curl -s "$1"', "sh",
                   f"http://127.0.0.1:{self.application.port}/", str(release)]
        said = []
        env = {"OTEL_BSP_SCHEDULE_DELAY": "10"}
        thread = threading.Thread(target=lambda: said.append(self.prefixed(
            "-e", f"otlp+http://127.0.0.1:{port}?format=otlp-json", "-e", "file:native.jsonl", command=command, env=env)))
        thread.start()
        wait_for(lambda: self.native(), "the first span")
        backend = self.serve(Backend(address=("127.0.0.1", port)))
        release.touch()
        thread.join()
        self.assert_all_there(backend, 2)
        self.assertNotIn("lost", said[0])

    def test_a_backend_that_is_never_there_costs_the_command_nothing_but_the_spans(self):
        said = self.prefixed("-e", f"otlp+http://127.0.0.1:{free_port()}", env={"OTEL_BSP_EXPORT_TIMEOUT": "300"})
        self.assertRegex(said, r"3 spans lost for otlp\+http://127.0.0.1:\d+: not taken in time: \S+")

    def test_a_backend_that_hangs_is_given_up(self):
        end = threading.Event()
        backend = self.serve(Recorder(lambda conversation: end.wait()))
        try:
            said = self.prefixed("-e", f"otlp+http://127.0.0.1:{backend.port}", env={"OTEL_BSP_EXPORT_TIMEOUT": "300"})
        finally:
            end.set()
        self.assertIn("3 spans lost", said)

    def test_one_backend_that_is_away_does_not_concern_the_others(self):
        backend = self.serve(Backend())
        said = self.prefixed("-e", f"otlp+http://127.0.0.1:{free_port()}", "-e", self.otlp(backend), "-e",
                             "file:native.jsonl", env={"OTEL_BSP_EXPORT_TIMEOUT": "300"})
        self.assert_all_there(backend, 3)
        self.assertEqual(said.count("lost"), 1)

    def test_the_standard_variables(self):
        backend = self.serve(Backend())
        url = f"http://127.0.0.1:{backend.port}"
        common = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b, x-two = 2"}
        for env, target in (({"OTEL_EXPORTER_OTLP_ENDPOINT": url}, "/v1/traces"),
                            ({"OTEL_EXPORTER_OTLP_ENDPOINT": url + "/base/"}, "/base/v1/traces"),
                            ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url + "/own", "OTEL_TRACES_EXPORTER": "otlp"}, "/own")):
            self.prefixed(env=common | env)
            request = backend.requests[-1]
            self.assertEqual((request.target, request.all("x-key"), request.all("x-two")), (target, ["a b"], ["2"]))
            self.assertEqual(len(backend.otlp_spans([request])), 3)
        self.prefixed(env={"OTEL_TRACES_EXPORTER": "zipkin",
                           "OTEL_EXPORTER_ZIPKIN_ENDPOINT": url + "/zip?a=b"})
        self.assertEqual(backend.requests[-1].target, "/zip?a=b")
        self.assertEqual(list(self.directory.glob("spans.jsonl*")), [], "and no default file")
        count = len(backend.requests)
        self.prefixed("-o", "own.jsonl", env={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        self.assertEqual((len(backend.requests), len(self.native("own.jsonl"))), (count, 3), "the options are stronger")

    def test_wrong_variables_are_named_and_the_program_runs(self):
        backend = self.serve(Backend())
        said = self.prefixed(env={
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{backend.port}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "OTEL_EXPORTER_OTLP_COMPRESSION": "zip",
            "OTEL_EXPORTER_OTLP_HEADERS": "secret", "OTEL_BSP_SCHEDULE_DELAY": "-1", "OTEL_TRACES_EXPORTER": "otlp,smoke"})
        for name in ("PROTOCOL: 'grpc'", "TIMEOUT: 'soon'", "COMPRESSION: 'zip'", "OTLP_HEADERS: it is no list",
                     "SCHEDULE_DELAY: '-1'", "OTEL_TRACES_EXPORTER: 'smoke'"):
            self.assertIn(name, said)
        self.assertNotIn("secret", said)
        self.assertEqual(len(backend.requests), 1)

    def test_wrong_urls_are_named(self):
        for url, word in (("otlp+http://", "host"), ("otlp+http://h:0", "port"), ("otlp+http://h?format=xml", "xml"),
                          ("zipkin+http://h?format=otlp-json", "one only"), ("otlp+http://h?compression=zip", "gzip"),
                          ("file:x?format=xml", "native"), ("file:x?rotate=much", "size"), ("smoke://h", "unknown"),
                          ("otlp+http://[]", "host"), ("otlp+http://[::1]x:80", "host"), ("otlp+http://[::1", "host"),
                          ("otlp+http://h?timeout=-1", "milliseconds"), ("otlp+http://h?timeout=1s", "milliseconds"),
                          ("otlp+http://h?timeout=99999999999999999999", "milliseconds")):
            result = subprocess.run([PREFIX, "-e", url, "true"], env=clean_env(), capture_output=True, check=False,
                                    cwd=self.directory)
            self.assertEqual((url, result.returncode), (url, 125))
            self.assertIn(word, result.stderr.decode())

    def test_compressed(self):
        backend = self.serve(Backend())
        self.prefixed("-e", self.otlp(backend, "?format=otlp-json&compression=gzip&key=1"))
        request = backend.requests[0]
        self.assertEqual((request.target, request.all("content-encoding")), ("/v1/traces?key=1", ["gzip"]))
        request.body = gzip.decompress(request.body)
        self.assertEqual(len(backend.otlp_spans()), 3)

    def test_a_certificate_is_verified(self):
        key, certificate = self.directory / "key.pem", self.directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        backend = self.serve(Backend(tls=context))
        url = f"otlp+https://127.0.0.1:{backend.port}?format=otlp-json"
        said = self.prefixed("-e", url, env={"OTEL_BSP_EXPORT_TIMEOUT": "2000"})
        self.assertRegex(said, "(?i)3 spans lost .*certificate")
        self.assertEqual(backend.requests, [])
        self.prefixed("-e", url, "-o", "native.jsonl", env={"OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate)})
        self.assert_all_there(backend, 3)


class Files(BackendTest):
    def lines(self, path):
        return [json.loads(line) for line in (self.directory / path).read_text().splitlines()]

    def test_formats_by_name(self):
        self.prefixed("-o", "spans.otlp.jsonl")
        self.assertEqual(sum(len(s["spans"]) for line in self.lines("spans.otlp.jsonl")
                             for r in line["resourceSpans"] for s in r["scopeSpans"]), 3)
        self.prefixed("-e", "file:x.json?format=zipkin", "-e", "file:y.json?format=native")
        self.assertEqual(sum(map(len, self.lines("x.json"))), 3)
        self.assertEqual({s["id"] for line in self.lines("x.json") for s in line}, {s["spanId"] for s in self.lines("y.json")})

    def test_rotated_by_size(self):
        env = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
        self.prefixed("-e", "file:r.jsonl?rotate=3K", command=self.calls(20), env=env)
        files = sorted(self.directory.glob("r.jsonl*"))
        self.assertGreater(len(files), 3)
        self.assertEqual(sum(len(self.lines(f.name)) for f in files), 20)
        self.assertLessEqual(max(f.stat().st_size for f in files), 3 * 1024)

    def test_the_console(self):
        said = self.prefixed("-e", "console:")
        self.assertEqual(len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} curl → GET http://\S+/\d 200 \S+ ms trace=[0-9a-f]{32}$",
                                        said, re.M)), 3)


if __name__ == "__main__":
    unittest.main()
