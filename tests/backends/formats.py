"""What the backends answer, as native spans again; and what of a native span each format keeps.

A reader makes spans of an answer. A keeper makes of a span of the native file what must come back: the same, but for what
the format has no place or no type for. Both give spans with all fields, so that they can be compared as they are.
"""
import base64
import json
import re
import urllib.parse

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_CODES = ("UNSET", "OK", "ERROR")


def complete(span):
    """A span of the native file, with all fields that it could have."""
    status = span["status"]
    return {"traceId": span["traceId"], "spanId": span["spanId"], "parentSpanId": span.get("parentSpanId", ""),
            "name": span["name"], "kind": span["kind"], "timestamp": span["timestamp"], "duration": span["duration"],
            "status": {"code": status["code"], "message": status.get("message", "")},
            "traceState": span.get("traceState", ""), "attributes": dict(span["attributes"]),
            "events": [{"attributes": {}} | event for event in span.get("events", [])],
            "links": [{"attributes": {}} | link for link in span.get("links", [])],
            "resource": dict(span["resource"])}


# ---- OTLP ---------------------------------------------------------------------------------------

def id_hex(text, byte_count):
    """An id, which is hexadecimal in OTLP's JSON, and base64 in JSON of protobuf."""
    return text if len(text) in (0, 2 * byte_count) else base64.b64decode(text).hex()


def enum_name(value, names, prefix):
    return names[value] if isinstance(value, int) else value.removeprefix(prefix)


def any_value(value):
    """A value with its type."""
    (kind, content), = value.items()
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [any_value(item) for item in content.get("values", [])]
    if kind == "doubleValue":
        return float(content)
    if kind in ("stringValue", "boolValue"):
        return content
    raise ValueError(f"a value of type {kind}")


def key_values(items):
    keys = [item["key"] for item in items or []]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key twice: {keys}")
    return {item["key"]: any_value(item["value"]) for item in items or []}


def times(start_ns, end_ns):
    """As the native file has them: a point in time is cut off at microseconds, a duration rounded."""
    return {"timestamp": start_ns // 1000, "duration": (end_ns - start_ns + 500) // 1000}


def otlp_span(span, resource):
    status = span.get("status", {})
    return {"traceId": id_hex(span["traceId"], 16), "spanId": id_hex(span["spanId"], 8),
            "parentSpanId": id_hex(span.get("parentSpanId", ""), 8), "name": span["name"],
            "kind": enum_name(span.get("kind", 0), KINDS, "SPAN_KIND_"),
            **times(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])),
            "status": {"code": enum_name(status.get("code", 0), STATUS_CODES, "STATUS_CODE_"),
                       "message": status.get("message", "")},
            "traceState": span.get("traceState", ""), "attributes": key_values(span.get("attributes")),
            "events": [{"name": event["name"], "timestamp": int(event["timeUnixNano"]) // 1000,
                        "attributes": key_values(event.get("attributes"))} for event in span.get("events", [])],
            "links": [{"traceId": id_hex(link["traceId"], 16), "spanId": id_hex(link["spanId"], 8),
                       "attributes": key_values(link.get("attributes"))} for link in span.get("links", [])],
            "resource": resource}


def otlp_spans(document):
    """Of a TracesData, by whatever name its parts went over the years. What the SDK says of itself is left out."""
    for group in document.get("resourceSpans") or document.get("batches") or []:
        resource = {name: value for name, value in key_values(group.get("resource", {}).get("attributes")).items()
                    if not name.startswith("telemetry.")}
        for scope in group.get("scopeSpans") or group.get("instrumentationLibrarySpans") or []:
            for span in scope["spans"]:
                yield otlp_span(span, resource)


# ---- Jaeger -------------------------------------------------------------------------------------

def without(span, names):
    """The span without attributes that are the backend's own."""
    return span | {"attributes": {name: value for name, value in span["attributes"].items() if name not in names}}


