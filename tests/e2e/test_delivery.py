"""The way to backends under adversity: interruptions, limits, answers that are none."""

import re
import resource
import signal
import subprocess
import threading
import time
import unittest

from support import PREFIX, clean_env
from test_backends import Backend, BackendTest, answer


class SlowBackend(Backend):
    """Answers when it is told that it may."""

    def __init__(self, *answers):
        self.gate_open = threading.Event()
        super().__init__(*answers)

    def next_answer(self, request):
        self.gate_open.wait(30)
        return super().next_answer(request)


class Nested(BackendTest):
    def test_what_is_sent_to_a_backend_is_no_span_of_an_outer_run(self):
        backend = self.serve(Backend())
        said = self.prefixed("-o", "outer", command=[PREFIX, "-e", self.otlp(backend), "--", *self.calls(3)])
        self.assertEqual((len(backend.otlp_spans()), self.native("outer")), (3, []))
        self.assertEqual([r.all("traceparent") for r in backend.requests], [[]])
        self.assertIn("the command made no traced network calls", said)


class Interruptions(BackendTest):
    def test_an_interruption_gives_up_what_a_backend_does_not_take(self):
        """While it is waited for the next try, too."""
        backend = self.serve(Backend(*[answer(503)] * 1000))
        started = time.monotonic()
        with subprocess.Popen([PREFIX, "-e", self.otlp(backend), "--", *self.calls(3)], stderr=subprocess.PIPE, text=True,
                              env=clean_env() | {"OTEL_BSP_EXPORT_TIMEOUT": "30000"}, cwd=self.directory) as prefixed:
            time.sleep(2)
            prefixed.send_signal(signal.SIGINT)
            said = prefixed.communicate(timeout=60)[1]
        self.assertEqual(prefixed.returncode, 0)
        self.assertLess(time.monotonic() - started, 10)
        self.assertIn("3 spans lost", said)


class Answers(BackendTest):
    def test_one_that_never_ends_is_broken_off_and_its_status_counts(self):
        backend = self.serve(Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 300000))
        said = self.prefixed("-e", self.otlp(backend))
        self.assertEqual((len(backend.requests), len(backend.otlp_spans())), (1, 3))
        self.assertNotIn("lost", said)

    def test_what_is_secret_in_a_url_is_never_said(self):
        for url in ("otlp+http://me:secret@", "zipkin+http://me:secret@:1", "otlp+http://me:secret@h:0?key=secret",
                    "otlp+http://me:secret@h?format=xml", "jaeger+http://me:secret@h?timeout=soon",
                    "datadog+http://me:secret@h/" + "x" * 3000):
            with self.subTest(url=url):
                result = subprocess.run([PREFIX, "-e", url, "true"], env=clean_env(), capture_output=True, check=False)
                self.assertEqual(result.returncode, 125)
                self.assertNotIn("secret", result.stderr.decode())


class Variables(BackendTest):
    def test_a_url_without_a_host_does_not_count(self):
        for url in ("http://", "http:///v1", "https://?a=b", "h:4318"):
            with self.subTest(url=url):
                said = self.prefixed("-o", "own.jsonl", env={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
                self.assertNotIn("lost", said)
                said = self.prefixed(env={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
                self.assertRegex(said, "3 spans of 1 service, no errors, in spans.jsonl")


class Console(BackendTest):
    def test_one_that_is_read_late_has_all_once(self):
        with subprocess.Popen([PREFIX, "-e", "console:", "--", *self.calls(1500)], stderr=subprocess.PIPE,
                              env=clean_env() | {"OTEL_BSP_EXPORT_TIMEOUT": "60000"}, cwd=self.directory) as prefixed:
            time.sleep(3)
            said = prefixed.communicate(timeout=60)[1].decode()
        self.assertEqual(len(re.findall(r"^\S+ curl → GET \S+ 200 \S+ ms trace=[0-9a-f]{32}$", said, re.M)), 1500)

    def test_one_that_is_never_read_does_not_keep_from_ending(self):
        with subprocess.Popen([PREFIX, "-q", "-e", "console:", "--", *self.calls(1500)], stderr=subprocess.PIPE,
                              env=clean_env() | {"OTEL_BSP_EXPORT_TIMEOUT": "1000"}, cwd=self.directory) as prefixed:
            try:
                self.assertEqual(prefixed.wait(30), 0)
            finally:
                prefixed.kill()


class Collecting(BackendTest):
    def collect(self, *options, env=None):
        """A collector that is at work, and what is to be in the environment of those whose spans it collects."""
        ring = self.directory / "ring"
        ring.mkdir(mode=0o700)
        collector = subprocess.Popen([PREFIX, *options, "--collect", ring], stderr=subprocess.PIPE, text=True,
                                     env=clean_env() | (env or {}), cwd=self.directory)
        self.addCleanup(collector.stderr.close)
        self.addCleanup(collector.wait)
        self.addCleanup(collector.kill)
        words = collector.stderr.readline().split()
        return collector, dict(word.split("=", 1) for word in words if "=" in word)

    def test_what_ends_a_collector_does_not_break_off_its_last_flush(self):
        backend = self.serve(Backend())
        collector, env = self.collect("-e", self.otlp(backend))
        subprocess.run(self.calls(3), env=clean_env() | env, check=True)
        collector.send_signal(signal.SIGTERM)
        said = collector.communicate(timeout=60)[1]
        self.assertEqual((collector.returncode, len(backend.otlp_spans())), (0, 3))
        self.assertNotIn("lost", said)
        self.assertNotIn("tries", said)

    def test_a_limit_to_files_sizes_loses_what_has_no_room_and_ends_nothing(self):
        backend = self.serve(SlowBackend())
        collector, env = self.collect("-e", self.otlp(backend), env={
            "OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5", "TMPDIR": str(self.directory)})
        resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (5000, 5000))
        subprocess.run(self.calls(100), env=clean_env() | env, check=True)
        time.sleep(0.5)
        backend.gate_open.set()
        collector.send_signal(signal.SIGTERM)
        said = collector.communicate(timeout=60)[1]
        self.assertEqual(collector.returncode, 0)
        self.assertRegex(said, rf"{100 - len(backend.otlp_spans())} spans lost for \S+: the queue was full")


if __name__ == "__main__":
    unittest.main()
