"""W3C Trace Context, level 2, through real services: for each request that comes in, what goes out."""

import collections
import json
import socket
import unittest

from support import (PATIENCE, PROGRAMS, PYTHON, StrictServer, TracedTest, attribute, describe, duplicates, needs,
                     not_sanitized, of_kind)

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER = f"00-{'5' * 32}-{'6' * 16}-01"
VALID = f"00-{TRACE}-{PARENT}-01"
RESTARTS = None

# @headers: lines that come in. @flags: those that go out with the trace id that came in, or RESTARTS.
# @tracestate: what goes out.
Row = collections.namedtuple("Row", "name headers flags tracestate")


def traceparent(name, value, flags):
    """What comes of one traceparent. A tracestate beside it shares its fate."""
    return Row(name, [f"traceparent: {value}", "tracestate: a=1"], flags, "" if flags is RESTARTS else "a=1")


def tracestate(name, *values, expected):
    """What comes of tracestate headers beside a good traceparent, which goes on whatever they are."""
    return Row(name, [f"traceparent: {VALID}", *(f"tracestate: {value}" for value in values)], "01", expected)


def kept(name, *values):
    return tracestate(name, *values, expected=",".join(values))


def dropped(name, *values):
    return tracestate(name, *values, expected="")


def members(count, value_len=1):
    return [f"k{i}={'v' * value_len}" for i in range(count)]


def fitting(some):
    """The first of these members that are 512 bytes together."""
    while len(",".join(some)) > 512:
        some = some[:-1]
    return ",".join(some)


NAMES = [
    Row("no header", [], RESTARTS, ""),
    Row("upper case", [f"TRACEPARENT: {VALID}", "TRACESTATE: a=1"], "01", "a=1"),
    Row("mixed case", [f"tRaCePaReNt: {VALID}", "TrAcEsTaTe: a=1"], "01", "a=1"),
    Row("a dash", [f"trace-parent: {VALID}", "tracestate: a=1"], RESTARTS, ""),
    Row("an underscore", [f"trace_parent: {VALID}"], RESTARTS, ""),
    Row("longer", [f"x-traceparent: {VALID}", f"traceparents: {VALID}"], RESTARTS, ""),
    Row("a dash in tracestate", [f"traceparent: {VALID}", "trace-state: a=1"], "01", ""),
    Row("tracestate first", ["tracestate: a=1", "X-Other: y", f"traceparent: {VALID}"], "01", "a=1"),
    Row("tracestate alone", ["tracestate: a=1"], RESTARTS, ""),
    Row("twice the same", [f"traceparent: {VALID}"] * 2, RESTARTS, ""),
    Row("twice, in another case", [f"traceparent: {VALID}", f"Traceparent: {VALID}"], RESTARTS, ""),
    Row("two different ones", [f"traceparent: {VALID}", f"traceparent: {OTHER}"], RESTARTS, ""),
    Row("a good one and a bad one", [f"traceparent: {VALID}", "traceparent: 00"], RESTARTS, ""),
    Row("a bad one and a good one", ["traceparent:", "tracestate: a=1", f"traceparent: {VALID}"], RESTARTS, ""),
]

