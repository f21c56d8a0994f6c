"""The backends: how each is started, when it is ready, what is sent where, and how it is asked for what it has got."""
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import formats
import install
from support import can_connect, clean_env, free_port, wait_for

START_SECONDS = 120  # a JVM on a busy machine
STOP_SECONDS = 5  # what they have is in a temporary directory
ASK_SECONDS = 20
LOCAL = "127.0.0.1"


class Failure(Exception):
    """A backend could not be started or asked."""


def ask(url, body=None, headers=()):
    """The JSON that an API answers, or None where there is nothing (yet)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Accept": "application/json", "Content-Type": "application/json",
                                                 **dict(headers)})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ASK_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise Failure(f"{url}: {error.code} {error.read()[:300].decode(errors='replace')}") from None


def is_up(url):
    try:
        ask(url)
    except (OSError, ValueError, Failure):
        return False
    return True


class Backend:
    """One backend that gets one format. @directory is its own. keep() says what of a native span must come back."""

    name, scheme, path, query = "", "", "", ""
    keep = staticmethod(formats.complete)
    tolerance_us = 0

    def __init__(self, cache, directory):
        self.program = self.find(cache)
        self.directory = directory
        self.port = free_port()
        self.process = self.log = None
        self.resources = contextlib.ExitStack()

    def find(self, cache):
        """The path of its program. Raises Unavailable."""
        raise NotImplementedError

    def command(self):
        """The words that start it."""
        raise NotImplementedError

    def environment(self):
        return {}

    def is_ready(self):
        return can_connect(self.port)

    def url(self):
        """Of the exporter."""
        return f"{self.scheme}://{LOCAL}:{self.port}{self.path}{self.query}"

    def found(self, trace_ids):
        """The spans that it has of these traces, as native ones."""
        raise NotImplementedError

    def complaints(self):
        """What it says against what it got, if it judges that."""
        return []

    def start(self):
        """Starts it in a session of its own, and waits until it is ready."""
        self.log = self.directory / "log"
        words = [str(word) for word in self.command()]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                            env=clean_env(**self.environment()), start_new_session=True)
        try:
            wait_for(self._is_ready, f"{self.name} to be ready", START_SECONDS)
        except AssertionError as error:
            raise Failure(f"{error}: {self._log_tail()}") from None

    def _is_ready(self):
        if self.process.poll() is not None:
            raise Failure(f"ended with {self.process.returncode}: {self._log_tail()}")
        return self.is_ready()

    def _log_tail(self):
        return self.log.read_text(errors="replace")[-500:]

    def stop(self):
        """Ends it, and what is left of its session, also if we are interrupted meanwhile."""
        try:
            self.resources.close()
            if self.process and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOP_SECONDS)
        finally:
            if self.process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


# ---- what Jaeger's program is made of -----------------------------------------------------------

class Otlp:
    """A format that the OpenTelemetry collector receives."""
    scheme = "otlp+http"

    def receiver(self):
        return {"otlp": {"protocols": {"http": {"endpoint": f"{LOCAL}:{self.port}"}}}}


class OtlpJson(Otlp):
    query = "?format=otlp-json"


class JaegerThrift:
    """The same."""
    scheme = "jaeger+http"
    keep = staticmethod(formats.keep_jaeger)

    def found(self, trace_ids):
        return map(formats.without_scope, super().found(trace_ids))

    def receiver(self):
        return {"jaeger": {"protocols": {"thrift_http": {"endpoint": f"{LOCAL}:{self.port}"}}}}


class ZipkinJson:
    """The same."""
    scheme = "zipkin+http"
    keep = staticmethod(formats.keep_zipkin_collector)

    def found(self, trace_ids):
        return map(formats.zipkin_collector_span, super().found(trace_ids))

    def receiver(self):
        return {"zipkin": {"endpoint": f"{LOCAL}:{self.port}"}}


class CollectorProgram(Backend):
    """Jaeger's program, which is an OpenTelemetry collector: what it receives, it gives to an exporter of the subclass."""

    def find(self, cache):
        return cache.jaeger()

    def command(self):
        config = self.directory / "config.yaml"  # JSON is YAML
        config.write_text(json.dumps(self.config()))
        return [self.program, "--config", f"file:{config}"]

    def config(self):
        return {"receivers": self.receiver(), "exporters": self.exporter(), "extensions": self.extensions(),
                "service": {"extensions": list(self.extensions()),
                            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                            "pipelines": {"traces": {"receivers": list(self.receiver()),
                                                     "exporters": list(self.exporter())}}}}

    def extensions(self):
        return {}


