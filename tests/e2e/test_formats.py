"""The formats of backends, read by the official decoders, field by field against the native lines.

tests/formats/encode writes the same spans in all of them: some with a bit of everything, thousands with any bytes. The
decoders come from PyPI, into the build directory; without them OTLP is skipped.
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
import unittest

import pypi
from support import BUILD

PACKAGES = ("opentelemetry-proto==1.45.1", "protobuf==6.33.2")
LIBRARY = BUILD / "opentelemetry-proto"
ENCODER = BUILD / "tests" / "formats" / "encode"
NANOS = 1000
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3}
STATUSES = {"UNSET": 0, "OK": 1, "ERROR": 2}


def any_value(value):
    """What a decoded AnyValue holds."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [any_value(element) for element in value.array_value.values]
    assert kind in ("string_value", "int_value", "bool_value"), kind
    return getattr(value, kind)


def attributes(key_values):
    found = {kv.key: any_value(kv.value) for kv in key_values}
    assert len(found) == len(key_values), [kv.key for kv in key_values]
    return found


def as_native(span, resource):
    """A decoded span as the native line has it."""
    line = {"traceId": span.trace_id.hex(), "spanId": span.span_id.hex(), "name": span.name,
            "timestamp": span.start_time_unix_nano // NANOS,
            "duration": (span.end_time_unix_nano - span.start_time_unix_nano + NANOS // 2) // NANOS,
            "kind": next(name for name, number in KINDS.items() if number == span.kind),
            "status": {"code": next(name for name, number in STATUSES.items() if number == span.status.code)},
            "attributes": attributes(span.attributes), "resource": attributes(resource.attributes)}
    if span.status.message:
        line["status"]["message"] = span.status.message
    if span.parent_span_id:
        line["parentSpanId"] = span.parent_span_id.hex()
    if span.trace_state:
        line["traceState"] = span.trace_state
    if span.dropped_attributes_count:
        line["droppedAttributesCount"] = span.dropped_attributes_count
    if span.events:
        line["events"] = [{"name": e.name, "timestamp": e.time_unix_nano // NANOS} for e in span.events]
    if span.links:
        line["links"] = [{"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()} for link in span.links]
    return line


def without_doubles(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def as_tag(value):
    """An attribute's value as Zipkin's tags have it; of a list, what its text stands for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, list) else str(value)


def zipkin_tags(line):
    tags = {"otel.scope.name": "run-traced"}
    tags.update({key: as_tag(value) for key, value in line["resource"].items() if key != "service.name"})
    tags.update({key: as_tag(value) for key, value in line["attributes"].items()})
    if line["status"]["code"] != "UNSET":
        tags["otel.status_code"] = line["status"]["code"]
    if line["status"]["code"] == "ERROR":
        tags["error"] = line["status"].get("message", "")
    if "droppedAttributesCount" in line:
        tags["otel.dropped_attributes_count"] = str(line["droppedAttributesCount"])
    return tags


def as_zipkin(line):
    """A native line as Zipkin should have it, but for the remote endpoint."""
    span = {"traceId": line["traceId"], "id": line["spanId"], "name": line["name"], "timestamp": line["timestamp"],
            "duration": max(line["duration"], 1), "localEndpoint": {"serviceName": line["resource"]["service.name"]},
            "tags": zipkin_tags(line)}
    if "parentSpanId" in line:
        span["parentId"] = line["parentSpanId"]
    if line["kind"] != "INTERNAL":
        span["kind"] = line["kind"]
    if "events" in line:
        span["annotations"] = [{"timestamp": e["timestamp"], "value": e["name"]} for e in line["events"]]
    return span


class Formats(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        subprocess.run([ENCODER, directory.name], check=True)
        self.directory = directory.name
        self.native = [json.loads(line) for line in self.read("native").splitlines()]

    def read(self, name):
        with open(f"{self.directory}/{name}", "rb") as file:
            return file.read()

    def request_type(self):
        reason = pypi.install(LIBRARY.name, PACKAGES)
        if reason:
            self.skipTest(f"no opentelemetry-proto: {reason}")
        if str(LIBRARY) not in sys.path:
            sys.path.append(str(LIBRARY))
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # pylint: disable=import-error
        return trace_service_pb2.ExportTraceServiceRequest

    def assert_request(self, request):
        lines = []
        for group in request.resource_spans:
            self.assertEqual(len(group.scope_spans), 1)
            scope = group.scope_spans[0]
            self.assertEqual((scope.scope.name, scope.schema_url),
                             ("run-traced", "https://opentelemetry.io/schemas/1.33.0"))
            self.assertRegex(scope.scope.version, r"^\d+\.\d+\.\d+$")
            lines += [as_native(span, group.resource) for span in scope.spans]
        self.assertEqual(len(lines), len(self.native))
        for got, wanted in zip(lines, self.native):
            self.assertEqual(got, wanted)
        changes = sum(a["resource"] != b["resource"] for a, b in zip(self.native, self.native[1:]))
        self.assertEqual(len(request.resource_spans), 1 + changes, "what is in common comes once a group")
        self.assertFalse(has_unknown_fields(request))

    def test_otlp_protobuf_decodes_to_what_the_native_lines_say(self):
        request_type = self.request_type()
        self.assert_request(request_type.FromString(self.read("otlp-protobuf")))

    def test_otlp_json_decodes_to_what_the_native_lines_say(self):
        request_type = self.request_type()
        from google.protobuf import json_format  # pylint: disable=import-error
        text = self.read("otlp-json").decode()
        self.assertNotRegex(text, r'"kind":"|"code":"')
        request = json.loads(text, object_pairs_hook=without_doubles)
        for group in request["resourceSpans"]:
            for span in group["scopeSpans"][0]["spans"]:
                ids_to_base64(span)
        self.assert_request(json_format.ParseDict(request, request_type()))

    def test_both_encodings_of_otlp_are_one_message(self):
        request_type = self.request_type()
        from google.protobuf import json_format  # pylint: disable=import-error
        request = json.loads(self.read("otlp-json"))
        for group in request["resourceSpans"]:
            for span in group["scopeSpans"][0]["spans"]:
                ids_to_base64(span)
        self.assertEqual(json_format.ParseDict(request, request_type()),
                         request_type.FromString(self.read("otlp-protobuf")))

    def test_zipkin_says_what_the_native_lines_say(self):
        spans = json.loads(self.read("zipkin"), object_pairs_hook=without_doubles)
        self.assertEqual(len(spans), len(self.native))
        for got, line in zip(spans, self.native):
            got["tags"].pop("otel.scope.version")
            endpoint = got.pop("remoteEndpoint", None)
            for key, value in line["attributes"].items():
                if isinstance(value, list):
                    got["tags"][key] = json.loads(got["tags"][key])
            self.assertEqual(got, as_zipkin(line))
            if endpoint is not None:
                self.assert_endpoint(endpoint, line)

    def convert(self, name):
        """The native lines, by run-traced itself. Returns what it wrote, and of the lines those that say all there is:
        any byte that is no UTF-8 became three, so does a NUL, and integers beyond 2^53 are not exact in JSON."""
        with open(f"{self.directory}/lines", "wb") as file:
            file.write(self.read("native"))
        subprocess.run([BUILD / "run-traced", "--convert", f"{self.directory}/{name}", f"{self.directory}/lines"], check=True,
                       stderr=subprocess.DEVNULL)
        whole = {}
        for line in self.native:
            numbers = [value for value in line["attributes"].values() if isinstance(value, int)]
            text = json.dumps(line, ensure_ascii=False)
            if "\ufffd" not in text and r"\u0000" not in text and max(map(abs, numbers), default=0) <= 2 ** 53:
                whole[line["spanId"]] = line
        self.assertGreater(len(whole), len(self.native) // 10)
        return self.read(name).decode(), whole

    def test_lines_converted_to_otlp(self):
        request_type = self.request_type()
        from google.protobuf import json_format  # pylint: disable=import-error
        for name in ("spans.otlp.json", "spans.otlp.jsonl"):
            text, whole = self.convert(name)
            found = {}
            for message in [text] if name.endswith(".json") else text.strip("\n").split("\n"):
                request = json.loads(message, object_pairs_hook=without_doubles)
                for group in request["resourceSpans"]:
                    for span in group["scopeSpans"][0]["spans"]:
                        ids_to_base64(span)
                for group in json_format.ParseDict(request, request_type()).resource_spans:
                    found.update({span.span_id.hex(): as_native(span, group.resource) for span in group.scope_spans[0].spans})
            self.assertEqual(found.keys(), {line["spanId"] for line in self.native})
            for span_id, line in whole.items():
                self.assertEqual(found[span_id], line)

    def test_lines_converted_to_zipkin(self):
        text, whole = self.convert("spans.zipkin.json")
        found = {span["id"]: span for span in json.loads(text, object_pairs_hook=without_doubles)}
        direct = {span["id"]: span for span in json.loads(self.read("zipkin"))}
        self.assertEqual(found.keys(), direct.keys())
        for span_id in whole:
            self.assertEqual(found[span_id], direct[span_id])

    def assert_endpoint(self, endpoint, line):
        self.assertLessEqual(endpoint.keys(), {"serviceName", "ipv4", "ipv6", "port"})
        self.assertTrue(endpoint)
        self.assertIn(line["kind"], ("CLIENT", "SERVER"))
        if "serviceName" in endpoint:
            self.assertEqual(line["kind"], "CLIENT")
            self.assertEqual(endpoint["serviceName"], line["attributes"]["server.address"])
        if "ipv4" in endpoint:
            self.assertTrue(re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", endpoint["ipv4"]))
        self.assertTrue(0 < endpoint.get("port", 1) < 65536)


def ids_to_base64(span):
    """OTLP has ids in hex where JSON of protobuf has bytes in base64."""
    for holder in (span, *span.get("links", ())):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in holder:
                assert re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{32}", holder[key]), holder[key]
                holder[key] = base64.b64encode(bytes.fromhex(holder[key])).decode()


def has_unknown_fields(request):
    """What the schema does not know is lost in a message that is made anew of the fields it knows."""
    before = request.ByteSize()
    request.DiscardUnknownFields()
    return request.ByteSize() != before


if __name__ == "__main__":
    unittest.main()
