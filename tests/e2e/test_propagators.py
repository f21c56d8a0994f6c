"""OTEL_PROPAGATORS: the formats that a context travels in, baggage, and what of a request becomes attributes."""

import socket
import unittest

from support import ATTRIBUTE_TYPES, PATIENCE, PREFIX, PROGRAMS, PYTHON, StrictServer, TracedTest, of_kind, roots

ATTRIBUTE_TYPES.update({"user.id": str, "tenant": str, "secret": str})  # baggage

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HIGH, LOW = TRACE[:16], TRACE[16:]
VALID = f"00-{TRACE}-{PARENT}-01"
ROOT = f"Root=1-{TRACE[:8]}-{TRACE[8:]}"
ALL_HEADERS = ("traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid",
               "x-b3-sampled", "x-b3-flags", "uber-trace-id", "x-amzn-trace-id", "x-datadog-trace-id",
               "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags")

# What comes in by each format, with the ids above.
INCOMING = {
    "tracecontext": [f"traceparent: {VALID}"],
    "b3": [f"b3: {TRACE}-{PARENT}-1"],
    "b3multi": [f"X-B3-TraceId: {TRACE}", f"X-B3-SpanId: {PARENT}", "X-B3-Sampled: 1"],
    "jaeger": [f"uber-trace-id: {TRACE}:{PARENT}:0:1"],
    "xray": [f"X-Amzn-Trace-Id: {ROOT};Parent={PARENT};Sampled=1"],
    "datadog": [f"x-datadog-trace-id: {int(LOW, 16)}", f"x-datadog-parent-id: {int(PARENT, 16)}",
                "x-datadog-sampling-priority: 1", f"x-datadog-tags: _dd.p.tid={HIGH}"],
}


def outgoing(name, trace, span, sampled="1"):
    """What has to go out."""
    return {
        "tracecontext": {"traceparent": f"00-{trace}-{span}-0{sampled}"},
        "b3": {"b3": f"{trace}-{span}-{sampled}"},
        "b3multi": {"x-b3-traceid": trace, "x-b3-spanid": span, "x-b3-sampled": sampled},
        "jaeger": {"uber-trace-id": f"{trace}:{span}:0:{sampled}"},
        "xray": {"x-amzn-trace-id": f"Root=1-{trace[:8]}-{trace[8:]};Parent={span};Sampled={sampled}"},
        "datadog": {"x-datadog-trace-id": str(int(trace[16:], 16)), "x-datadog-parent-id": str(int(span, 16)),
                    "x-datadog-sampling-priority": sampled,
                    **({"x-datadog-tags": f"_dd.p.tid={trace[:16]}"} if trace[:16].strip("0") else {})},
        "none": {},
    }[name]


def span_id_of(name, received):
    """The span id in headers of this format."""
    return {"b3": lambda: received["b3"].split("-")[1],
            "b3multi": lambda: received["x-b3-spanid"],
            "jaeger": lambda: received["uber-trace-id"].split(":")[1],
            "datadog": lambda: f"{int(received['x-datadog-parent-id']):016x}"}[name]()


