"""What became of the calls: whose children they were said to be, and whose they are."""
import collections
import re

RIGHT, WRONG, AMBIGUOUS, NONE, MISSING = "right", "wrong", "ambiguous", "none", "missing"
VERDICTS = RIGHT, WRONG, AMBIGUOUS, NONE, MISSING


def span_path(span):
    """The path that was asked for, or ""."""
    attributes = span["attributes"]
    return attributes.get("url.path") or re.sub(r"^\w+://[^/]*", "", attributes.get("url.full", ""))


def call_word(path):
    """What is behind /up/N/; "relay" for /r/N itself, which a server hands on to the one behind it."""
    return "relay" if path.startswith("/r/") else "".join(path.split("/")[3:])


def ids(span):
    return span["traceId"], span["spanId"]


def parent_ids(span):
    return span["traceId"], span.get("parentSpanId")


class Spans:
    """The spans of one server, by what they are about."""

    def __init__(self, spans):
        self.servers, self.clients = collections.defaultdict(list), collections.defaultdict(list)
        self.programs = {span["spanId"]: span for span in spans if span["kind"] == "INTERNAL"}
        self.serving = {span["resource"]["process.pid"] for span in spans if span["kind"] == "SERVER"}
        for span in spans:
            match = re.fullmatch(r"/(r|up)/(\d+)(/\w+)?", span_path(span))
            if match and span["kind"] == "SERVER" and match[1] == "r":
                self.servers[int(match[2])].append(span)
            elif match and span["kind"] == "CLIENT":
                self.clients[int(match[2])].append(span)

    def first_started(self, span):
        """The span of the first of the programs that were started, one by the other, until one made this call; else
        the call's."""
        while program := self.programs.get(span.get("parentSpanId")):
            if program["resource"]["process.pid"] in self.serving:
                break
            span = program
        return span

    def relays(self, number):
        """What was asked of the server behind."""
        return [client for client in self.clients[number] if call_word(span_path(client)) == "relay"]

    def judge(self, number, client):
        """One call's verdict. Who has handed a request on does not call for it."""
        is_relay = client in self.relays(number)
        client = self.first_started(client)
        if "parentSpanId" not in client:
            return AMBIGUOUS if client["attributes"].get("run_traced.parent.ambiguous") else NONE
        if client["kind"] == "INTERNAL" and client["parentSpanId"] in self.programs:
            return NONE  # of the server as a whole
        candidates = {ids(server) for server in self.servers[number]}
        if not is_relay:
            candidates -= {parent_ids(relay) for relay in self.relays(number)}
        return RIGHT if parent_ids(client) in candidates else WRONG

    def count(self, numbers, upstream_log):
        """{"a", "b", ...: Counter of verdicts} of the calls for @numbers. A proxy's call has no such word: ""."""
        result = collections.defaultdict(collections.Counter)
        seen = collections.Counter(path for path in upstream_log if int(path.split("/")[2]) in numbers)
        for number in numbers:
            for client in self.clients[number]:
                path = span_path(client)
                result[call_word(path)][self.judge(number, client)] += 1
                seen[path] -= 1
        for path in +seen:
            result[call_word(path)][MISSING] += seen[path]
        return result

    def count_continued(self, parents):
        """How many of the requests that had a parent continue its trace."""
        return sum(self.outer_parents(number) == {parent} for number, parent in parents.items())

    def outer_parents(self, number):
        """The parents of the SERVER spans that nobody has relayed to."""
        relays = {ids(relay) for relay in self.relays(number)}
        return {parent_ids(server) for server in self.servers[number]} - relays

    def count_unserved(self, numbers, hops):
        """How many requests have no SERVER span in one of the servers that they go through."""
        return sum(len(self.servers[number]) < hops for number in numbers)
