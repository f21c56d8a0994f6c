"""Sampling: which traces are recorded, by OTEL_TRACES_SAMPLER, RUN_TRACED_IGNORE and --keep. Traces are recorded whole or
not at all, in all their processes, and what is not recorded is said so to those who are asked."""

import json
import socket
import subprocess
import unittest

from support import (PATIENCE, PREFIX, PROGRAMS, PYTHON, SHIM, StrictServer, TracedTest, attribute, clean_env, describe,
                     needs, orphans, roots, service, spans, traces, wait_for)

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RATIO = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}


def is_sampled_at_half(trace_id):
    """By the last 56 bits, as each tracer can tell."""
    return int(trace_id[-14:], 16) >= 1 << 55


class Chained(TracedTest):
    """A client, two relays and a server, each with a collector of its own."""

    def start_relay(self, upstream_port, *pass_on, **env):
        port_file = self.directory / f"port-of-relay-{len(self._servers)}"
        self.start(PYTHON, PROGRAMS / "relay_server.py", port_file, upstream_port, *pass_on, ready=port_file.exists,
                   service_name=f"relay{len(self._servers)}", env=env)
        return int(port_file.read_text())

    def ask(self, port, path="/", *headers):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "Connection: close", "",
                                      ""]).encode())
            with sock.makefile("rb") as answer:
                self.assertIn(b" 200 ", answer.readline())
                answer.read()

    def flags_received(self, server):
        return [request.traceparent[-2:] for request in server.requests]


class ByRatio(Chained):
    def test_each_trace_is_whole_or_absent(self):
        """The second relay would keep everything, the echo server nothing: both do as they are told."""
        count = 40
        echo = self.start_echo(service_name="echo", env={"OTEL_TRACES_SAMPLER": "parentbased_always_off"})
        port = self.start_relay(self.start_relay(echo.port), **RATIO | {"OTEL_TRACES_SAMPLER_ARG": "0.5"})
        for _ in range(count):
            self.ask(port)
        ids = {}
        for request in echo.log():
            _, trace, _, flags = dict(request["headers"])["traceparent"].split("-")
            ids[trace] = flags
        self.assertEqual(len(ids), count, "each request begins a trace")
        sampled = {trace for trace, flags in ids.items() if flags == "03"}
        self.assertEqual(set(ids.values()), {"02", "03"})
        self.assertEqual(sampled, {trace for trace in ids if is_sampled_at_half(trace)})
        found = self.all_spans(5 * len(sampled))
        self.assertEqual(set(traces(found)), sampled)
        self.assertEqual(orphans(found), [])
        self.assertEqual({len(some) for some in traces(found).values()}, {5})

    def test_programs_that_do_not_ask_the_parent_agree_by_the_id(self):
        env = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
        echo = self.start_echo(service_name="echo", env=env)
        port = self.start_relay(echo.port, **env)
        low, high = "0" * 17 + "1" + "7" + "f" * 13, "f" * 18 + "8" + "0" * 13
        for trace, flags in ((low, "00"), (low, "01"), (high, "00"), (high, "01")):
            self.ask(port, "/", f"traceparent: 00-{trace}-{PARENT}-{flags}")
        flags = [dict(request["headers"])["traceparent"][-2:] for request in echo.log()]
        self.assertEqual(flags, ["00", "00", "01", "01"])
        self.assertEqual([span["traceId"] for span in self.all_spans(6)], [high] * 6)

    @needs("curl")
    def test_libcurl(self):
        server = self.serve(StrictServer())
        for name, ratio, flags in (("parentbased_traceidratio", "0", "02"), ("always_off", "", "02"),
                                   ("traceidratio", "1", "03"), ("always_on", "", "03")):
            self.traced("curl", "-sS", server.url, "-:", "-sS", server.url,
                        env={"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": ratio})
            self.assertEqual(self.flags_received(server)[-2:], [flags] * 2, name)
        self.assertEqual(len(self.spans()), 4)
        self.assert_no_problems(server)