TRACEPARENTS = [
    traceparent("flags 00", f"00-{TRACE}-{PARENT}-00", "00"),
    traceparent("flags 01", f"00-{TRACE}-{PARENT}-01", "01"),
    traceparent("flags 02", f"00-{TRACE}-{PARENT}-02", "02"),
    traceparent("flags 03", f"00-{TRACE}-{PARENT}-03", "03"),
    traceparent("unknown flags alone", f"00-{TRACE}-{PARENT}-04", "00"),
    traceparent("all flags", f"00-{TRACE}-{PARENT}-ff", "03"),
    traceparent("blanks before", f"  \t {VALID}", "01"),
    traceparent("blanks behind", f"{VALID}\t  ", "01"),
    traceparent("future version", f"cc-{TRACE}-{PARENT}-01", "01"),
    traceparent("next version", f"01-{TRACE}-{PARENT}-00", "00"),
    traceparent("future version, with more", f"cc-{TRACE}-{PARENT}-01-x.y-z", "01"),
    traceparent("future version, with an empty field", f"fe-{TRACE}-{PARENT}-01-", "01"),
    traceparent("future version, blanks behind", f"cc-{TRACE}-{PARENT}-01 \t", "01"),
    traceparent("future version, other tail", f"cc-{TRACE}-{PARENT}-01.x", RESTARTS),
    traceparent("future version, longer flags", f"cc-{TRACE}-{PARENT}-011", RESTARTS),
    traceparent("future version, cut", f"cc-{TRACE}-{PARENT}-0", RESTARTS),
    traceparent("future version, zero ids", f"cc-{'0' * 32}-{PARENT}-01", RESTARTS),
    traceparent("version ff", f"ff-{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("version ff, with more", f"ff-{TRACE}-{PARENT}-01-x", RESTARTS),
    traceparent("version 00, with more", f"{VALID}-x", RESTARTS),
    traceparent("version 00, with a dash", f"{VALID}-", RESTARTS),
    traceparent("version 00, with a dot", f"{VALID}.", RESTARTS),
    traceparent("version in upper case", f"CC-{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("version of one digit", f"0-{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("version of three digits", f"000-{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("version not hex", f"0x-{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("trace id zero", f"00-{'0' * 32}-{PARENT}-01", RESTARTS),
    traceparent("trace id in upper case", f"00-{TRACE.upper()}-{PARENT}-01", RESTARTS),
    traceparent("trace id not hex", f"00-{TRACE[:-1]}g-{PARENT}-01", RESTARTS),
    traceparent("trace id too short", f"00-{TRACE[1:]}-{PARENT}-01", RESTARTS),
    traceparent("trace id too long", f"00-{TRACE}0-{PARENT}-01", RESTARTS),
    traceparent("parent id zero", f"00-{TRACE}-{'0' * 16}-01", RESTARTS),
    traceparent("parent id in upper case", f"00-{TRACE}-{PARENT.upper()}-01", RESTARTS),
    traceparent("parent id too short", f"00-{TRACE}-{PARENT[1:]}-01", RESTARTS),
    traceparent("parent id too long", f"00-{TRACE}-{PARENT}0-01", RESTARTS),
    traceparent("ids of swapped lengths", f"00-{PARENT}-{TRACE}-01", RESTARTS),
    traceparent("flags not hex", f"00-{TRACE}-{PARENT}-0g", RESTARTS),
    traceparent("flags in upper case", f"00-{TRACE}-{PARENT}-0F", RESTARTS),
    traceparent("flags of one digit", f"00-{TRACE}-{PARENT}-1", RESTARTS),
    traceparent("no flags", f"00-{TRACE}-{PARENT}-", RESTARTS),
    traceparent("ids alone", f"00-{TRACE}-{PARENT}", RESTARTS),
    traceparent("no dash before the trace id", f"00{TRACE}-{PARENT}-01", RESTARTS),
    traceparent("no dash before the parent id", f"00-{TRACE}{PARENT}-01", RESTARTS),
    traceparent("no dash before the flags", f"00-{TRACE}-{PARENT}01", RESTARTS),
    traceparent("underscores", VALID.replace("-", "_"), RESTARTS),
    traceparent("blanks within", VALID.replace("-", " - "), RESTARTS),
    traceparent("a list", f"{VALID}, {VALID}", RESTARTS),
    traceparent("quoted", f'"{VALID}"', RESTARTS),
    traceparent("empty", "", RESTARTS),
]

TRACESTATES = [
    kept("one member", "a=1"),
    kept("two", "b=2,a=1"),
    kept("several headers, in order", "z=1", "a=2,y=3", "b=4"),
    tracestate("empty headers between", "", "a=1", "", "b=2", "", expected="a=1,b=2"),
    tracestate("empty members", ",a=1,,\t, b=2,", expected="a=1,b=2"),
    dropped("nothing but empty members", " , ,,"),
    tracestate("blanks around members", " a=1\t,\t b=2 ", expected="a=1,b=2"),
    kept("a value that begins with a space", "a= 1"),
    tracestate("a value that ends in one", "a=1 ,b=2", expected="a=1,b=2"),
    kept("all characters of a key", "0123456789abcdefghijklmnopqrstuvwxyz_-*/@=1"),
    kept("all characters of a value",
         "a=" + "".join(chr(c) for c in range(0x21, 0x7f) if chr(c) not in ",=")),
    kept("a tenant's key", "tenant@system=1"),
    kept("a tenant of 242 characters", f"{'t' * 242}@system=1"),
    kept("a system of 15 characters", f"t@{'s' * 15}=1"),
    kept("keys that only level 2 knows", "foo@=1,a@b@c=2,0@@=3,9=4"),
    kept("a key of 256 characters", f"{'k' * 256}=1"),
    dropped("a key of 257 characters", "a=1", f"{'k' * 257}=1"),
    kept("a value of 256 characters", f"a={'v' * 256}"),
    dropped("a value of 257 characters", "a=1", f"b={'v' * 257}"),
    kept("32 members", ",".join(members(32))),
    kept("32 members in three headers", *(",".join(members(32)[i:i + 12]) for i in (0, 12, 24))),
    tracestate("32 members and empty ones", ",".join(members(32)) + ",,,", expected=",".join(members(32))),
    dropped("33 members", ",".join(members(33))),
    dropped("33 members in two headers", ",".join(members(32)), "last=1"),
    kept("512 bytes", f"a={'1' * 252},b={'2' * 255}"),
    tracestate("more than 512 bytes", ",".join(members(30, 25)), expected=fitting(members(30, 25))),
    tracestate("a bad member beyond 512 bytes", ",".join(members(30, 25)) + ",B=1", expected=""),
    dropped("no key", "a=1,=2"),
    dropped("no value", "a=1,b="),
    dropped("no equals sign", "a=1,b"),
    dropped("two equals signs", "a=1,b=2=3"),
    dropped("a key in upper case", "a=1,B=2"),
    dropped("a key with a dot", "a=1,b.c=2"),
    dropped("a key with a blank", "a=1,b =2"),
    dropped("a key that begins with another character", "a=1,_b=2"),
    dropped("a system without a tenant", "a=1,@b=2"),
    dropped("a tab in a value", "a=1,b=2\t3"),
    dropped("a bad member in another header", "a=1", "b"),
    dropped("a key twice", "a=1,a=2"),
    dropped("a key in two headers", "a=1", "a=1"),
]

ROWS = [*NAMES, *TRACEPARENTS, *TRACESTATES]
CALLS = 3  # for each request


def is_recorded(row):
    return row.flags is RESTARTS or int(row.flags, 16) & 1


class Callbacks(TracedTest):
    """A service that makes calls for each request that it gets, which a strict server answers."""

    def start_service(self, *command):
        self.upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        self.start(*command[:2], port_file, *command[2:], ready=port_file.exists)
        self.port = int(port_file.read_text())

    def ask(self, number, row):
        """The service gets the row's headers, and makes calls to /NUMBER."""
        body = json.dumps([{"url": f"{self.upstream.url}/{number}", "arguments": []}] * CALLS)
        head = ["POST / HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}",
                *row.headers, "Connection: close", "", ""]
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(("\r\n".join(head) + body).encode())
            with sock.makefile("rb") as answer:
                self.assertIn(b" 200 ", answer.readline())
                answer.read()

    def check_header(self, row, request):
        """Returns the ids that went out."""
        version, trace_id, parent_id, flags = request.traceparent.split("-")
        self.assertEqual(version, "00")
        self.assertNotEqual(parent_id, PARENT)
        if row.flags is RESTARTS:
            self.assertNotIn(trace_id, (TRACE, OTHER.split("-")[1]))
        else:
            self.assertEqual((trace_id, flags), (TRACE, row.flags))
        self.assertEqual(request.all("tracestate"), [row.tracestate] if row.tracestate else [])
        return trace_id, parent_id

    def check_spans(self, row, ids, found):
        """One SERVER span, child of what came in, and a CLIENT span for each call, child of it."""
        clients = [span for span in found if (span["traceId"], span["spanId"]) in ids]
        self.assertEqual(len(clients), CALLS, describe(clients))
        servers = [span for span in of_kind(found, "SERVER") if span["spanId"] == clients[0]["parentSpanId"]]
        self.assertEqual(len(servers), 1, describe(clients))
        self.assertEqual({(span["kind"], span["traceId"], span["parentSpanId"]) for span in clients},
                         {("CLIENT", servers[0]["traceId"], servers[0]["spanId"])})
        self.assertEqual(servers[0].get("parentSpanId"), None if row.flags is RESTARTS else PARENT)

    def check(self, *command, rows=tuple(ROWS)):
        self.start_service(*command)
        for number, row in enumerate(rows):
            self.ask(number, row)
        found = self.all_spans(len([row for row in rows if is_recorded(row)]) * (1 + CALLS))
        self.assert_no_problems(self.upstream)
        self.assertEqual(duplicates(found), [])
        for number, row in enumerate(rows):
            with self.subTest(row.name, headers=row.headers):
                requests = [r for r in self.upstream.requests if r.target == f"/{number}"]
                ids = {self.check_header(row, request) for request in requests}
                self.assertEqual((len(requests), len(ids)), (CALLS, CALLS))
                self.assertEqual(len({trace_id for trace_id, _ in ids}), 1)
                if is_recorded(row):
                    self.check_spans(row, ids, found)
                else:
                    self.assertEqual(ids & {(span["traceId"], span["spanId"]) for span in found}, set())


class Threads(Callbacks):
    def test_in_order(self):
        self.check(PYTHON, PROGRAMS / "callbacks_threads.py")

    def test_at_once(self):
        self.check(PYTHON, PROGRAMS / "callbacks_threads.py", "concurrent")


class Asyncio(Callbacks):
    def setUp(self):
        super().setUp()
        if self.bare(PYTHON, "-c", "import aiohttp").returncode:
            self.skipTest("not installed: python3-aiohttp")

    def test_in_order(self):
        self.check(PYTHON, PROGRAMS / "callbacks_asyncio.py")

    def test_at_once(self):
        self.check(PYTHON, PROGRAMS / "callbacks_asyncio.py", "concurrent")


class Limits(Callbacks):
    """What should go on of a tracestate that is too long to go on as a whole ("tracestate Limits")."""

    def check_one(self, *values, expected):
        self.check(PYTHON, PROGRAMS / "callbacks_threads.py",
                   rows=[tracestate("too long", *values, expected=expected)])

    def test_members_of_more_than_128_characters_go_first(self):
        self.check_one(f"a={'v' * 250}", f"b={'v' * 250}", "c=1", "d=2", f"e={'v' * 250}",
                       expected=f"a={'v' * 250},c=1,d=2")

    def test_the_first_512_bytes_of_a_very_long_one(self):
        self.check_one(",".join(members(32, 50)), expected=fitting(members(32, 50)))

    def test_the_first_512_bytes_of_a_very_long_one_in_two_headers(self):
        some = members(32, 50)
        self.check_one(",".join(some[:16]), ",".join(some[16:]), expected=fitting(some))


class PassedOn(Callbacks):
    """A service that hands headers on as they came: with a span of ours between, they are ours to keep right."""

    def relay(self, *headers, names=("traceparent", "tracestate")):
        """Returns the request as upstream got it."""
        self.upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        self.start(PYTHON, PROGRAMS / "relay_server.py", port_file, self.upstream.port, *names,
                   ready=port_file.exists)
        lines = ["GET / HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]
        with socket.create_connection(("127.0.0.1", int(port_file.read_text())), PATIENCE) as sock:
            sock.sendall("\r\n".join(lines).encode())
            with sock.makefile("rb") as answer:
                self.assertIn(b" 200 ", answer.readline())
                answer.read()
        return self.upstream.requests[0]

    def pass_on(self, *headers, **options):
        """Returns (the CLIENT span, its request as upstream got it)."""
        request = self.relay(*headers, **options)
        self.wait_spans(1)
        self.stop_servers()
        client, = of_kind(self.spans(), "CLIENT")
        return client, request

    def check_passed_on(self, value, *headers, flags, **options):
        client, request = self.pass_on(f"traceparent: {value}", *headers, **options)
        self.assertEqual(request.all("traceparent"), [f"00-{TRACE}-{client['spanId']}-{flags}"])
        self.assert_no_problems(self.upstream)
        return request

    def test_with_tracestate(self):
        request = self.check_passed_on(VALID, "tracestate: b=2", "tracestate: a=1", flags="01")
        self.assertEqual(request.all("tracestate"), ["b=2", "a=1"])

    def test_not_sampled(self):
        """It is not recorded, but has an id of its own all the same."""
        request = self.relay(f"traceparent: 00-{TRACE}-{PARENT}-00")
        self.assertRegex(request.traceparent, f"^00-{TRACE}-(?!{PARENT})[0-9a-f]{{16}}-00$")
        self.assert_no_problems(self.upstream)
        self.all_spans(0)

    def test_tracestate_alone(self):
        request = self.check_passed_on(VALID, "tracestate: a=1", flags="01", names=["tracestate"])
        self.assertEqual(request.all("tracestate"), ["a=1"])

    def test_without_tracestate(self):
        request = self.check_passed_on(VALID, "tracestate: a=1", flags="01", names=["traceparent"])
        self.assertEqual(request.all("tracestate"), ["a=1"])

    def test_unknown_flags(self):
        self.check_passed_on(f"00-{TRACE}-{PARENT}-ff", flags="03")

    def test_future_version(self):
        self.check_passed_on(f"cc-{TRACE}-{PARENT}-01", flags="01")

    def test_future_version_with_more(self):
        self.check_passed_on(f"cc-{TRACE}-{PARENT}-01-more", flags="01")

    def check_worthless(self, reason, *values):
        """Nobody can use what is handed on, nor traces the call: it stays, and we do."""
        client, request = self.pass_on(*(f"traceparent: {value}" for value in values))
        self.assertEqual(request.all("traceparent"), list(values))
        self.assertEqual(attribute(client, "run_traced.propagation.skipped"), reason)
        server, = of_kind(self.spans(), "SERVER")
        self.assertEqual((client["traceId"], client["parentSpanId"]), (server["traceId"], server["spanId"]))

    def test_malformed(self):
        self.check_worthless("malformed", "nonsense")

    def test_two_that_are_the_same(self):
        self.check_worthless("several", VALID, VALID)

    def test_a_good_one_and_a_bad_one(self):
        self.check_worthless("several", VALID, "nonsense")


@needs("node")
@not_sanitized("node crashes as soon as it loads libasan")
class Node(Callbacks):
    def test_in_order(self):
        self.check("node", PROGRAMS / "callbacks_node.js")

    def test_at_once(self):
        self.check("node", PROGRAMS / "callbacks_node.js", "concurrent")

    def test_fetch_in_order(self):
        self.check("node", PROGRAMS / "callbacks_node.js", "fetch")

    def test_fetch_at_once(self):
        self.check("node", PROGRAMS / "callbacks_node.js", "concurrent", "fetch")


if __name__ == "__main__":
    unittest.main()
