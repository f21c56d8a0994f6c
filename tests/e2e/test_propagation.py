"""What comes in and what goes out: the letter of W3C Trace Context and of HTTP/1."""

import json
import re
import struct
import socket
import unittest

from support import (PATIENCE, PROGRAMS, PYTHON, Recorder, StrictServer, TracedTest, attribute,
                     describe, of_kind)

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"
ADDED = re.compile(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\r\n")


class Relay(TracedTest):
    """A request comes in at a traced server, which asks a strict one."""

    pass_on = ()

    def setUp(self):
        super().setUp()
        self.upstream = self.serve(StrictServer())
        port_file = self.directory / "relay-port"
        self.relay = self.start(PYTHON, PROGRAMS / "relay_server.py", port_file, self.upstream.port,
                                *self.pass_on, ready=port_file.exists, service_name="relay")
        self.port = int(port_file.read_text())
        self.count = 0

    def ask(self, *headers):
        """Sends a request with these header lines. Returns (its SERVER span, its CLIENT span, what
        upstream got)."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            lines = [f"GET /{self.count} HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]
            sock.sendall("\r\n".join(lines).encode("latin-1"))
            answer = b""
            while data := sock.recv(65536):
                answer += data
        self.assertIn(b"yes", answer)
        self.count += 1
        found = self.wait_spans(2 * self.count)[-2:]
        self.assert_no_problems(self.upstream)
        server, client = of_kind(found, "SERVER")[0], of_kind(found, "CLIENT")[0]
        self.assertEqual(client["traceId"], server["traceId"])
        self.assertEqual(client["parentSpanId"], server["spanId"])
        request = self.upstream.requests[-1]
        self.assertEqual(request.traceparent[:52], f"00-{client['traceId']}-{client['spanId']}")
        return server, client, request


class Incoming(Relay):
    def check_continues(self, *headers, flags="01"):
        with self.subTest(headers=headers):
            server, _, request = self.ask(*headers)
            self.assertEqual((server["traceId"], server.get("parentSpanId")), (TRACE, PARENT))
            self.assertEqual(request.traceparent[-2:], flags)
            return request

    def check_restarts(self, *headers):
        with self.subTest(headers=headers):
            server, _, request = self.ask(*headers)
            self.assertNotIn("parentSpanId", server)
            self.assertNotEqual(server["traceId"], TRACE)
            self.assertEqual(request.all("tracestate"), [])

    def test_valid(self):
        self.check_continues(f"traceparent: {VALID}")
        self.check_continues(f"TRACEPARENT: {VALID}")
        self.check_continues(f"TraceParent:{VALID}")
        self.check_continues(f"traceparent: \t {VALID} \t")
        self.check_continues(f"traceparent: {VALID[:-2]}03", flags="03")

    def test_future_versions(self):
        self.check_continues(f"traceparent: cc-{TRACE}-{PARENT}-01")
        self.check_continues(f"traceparent: cc-{TRACE}-{PARENT}-01-what-the-future-brings")
        self.check_restarts(f"traceparent: cc-{TRACE}-{PARENT}-01.what-the-future-brings")
        self.check_restarts(f"traceparent: ff-{TRACE}-{PARENT}-01")

    def test_invalid(self):
        for value in ("", "x", VALID + "-", VALID + "-extra", VALID + ".", VALID[:-1], VALID.upper(),
                      f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
                      f"00-{TRACE[1:]}-{PARENT}-01", f"00-{TRACE}-{PARENT[1:]}-01",
                      f"00-{TRACE}0-{PARENT}-01", f"0-{TRACE}-{PARENT}-01",
                      f"00-{TRACE}-{PARENT}-0x", f"00-{TRACE}-{PARENT}-1", f"00_{TRACE}_{PARENT}_01",
                      f"00-{TRACE[:-1]}g-{PARENT}-01", f"{VALID},{VALID}", f'"{VALID}"',
                      f"{VALID} x"):
            self.check_restarts(f"traceparent: {value}", "tracestate: a=1")

    def test_absent_or_twice(self):
        self.check_restarts()
        self.check_restarts("tracestate: a=1")
        self.check_restarts(f"trace-parent: {VALID}")
        self.check_restarts(f"xtraceparent: {VALID}")
        self.check_restarts(f"traceparent: {VALID}", f"traceparent: {VALID}")
        self.check_restarts(f"traceparent: {VALID}", "X-Other: y", "traceparent: x")

    def check_tracestate(self, *values, expected):
        with self.subTest(values=values):
            server, client, request = self.ask(f"traceparent: {VALID}",
                                               *(f"tracestate: {value}" for value in values))
            self.assertEqual(server["traceId"], TRACE)
            sent = ",".join(part.strip(" \t") for value in request.all("tracestate")
                            for part in value.split(","))
            self.assertEqual(sent, expected)
            for span in (server, client):
                self.assertEqual(span.get("traceState", "").replace(", ", ","), expected)

    def test_tracestate(self):
        self.check_tracestate("a=1,b=2", expected="a=1,b=2")
        self.check_tracestate("a=1", expected="a=1")
        self.check_tracestate(" a=1 , b=2 ", expected="a=1,b=2")
        self.check_tracestate("foo@=1,0a=2,a@b=3,a_-*/=4", expected="foo@=1,0a=2,a@b=3,a_-*/=4")

    def test_tracestate_in_several_headers(self):
        self.check_tracestate("a=1", "b=2", expected="a=1,b=2")
        self.check_tracestate("a=1,b=2", "", "c=3", expected="a=1,b=2,c=3")
        self.check_tracestate("", "a=1", expected="a=1")

    def test_tracestate_that_is_bad_is_dropped_alone(self):
        for value in ("a=1,b", "A=1", "a=1,=2", "a b=1", "a=1=2", "a" * 257 + "=1",
                      ",".join(f"k{i}=1" for i in range(33)), "a=\x01", "a=\xfc"):
            self.check_tracestate(value, expected="")

    def test_tracestate_of_full_length(self):
        members = [f"k{i}={'v' * 11}" for i in range(32)]
        self.check_tracestate(",".join(members), expected=",".join(members))

    def test_a_tracestate_beyond_512_bytes_loses_whole_members_or_goes(self):
        members = [f"key{i}={'v' * 40}" for i in range(30)]
        _, _, request = self.ask(f"traceparent: {VALID}", f"tracestate: {','.join(members)}")
        for value in request.all("tracestate"):
            self.assertEqual([m for m in value.split(",") if m not in members], [])


class PassedOn(Relay):
    pass_on = ("TraceParent", "tracestate")

    def test_is_rewritten(self):
        server, client, request = self.ask(f"traceparent: {VALID}", "tracestate: a=1")
        self.assertEqual((server["traceId"], server["parentSpanId"]), (TRACE, PARENT))
        self.assertEqual(request.traceparent, f"00-{TRACE}-{client['spanId']}-01")
        self.assertEqual(request.all("tracestate"), ["a=1"])

    def test_three_times(self):
        for _ in range(3):
            self.ask(f"traceparent: {VALID}")


class Raw(TracedTest):
    """Bytes as they are, from a client that sends them to a server that keeps them."""

    def talk(self, *steps, script=None, env=None):
        """Returns what the server received."""
        def answer_at_once(conversation):
            conversation.read_until(b"\r\n\r\n")
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            conversation.read_to_end()
        self.server = self.serve(Recorder(script or answer_at_once))
        self.result = self.preloaded(PYTHON, PROGRAMS / "raw_client.py", self.server.port, env=env,
                                     input=json.dumps(steps).encode())
        self.assertEqual((self.result.returncode, self.result.stderr), (0, b""))
        self.server.join()
        return self.server.conversations[0].received

    def check(self, *steps, added, spans=None, script=None):
        """The server got what was sent, and @added headers; there are @spans (@added) spans."""
        received = self.talk(*steps, script=script)
        sent = "".join(step[1] for step in steps if step[0] == "send").encode("latin-1")
        self.assertEqual(ADDED.sub(b"", received), sent)
        self.assertEqual(len(ADDED.findall(received)), added, received[:2000])
        found = self.spans()
        self.assertEqual(len(found), added if spans is None else spans, describe(found))
        ids = [line.split(b"-")[2].decode() for line in ADDED.findall(received)]
        self.assertEqual(sorted(ids), sorted(s["spanId"] for s in found))
        return found


class Outgoing(Raw):
    def test_long_request_line(self):
        for length in (8100, 8192, 9000, 70000):
            with self.subTest(length=length):
                self.forget_spans()
                self.check(["send", f"GET /{'x' * length} HTTP/1.1\r\nHost: x\r\n\r\n"],
                           ["await", "\r\n\r\n"], added=1)

    def test_long_headers(self):
        self.check(["send", f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {'c' * 50000}\r\nA: b\r\n\r\n"],
                   ["await", "\r\n\r\n"], added=1)

    def test_many_headers(self):
        lines = "".join(f"X-Header-{i}: {'v' * 100}\r\n" for i in range(500))
        self.check(["send", f"GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n"], ["await", "\r\n\r\n"],
                   added=1)

    def test_head_in_two_pieces_at_every_place(self):
        head = "POST /split HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"

        def script(conversation):
            while conversation.read_until(b"body"):
                if conversation.received.endswith(b"body"):
                    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        steps = []
        for i in range(1, len(head)):
            steps += [["send", head[:i]], ["send", head[i:]], ["await", "ok"]]
        self.check(*steps, added=len(head) - 1, script=script)

    def test_bodies_that_look_like_requests(self):
        trap = "GET / HTTP/1.1\r\nHost: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        found = self.check(["send", f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(trap)}\r\n\r\n"],
                           ["send", trap], ["await", "\r\n\r\n"], added=1)
        self.assertEqual(attribute(found[0], "http.request.body.size"), len(trap))

    def test_chunked_request_with_extensions_and_trailers(self):
        trap = "GET / HTTP/1.1\r\n\r\n"
        found = self.check(["send", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"],
                           ["send", f"{len(trap):x};a=b\r\n{trap}\r\n"], ["send", "3\r\nabc\r"],
                           ["send", "\n0\r\nX-Trailer: GET / HTTP/1.1\r\n\r\n"], ["await", "\r\n\r\n"],
                           ["send", "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"], added=2)
        self.assertEqual(attribute(found[0], "http.request.body.size"), len(trap) + 3)

    def test_pipelined(self):
        def script(conversation):
            for i in range(3):
                conversation.read_head()
            for i in range(3):
                conversation.send(b"HTTP/1.1 20%d OK\r\nContent-Length: 1\r\n\r\n%d" % (i, i))
            conversation.read_to_end()
        found = self.check(["send", "".join(f"GET /{i} HTTP/1.1\r\nHost: x\r\n\r\n" for i in range(3))],
                           ["await", "\r\n\r\n2"], added=3, script=script)
        self.assertEqual([attribute(s, "http.response.status_code") for s in found], [200, 201, 202])
        self.assertEqual(len({s["traceId"] for s in found}), 3)

    def test_expect_100_continue(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            conversation.read_exactly(4)
            conversation.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            conversation.read_to_end()
        found = self.check(["send", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                            "Content-Length: 4\r\n\r\n"], ["await", "100 Continue\r\n\r\n"],
                           ["send", "body"], ["await", "\r\n\r\n"], added=1, script=script)
        self.assertEqual(attribute(found[0], "http.response.status_code"), 201)

    def test_upgrade(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              b"Connection: Upgrade\r\n\r\n\x81\x05hello")
            conversation.read_to_end()
        found = self.check(["send", "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"],
                           ["await", "hello"], ["send", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
                           ["send", "\x81\x85\x00\x01"], added=1, script=script)
        self.assertEqual((attribute(found[0], "http.response.status_code"), found[0]["status"]),
                         (101, {"code": "OK"}))

    def test_connect_through_a_proxy(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            conversation.read_to_end()
        found = self.check(["send", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n"],
                           ["await", "\r\n\r\n"], ["send", "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"],
                           ["send", "\x16\x03\x01\x02\x00"], added=1, script=script)
        self.assertEqual(found[0]["name"], "CONNECT")

    def test_absolute_target_to_a_proxy(self):
        found = self.check(["send", "GET http://user:secret@example.org:81/a?b=c HTTP/1.1\r\n"
                            "Host: example.org:81\r\n\r\n"], ["await", "\r\n\r\n"], added=1)
        self.assertNotIn("secret", json.dumps(found))
        self.assertEqual((attribute(found[0], "server.address"), attribute(found[0], "server.port")),
                         ("example.org", 81))

    def test_http_1_0(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
        found = self.check(["send", "GET / HTTP/1.0\r\n\r\n"], ["end"], added=1, script=script)
        self.assertEqual(attribute(found[0], "http.response.body.size"), 10)

    def test_unusual_methods(self):
        for method in ("PROPFIND", "M-SEARCH", "OPTIONS", "PATCH"):
            self.forget_spans()
            target = "*" if method == "OPTIONS" else "/"
            found = self.check(["send", f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"],
                               ["await", "\r\n\r\n"], added=1)
            if method in ("OPTIONS", "PATCH"):
                self.assertEqual(found[0]["name"], method)
            else:
                self.assertEqual(attribute(found[0], "http.request.method"), "_OTHER")
                self.assertEqual(attribute(found[0], "http.request.method_original"), method)

    def test_the_applications_own_header_is_respected(self):
        for name in ("traceparent", "TraceParent"):
            head = f"GET / HTTP/1.1\r\nHost: x\r\n{name}: {VALID}\r\ntracestate: z=1\r\n\r\n"
            received = self.talk(["send", head], ["await", "\r\n\r\n"])
            self.assertEqual(received.decode(), head)
        self.assertEqual(self.spans(), [])

    def test_an_invalid_header_of_the_applications_own_stays_alone(self):
        head = "GET / HTTP/1.1\r\nHost: x\r\ntraceparent: nonsense\r\n\r\n"
        self.assertEqual(self.talk(["send", head], ["await", "\r\n\r\n"]).decode(), head)

    def test_own_header_given_to_curl(self):
        echo = self.start_echo(traced=False)
        self.preloaded("curl", "-sS", "-H", f"traceparent: {VALID}", echo.url)
        received = [v for n, v in echo.log()[0]["headers"] if n.lower() == "traceparent"]
        self.assertEqual(received, [VALID])
        self.assertEqual(self.spans(), [])

    def test_of_libcurl_that_is_worth_nothing(self):
        """It stays, and the call is recorded."""
        for values, reason in ((["nonsense"], "malformed"), ([VALID, VALID], "several")):
            upstream = self.serve(StrictServer(traceparents=None))
            lines = [word for value in values for word in ("-H", f"traceparent: {value}")]
            self.preloaded("curl", "-sS", *lines, upstream.url)
            self.assertEqual(upstream.requests[0].all("traceparent"), values)
            self.assertEqual(attribute(self.spans()[-1], "run_traced.propagation.skipped"), reason)


class Answers(Raw):
    """How answers are cut: on one connection, each must be found where it begins."""

    def converse(self, *pairs):
        """[(request, answer)] on one connection, answers in one-byte pieces. Returns the spans."""
        def script(conversation):
            for _, answer in pairs:
                conversation.read_head()
                for i in range(len(answer)):
                    conversation.send(answer[i:i + 1])
            conversation.read_to_end()
        steps = []
        for request, answer in pairs:
            steps += [["send", request], ["await", answer.decode("latin-1")]]
        return self.check(*steps, added=len(pairs), script=script)

    def statuses(self, *pairs):
        return [attribute(s, "http.response.status_code") for s in self.converse(*pairs)]

    def get(self, method="GET"):
        return f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n"

    def test_bodies_that_look_like_answers(self):
        trap = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        first = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(trap), trap)
        second = b"HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
            len(trap), trap)
        third = b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual(self.statuses((self.get(), first), (self.get(), second), (self.get(), third)),
                         [200, 201, 202])

    def test_answers_without_a_body_whatever_they_say(self):
        long = b"Content-Length: 1000\r\n\r\n"
        self.assertEqual(self.statuses((self.get("HEAD"), b"HTTP/1.1 200 OK\r\n" + long),
                                       (self.get(), b"HTTP/1.1 304 Not Modified\r\n" + long),
                                       (self.get(), b"HTTP/1.1 204 No Content\r\n\r\n"),
                                       (self.get(), b"HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n")),
                         [200, 304, 204, 205])

    def test_interim_answers(self):
        self.assertEqual(self.statuses(
            (self.get(), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
             b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            (self.get(), b"HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")), [200, 201])

    def test_an_answer_before_the_request_is_whole(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            conversation.read_to_end()
        found = self.check(["send", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"],
                           ["await", "ok"], ["send", "x" * 96], ["shut"], ["end"], added=1,
                           script=script)
        self.assertEqual(found[0]["status"], {"code": "OK"})


class OtherProtocols(Raw):
    def untouched(self, *pieces, greeting=b""):
        def script(conversation):
            conversation.send(greeting)
            conversation.read_to_end()
        first = [["await", greeting.decode("latin-1")]] if greeting else []
        with self.subTest(pieces=pieces):
            self.forget_spans()
            self.check(*first, *[["send", piece] for piece in pieces], ["shut"], ["end"], added=0,
                       script=script)

    def test_client_first(self):
        http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        for pieces in (("*1\r\n$4\r\nPING\r\n", http), ("PING\r\n", http), ("EHLO x\r\n", http),
                       ("\x16\x03", http), ("\x16\x03\x01\x02\x00\x02", http),
                       ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",),
                       ("get key\r\n", http), ("SSH-2.0-x\r\n", http), ("\x00\x00\x00\x08\x04\xd2\x16/",),
                       ("INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",),
                       ("OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",), ("GET /\r\n",),
                       ("GET / HTTP/2.0\r\n\r\n",), ("\r\n\r\n",), (" GET / HTTP/1.1\r\n\r\n",),
                       ("GET  / HTTP/1.1\r\n\r\n",)):
            self.untouched(*pieces)

    def opaque(self, *steps, script):
        """The one span of a connection that cannot be seen into. What is sent arrives as it is."""
        self.forget_spans()
        received = self.talk(*steps, script=script)
        self.assertEqual(received, "".join(step[1] for step in steps if step[0] == "send").encode("latin-1"))
        span, = self.spans()
        self.assertEqual((span["name"], span["kind"], span["attributes"]["run_traced.opaque"]), ("tls", "CLIENT", True))
        self.assertEqual(span["attributes"]["run_traced.sent_bytes"], len(received))
        return span

    @staticmethod
    def hello(*extensions):
        """A ClientHello; @extensions: (type, bytes)."""
        body = b"".join(struct.pack("!HH", number, len(value)) + value for number, value in extensions)
        hello = b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + struct.pack("!H", len(body)) + body
        message = b"\x01" + struct.pack("!I", len(hello))[1:] + hello
        return (b"\x16\x03\x01" + struct.pack("!H", len(message)) + message).decode("latin-1")

    def test_tls_of_others(self):
        """One span a connection, with what goes in the clear."""
        name = b"\x00\x0f\x00\x00\x0cexample.test"
        protocols = b"\x00\x0c\x02h2\x08http/1.1"
        http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

        def script(conversation):
            conversation.read_until(b"Host: x\r\n\r\n")
            conversation.send(b"\x16\x03\x03\x00\x02ok")
            conversation.read_to_end()
        whole = self.hello((0, name), (16, protocols))
        span = self.opaque(["send", whole], ["send", http], ["await", "ok"], ["shut"], ["end"], script=script)
        self.assertEqual(span["status"], {"code": "UNSET"})
        self.assertEqual((span["attributes"]["server.address"], span["attributes"]["server.port"]),
                         ("example.test", self.server.port))
        self.assertEqual(span["attributes"]["run_traced.tls.offered_protocols"], "h2,http/1.1")
        self.assertEqual(span["attributes"]["run_traced.received_bytes"], 7)
        for hello in (self.hello(), self.hello((0, b"\x00\x0f\x00\x00\xff")), self.hello((0, b"\x00\x05\x00\x00\x02\x00\x1b")),
                      self.hello((16, b"\xff\xff\x09"), (1, b"")), whole[:60], whole[:-3]):
            with self.subTest(hello=hello):
                span = self.opaque(["send", hello], ["send", http], ["await", "ok"], ["shut"], ["end"], script=script)
                self.assertIn(span["attributes"]["server.address"], ("127.0.0.1", "example.test"))

    def test_tls_that_is_refused(self):
        def refuse(conversation):
            conversation.read_until(bytes(range(32)))
            conversation.send(b"\x15\x03\x01\x00\x02\x02\x28")
            conversation.read_to_end()

        def leave(conversation):
            conversation.read_until(bytes(range(32)))
        span = self.opaque(["send", self.hello()], ["await", "("], ["shut"], ["end"], script=refuse)
        self.assertEqual((span["status"]["code"], span["attributes"]["error.type"]), ("ERROR", "handshake_failure"))
        span = self.opaque(["send", self.hello()], ["end"], script=leave)
        self.assertEqual((span["status"]["code"], span["attributes"]["error.type"]), ("ERROR", "connection_closed"))

    def test_byte_by_byte(self):
        self.untouched(*"GET key\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.untouched(*"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    def test_server_first(self):
        self.untouched("EHLO x\r\n", "GET / HTTP/1.1\r\n\r\n", greeting=b"220 ready\r\n")
        self.untouched("\x01\x00\x00", greeting=b"J\x00\x00\x00\x0a8.0.36\x00")


class Environment(Raw):
    def get(self, **env):
        received = self.talk(["send", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ["await", "\r\n\r\n"],
                             env=env)
        return received, self.spans()[-1]

    def test_becomes_the_parent(self):
        received, span = self.get(TRACEPARENT=VALID)
        self.assertEqual((span["traceId"], span["parentSpanId"]), (TRACE, PARENT))
        self.assertIn(f"traceparent: 00-{TRACE}-{span['spanId']}-01\r\n".encode(), received)

    def test_tracestate_goes_along(self):
        received, span = self.get(TRACEPARENT=VALID, TRACESTATE="a=1,b=2")
        self.assertIn(b"\r\ntracestate: a=1,b=2\r\n", received)
        self.assertEqual(span["traceState"], "a=1,b=2")
        self.assertEqual(attribute(span, "http.response.status_code"), 200)

    def test_reaches_libcurl(self):
        echo = self.start_echo(traced=False)
        self.preloaded("curl", "-sS", echo.url, env={"TRACEPARENT": VALID, "TRACESTATE": "a=1"})
        span = self.only_span()
        headers = {n.lower(): v for n, v in echo.log()[0]["headers"]}
        self.assertEqual(span["parentSpanId"], PARENT)
        self.assertEqual((headers["traceparent"], headers["tracestate"]),
                         (f"00-{TRACE}-{span['spanId']}-01", "a=1"))

    def test_nothing_can_be_smuggled_in(self):
        for evil in ("\r\nX-Evil: 1", "\nX-Evil: 1", "\r\n\r\nGET /evil HTTP/1.1", "\x00", " ", "\t"):
            for env in ({"TRACEPARENT": VALID + evil}, {"TRACEPARENT": VALID[:10] + evil},
                        {"TRACEPARENT": VALID, "TRACESTATE": "a=1" + evil},
                        {"TRACEPARENT": VALID, "TRACESTATE": evil + "a=1"}):
                if "\x00" in "".join(env.values()):
                    continue
                with self.subTest(env=env):
                    received, _ = self.get(**env)
                    self.assertNotIn(b"vil", received)
                    self.assertEqual(len(ADDED.findall(received)), 1)
                    self.assertRegex(ADDED.sub(b"", received),
                                     rb"^GET / HTTP/1.1\r\nHost: x\r\n(tracestate: a=1\r\n)?\r\n$")

    def test_passed_on_by_the_program_at_every_split(self):
        """The program puts the TRACEPARENT that it got into its header itself. Cut anywhere, one valid
        header arrives; where it was not rewritten, the span says so."""
        head = f"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: {VALID}\r\nA: b\r\n\r\n"
        steps = [["send", head], ["await", "ok"]]
        for i in range(1, len(head)):
            steps += [["send", head[:i]], ["send", head[i:]], ["await", "ok"]]

        def script(conversation):
            while conversation.read_head():
                conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        received = self.talk(*steps, script=script, env={"TRACEPARENT": VALID})
        values = re.findall(rb"\r\ntraceparent: (00-[0-9a-f]{32}-[0-9a-f]{16}-01)\r\n", received)
        found = self.spans()
        self.assertEqual((len(values), len(found)), (len(head), len(head)), describe(found))
        self.assertEqual(received.count(b"traceparent"), len(head))
        self.assertEqual(values[0].decode(), f"00-{TRACE}-{found[0]['spanId']}-01")
        for value, span in zip(values, found):
            self.assertEqual(span["parentSpanId"], PARENT)
            if value.decode() == VALID:
                self.assertEqual(attribute(span, "run_traced.propagation.skipped"), "split")
            else:
                self.assertEqual(value.decode(), f"00-{TRACE}-{span['spanId']}-01")


if __name__ == "__main__":
    unittest.main()
