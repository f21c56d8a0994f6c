"""Threads that hand requests to each other by what the kernel has: each call is the child of its own request."""

import http.client
import re
import threading

from support import PROGRAMS, StrictServer, TracedTest, attribute, describe, needs, of_kind

AT_ONCE, ROUNDS = 16, 10


def path_of(span):
    return attribute(span, "url.path") or re.sub(r"https?://[^/]*", "", attribute(span, "url.full"))


class HandOver(TracedTest):
    def ask(self, port, hows, numbers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers:
            connection.request("GET", f"/{hows[number % len(hows)]}/{number}")
            self.answers.append(connection.getresponse().read())
        connection.close()

    def parents(self, command, *hows, arguments=()):
        """How many calls have the right parent, a wrong one, or say that it is not known."""
        upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        self.start(*command, upstream.port, port_file, *arguments,
                   ready=lambda: port_file.exists() and port_file.read_text())
        self.answers = []
        count = AT_ONCE * ROUNDS
        threads = [threading.Thread(target=self.ask, args=(int(port_file.read_text()), hows, range(n, count, AT_ONCE)))
                   for n in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.answers, [b"ok"] * count)
        self.wait_spans(2 * count)
        self.stop_servers()
        found = self.spans()
        servers = {span["spanId"]: path_of(span) for span in of_kind(found, "SERVER")}
        right = wrong = ambiguous = 0
        for span in of_kind(found, "CLIENT"):
            parent = servers.get(span.get("parentSpanId"))
            right += parent == path_of(span)
            wrong += parent not in (None, path_of(span))
            ambiguous += attribute(span, "run_traced.parent.ambiguous") is not None
        self.assertEqual(right + wrong + ambiguous, count, describe(found))
        return right, wrong, ambiguous

    def program(self, name, *flags):
        return self.compile((PROGRAMS / name).read_text(), "-Wall", "-Werror", *flags)

    def check(self, *hows):
        self.assertEqual(self.parents([self.program("handover_server.c")], *hows), (AT_ONCE * ROUNDS, 0, 0))

    def test_a_pipe(self):
        self.check("pipe")

    def test_a_pair_of_streams(self):
        self.check("stream")

    def test_a_pair_of_packets(self):
        self.check("packets")

    def test_a_queue_with_a_semaphore(self):
        self.check("queue")

    def test_a_timer_for_each(self):
        self.check("timer")

    def test_a_message_queue_of_posix(self):
        self.check("posix")

    def test_a_message_queue_of_system_v(self):
        self.check("typed")

    def check_far(self, how):
        """Another process sends what looks like another request's message."""
        right, wrong, ambiguous = self.parents([self.program("handover_server.c")], how, arguments=["far"])
        self.assertEqual(wrong, 0)
        self.assertGreater(ambiguous, AT_ONCE)

    def test_nothing_is_said_of_a_queue_of_posix_that_another_process_has(self):
        self.check_far("posix")

    def test_nothing_is_said_of_a_queue_of_system_v_that_another_process_has(self):
        self.check_far("typed")

    def test_all_ways_at_once(self):
        self.check("pipe", "stream", "packets", "queue", "timer", "posix", "typed")

    def test_native_threads_that_are_started_again(self):
        found = self.parents([self.program("parking_server.c", "-rdynamic")], "x")
        self.assertEqual(found, (AT_ONCE * ROUNDS, 0, 0))

    @needs("ruby")
    def test_ruby_threads(self):
        found = self.parents(["ruby", PROGRAMS / "ruby_server.rb"], "thread")
        self.assertEqual(found, (AT_ONCE * ROUNDS, 0, 0))

    @needs("ruby")
    def test_a_ruby_pool(self):
        """Nothing tells whose work a thread has taken from a queue in memory."""
        _right, wrong, ambiguous = self.parents(["ruby", PROGRAMS / "ruby_server.rb"], "pool")
        self.assertEqual(wrong, 0)
        self.assertGreater(ambiguous, 0)