class Jaeger(CollectorProgram):
    """Jaeger v2 with its memory for storage, asked by its API v3."""

    def __init__(self, cache, directory):
        super().__init__(cache, directory)
        self.query_port, self.grpc_port = free_port(), free_port()

    def exporter(self):
        return {"jaeger_storage_exporter": {"trace_storage": "memory"}}

    def extensions(self):
        return {"jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
                "jaeger_query": {"storage": {"traces": "memory"}, "http": {"endpoint": f"{LOCAL}:{self.query_port}"},
                                 "grpc": {"endpoint": f"{LOCAL}:{self.grpc_port}"}}}

    def is_ready(self):
        return super().is_ready() and is_up(f"http://{LOCAL}:{self.query_port}/api/v3/services")

    def found(self, trace_ids):
        for trace_id in trace_ids:
            answer = ask(f"http://{LOCAL}:{self.query_port}/api/v3/traces/{trace_id}")
            yield from map(formats.without_warnings, formats.otlp_spans(answer["result"] if answer else {}))


class JaegerOtlp(Otlp, Jaeger):
    name = "jaeger, otlp"


class JaegerJaeger(JaegerThrift, Jaeger):
    name = "jaeger, jaeger"


class JaegerZipkin(ZipkinJson, Jaeger):
    name = "jaeger, zipkin"


class SinkHandler(http.server.BaseHTTPRequestHandler):
    """Keeps what the collector exports, as JSON."""

    def do_POST(self):
        self.server.documents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        pass


class Sink(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__((LOCAL, 0), SinkHandler)
        self.documents = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Collector(CollectorProgram):
    """An OpenTelemetry collector, and what it exports as OTLP in JSON."""

    def __init__(self, cache, directory):
        super().__init__(cache, directory)
        self.sink = Sink()
        self.resources.callback(self.sink.close)

    def exporter(self):
        return {"otlphttp": {"endpoint": f"http://{LOCAL}:{self.sink.server_port}", "encoding": "json",
                             "compression": "none"}}

    def found(self, trace_ids):
        for document in list(self.sink.documents):
            yield from (span for span in formats.otlp_spans(document) if span["traceId"] in trace_ids)


class CollectorOtlp(Otlp, Collector):
    name = "collector, otlp"


class CollectorOtlpJson(OtlpJson, Collector):
    name = "collector, otlp-json"


class CollectorJaeger(JaegerThrift, Collector):
    name = "collector, jaeger"


class CollectorZipkin(ZipkinJson, Collector):
    name = "collector, zipkin"


class CollectorXray(Backend):
    name = "collector, xray"

    def find(self, cache):
        raise install.Unavailable("no version of the collector's awsxrayreceiver has a checksum that can be verified")


class CollectorDatadog(Backend):
    name = "collector, datadog"

    def find(self, cache):
        raise install.Unavailable("no version of the collector's datadogreceiver has a checksum that can be verified")


# ---- the others ---------------------------------------------------------------------------------

class Zipkin(Backend):
    """Zipkin's server with its memory for storage."""
    name = "zipkin, zipkin"
    scheme = "zipkin+http"
    keep = staticmethod(formats.keep_zipkin_server)

    def find(self, cache):
        install.tool("java")
        return cache.zipkin()

    def command(self):
        return [install.tool("java"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", self.program,
                f"--armeria.ports[0].ip={LOCAL}", f"--armeria.ports[0].port={self.port}",
                "--armeria.ports[0].protocols[0]=http"]

    def environment(self):
        return {"STORAGE_TYPE": "mem", "SELF_TRACING_ENABLED": "false"}

    def is_ready(self):
        return is_up(f"http://{LOCAL}:{self.port}/health")

    def found(self, trace_ids):
        for trace_id in trace_ids:
            for span in ask(f"http://{LOCAL}:{self.port}/api/v2/trace/{trace_id}") or []:
                yield formats.zipkin_span(span)


class Tempo(Backend):
    """Tempo in one process, with its storage in files."""
    name = "tempo, otlp"
    scheme = "otlp+http"

    def __init__(self, cache, directory):
        super().__init__(cache, directory)
        self.query_port, self.grpc_port = free_port(), free_port()

    def find(self, cache):
        return cache.tempo()

    def command(self):
        ring = {"kvstore": {"store": "inmemory"}}
        config = {"server": {"http_listen_address": LOCAL, "http_listen_port": self.query_port,
                             "grpc_listen_address": LOCAL, "grpc_listen_port": self.grpc_port, "log_level": "warn"},
                  "distributor": {"receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{LOCAL}:{self.port}"}}}},
                                  "ring": ring | {"instance_addr": LOCAL}},
                  "ingester": {"lifecycler": {"address": LOCAL, "min_ready_duration": "0s", "final_sleep": "0s",
                                              "ring": ring | {"replication_factor": 1}}},
                  "compactor": {"ring": {"kvstore": {"store": ""}}},  # one by itself; with a ring it waits a minute
                  "querier": {"frontend_worker": {"frontend_address": f"{LOCAL}:{self.grpc_port}"}},
                  "storage": {"trace": {"backend": "local", "local": {"path": str(self.directory / "blocks")},
                                        "wal": {"path": str(self.directory / "wal")}}},
                  "usage_report": {"reporting_enabled": False}}
        path = self.directory / "config.yaml"  # JSON is YAML
        path.write_text(json.dumps(config))
        return [self.program, f"-config.file={path}"]

    def is_ready(self):
        with contextlib.suppress(OSError):
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://{LOCAL}:{self.query_port}/ready", timeout=ASK_SECONDS):
                return super().is_ready()
        return False

    def found(self, trace_ids):
        for trace_id in trace_ids:
            yield from formats.otlp_spans(ask(f"http://{LOCAL}:{self.query_port}/api/traces/{trace_id}") or {})


