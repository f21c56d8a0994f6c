"""Programs that trace themselves: their header is left to them, and one tree comes of their spans and ours.

The OpenTelemetry SDK for Python comes from PyPI, once, into the build directory; where that cannot be
reached, all this is skipped.
"""

import concurrent.futures
import json
import os
import subprocess
import time
import unittest
import urllib.request

import pypi
from support import (BUILD, PROGRAMS, PYTHON, TracedTest, attribute, describe, free_port, needs, of_kind, orphans,
                     roots, service, wait_for)

PACKAGES = ("opentelemetry-sdk==1.45.1", "opentelemetry-instrumentation-urllib==0.66b1",
            "opentelemetry-instrumentation-wsgi==0.66b1")
SDK = BUILD / "opentelemetry-python"


class WithSdk(TracedTest):
    def setUp(self):
        super().setUp()
        reason = pypi.install(SDK.name, PACKAGES)
        if reason:
            self.skipTest(f"no OpenTelemetry SDK: {reason}")

    def start_sdk(self, upstream_port):
        """The service that traces itself, run-traced all the same."""
        port_file = self.directory / "sdk-port"
        self.sdk_file = self.directory / "sdk-spans.jsonl"
        self.start(PYTHON, PROGRAMS / "sdk_service.py", port_file, f"127.0.0.1:{upstream_port}", self.sdk_file,
                   env={"PYTHONPATH": str(SDK), "OTEL_TRACES_SAMPLER": "always_on"}, service_name="sdk",
                   ready=port_file.exists)
        return int(port_file.read_text())

    def start_relay(self, upstream_port):
        """A service that knows nothing of tracing."""
        port_file = self.directory / f"relay-port-{len(self._servers)}"
        self.start(PYTHON, PROGRAMS / "relay_server.py", port_file, upstream_port, service_name="front",
                   ready=port_file.exists)
        return int(port_file.read_text())

    def get(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.read()

    def both(self, ours_at_least, theirs):
        """(our spans, the SDK's), when all servers have ended. Whether we tell what comes in at a program that
        traces itself is for one test alone to say; the others do not count that."""
        def sdk_lines():
            return self.sdk_file.read_text(encoding="utf-8").splitlines() if self.sdk_file.exists() else []
        self.wait_spans(ours_at_least)
        wait_for(lambda: len(sdk_lines()) >= theirs, "the SDK's spans")
        self.stop_servers()
        found = [json.loads(line) for line in sdk_lines()]
        self.assertEqual(len(found), theirs, found)
        return self.spans(), found


class Between(WithSdk):
    """front, which knows nothing of tracing - the SDK - back, which knows nothing of it either."""

    def setUp(self):
        super().setUp()
        self.back = self.start_echo(service_name="back")
        self.sdk_port = self.start_sdk(self.back.port)
        self.front_port = self.start_relay(self.sdk_port)

    def received(self):
        """The traceparent and tracestate headers that back got, a list for each request."""
        return [[value for name, value in request["headers"] if name.lower() in ("traceparent", "tracestate")]
                for request in self.back.log()]

    def check_one_trace(self, ours, theirs):
        """One root, and each parent is there."""
        self.assertEqual(len({span["traceId"] for span in ours + theirs}), 1, describe(ours))
        self.assertEqual((orphans(ours + theirs), len(roots(ours + theirs))), ([], 1), describe(ours))

    def check_tree(self, ours, theirs):
        """One trace: front's request and call, then the SDK's, then back's."""
        self.check_one_trace(ours, theirs)
        call, = [span for span in of_kind(ours, "CLIENT") if service(span) == "front"]
        back, = [span for span in ours if service(span) == "back"]
        server, = of_kind(theirs, "SERVER")
        client, = of_kind(theirs, "CLIENT")
        self.assertEqual((server["parentSpanId"], client["parentSpanId"], back["parentSpanId"]),
                         (call["spanId"], server["spanId"], client["spanId"]))
        return client

    def test_its_header_goes_on_and_no_call_is_there_twice(self):
        self.get(self.front_port, "/seen")
        ours, theirs = self.both(3, 2)
        self.assertEqual([span for span in of_kind(ours, "CLIENT") if service(span) == "sdk"], [], describe(ours))
        client = self.check_tree(ours, theirs)
        self.assertEqual(self.received(), [[f"00-{client['traceId']}-{client['spanId']}-{client['flags']}"]])

    def test_many_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: self.get(self.front_port, f"/seen/{i}"), range(40)))
        ours, theirs = self.both(120, 80)
        for trace_id in {span["traceId"] for span in ours}:
            self.check_tree(*([span for span in some if span["traceId"] == trace_id] for some in (ours, theirs)))

    def test_a_call_that_it_does_not_see_is_ours(self):
        self.get(self.front_port, "/unseen")
        ours, theirs = self.both(5, 1)
        call, = [span for span in of_kind(ours, "CLIENT") if service(span) == "sdk"]
        server, = [span for span in of_kind(ours, "SERVER") if service(span) == "sdk"]
        self.assertEqual(call["parentSpanId"], server["spanId"])
        self.assertEqual(self.received(), [[f"00-{call['traceId']}-{call['spanId']}-{theirs[0]['flags']}"]])
        self.check_one_trace(ours, theirs)

    def test_a_request_without_a_trace(self):
        """The SDK begins one, which goes on."""
        self.get(self.sdk_port, "/seen")
        ours, theirs = self.both(1, 2)
        client, = of_kind(theirs, "CLIENT")
        back, = [span for span in ours if service(span) == "back"]
        self.assertEqual(of_kind(ours, "CLIENT"), [])
        self.assertEqual((back["traceId"], back["parentSpanId"]), (client["traceId"], client["spanId"]))

    def test_its_request_is_there_once(self):
        self.get(self.front_port, "/seen/1")
        self.get(self.front_port, "/seen/2")
        ours, _ = self.both(6, 4)
        self.assertEqual([span for span in of_kind(ours, "SERVER") if service(span) == "sdk"], [], describe(ours))


NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/tmp-body;
    proxy_temp_path {directory}/tmp-proxy;
    fastcgi_temp_path {directory}/tmp-f;
    uwsgi_temp_path {directory}/tmp-u;
    scgi_temp_path {directory}/tmp-s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{back}; }}
    }}
}}
"""


class BehindIt(WithSdk):
    @needs("nginx")
    def test_a_proxy_that_passes_its_header_on(self):
        """The SDK - nginx - back: nginx's two spans are between those of the SDK and of back."""
        back = self.start_echo(service_name="back")
        port = free_port()
        config = self.directory / "nginx.conf"
        config.write_text(NGINX.format(directory=self.directory, port=port, back=back.port))
        self.start("nginx", "-e", self.directory / "error.log", "-c", config, "-p", self.directory,
                   service_name="nginx", port=port)
        self.get(self.start_sdk(port), "/seen")
        ours, theirs = self.both(3, 2)
        ours = [span for span in ours if service(span) != "sdk"]
        client, = of_kind(theirs, "CLIENT")
        chain = [(span["kind"], service(span)) for span in ours]
        self.assertEqual(sorted(chain), [("CLIENT", "nginx"), ("SERVER", "back"), ("SERVER", "nginx")], describe(ours))
        by_name = {(span["kind"], service(span)): span for span in ours}
        server, call, last = (by_name[key] for key in
                              (("SERVER", "nginx"), ("CLIENT", "nginx"), ("SERVER", "back")))
        self.assertEqual((server["traceId"], server["parentSpanId"]), (client["traceId"], client["spanId"]))
        self.assertEqual(call["parentSpanId"], server["spanId"])
        self.assertEqual((last["traceId"], last["parentSpanId"]), (client["traceId"], call["spanId"]))

    def test_a_server_that_refuses(self):
        """No header is sent: that the SDK would have is not known, and the failure is told by both."""
        self.get(self.start_sdk(free_port()), "/seen")
        ours, _ = self.both(1, 2)
        self.assertEqual([attribute(span, "error.type") for span in of_kind(ours, "CLIENT")], ["ECONNREFUSED"])


if __name__ == "__main__":
    unittest.main()
