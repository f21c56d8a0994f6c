"""Shells that several threads start at a time, each for its request."""

import concurrent.futures
import pathlib
import urllib.request

from support import StrictServer, TracedTest, describe, free_port, needs, needs_children, of_kind

PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "accuracy" / "programs"
CLIENTS, REQUESTS = 8, 40


@needs("curl")
@needs_children
class OfThreads(TracedTest):
    """A server in C, which has curl called by system(3) and popen(3). A call's number tells whose it is."""

    def setUp(self):
        super().setUp()
        self.upstream = self.serve(StrictServer())
        program = self.compile((PROGRAMS / "shells.c").read_text(), f"-I{PROGRAMS}", name="shells")
        self.port = free_port()
        self.start(program, self.port, self.upstream.port, service_name="server", port=self.port)

    def get(self, number):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/r/{number}") as answer:
            return answer.read() == str(number).encode()

    def check(self, spans):
        """Each call is below the request that has its number."""
        by_id = {span["spanId"]: span for span in spans}
        numbers = {span["spanId"]: span["attributes"]["url.path"].split("/")[2] for span in of_kind(spans, "SERVER")}
        self.assertEqual(len(set(numbers.values())), REQUESTS, describe(spans))
        for span in of_kind(spans, "CLIENT"):
            above = span["parentSpanId"]
            while above in by_id and above not in numbers:
                above = by_id[above].get("parentSpanId")
            number = span["attributes"]["url.full"].split("/")[4]
            self.assertEqual(numbers.get(above), number, describe(spans))
        self.assert_no_problems(self.upstream)

    def test_what_they_call_is_below_the_request_that_they_are_for(self):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            self.assertTrue(all(pool.map(self.get, range(REQUESTS))))
        self.check(self.all_spans(self.spans_of_requests()))

    def spans_of_requests(self):
        return REQUESTS * 4


class OfThreadsWithProcesses(OfThreads):
    """The same with the spans of shell and curl between them."""
    process_spans = "all"

    def spans_of_requests(self):
        return REQUESTS * (4 + 3 + 3) + 1  # and the server's