def without_warnings(span):
    """Jaeger says in an attribute that a parent is not in the trace, as where a context comes from elsewhere."""
    return without(span, ("@jaeger@warnings",))


def without_scope(span):
    """The collector's Jaeger receiver does not know the scope's tags by their present names."""
    return without(span, ("otel.scope.name", "otel.scope.version"))


def as_text(value):
    """A value where there are only strings."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def keep_jaeger(span):
    """Tags have no lists. A link is a reference, and the collector notes of which type."""
    kept = complete(span)
    kept["attributes"] = {name: as_text(value) if isinstance(value, list) else value
                          for name, value in kept["attributes"].items()}
    for link in kept["links"]:
        link["attributes"] = {"opentracing.ref_type": "follows_from"}
    return kept


# ---- Zipkin -------------------------------------------------------------------------------------

# What the collector makes of the remote endpoint, which is said of by attributes.
ZIPKIN_PEER = ("net.peer.ip", "net.peer.port", "peer.service")
ZIPKIN_TAGS = ("error", "otel.status_code", "otel.scope.name", "otel.scope.version", "otel.dropped_attributes_count")


def zipkin_span(span):
    tags = span.get("tags", {})
    return {"traceId": span["traceId"].zfill(32), "spanId": span["id"], "parentSpanId": span.get("parentId", ""),
            "name": span["name"], "kind": span.get("kind", "INTERNAL"), "timestamp": span["timestamp"],
            "duration": span["duration"],
            "status": {"code": tags.get("otel.status_code", "UNSET"), "message": tags.get("error", "")},
            "traceState": "", "links": [],
            "attributes": {name: value for name, value in tags.items() if name not in ZIPKIN_TAGS},
            "events": [{"name": annotation["value"], "timestamp": annotation["timestamp"], "attributes": {}}
                       for annotation in span.get("annotations", [])],
            "resource": {"service.name": span["localEndpoint"]["serviceName"]}}


def resource_into_attributes(span):
    """As where a resource has no place of its own, but for the service's name."""
    resource = dict(span["resource"])
    service = {"service.name": resource.pop("service.name")}
    return span | {"attributes": resource | span["attributes"], "resource": service}


def keep_zipkin(span):
    """All is text; no place for links and tracestate; no time is 0."""
    kept = resource_into_attributes(complete(span))
    kept["attributes"] = {name: as_text(value) for name, value in kept["attributes"].items()}
    kept["duration"] = max(kept["duration"], 1)
    kept["links"], kept["traceState"] = [], ""
    return kept


def keep_zipkin_server(span):
    """Zipkin's server has names in lower case."""
    kept = keep_zipkin(span)
    kept["name"] = kept["name"].lower()
    kept["resource"]["service.name"] = kept["resource"]["service.name"].lower()
    return kept


def keep_zipkin_collector(span):
    """The collector knows of no tag that says OK, and has one process for each service of a message."""
    kept = keep_zipkin(span)
    del kept["attributes"]["process.pid"]
    if kept["status"]["code"] == "OK":
        kept["status"]["code"] = "UNSET"
    return kept


def zipkin_collector_span(span):
    """What the collector's Zipkin receiver makes: it puts some tags into the resource, leaves others as they are."""
    span = resource_into_attributes(span)
    message = span["attributes"].get("error", "")
    span["status"] = {"code": span["status"]["code"], "message": span["status"]["message"] or message}
    return without(span, (*ZIPKIN_TAGS, *ZIPKIN_PEER, "process.pid"))


# ---- Datadog ------------------------------------------------------------------------------------

# What is said a second time, under Datadog's own names, and what Datadog's agent is told for itself.
DATADOG_TAGS = ("http.method", "http.url", "http.status_code", "http.useragent", "http.client_ip", "env", "version",
                "language", "span.kind", "events", "error.message", "w3c.tracestate", "process_id",
                "otel.dropped_attributes_count", "_sampling_priority_v1", "_sample_rate")


