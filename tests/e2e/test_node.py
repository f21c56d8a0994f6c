"""Node.js: one thread serves many requests, and goes from one to the other by timers and promises. Each call is to be the
child of the request that it was made for."""

import http.client
import os
import pathlib
import re
import threading
import unittest

from support import (PROGRAMS, Recorder, StrictServer, TracedTest, attribute, describe, needs, not_sanitized, of_kind, wait_for)

NODE = os.environ.get("NODE", "node")
AT_ONCE = 64


def path_of(span):
    return attribute(span, "url.path") or re.sub(r"https?://[^/]*", "", attribute(span, "url.full"))


@needs(NODE)
class Node(TracedTest):
    env = {}
    program = "relay.js"

    def start_relay(self, **env):
        upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        relay = self.start(NODE, PROGRAMS / self.program, upstream.port, port_file, ready=port_file.exists,
                           env=self.env | env)
        relay.port = int(port_file.read_text())
        relay.upstream = upstream
        return relay

    def ask(self, port, hows, numbers, body=None):
        """One connection with a request for each of @numbers, one after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers:
            connection.request("POST" if body else "GET", f"/{hows[number % len(hows)]}/{number}", body)
            self.statuses.append((connection.getresponse().read(), number))
        connection.close()

    def relays(self, *hows, calls, rounds=4, body=None, **env):
        """Asks for @rounds times AT_ONCE relays; returns how many of the @calls have the right parent, a wrong one, none."""
        relay = self.start_relay(**env)
        self.statuses = []
        threads = [threading.Thread(target=self.ask, args=(relay.port, hows, range(n, rounds * AT_ONCE, AT_ONCE), body))
                   for n in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.statuses), rounds * AT_ONCE)
        self.wait_spans((1 + calls) * rounds * AT_ONCE)
        self.stop_servers()
        self.assert_no_problems(relay.upstream)
        return self.count_parents(self.spans(), calls * rounds * AT_ONCE)

    def count_parents(self, spans, count):
        self.found = spans
        servers = {span["spanId"]: span for span in of_kind(spans, "SERVER")}
        right = wrong = none = 0
        clients = [span for span in of_kind(spans, "CLIENT") if not path_of(span).startswith("/tick")]
        for span in clients:
            parent = servers.get(span.get("parentSpanId"))
            right += bool(parent) and path_of(parent) == path_of(span)
            wrong += bool(parent) and path_of(parent) != path_of(span)
            none += parent is None
        self.assertEqual(len(clients), count, describe(clients))
        for span in of_kind(spans, "CLIENT"):
            if path_of(span).startswith("/tick"):
                self.assertNotIn("parentSpanId", span)
        return right, wrong, none

    def check(self, *hows, calls=1, rounds=4, **more):
        result = self.relays(*hows, calls=calls, rounds=rounds, **more)
        self.assertEqual(result, (calls * rounds * AT_ONCE, 0, 0))


class Parents(Node):
    def test_an_agent_with_fewer_sockets_than_requests(self):
        self.check("agent", calls=2)

    def test_a_connection_a_call(self):
        self.check("own")

    def test_a_call_at_once(self):
        self.check("at_once")

    def test_a_name_to_look_up(self):
        self.check("named")

    def test_fetch(self):
        self.check("fetch")

    def test_after_the_answer(self):
        self.check("late", calls=2)

    def test_several_calls_at_a_time(self):
        self.check("fan", calls=3)

    def test_once_the_body_is_there(self):
        self.check("post", body=b"x" * 50000)

    def test_in_the_event_of_the_bodys_end(self):
        self.check("post_event", body=b"x" * 50000)

    def test_in_the_event_of_the_end_without_a_body(self):
        self.check("post_event")

    def test_a_call_with_a_body_that_comes_late(self):
        self.check("body")

    def test_a_client_of_ones_own(self):
        self.check("raw")

    def test_ticks_and_microtasks(self):
        self.check("immediate")

    def test_all_of_these_together(self):
        self.check("at_once", "own", "fetch", "immediate", "raw", "body", "named", rounds=8)

    def test_work_of_nobodys(self):
        self.check("own", "fetch", "at_once", TICK="1")

    def test_in_a_worker(self):
        self.check("agent", calls=2, IN_WORKER="1")


class Modules(Node):
    program = "relay.mjs"

    def test_in_a_program_of_es_modules(self):
        self.check("agent", calls=2)


if __name__ == "__main__":
    unittest.main()