class Relayed(TracedTest):
    """A request comes in at a traced server, which asks one that keeps what it gets."""

    def relay(self, propagators, *pass_on, upstream_port=None, **env):
        """Starts a relay; returns its port."""
        if upstream_port is None:
            self.upstream = self.serve(StrictServer(traceparents=None))
            upstream_port = self.upstream.port
        if propagators is not None:
            env["OTEL_PROPAGATORS"] = propagators
        self.relays = getattr(self, "relays", 0) + 1
        port_file = self.directory / f"relay-{self.relays}"
        self.start(PYTHON, PROGRAMS / "relay_server.py", port_file, upstream_port, *pass_on, ready=port_file.exists,
                   service_name=f"relay{self.relays}", env=env)
        return int(port_file.read_text())

    def ask(self, port, *headers, spans=2):
        """Returns (SERVER span, CLIENT span or None, the propagation headers that upstream got)."""
        count = len(self.spans())
        received = self.received(port, *headers)
        found = self.wait_spans(count + spans)[-spans:]
        clients = of_kind(found, "CLIENT")
        return of_kind(found, "SERVER")[0], clients[0] if clients else None, received

    def received(self, port, *headers):
        """The propagation headers that upstream got."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall("\r\n".join(["GET / HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]).encode())
            answer = b""
            while data := sock.recv(65536):
                answer += data
        self.assertIn(b"yes", answer)
        self.assert_no_problems(self.upstream)
        request = self.upstream.requests[-1]
        received = {name: request.all(name) for name in ALL_HEADERS if request.all(name)}
        self.assertEqual({name: values for name, values in received.items() if len(values) > 1}, {})
        return {name: values[0] for name, values in received.items()}


class Formats(Relayed):
    def check(self, port, names, headers, trace=TRACE, sampled="1"):
        server, client, received = self.ask(port, *headers)
        self.assertEqual((server["traceId"], server.get("parentSpanId")), (trace, PARENT), headers)
        self.assertEqual((client["traceId"], client["parentSpanId"]), (trace, server["spanId"]))
        expected = {}
        for name in names:
            expected.update(outgoing(name, trace, client["spanId"], sampled))
        self.assertEqual(received, expected)

    def test_each_by_itself(self):
        for name, headers in INCOMING.items():
            with self.subTest(name=name):
                self.check(self.relay(name), [name], headers)

    def test_each_not_sampled_and_of_64_bits(self):
        padded = "0" * 16 + LOW
        for name, headers in {"b3": [f"B3: {LOW}-{PARENT}-0"],
                              "b3multi": [f"x-b3-spanid: {PARENT}", f"x-b3-traceid: {LOW}", "x-b3-sampled: 0"],
                              "jaeger": [f"Uber-Trace-Id: {LOW}%3A{PARENT.lstrip('0')}%3A0%3A0"],
                              "datadog": [*INCOMING["datadog"][:2], "x-datadog-sampling-priority: -1"]}.items():
            with self.subTest(name=name):
                received = self.received(self.relay(name), *headers)
                span = span_id_of(name, received)
                self.assertNotEqual(span, PARENT)
                self.assertEqual(received, outgoing(name, padded, span, "0"))
        self.all_spans(0)

    def test_a_trace_that_begins_here(self):
        for name in INCOMING:
            with self.subTest(name=name):
                port = self.relay(name)
                server, client, received = self.ask(port)
                self.assertNotIn("parentSpanId", server)
                sampled = "3" if name == "tracecontext" else "1"
                self.assertEqual(received, outgoing(name, server["traceId"], client["spanId"], sampled))
                for other, headers in INCOMING.items():  # a format that is not in use is not looked at
                    if other != name:
                        self.assertNotIn("parentSpanId", self.ask(port, *headers)[0], other)

    def test_a_decision_alone(self):
        for headers, sampled in ((["b3: 0"], "0"), (["b3: 1"], "1"), (["b3: d"], "1")):
            port = self.relay("b3,tracecontext")
            received = self.received(port, *headers)
            self.assertEqual(received["b3"][-1], sampled)
            self.assertEqual(received["traceparent"][-2:], "03" if sampled == "1" else "02")
        found = self.all_spans(4)
        self.assertEqual(len(roots(found)), 2, "what is not sampled is not recorded")

    def test_several(self):
        names = "b3,tracecontext,xray,datadog,b3multi,jaeger,baggage"
        port = self.relay(names)
        other = f"traceparent: 00-{'12' * 16}-{'34' * 8}-01"
        self.check(port, names.split(",")[:-1], [other, *INCOMING["b3"]])  # the first in the list counts
        self.check(port, names.split(",")[:-1], ["b3: nonsense", *INCOMING["tracecontext"]])
        self.check(port, names.split(",")[:-1], INCOMING["jaeger"])

    def test_unknown_names_do_not_count(self):
        self.check(self.relay(" ottrace , B3 "), ["b3"], INCOMING["b3"])

    def test_none(self):
        server, client, received = self.ask(self.relay("none"), *INCOMING["tracecontext"], "baggage: a=1")
        self.assertNotIn("parentSpanId", server)
        self.assertEqual(client["parentSpanId"], server["spanId"])
        self.assertEqual(received, {})

    def test_malformed_or_twice(self):
        for name, headers in INCOMING.items():
            port = self.relay(name)
            for bad in ([headers[0] + "x", *headers[1:]], [headers[0], *headers]):
                self.assertNotIn("parentSpanId", self.ask(port, *bad)[0], bad)


class OfItsOwn(Relayed):
    """The application sends headers of the formats in use by itself."""

    def test_passed_on_becomes_that_of_this_call(self):
        for name, headers in INCOMING.items():
            with self.subTest(name=name):
                fields = [line.partition(":")[0] for line in headers]
                server, client, received = self.ask(self.relay(f"{name},baggage", *fields), *headers, "baggage: a=1")
                self.assertEqual((server["parentSpanId"], client["parentSpanId"]), (PARENT, server["spanId"]))
                sent = outgoing(name, TRACE, client["spanId"])
                if name == "datadog" and len(str(int(client["spanId"], 16))) > len(str(int(PARENT, 16))):
                    sent["x-datadog-parent-id"] = str(int(PARENT, 16))
                    self.assertEqual(client["attributes"]["run_traced.propagation.skipped"], "length")
                self.assertEqual(received, {**sent, "baggage": "a=1"})

    def test_passed_on_in_two_formats(self):
        port = self.relay("b3,jaeger,tracecontext", "x-other", "b3", "traceparent", "uber-trace-id")
        server, client, received = self.ask(port, *INCOMING["jaeger"], *INCOMING["b3"], *INCOMING["tracecontext"])
        for name in ("b3", "jaeger", "tracecontext"):
            sent = outgoing(name, TRACE, client["spanId"])
            self.assertEqual({header: received[header] for header in sent}, sent)
        self.assertEqual((server["traceId"], len(received)), (TRACE, 3))

    def test_another_one_is_respected(self):
        echo = self.serve(StrictServer(traceparents=None))
        for name, headers in INCOMING.items():
            for program in ("urllib", "curl"):
                with self.subTest(name=name, program=program):
                    fields = [line.split(": ", 1) for line in headers]
                    if program == "curl":
                        command = ["curl", "-sS", *[word for line in headers for word in ("-H", line)], echo.url]
                    else:
                        command = [PYTHON, "-c", "import sys, urllib.request as u;"
                                   "u.urlopen(u.Request(sys.argv[1], headers=eval(sys.argv[2]))).read()", echo.url,
                                   repr(dict(fields))]
                    self.preloaded(*command, env={"OTEL_PROPAGATORS": f"{name},xray"})
                    request = echo.requests[-1]
                    self.assertEqual({n.lower(): request.all(n.lower()) for n, _ in fields},
                                     {n.lower(): [v] for n, v in fields})
                    self.assertEqual([n for n in ALL_HEADERS if request.all(n)],
                                     [n for n in ALL_HEADERS if n in [f.lower() for f, _ in fields]])
        self.assertEqual(self.spans(), [])


class Libcurl(TracedTest):
    """It gets the same headers as a socket."""

    def get(self, propagators, *words, **env):
        upstream = self.serve(StrictServer(traceparents=None))
        self.forget_spans()
        self.preloaded("curl", "-sS", *words, upstream.url, env={"OTEL_PROPAGATORS": propagators, **env})
        request = upstream.requests[0]
        return self.only_span(), {name: ",".join(request.all(name)) for name in ALL_HEADERS if request.all(name)}

    def test_each_and_all(self):
        for names in (*INCOMING, "none", ",".join(INCOMING)):
            span, received = self.get(names, TRACEPARENT=VALID)
            expected = {}
            for name in names.split(","):
                expected.update(outgoing(name, span["traceId"], span["spanId"], "1" if names != "none" else "3"))
            self.assertEqual(received, expected)
            self.assertEqual(span.get("parentSpanId"), None if names == "none" else PARENT)

    def test_passed_on(self):
        for name, headers in INCOMING.items():
            words = [word for line in headers for word in ("-H", line)]
            span, received = self.get(name, *words, TRACEPARENT=VALID)
            self.assertEqual(received, outgoing(name, TRACE, span["spanId"]))

    def test_baggage(self):
        _, received = self.get("tracecontext,baggage", TRACEPARENT=VALID, TRACESTATE="a=1", BAGGAGE="k=v;p,l=w")
        self.assertEqual((received["tracestate"], received["baggage"]), ("a=1", "k=v;p,l=w"))
        _, received = self.get("tracecontext,baggage", "-H", "Baggage: own=1", TRACEPARENT=VALID, BAGGAGE="k=v")
        self.assertEqual(received["baggage"], "own=1")
        _, received = self.get("tracecontext", TRACEPARENT=VALID, BAGGAGE="k=v")
        self.assertNotIn("baggage", received)


class Baggage(Relayed):
    def test_goes_through_two_relays(self):
        second = self.relay(None)
        first = self.relay(None, upstream_port=second)
        found = self.ask(first, f"traceparent: {VALID}", "baggage: user.id=%C3%A9, a=1;p=2", "Baggage: b=2", spans=4)
        self.assertEqual(found[2]["baggage"], "user.id=%C3%A9,a=1;p=2,b=2")

    def test_needs_no_parent_and_may_be_bad(self):
        port = self.relay(None)
        self.assertEqual(self.ask(port, "baggage: a=1")[2]["baggage"], "a=1")
        self.assertEqual(self.ask(port, "baggage: a=1,b,c=\x01,d=2")[2]["baggage"], "a=1,d=2")
        self.assertNotIn("baggage", self.ask(port)[2])
        many = ",".join(f"key{i}={'v' * 40}" for i in range(50))
        kept = self.ask(port, f"baggage: {many}")[2]["baggage"]
        self.assertTrue(many.startswith(kept + ",") and 970 < len(kept) <= 1024, kept)

    def test_is_only_for_who_wants_it(self):
        self.assertNotIn("baggage", self.ask(self.relay("tracecontext"), "baggage: a=1")[2])
        self.assertEqual(self.ask(self.relay("baggage"), "baggage: a=1")[2], {"baggage": "a=1"})

    def test_the_applications_own_stays(self):
        port = self.relay(None, "baggage")
        self.assertEqual(self.ask(port, f"traceparent: {VALID}", "baggage: a=1")[2]["baggage"], "a=1")

    def test_attributes(self):
        port = self.relay(None, RUN_TRACED_BAGGAGE_ATTRIBUTES="user.id, tenant")
        server, client, _ = self.ask(port, "baggage: user.id=%C3%A9%20x;p=1,secret=1,tenant=t")
        for span in (server, client):
            self.assertEqual((span["attributes"]["user.id"], span["attributes"]["tenant"]), ("\u00e9 x", "t"))
            self.assertNotIn("secret", span["attributes"])
        port = self.relay(None, RUN_TRACED_BAGGAGE_ATTRIBUTES="*")
        attributes = self.ask(port, "baggage: tenant=1,secret=1,url.scheme=x")[0]["attributes"]
        self.assertEqual((attributes["tenant"], attributes["secret"]), ("1", "REDACTED"))


class Captured(Relayed):
    def test_headers(self):
        names = "X-Tenant, accept,authorization,host,x-a-name-that-is-32-bytes-long-o"
        port = self.relay(None, "x-tenant", "Authorization", RUN_TRACED_CAPTURE_HEADERS=names)
        server, client, _ = self.ask(port, "X-TENANT: one", "Authorization: Bearer x", "x-tenant: two", "Accept: a/b",
                                     "X-A-Name-That-Is-32-Bytes-Long-O: y")
        prefix = "http.request.header."
        seen = {name[len(prefix):]: value for name, value in server["attributes"].items() if name.startswith(prefix)}
        self.assertEqual(seen, {"x-tenant": ["one", "two"], "authorization": ["REDACTED"], "accept": ["a/b"],
                                "host": ["x"], "x-a-name-that-is-32-bytes-long-o": ["y"]})
        self.assertEqual(client["attributes"][prefix + "x-tenant"], ["one", "two"])
        self.assertEqual(client["attributes"][prefix + "authorization"], ["REDACTED"])
        self.assertNotIn("Bearer", str(self.spans()))
        self.assertNotIn(prefix + "x-tenant", self.ask(self.relay(None), "X-Tenant: one")[0]["attributes"])

    def test_of_libcurl(self):
        upstream = self.serve(StrictServer(traceparents=None))
        self.preloaded("curl", "-sS", "-H", "X-Tenant: one", "-H", "Cookie: a=b", upstream.url,
                       env={"RUN_TRACED_CAPTURE_HEADERS": "x-tenant,cookie"})
        attributes = self.only_span()["attributes"]
        self.assertEqual(attributes["http.request.header.x-tenant"], ["one"])
        self.assertEqual(attributes["http.request.header.cookie"], ["REDACTED"])


class Launcher(TracedTest):
    def test_names_what_it_does_not_know(self):
        command = (PREFIX, "-o", self.directory / "spans", "true")
        result = self.bare(*command, env={"OTEL_PROPAGATORS": "b3,ottrace"})
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr, rb"OTEL_PROPAGATORS: 'ottrace' .*tracecontext, baggage, b3, b3multi, jaeger, "
                                        rb"xray, datadog, none")
        self.assertNotIn(b"OTEL_PROPAGATORS", self.bare(*command, env={"OTEL_PROPAGATORS": "b3"}).stderr)


if __name__ == "__main__":
    unittest.main()