class ByTheParent(Chained):
    def relayed(self, *headers, **env):
        server = self.serve(StrictServer(traceparents=None))
        self.ask(self.start_relay(server.port, **env), "/", *headers)
        return server.requests[0]

    def test_all_formats_say_that_it_is_not_sampled(self):
        names = "tracecontext,b3,b3multi,jaeger,xray,datadog"
        request = self.relayed(f"traceparent: 00-{TRACE}-{PARENT}-02", OTEL_PROPAGATORS=names)
        ids, = request.all("b3")
        span = ids.split("-")[1]
        self.assertNotEqual(span, PARENT)
        self.assertEqual(ids, f"{TRACE}-{span}-0")
        self.assertEqual(request.traceparent, f"00-{TRACE}-{span}-02")
        self.assertEqual(request.all("x-b3-sampled"), ["0"])
        self.assertEqual(request.all("uber-trace-id"), [f"{TRACE}:{span}:0:0"])
        self.assertTrue(request.all("x-amzn-trace-id")[0].endswith(f"Parent={span};Sampled=0"))
        self.assertEqual(request.all("x-datadog-sampling-priority"), ["0"])
        self.all_spans(0)

    def test_all_formats_are_heard(self):
        low = f"{int(TRACE[16:], 16)}"
        for name, header in {"tracecontext": f"traceparent: 00-{TRACE}-{PARENT}-00", "b3": f"b3: {TRACE}-{PARENT}-0",
                             "jaeger": f"uber-trace-id: {TRACE}:{PARENT}:0:0",
                             "xray": f"X-Amzn-Trace-Id: Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=0",
                             "datadog": f"x-datadog-trace-id: {low}\r\nx-datadog-parent-id: 1\r\n"
                                        "x-datadog-sampling-priority: 0"}.items():
            with self.subTest(name=name):
                self.relayed(header, OTEL_PROPAGATORS=f"{name},tracecontext")
        self.all_spans(0)

    def test_a_decision_left_open_is_ours(self):
        for sampler, flags, count in (("parentbased_always_off", "00", 0), ("parentbased_always_on", "01", 2)):
            request = self.relayed(f"b3: {TRACE}-{PARENT}", OTEL_PROPAGATORS="b3,tracecontext",
                                   OTEL_TRACES_SAMPLER=sampler)
            self.assertEqual(request.traceparent[-2:], flags)
            request = self.relayed(f"X-Amzn-Trace-Id: Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=?",
                                   OTEL_PROPAGATORS="xray,tracecontext", OTEL_TRACES_SAMPLER=sampler)
            self.assertEqual(request.traceparent[-2:], flags)
        self.all_spans(4)

    def test_a_decision_without_ids_holds(self):
        request = self.relayed("b3: 1", OTEL_PROPAGATORS="b3", OTEL_TRACES_SAMPLER="parentbased_always_off")
        self.assertEqual(request.all("b3")[0][-2:], "-1")
        self.all_spans(2)

    def test_a_sampler_that_does_not_ask_records_it(self):
        request = self.relayed(f"traceparent: 00-{TRACE}-{PARENT}-00", OTEL_TRACES_SAMPLER="always_on")
        self.assertEqual(request.traceparent[-2:], "01")
        self.all_spans(2)

    @needs("curl")
    def test_of_the_environment(self):
        server = self.serve(StrictServer())
        for flags, expected in (("00", "00"), ("01", "01")):
            self.traced("sh", "-c", "curl -sS \"$0\"; wget -qO- \"$0\"", server.url,
                        env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-{flags}"})
            self.assertEqual(self.flags_received(server)[-2:], [expected] * 2)
        self.assertEqual(len(self.spans()), 2)

    def test_a_connection_that_fails_is_not_recorded_either(self):
        for flags, count in (("00", 0), ("01", 1)):
            self.traced("wget", "-qO-", "http://127.0.0.1:1/", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-{flags}"})
            self.assertEqual(len(self.spans()), count)


class Ignored(Chained):
    def test_nothing_is_recorded_of_a_health_check(self):
        echo = self.start_echo(service_name="echo")
        port = self.start_relay(echo.port, RUN_TRACED_IGNORE="/health, /metrics*, POST /ready")
        for path in ("/health", "/health?full=1", "/metrics/all", "/healthy", "/ready"):
            self.ask(port, path)
        flags = [dict(request["headers"])["traceparent"][-2:] for request in echo.log()]
        self.assertEqual(flags, ["02", "02", "02", "03", "03"])
        found = self.all_spans(6)
        self.assertEqual({attribute(span, "url.path") for span in found if span["kind"] == "SERVER"},
                         {"/healthy", "/ready"})
        self.assertEqual(orphans(found), [])

    def test_not_even_where_everything_is_sampled(self):
        server = self.serve(StrictServer())
        self.ask(self.start_relay(server.port, RUN_TRACED_IGNORE="/health", OTEL_TRACES_SAMPLER="always_on"), "/health",
                 f"traceparent: 00-{TRACE}-{PARENT}-01")
        self.assertEqual(self.flags_received(server), ["00"])
        self.all_spans(0)

    @needs("curl", "wget")
    def test_calls_to_such_a_path(self):
        server = self.serve(StrictServer())
        env = {"RUN_TRACED_IGNORE": "/health,POST /ready"}
        for words in (["curl", "-sS"], ["wget", "-qO-"]):
            self.traced(*words, f"{server.url}/health?x", env=env)
            self.assertEqual(self.flags_received(server)[-1], "02", words)
            self.traced(*words, f"{server.url}/ready", env=env)
            self.assertEqual(self.flags_received(server)[-1], "03", words)
        self.traced("wget", "-qO-", "--post-data=x", f"{server.url}/ready", env=env)
        self.assertEqual(self.flags_received(server)[-1], "02")
        self.traced("curl", "-sS", "-dx", f"{server.url}/ready", env=env)
        self.assertEqual(len(self.all_spans(2)), 2)

    @needs("nginx")
    def test_by_nginx(self):
        server = self.serve(StrictServer())
        port, config = self.nginx_config(server.port)
        self.start("nginx", "-c", config, port=port, service_name="nginx", env={"RUN_TRACED_IGNORE": "/health"})
        for path in ("/health", "/shop", "/health", "/shop"):
            self.ask(port, path)
        self.assertEqual(self.flags_received(server), ["02", "03"] * 2)
        self.all_spans(4)

    def nginx_config(self, upstream_port):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        config = self.directory / "nginx.conf"
        config.write_text(f"""daemon off; worker_processes 1; pid {self.directory}/nginx.pid;
            error_log {self.directory}/error.log; events {{}}
            http {{ access_log off; client_body_temp_path {self.directory}/a; proxy_temp_path {self.directory}/b;
            fastcgi_temp_path {self.directory}/c; uwsgi_temp_path {self.directory}/d; scgi_temp_path {self.directory}/e;
            server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{upstream_port}; }} }} }}""")
        return port, config


class Messages(TracedTest):
    def said(self, **env):
        result = self.bare(PREFIX, "-o", self.directory / "spans", "true", env=env)
        self.assertEqual(result.returncode, 0)
        return result.stderr.decode()

    def test_what_does_not_count_is_named(self):
        self.assertRegex(self.said(OTEL_TRACES_SAMPLER="jaeger_remote"),
                         "OTEL_TRACES_SAMPLER: 'jaeger_remote' .*always_on, always_off, traceidratio")
        self.assertRegex(self.said(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="5 %"),
                         "OTEL_TRACES_SAMPLER_ARG: '5 %' .*0 to 1")
        self.assertRegex(self.said(RUN_TRACED_IGNORE="/ok,health"), "RUN_TRACED_IGNORE: 'health' ")
        self.assertNotRegex(self.said(OTEL_TRACES_SAMPLER="always_on", RUN_TRACED_IGNORE="/a,*b"), "OTEL_|IGNORE")


class ByTail(TracedTest):
    """A chain of three servers, started by themselves with one collector."""

    def collect(self, *options):
        ring_directory = self.directory / "collect"
        ring_directory.mkdir(mode=0o700)
        self.path = self.new_span_file()
        # --collect says on stderr when it is ready.
        self.collector = subprocess.Popen([PREFIX, "-o", self.path, *options, "--collect", ring_directory],
                                          env=clean_env(), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self._stack.callback(self.collector.stderr.close)
        self._stack.callback(self.collector.kill)
        self.assertIn(b"collecting", self.collector.stderr.readline())
        self.env = {"LD_PRELOAD": SHIM, "RUN_TRACED_RING": ring_directory / "ring"}

    def chain(self):
        """relay 1, relay 2, echo; returns the port to ask."""
        port = 0
        for number, name in enumerate(("echo", "relay2", "relay1")):
            port_file = self.directory / f"port-{name}"
            words = [PROGRAMS / "echo_server.py", port_file, self.directory / "log"] if number == 0 else \
                [PROGRAMS / "relay_server.py", port_file, port]
            env = {key: str(value) for key, value in self.env.items()} | {"OTEL_SERVICE_NAME": name}
            self.start(PYTHON, *words, traced=False, env=env, ready=port_file.exists)
            port = int(port_file.read_text())
        return port

    def ask(self, port, path):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            with sock.makefile("rb") as answer:
                answer.read()

    def finish(self):
        """Ends all; returns (the spans, what the collector said in the end)."""
        self.stop_servers()
        self.collector.terminate()
        said = self.collector.stderr.read().decode()
        self.collector.wait(PATIENCE)
        return spans(self.path), said

    def check_whole(self, found):
        self.assertEqual(orphans(found), [], describe(found))
        for some in traces(found).values():
            self.assertEqual(sorted(service(span) for span in some),
                             ["echo", "relay1", "relay1", "relay2", "relay2"], describe(some))

    def asked(self, found):
        return sorted(attribute(span, "url.path") for span in roots(found))

    def test_errors_are_kept_whole_and_nothing_else(self):
        self.collect("--keep", "errors")
        port = self.chain()
        for number in range(30):  # the last one fails anyway: its servers may be ended before they have noted their answer
            self.ask(port, f"/status/{500 if number % 6 == 5 else 200}")
        found, said = self.finish()
        self.check_whole(found)
        self.assertEqual(self.asked(found), ["/status/500"] * 5)
        self.assertIn("25 spans of 3 services", said)
        self.assertIn(", 125 sampled out", said)
        self.assertNotIn("lost", said)

    def test_a_trace_is_decided_on_once_it_is_quiet(self):
        self.collect("--keep", "100%,slower=p99", "--keep-wait", "200ms")
        port = self.chain()
        self.ask(port, "/")
        wait_for(lambda: len(spans(self.path)) == 5, "the trace")
        found, said = self.finish()
        self.check_whole(found)
        self.assertNotIn("sampled out", said)

    def test_a_share_by_the_id(self):
        self.collect("--keep", "50%")
        port = self.chain()
        for _ in range(40):
            self.ask(port, "/")
        found, said = self.finish()
        self.check_whole(found)
        ids = {dict(json.loads(line)["headers"])["traceparent"].split("-")[1]
               for line in (self.directory / "log").read_text().splitlines()}
        self.assertEqual(len(ids), 40)
        self.assertEqual(set(traces(found)), {trace for trace in ids if is_sampled_at_half(trace)})

    def test_nothing_kept_is_said(self):
        self.collect("--keep", "errors")
        self.ask(self.chain(), "/")
        found, said = self.finish()
        self.assertEqual(found, [])
        self.assertIn("no spans kept, 5 sampled out", said)

    @needs("curl")
    def test_a_command_of_several_processes(self):
        """What is slow is kept, also where a process dies with it."""
        slow = self.serve(StrictServer(gate=lambda conversation: None))
        result = self.bare(PREFIX, "-o", self.directory / "kept", "--keep", "errors,slower=30s", "sh", "-c",
                           f"curl -sS {slow.url}/a; curl -sS http://127.0.0.1:1/b; curl -sS {slow.url}/c")
        kept = spans(self.directory / "kept")
        self.assertEqual([attribute(span, "url.full") for span in kept], ["http://127.0.0.1:1/b"])
        self.assertIn(b"1 error, 2 sampled out", result.stderr)

    def test_slow_ones(self):
        started = self.directory / "wait"

        def answer(request):
            if request.target == "/slow":
                wait_for(started.exists)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
        server = self.serve(StrictServer(answer=answer))
        script = f"wget -qO- {server.url}/fast; wget -qO- {server.url}/slow & sleep 0.3; : >{started}; wait"
        self.bare(PREFIX, "-q", "-o", self.directory / "kept", "--keep", "slower=250ms", "sh", "-c", script)
        self.assertEqual([attribute(span, "url.full") for span in spans(self.directory / "kept")],
                         [f"{server.url}/slow"])

    def test_options_that_are_wrong(self):
        for words, message in ((["--keep", "errors,fast"], b"--keep: 'fast' .*errors, slower=500ms, slower=p99, 1%, rate"),
                               (["--keep-wait", "5"], b"--keep-wait needs a time"),
                               (["--keep-wait", "5s"], b"--keep-wait .* --keep")):
            result = self.bare(PREFIX, *words, "true")
            self.assertEqual(result.returncode, 125)
            self.assertRegex(result.stderr, message)


if __name__ == "__main__":
    unittest.main()
