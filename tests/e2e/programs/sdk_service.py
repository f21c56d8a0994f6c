"""sdk_service.py PORT-FILE UPSTREAM SPANS-FILE: a service that traces itself with the OpenTelemetry SDK, its
own spans a line of JSON each. /seen/... asks upstream by urllib, which the SDK's instrumentation sees, anything
else by http.client, which it does not see; /alone asks nobody."""
import http.client
import json
import os
import socketserver
import sys
import urllib.error
import urllib.request
from wsgiref import simple_server

from opentelemetry import trace
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

port_file, upstream, spans_file = sys.argv[1:]


class JsonLines(SpanExporter):
    def export(self, spans):
        with open(spans_file, "a", encoding="utf-8") as out:
            for span in spans:
                record = {"traceId": f"{span.context.trace_id:032x}", "spanId": f"{span.context.span_id:016x}",
                          "flags": f"{span.context.trace_flags:02x}", "kind": span.kind.name, "name": span.name}
                if span.parent:
                    record["parentSpanId"] = f"{span.parent.span_id:016x}"
                out.write(json.dumps(record) + "\n")


def ask(path):
    if not path.startswith("/seen"):
        connection = http.client.HTTPConnection(upstream)
        connection.request("GET", path)
        return connection.getresponse().read()
    try:
        return urllib.request.urlopen(f"http://{upstream}{path}").read()
    except urllib.error.URLError as error:
        return str(error).encode()


def serve(environ, start_response):
    path = environ["PATH_INFO"]
    content = b"" if path == "/alone" else ask(path)
    start_response("200 OK", [("Content-Length", str(len(content)))])
    return [content]


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(JsonLines()))
trace.set_tracer_provider(provider)
URLLibInstrumentor().instrument()
server = simple_server.make_server("127.0.0.1", 0, OpenTelemetryMiddleware(serve), Server, Handler)
with open(port_file + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