def datadog_attributes(span):
    values = {**span["meta"], **{name: int(value) if value == int(value) else value
                                 for name, value in span["metrics"].items()}}
    return {name: value for name, value in values.items()
            if name not in DATADOG_TAGS and not name.startswith("_dd.")} | {"process.pid": values.get("process_id")}


def datadog_span(span, trace_id_high):
    meta = span["meta"]
    return {"traceId": f"{trace_id_high}{span['trace_id']:016x}", "spanId": f"{span['span_id']:016x}",
            "parentSpanId": f"{span['parent_id'] or 0:016x}" if span.get("parent_id") else "", "name": span["resource"],
            "kind": meta["span.kind"].upper(), **times(span["start"], span["start"] + span["duration"]),
            "status": {"code": "ERROR" if span["error"] else "UNSET", "message": meta.get("error.message", "")},
            "traceState": meta.get("w3c.tracestate", ""), "attributes": datadog_attributes(span),
            "events": [{"name": event["name"], "timestamp": event["time_unix_nano"] // 1000,
                        "attributes": event.get("attributes", {})} for event in json.loads(meta.get("events", "[]"))],
            "links": [{"traceId": link["trace_id"], "spanId": link["span_id"], "attributes": link.get("attributes", {})}
                      for link in json.loads(meta.get("_dd.span_links", "[]"))],
            "resource": {"service.name": span["service"]}}


def datadog_spans(chunks):
    """Of lists of spans. The first of each says the upper half of their trace id."""
    for chunk in chunks:
        high = chunk[0]["meta"].get("_dd.p.tid", "0" * 16)
        for span in chunk:
            yield datadog_span(span, high)


def keep_datadog(span):
    """Numbers and text; the resource is tags; nothing but an error is a status."""
    kept = resource_into_attributes(complete(span))
    kept["attributes"] = {name: value if isinstance(value, (int, float)) and not isinstance(value, bool) else as_text(value)
                          for name, value in kept["attributes"].items()}
    if kept["status"]["code"] == "OK":
        kept["status"]["code"] = "UNSET"
    return kept


# ---- X-Ray --------------------------------------------------------------------------------------

XRAY_ANNOTATIONS = {"error_type": "error.type", "code_function_name": "code.function.name",
                    "server_address": "server.address", "server_port": "server.port"}
XRAY_REQUEST = {"method": "http.request.method", "client_ip": "client.address", "user_agent": "user_agent.original"}
XRAY_RESPONSE = {"status": "http.response.status_code", "content_length": "http.response.body.size"}


def xray_trace_id(trace_id):
    """The trace id that an X-Ray one stands for."""
    version, time, rest = trace_id.split("-")
    if version != "1" or len(time) != 8 or len(rest) != 24:
        raise ValueError(f"trace id {trace_id}")
    return time + rest


def xray_url(url, kind):
    if not url:
        return {}
    if kind == "CLIENT":
        return {"url.full": url}
    parts = urllib.parse.urlsplit(url)
    return {"url.scheme": parts.scheme, "url.path": parts.path} | ({"url.query": parts.query} if parts.query else {})


def xray_attributes(document, kind):
    request = document.get("http", {}).get("request", {})
    response = document.get("http", {}).get("response", {})
    named = [(XRAY_ANNOTATIONS, document.get("annotations", {})), (XRAY_REQUEST, request), (XRAY_RESPONSE, response)]
    known = {names[name]: value for names, values in named for name, value in values.items() if name in names}
    return document["metadata"]["default"] | known | xray_url(request.get("url"), kind)


def micros(seconds):
    return round(seconds * 1e6)


