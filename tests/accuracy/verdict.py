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
    """What is behind /up/N/."""
    return "".join(path.split("/")[3:])


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
            elif match and span["kind"] == "CLIENT" and match[1] == "up":
                self.clients[int(match[2])].append(span)

    def first_started(self, span):
        """The span of the first of the programs that were started, one by the other, until one made this call; else
        the call's."""
        while program := self.programs.get(span.get("parentSpanId")):
            if program["resource"]["process.pid"] in self.serving:
                break
            span = program
        return span

    def judge(self, number, client):
        """One call's verdict."""
        client = self.first_started(client)
        if "parentSpanId" not in client:
            return AMBIGUOUS if client["attributes"].get("run_traced.parent.ambiguous") else NONE
        if client["kind"] == "INTERNAL" and client["parentSpanId"] in self.programs:
            return NONE  # of the server as a whole
        is_right = any((server["traceId"], server["spanId"]) == (client["traceId"], client["parentSpanId"])
                       for server in self.servers[number])
        return RIGHT if is_right else WRONG

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
        return sum({(server["traceId"], server.get("parentSpanId")) for server in self.servers[number]} == {parent}
                   for number, parent in parents.items())

    def count_unserved(self, numbers):
        """How many requests have no SERVER span."""
        return sum(not self.servers[number] for number in numbers)