class DatadogAgent(Backend):
    """Datadog's APM test agent, which also judges."""
    name = "datadog agent, datadog"
    scheme = "datadog+http"
    keep = staticmethod(formats.keep_datadog)
    CHECKS = ("trace_count_header", "meta_tracer_version_header", "trace_content_length", "meta_events_is_valid_json",
              "trace_peer_service", "trace_dd_service")

    def __init__(self, cache, directory):
        super().__init__(cache, directory)
        self.otlp_port, self.grpc_port = free_port(), free_port()

    def find(self, cache):
        return cache.datadog_agent()

    def command(self):
        return [self.program, "--host", LOCAL, "--port", self.port, "--otlp-http-port", self.otlp_port,
                "--otlp-grpc-port", self.grpc_port, "--snapshot-dir", self.directory,
                "--pool-trace-check-failures", "true", "--disable-error-responses", "true"]

    def environment(self):
        return {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "ENABLED_CHECKS": ",".join(self.CHECKS)}

    def is_ready(self):
        return is_up(f"http://{LOCAL}:{self.port}/info")

    def found(self, trace_ids):
        chunks = ask(f"http://{LOCAL}:{self.port}/test/session/traces") or []
        return [span for span in formats.datadog_spans(chunks) if span["traceId"] in trace_ids]

    def complaints(self):
        with urllib.request.build_opener(urllib.request.ProxyHandler({}), AnyStatus()).open(
                f"http://{LOCAL}:{self.port}/test/trace_check/failures?return_all=true", timeout=ASK_SECONDS) as answer:
            text = answer.read().decode(errors="replace")
        if answer.status == 200:
            return []
        return [line.strip() for line in text.splitlines() if "failed:" in line] or [text]


class AnyStatus(urllib.request.HTTPErrorProcessor):
    """An answer is an answer, whatever its status."""

    def http_response(self, request, response):
        return response


class XrayRelay:
    """What X-Ray's daemon does: takes documents by UDP, and hands them to the API."""

    HEADER = {"format": "json", "version": 1}

    def __init__(self, port, put):
        self.put, self.problems = put, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((LOCAL, port))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while data := self.socket.recv(65536):
            try:
                self._take(data)
            except (KeyError, ValueError, OSError, Failure) as error:
                self.problems.append(f"{error}: {data[:300]!r}")

    def _take(self, data):
        header, newline, document = data.partition(b"\n")
        if not newline or json.loads(header) != self.HEADER:
            raise ValueError("no header")
        refused = formats.xray_problems(json.loads(document)) or self.put(document.decode())
        if refused:
            raise ValueError(f"not allowed: {refused}")

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self.socket.getsockname())
        self.thread.join(STOP_SECONDS)
        self.socket.close()


class Xray(Backend):
    """The X-Ray API as Moto stands in for it, behind a daemon's part."""
    name = "x-ray, xray"
    scheme = "xray+udp"
    keep = staticmethod(formats.keep_xray)
    tolerance_us = 1
    TRACES_AT_ONCE = 5
    AUTHORIZATION = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/xray/aws4_request, "
                                      "SignedHeaders=host, Signature=0"}

    def __init__(self, cache, directory):
        super().__init__(cache, directory)
        self.api_port = free_port()
        self.relay = XrayRelay(self.port, self._put)
        self.resources.callback(self.relay.close)

    def find(self, cache):
        return cache.xray_server()

    def command(self):
        return [self.program, "-H", LOCAL, "-p", self.api_port]

    def is_ready(self):
        return can_connect(self.api_port)

    def _ask(self, operation, body):
        return ask(f"http://{LOCAL}:{self.api_port}/{operation}", body, self.AUTHORIZATION.items())

    def _put(self, document):
        return self._ask("TraceSegments", {"TraceSegmentDocuments": [document]})["UnprocessedTraceSegments"]

    def found(self, trace_ids):
        ids = [f"1-{trace_id[:8]}-{trace_id[8:]}" for trace_id in trace_ids]
        for at in range(0, len(ids), self.TRACES_AT_ONCE):
            for trace in self._ask("Traces", {"TraceIds": ids[at:at + self.TRACES_AT_ONCE]})["Traces"]:
                for segment in trace["Segments"]:
                    document = segment["Document"]
                    yield formats.xray_span(json.loads(document) if isinstance(document, str) else document)

    def complaints(self):
        return list(self.relay.problems)


ALL = (JaegerOtlp, JaegerJaeger, JaegerZipkin, Zipkin, Tempo, CollectorOtlp, CollectorOtlpJson, CollectorJaeger,
       CollectorZipkin, CollectorXray, CollectorDatadog, DatadogAgent, Xray)
