"""What the end-to-end tests share: running programs traced and bare, servers, spans and their format.

Nothing here waits for a fixed time: servers are ready when they can be connected to, spans when they
are in the file. Everything that is started is ended by its process id when its test ends.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
BUILD = ROOT / os.environ.get("BUILD", "build")  # joined to an absolute path, that path stays
SHIM = BUILD / "librun-traced.so"
PREFIX = ROOT / "run-traced.sh"
PYTHON = "/usr/bin/python3"
SANITIZED = SHIM.exists() and b"libasan.so" in SHIM.read_bytes()
PATIENCE = 60 if SANITIZED else 20  # seconds that anything may take before it counts as hung
HAS_LAUNCHER = (BUILD / "run-traced").exists()

os.environ["RUN_TRACED_BUILD"] = str(BUILD)


def clean_env(**more):
    """Our environment without anything of tracing or of proxies in it."""
    foreign = re.compile(r"RUN_TRACED_(?!BUILD)|OTEL_|TRACEPARENT$|TRACESTATE$|BAGGAGE$|LD_|"
                         r"(http|https|all|no)_proxy$|MAKE(FLAGS|LEVEL)$|MFLAGS$|GIT_",
                         re.IGNORECASE)
    env = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    env["LC_ALL"] = "C.UTF-8"
    env["RUN_TRACED_PROCESS_SPANS"] = "none"  # TracedTest.process_spans asks for more
    return env | {name: str(value) for name, value in more.items()}


def sanitizer_env():
    """What a program needs that loads the sanitized library. libasan is not preloaded itself, but comes
    as a library that ours needs: before libc it makes every program hang that loads p11-kit (curl,
    wget) with Debian 12's glibc. So the program's own memory is libc's; ours is checked."""
    if not SANITIZED:
        return {}
    return {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:detect_odr_violation=0:"
                            "allocator_may_return_null=1:handle_segv=0:handle_sigfpe=0:"
                            "handle_abort=0:handle_sigill=0:handle_sigbus=0:use_sigaltstack=0",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


def preload_env(exporters, **more):
    """The environment of a program that is traced by a plain LD_PRELOAD."""
    env = clean_env() | sanitizer_env()
    env["LD_PRELOAD"] = str(SHIM)
    env["RUN_TRACED_EXPORTER"] = exporters
    return env | {name: str(value) for name, value in more.items()}


def free_port():
    """A port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(condition, what="the condition", patience=None):
    """Polls until condition() is true, and returns what it gave."""
    deadline = time.monotonic() + (patience or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


def can_connect(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


# ---- the span format: the one strict reading of SPAN-FORMAT -------------------------------------

ATTRIBUTE_TYPES = {
    "http.request.method": str, "http.request.method_original": str,
    "http.request.body.size": int, "http.response.status_code": int,
    "http.response.body.size": int, "url.full": str, "url.scheme": str, "url.path": str,
    "url.query": str, "url.template": str, "server.address": str, "server.port": int, "client.address": str,
    "client.port": int, "network.peer.address": str, "network.peer.port": int,
    "network.protocol.name": str, "network.protocol.version": str, "network.transport": str,
    "user_agent.original": str, "error.type": str, "code.function.name": str, "thread.id": int,
    "code.file.path": str, "code.line.number": int, "code.stacktrace": str,
    "http.request.resend_count": int, "tls.protocol.version": str, "tls.cipher": str,
    "run_traced.opaque": bool, "run_traced.sent_bytes": int, "run_traced.received_bytes": int,
    "run_traced.tls.offered_protocols": str, "run_traced.code.address": str, "run_traced.parent.source": str,
    "test.suite.name": str, "test.case.name": str, "test.case.result.status": str, "run_traced.test.worker": str,
    "run_traced.unfinished": bool,
    "run_traced.parent.ambiguous": bool, "run_traced.propagation.skipped": str,
    "process.executable.name": str, "process.executable.path": str, "process.pid": int,
    "process.parent_pid": int, "process.exit.code": int, "run_traced.process.cpu.user_us": int,
    "run_traced.process.cpu.system_us": int, "run_traced.process.memory.peak_bytes": int,
    "run_traced.process.end": str, "run_traced.process.blind": str,
    "process.command_args": list, "run_traced.process.command_args.cut": bool,
}
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
                 "_OTHER"}
MICROS_2020, MICROS_2100 = 1577836800 * 10**6, 4102444800 * 10**6


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_id(value, digits):
    return (isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None
            and value.strip("0") != "")


def is_attribute_value(value):
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, int, float, bool))


def _check_ids(span, say):
    if not is_id(span.get("traceId"), 32):
        say("traceId")
    if not is_id(span.get("spanId"), 16):
        say("spanId")
    if "parentSpanId" in span and not is_id(span["parentSpanId"], 16):
        say("parentSpanId")
    if span.get("parentSpanId") == span.get("spanId"):
        say("a span is its own parent")


def _check_times(span, say):
    for field in ("timestamp", "duration"):
        if not is_integer(span.get(field)):
            say(f"{field} is no integer")
            return
    if not MICROS_2020 < span["timestamp"] < MICROS_2100:
        say("timestamp is not in microseconds since 1970")
    if not 0 <= span["duration"] < 10**10:
        say("duration")
    events = span.get("events")
    if events is None:
        return
    if not isinstance(events, list) or not events:
        say("events must be absent or a list of some")
        return
    last = span["timestamp"]
    for event in events:
        if set(event) - {"name", "timestamp", "attributes"} or not event.get("name"):
            say(f"event {event}")
        if not is_integer(event.get("timestamp")) or event["timestamp"] < last:
            say(f"events are not in time order from the start on: {event}")
            return
        last = event["timestamp"]
    if last > span["timestamp"] + span["duration"] + 1:
        say("an event after the end")


def _check_status(span, say):
    status, attributes = span.get("status"), span.get("attributes", {})
    if not isinstance(status, dict) or set(status) - {"code", "message"}:
        say("status")
        return
    if status.get("code") not in ("OK", "ERROR", "UNSET"):
        say("status.code")
    if "message" in status and (not isinstance(status["message"], str) or
                                status["code"] != "ERROR"):
        say("status.message")
    if (status.get("code") == "ERROR") != bool(attributes.get("error.type")):
        say("status ERROR and error.type belong together")
    http = attributes.get("http.response.status_code")
    if http is None:
        if status.get("code") == "OK":
            say("OK without an answer")
        return
    if not 100 <= http <= 999:
        say("http.response.status_code")
    if http >= (500 if span.get("kind") == "SERVER" else 400) and status.get("code") != "ERROR":
        say(f"{http} is an error")
    if span.get("kind") == "SERVER" and 400 <= http < 500 and status.get("code") == "OK":
        say("4xx of a server is UNSET")


def _check_attributes(span, say):
    attributes = span.get("attributes")
    if not isinstance(attributes, dict):
        say("attributes")
        return
    for name, value in attributes.items():
        expected = list if name.startswith("http.request.header.") else \
            int if name.startswith("run_traced.dropped.") else ATTRIBUTE_TYPES.get(name)
        if name.startswith("app."):  # a program's own
            continue
        if not expected:
            say(f"unknown attribute {name}")
        elif not is_attribute_value(value) or type(value) is not expected:
            say(f"type of attribute {name}: {value!r}")
        elif value == "":
            say(f"empty attribute {name}")
    for name in ("server.port", "client.port", "network.peer.port"):
        if not 1 <= attributes.get(name, 1) <= 65535:
            say(name)
    if re.search(r"://[^/]*@", attributes.get("url.full", "")):
        say("userinfo in url.full")
    query = attributes.get("url.query") or attributes.get("url.full", "").partition("?")[2]
    for pair in filter(None, query.partition("#")[0].split("&")):
        if "=" in pair and pair.partition("=")[2] not in ("REDACTED", ""):
            say(f"query value not redacted: {pair}")
    if "http.request.method" in attributes:
        if attributes["http.request.method"] not in KNOWN_METHODS:
            say("http.request.method")
        is_gateway = attributes.get("network.protocol.name") == "fastcgi"  # no URL is asked for
        needed = ("url.path", "url.scheme") if span.get("kind") != "CLIENT" \
            else ("url.path", "server.address") if is_gateway else ("url.full", "server.address", "server.port")
        for name in needed:
            if name not in attributes:
                say(f"no {name}")


def span_problems(span):
    """All that is wrong with a decoded span line, as a list of short texts."""
    problems = []
    say = problems.append
    if not isinstance(span, dict):
        return ["no object"]
    unknown = set(span) - {"traceId", "spanId", "parentSpanId", "name", "timestamp", "duration",
                           "kind", "status", "attributes", "events", "links", "traceState",
                           "resource"}
    if unknown:
        say(f"unknown fields {sorted(unknown)}")
    name = span.get("name")
    if not isinstance(name, str) or not name or "://" in name or "?" in name:
        say("name")
    if span.get("kind") not in ("SERVER", "CLIENT", "INTERNAL", "PRODUCER", "CONSUMER"):
        say("kind")
    _check_ids(span, say)
    _check_times(span, say)
    _check_attributes(span, say)
    _check_status(span, say)
    for link in span.get("links", []):
        if set(link) - {"traceId", "spanId", "attributes"} or not is_id(link.get("traceId"), 32) \
                or not is_id(link.get("spanId"), 16):
            say("links")
    if "links" in span and not span["links"]:
        say("links must be absent when empty")
    if "traceState" in span and not (isinstance(span["traceState"], str) and span["traceState"]):
        say("traceState")
    resource = span.get("resource")
    if not isinstance(resource, dict) or not resource.get("service.name") or \
            not is_integer(resource.get("process.pid")):
        say("resource")
    return problems


def unique_pairs(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key twice: {keys}")
    return dict(pairs)


def parse_spans(data):
    """The spans of a file's bytes, each checked; raises AssertionError at the first that is wrong."""
    if data and not data.endswith(b"\n"):
        raise AssertionError(f"the last line is cut off: {data[-200:]!r}")
    result = []
    for line in data.splitlines():
        try:
            span = json.loads(line.decode("utf-8"), object_pairs_hook=unique_pairs)
        except ValueError as error:
            raise AssertionError(f"not JSON ({error}): {line[:2000]!r}") from None
        problems = span_problems(span)
        if problems:
            raise AssertionError(f"{'; '.join(problems)} in {line.decode()}")
        result.append(span)
    return result


def spans(path):
    """Those of a file that may be written to: a reader can see a part of what is just being written, but not for long."""
    until = time.monotonic() + 2
    try:
        data = pathlib.Path(path).read_bytes()
        while data and not data.endswith(b"\n") and time.monotonic() < until:
            time.sleep(0.01)
            data = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return []
    return parse_spans(data)


# ---- traces -------------------------------------------------------------------------------------

def attribute(span, name):
    return span["attributes"].get(name)


def service(span):
    return span["resource"]["service.name"]


def of_kind(all_spans, kind):
    return [span for span in all_spans if span["kind"] == kind]


def children(all_spans, parent):
    return [span for span in all_spans if span["traceId"] == parent["traceId"]
            and span.get("parentSpanId") == parent["spanId"]]


def roots(all_spans):
    return [span for span in all_spans if "parentSpanId" not in span]


def orphans(all_spans):
    """Spans whose parent is named, but not there."""
    known = {(span["traceId"], span["spanId"]) for span in all_spans}
    return [span for span in all_spans if "parentSpanId" in span
            and (span["traceId"], span["parentSpanId"]) not in known]


def duplicates(all_spans):
    seen, twice = set(), []
    for span in all_spans:
        if span["spanId"] in seen:
            twice.append(span)
        seen.add(span["spanId"])
    return twice


def traces(all_spans):
    """{traceId: its spans}"""
    result = {}
    for span in all_spans:
        result.setdefault(span["traceId"], []).append(span)
    return result


def describe(all_spans):
    """A few words a span, for the message of a test that fails."""
    lines = []
    for span in all_spans:
        lines.append(f"  {span['traceId'][:6]} {span.get('parentSpanId', '-')[:6]:6}"
                     f" > {span['spanId'][:6]} {span['kind']} {service(span)} {span['name']}"
                     f" {span['status']} {attribute(span, 'http.response.status_code')}"
                     f" {attribute(span, 'error.type')}"
                     f" {attribute(span, 'url.full') or attribute(span, 'url.path')}"
                     f" {attribute(span, 'run_traced.parent.source') or ''}"
                     f" {'ambiguous' if attribute(span, 'run_traced.parent.ambiguous') else ''}")
    return "\n" + "\n".join(lines[:60]) + f"\n  {len(lines)} spans"


# ---- servers within the test process, which is never traced --------------------------------------

class Conversation:
    """One accepted connection of a Recorder."""

    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self._taken = 0
        self.is_ended = False  # the peer sent FIN or RST

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_ended = True
            return False
        self.received += data
        return True

    def read_until(self, mark):
        """Up to and with @mark, or what came before the end."""
        while True:
            at = self.received.find(mark, self._taken)
            if at >= 0:
                return self._take(at + len(mark))
            if not self._more():
                return self._take(len(self.received))

    def read_exactly(self, count):
        while len(self.received) - self._taken < count and self._more():
            pass
        return self._take(min(self._taken + count, len(self.received)))

    def read_to_end(self):
        while self._more():
            pass
        return self._take(len(self.received))

    def _take(self, end):
        taken = self.received[self._taken:end]
        self._taken = end
        return taken

    def read_head(self):
        return self.read_until(b"\r\n\r\n")

    def send(self, *pieces):
        for piece in pieces:
            self.sock.sendall(piece)

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Recorder:
    """A TCP server: script(conversation) is run in a thread for each connection; what was received
    stays readable in conversations[n].received. A script's exception is raised by stop()."""

    def __init__(self, script, family=socket.AF_INET, address=None):
        self.script = script
        self.conversations = []
        self.error = None
        self._threads = []
        self._sock = socket.socket(family)
        self._sock.bind(address or ("127.0.0.1", 0))
        self._sock.listen(128)
        self.address = self._sock.getsockname()
        self.port = self.address[1] if family != socket.AF_UNIX else None
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            conversation = Conversation(sock)
            self.conversations.append(conversation)
            thread = threading.Thread(target=self._talk, args=(conversation,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, conversation):
        try:
            self.script(conversation)
        except Exception as error:  # pylint: disable=broad-except
            self.error = self.error or error
        finally:
            conversation.sock.close()

    def join(self):
        """Waits until all conversations so far are over."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def stop(self, check=True):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._acceptor.join(PATIENCE)
        for conversation in self.conversations:
            with contextlib.suppress(OSError):
                conversation.sock.shutdown(socket.SHUT_RDWR)
        self.join()
        if check and self.error:
            raise AssertionError(f"in the server's script: {self.error!r}") from self.error


class Request:
    """One request as a StrictServer read it."""

    def __init__(self, head, body):
        self.head = head  # bytes, with the blank line
        self.body = body
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = [tuple(part.strip(" \t") for part in line.split(":", 1))
                        for line in lines[1:-2]]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def traceparent(self):
        values = self.all("traceparent")
        return values[0] if values else None

    @property
    def bare_head(self):
        """The head without what the tracer may add."""
        return re.sub(rb"(?im)^(traceparent|tracestate):[^\n]*\n", b"", self.head)


REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \x00-\x20\x7f]+ HTTP/1\.[01]")
FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\x00-\x08\x0a-\x1f\x7f]*")
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class StrictServer(Recorder):
    """An HTTP/1.1 server that reads by the letter: what is not well-formed, or does not carry
    exactly @traceparents traceparent headers, goes into .problems."""

    def __init__(self, traceparents=1, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
                 gate=None, address=None):
        self.requests = []
        self.problems = []
        self.traceparents = traceparents
        self.answer = answer
        self.gate = gate  # called with the conversation before anything is read
        super().__init__(self._serve, address=address)

    def _serve(self, conversation):
        if self.gate:
            self.gate(conversation)
        while True:
            head = conversation.read_head()
            if not head:
                return
            request = self._parse(head, conversation)
            if not request:
                return
            self.requests.append(request)
            answer = self.answer(request) if callable(self.answer) else self.answer
            conversation.send(answer)
            if "close" in [v.lower() for v in request.all("connection")] or \
                    request.version == "HTTP/1.0" or b"Connection: close" in answer:
                return

    def _parse(self, head, conversation):
        lines = head.split(b"\r\n")
        if not head.endswith(b"\r\n\r\n") or not REQUEST_LINE.fullmatch(lines[0]):
            self.problems.append(f"no request head: {head[:300]!r}")
            return None
        for line in lines[1:-2]:
            if not FIELD_LINE.fullmatch(line):
                self.problems.append(f"no header line: {line[:300]!r}")
        request = Request(head, b"")
        if self.traceparents is not None and len(request.all("traceparent")) != self.traceparents:
            self.problems.append(f"{len(request.all('traceparent'))} traceparents in {head!r}")
        if any(not TRACEPARENT.fullmatch(value) for value in request.all("traceparent")):
            self.problems.append(f"malformed traceparent in {head!r}")
        request.body = self._read_body(request, conversation)
        return request

    def _read_body(self, request, conversation):
        if "100-continue" in request.all("expect"):
            conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.all("transfer-encoding") == ["chunked"]:
            body = b""
            while True:
                line = conversation.read_until(b"\r\n")
                size = int(line.split(b";")[0], 16)
                body += conversation.read_exactly(size)
                end = conversation.read_until(b"\r\n")
                if end != b"\r\n":
                    self.problems.append(f"chunk ends in {end!r}")
                if size == 0:
                    return body
        lengths = request.all("content-length")
        if len(lengths) > 1:
            self.problems.append(f"Content-Length: {lengths}")
        length = int(lengths[0]) if lengths else 0
        body = conversation.read_exactly(length)
        if len(body) != length:
            self.problems.append(f"the body has {len(body)} of {length} bytes")
        return body


# ---- the base of the tests ----------------------------------------------------------------------

class TracedTest(unittest.TestCase):
    """A temporary directory that is the working directory, spans files, servers that end with the
    test."""

    maxDiff = 2000
    process_spans = "none"  # --process-spans

    def setUp(self):
        self._stack = contextlib.ExitStack()
        self.addCleanup(self._stack.close)
        self.directory = pathlib.Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="run-traced-test-")))
        self.directory.chmod(0o755)
        before = os.getcwd()
        os.chdir(self.directory)
        self.addCleanup(os.chdir, before)
        self._span_files = []
        self._span_file_count = 0
        self._servers = []

    # -- running

    def new_span_file(self):
        self._span_file_count += 1
        path = self.directory / f"spans-{self._span_file_count}.jsonl"
        self._span_files.append(path)
        return path

    def traced_command(self, command, plain=False, env=None, service_name=None):
        """(words, environment) that run @command traced into a new spans file."""
        path = self.new_span_file()
        command = [str(word) for word in command]
        env = {"RUN_TRACED_PROCESS_SPANS": self.process_spans} | (env or {})
        if plain or not HAS_LAUNCHER:
            named = {"OTEL_SERVICE_NAME": service_name} if service_name else {}
            return command, preload_env(f"file:{path}") | named | env
        options = ["-s", service_name] if service_name else []
        return ([str(PREFIX), "-q", "-o", str(path), *options, "--", *command],
                clean_env() | sanitizer_env() | env)

    def _run(self, words, env, **options):
        options = {"capture_output": True, "timeout": PATIENCE} | options
        if "input" not in options and "stdin" not in options:
            options["stdin"] = subprocess.DEVNULL
        return subprocess.run(words, env=env, **options)

    def bare(self, *command, env=None, **options):
        return self._run([str(word) for word in command], clean_env() | (env or {}), **options)

    def traced(self, *command, plain=False, env=None, service_name=None, **options):
        words, environment = self.traced_command(command, plain, env, service_name)
        return self._run(words, environment, **options)

    def preloaded(self, *command, **options):
        return self.traced(*command, plain=True, **options)

    # -- servers

    def start(self, *command, traced=True, plain=False, env=None, service_name=None, port=None,
              ready=None, **options):
        """Starts a server in its own session; waits until it accepts on @port or ready() is true."""
        if traced:
            words, environment = self.traced_command(command, plain, env, service_name)
        else:
            words, environment = [str(w) for w in command], clean_env() | (env or {})
        log = open(self.directory / f"server-{len(self._servers)}.log", "wb")
        self._stack.callback(log.close)
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | options
        process = subprocess.Popen(words, env=environment, start_new_session=True, **options)
        process.log_path = log.name
        self._servers.append(process)
        self._stack.callback(self.stop, process, signal.SIGKILL)

        def is_ready():
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended with {process.returncode}: "
                                     + pathlib.Path(log.name).read_text(errors="replace"))
            return can_connect(port) if port else ready() if ready else True
        wait_for(is_ready, f"{command[0]} to be ready")
        return process

    def stop(self, process, number=signal.SIGTERM):
        """Ends a server and what is left of its session. Returns its exit status."""
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
            raise AssertionError(f"{process.args[0]} does not end") from None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.returncode

    def stop_servers(self):
        for process in reversed(self._servers):
            self.stop(process)

    def start_echo(self, **options):
        """The traced Python server that writes down what it received. Sets .port, .url, .log()."""
        port_file = self.directory / f"port-{len(self._servers)}"
        log_file = self.directory / f"requests-{len(self._servers)}.jsonl"
        process = self.start(PYTHON, PROGRAMS / "echo_server.py", port_file, log_file,
                             ready=port_file.exists, **options)
        process.port = int(port_file.read_text())
        process.url = f"http://127.0.0.1:{process.port}"
        process.log = lambda: [json.loads(line) for line in log_file.read_text().splitlines()] \
            if log_file.exists() else []
        return process

    def serve(self, server):
        """Has a Recorder or StrictServer stopped when the test ends."""
        self._stack.callback(server.stop)
        return server

    # -- spans

    def spans(self):
        return [span for path in self._span_files for span in spans(path)]

    def forget_spans(self):
        """What was written so far does not count any more."""
        self._span_files.clear()

    def wait_spans(self, count):
        """The spans, as soon as there are @count of them: a server writes its own after the client
        has its answer."""
        def enough():
            lines = sum(path.read_bytes().count(b"\n") for path in self._span_files
                        if path.exists())
            return lines >= count
        with contextlib.suppress(AssertionError):
            wait_for(enough, patience=PATIENCE / 2)
        return self.spans()

    def all_spans(self, count):
        """Waits for @count spans, ends the servers, and insists that there are just so many."""
        self.wait_spans(count)
        self.stop_servers()
        found = self.spans()
        self.assertEqual(len(found), count, describe(found))
        return found

    def only_span(self):
        return self.all_spans(1)[0]

    def assert_pair(self, client, server):
        self.assertEqual((client["kind"], server["kind"]), ("CLIENT", "SERVER"))
        self.assertEqual(client["traceId"], server["traceId"])
        self.assertEqual(server.get("parentSpanId"), client["spanId"])
        self.assertLessEqual(client["timestamp"], server["timestamp"] + 1000)

    def assert_no_problems(self, server):
        self.assertEqual(server.problems, [])

    def assert_same_as_bare(self, *command, env=None, **options):
        """Runs it bare and traced; all that can be seen from outside is the same."""
        bare = self.bare(*command, env=env, **options)
        traced = self.traced(*command, env=env, **options)
        self.assertEqual((traced.returncode, traced.stderr, traced.stdout),
                         (bare.returncode, bare.stderr, bare.stdout))
        return traced

    def compile(self, source, *flags, name="program"):
        """Compiles C; returns the program's path."""
        path = self.directory / name
        subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-x", "c", "-", "-o", path,
                        "-pthread", *flags], input=source.encode(), check=True)
        return path


def needs(*programs):
    """Skips a test where a program is not installed."""
    missing = [name for name in programs if not shutil.which(name, path=os.environ["PATH"] +
                                                             ":/usr/sbin:/sbin")]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def not_sanitized(reason):
    return unittest.skipIf(SANITIZED, f"sanitizers: {reason}")


needs_children = unittest.skipUnless(os.path.exists("/proc/thread-self/children"),
                                     "the kernel does not tell which thread has started what")
needs_root = unittest.skipUnless(os.geteuid() == 0, "only for root")