def xray_span(document):
    metadata = document["metadata"]
    kind = metadata["span"]["kind"].upper()
    causes = document.get("cause", {}).get("exceptions", [])
    is_error = any(document.get(flag) for flag in ("error", "fault", "throttle"))
    return {"traceId": xray_trace_id(document["trace_id"]), "spanId": document["id"],
            "parentSpanId": document.get("parent_id", ""), "name": metadata["span"]["name"], "kind": kind,
            "timestamp": micros(document["start_time"]),
            "duration": micros(document["end_time"]) - micros(document["start_time"]),
            "status": {"code": "ERROR" if is_error else "UNSET", "message": causes[0].get("message", "") if causes else ""},
            "traceState": metadata["span"].get("w3c.tracestate", ""), "attributes": xray_attributes(document, kind),
            "events": [{"name": name, "timestamp": micros(time), "attributes": {}}
                       for name, time in sorted(metadata["events"].items(), key=lambda item: item[1])],
            "links": [{"traceId": xray_trace_id(link["trace_id"]), "spanId": link["id"], "attributes": {}}
                      for link in document.get("links", [])],
            "resource": metadata["resource"]}


def xray_problems(document):
    """What X-Ray's guide, "X-Ray segment documents", does not allow."""
    annotations = document.get("annotations", {})
    rules = {"id": re.fullmatch("[0-9a-f]{16}", document["id"]),
             "trace_id": re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", document["trace_id"]),
             "parent_id": re.fullmatch("[0-9a-f]{16}", document.get("parent_id", "0" * 16)),
             "a subsegment's parent_id": document.get("type") != "subsegment" or "parent_id" in document,
             "name": re.fullmatch(r"[\w .:/%&#=+\\\-@]{1,200}", document["name"]),
             "type": document.get("type", "subsegment") == "subsegment",
             "namespace": document.get("namespace", "remote") in ("aws", "remote"),
             "times": isinstance(document["start_time"], float) and document["end_time"] >= document["start_time"],
             "an annotation's key": all(re.fullmatch("[A-Za-z0-9_]{1,500}", key) for key in annotations),
             "an annotation's value": all(isinstance(value, (str, int, float)) and len(str(value)) <= 1000
                                          for value in annotations.values())}
    return [what for what, holds in rules.items() if not holds]


def keep_xray(span):
    """An HTTP status of 400 and more is an error in any case; the events are a map by name."""
    kept = complete(span)
    is_error = kept["status"]["code"] == "ERROR" or kept["attributes"].get("http.response.status_code", 0) >= 400
    kept["status"]["code"] = "ERROR" if is_error else "UNSET"
    names = [event["name"] for event in kept["events"]]
    kept["events"] = [event for i, event in enumerate(kept["events"]) if event["name"] not in names[:i]]
    return kept


# ---- comparing ----------------------------------------------------------------------------------

TIMES = ("timestamp", "duration")


def is_same(path, sent, found, tolerance_us):
    if path.rpartition(".")[2] in TIMES and isinstance(found, int):
        return abs(sent - found) <= tolerance_us
    return type(sent) is type(found) and sent == found


def differences(sent, found, tolerance_us=0, path=""):
    """[(path, what was sent or None, what was found or None)] of two values of JSON; types count."""
    if isinstance(sent, dict) and isinstance(found, dict):
        pairs = [(f"{path}[{name}]" if path.endswith(("attributes", "resource")) else f"{path}.{name}".lstrip("."),
                  sent.get(name), found.get(name)) for name in sorted({**sent, **found})]
    elif isinstance(sent, list) and isinstance(found, list) and len(sent) == len(found):
        pairs = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(sent, found))]
    else:
        return [] if is_same(path, sent, found, tolerance_us) else [(path, sent, found)]
    return [difference for name, left, right in pairs for difference in differences(left, right, tolerance_us, name)]


def in_order(span):
    """Events by time, and links by id: some backends answer them in an order of their own."""
    return span | {"events": sorted(span["events"], key=lambda event: (event["timestamp"], event["name"])),
                   "links": sorted(span["links"], key=lambda link: (link["traceId"], link["spanId"]))}
