"""What goes wrong on the network: one span each, with the right status and error.type."""

import os
import pathlib
import signal
import socket
import subprocess
import unittest

from support import (PYTHON, Recorder, TracedTest, attribute, can_connect, describe, free_port,
                     of_kind, wait_for)

CLIENT = """
import http.client, socket, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=float(sys.argv[2]))
try:
    c.request("GET", "/x")
    r = c.getresponse()
    print(r.status, len(r.read()))
except Exception as e:
    print(type(e).__name__)
finally:
    c.close()
"""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answering(*pieces, reset=False):
    """A script that reads a request's head, sends this and closes."""
    def script(conversation):
        conversation.read_head()
        conversation.send(*pieces)
        if reset:
            conversation.reset()
    return script


def silent(conversation):
    """Takes the request and never answers."""
    conversation.read_to_end()


class Errors(TracedTest):
    def by_python(self, script, timeout=10):
        server = self.serve(Recorder(script))
        return self.same_output(server.port, PYTHON, "-c", CLIENT, str(server.port), str(timeout))

    def same_output(self, _port, *command):
        """The same with and without; the only span."""
        bare = self.bare(*command)
        result = self.traced(*command)
        self.assertEqual((result.returncode, result.stdout), (bare.returncode, bare.stdout))
        self.result = result
        return self.only_span()

    def by_curl(self, script, *options):
        server = self.serve(Recorder(script))
        return self.same_output(server.port, "curl", "-s", "-S", "-o", "body", *options,
                                f"http://127.0.0.1:{server.port}/x")

    def check(self, span, *error_types, status=None, name="GET"):
        self.assertEqual((span["kind"], span["name"], span["status"]["code"]),
                         ("CLIENT", name, "ERROR"), describe([span]))
        self.assertIn(attribute(span, "error.type"), error_types)
        self.assertEqual(attribute(span, "http.response.status_code"), status)
        self.assertTrue(span["status"].get("message") or status, span["status"])


class ByPython(Errors):
    def test_closed_without_answer(self):
        self.check(self.by_python(answering()), "connection_closed")

    def test_closed_in_the_status_line(self):
        self.check(self.by_python(answering(b"HTTP/1.1 2")), "connection_closed",
                   "malformed_response")

    def test_closed_in_the_head(self):
        self.check(self.by_python(answering(HEAD[:30])), "connection_closed", status=200)

    def test_closed_in_the_body(self):
        span = self.by_python(answering(HEAD + b"x" * 99))
        self.check(span, "connection_closed", status=200)
        self.assertEqual(attribute(span, "http.response.body.size"), 99)

    def test_closed_within_a_chunk(self):
        self.check(self.by_python(answering(CHUNKED, b"10\r\nabc")), "connection_closed", status=200)

    def test_closed_without_last_chunk(self):
        self.check(self.by_python(answering(CHUNKED, b"3\r\nabc\r\n")), "connection_closed",
                   status=200)

    def test_garbage(self):
        self.check(self.by_python(answering(b"\x00\x01garbage\r\n\r\n" * 10)), "malformed_response")

    def test_no_answer_in_time(self):
        self.check(self.by_python(silent, timeout=0.3), "timeout")

    def test_half_an_answer_in_time(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(HEAD, b"half")
            conversation.read_to_end()
        self.check(self.by_python(script, timeout=0.3), "timeout", "aborted", status=200)

    def test_reset(self):
        self.check(self.by_python(answering(reset=True)), "ECONNRESET")

    def test_statuses(self):
        for code, word in ((404, "Not Found"), (500, "Oops"), (503, "Busy")):
            with self.subTest(code=code):
                self.setUp()
                answer = f"HTTP/1.1 {code} {word}\r\nContent-Length: 0\r\n\r\n".encode()
                self.check(self.by_python(answering(answer)), str(code), status=code)

    def test_a_head_that_is_never_finished(self):
        """The server is known all the same: we are connected to it."""
        server = self.serve(Recorder(lambda conversation: conversation.read_to_end()))
        script = ("import socket, sys\n"
                  "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
                  "s.sendall(b'GET /half HTTP/1.1\\r\\nAccept: x\\r\\n')\ns.close()\n")
        span = self.same_output(server.port, PYTHON, "-c", script, str(server.port))
        self.assertEqual(span["status"]["code"], "ERROR")
        self.assertEqual((attribute(span, "server.address"), attribute(span, "server.port")),
                         ("127.0.0.1", server.port))

    def test_a_body_until_the_end_of_the_connection_is_no_error(self):
        span = self.by_python(answering(b"HTTP/1.0 200 OK\r\n\r\n", b"x" * 1000))
        self.assertEqual(span["status"], {"code": "OK"})
        self.assertEqual(attribute(span, "http.response.body.size"), 1000)


class ByCurl(Errors):
    def test_closed_without_answer(self):
        self.check(self.by_curl(answering()), "CURLE_GOT_NOTHING")

    def test_closed_in_the_head(self):
        span = self.by_curl(answering(HEAD[:30]))
        # curl 7.88 takes it for a whole answer; we believe curl.
        self.assertEqual(span["status"]["code"] == "ERROR", self.result.returncode != 0)

    def test_closed_in_the_body(self):
        self.check(self.by_curl(answering(HEAD + b"x" * 99)), "CURLE_PARTIAL_FILE", status=200)

    def test_closed_within_a_chunk(self):
        span = self.by_curl(answering(CHUNKED, b"10\r\nabc"))
        self.check(span, "CURLE_PARTIAL_FILE", status=200)

    def test_garbage(self):
        span = self.by_curl(answering(b"\x00\x01garbage\r\n\r\n" * 10))
        self.assertEqual(span["status"]["code"], "ERROR")

    def test_no_answer_in_time(self):
        self.check(self.by_curl(silent, "-m", "0.3"), "timeout")

    def test_reset(self):
        self.check(self.by_curl(answering(reset=True)), "CURLE_RECV_ERROR")

    def test_statuses(self):
        for code in (404, 500, 503):
            with self.subTest(code=code):
                self.setUp()
                answer = f"HTTP/1.1 {code} x\r\nContent-Length: 0\r\n\r\n".encode()
                self.check(self.by_curl(answering(answer), "-f"), str(code), status=code)

    def test_too_many_redirects(self):
        """libcurl's times are sums over all requests then: only when the last one began is a point in time."""
        answer = b"HTTP/1.1 302 x\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        span = self.by_curl(answering(answer), "-L", "--max-redirs", "1")
        self.check(span, "CURLE_TOO_MANY_REDIRECTS", status=302)
        self.assertEqual(attribute(span, "http.request.resend_count"), 1)
        self.assertEqual([event["name"] for event in span["events"]], ["http.redirect"])

    def test_host_not_found(self):
        span = self.same_output(0, "curl", "-sS", "http://no-such-host.invalid/")
        self.check(span, "CURLE_COULDNT_RESOLVE_HOST")


UNFINISHED = """
#include <curl/curl.h>
#include <unistd.h>
int main(int count, char **words)
{
    int running = 1, is_sent = 0;
    CURL *easy = curl_easy_init();
    CURLM *multi = curl_multi_init();
    curl_easy_setopt(easy, CURLOPT_URL, words[1]);
    curl_multi_add_handle(multi, easy);
    for (int i = 0; i < 100 && !is_sent; i++) {
        long size = 0;
        curl_multi_perform(multi, &running);
        curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &size);
        is_sent = size > 0;
        curl_multi_wait(multi, NULL, 0, 100, NULL);
    }
    return running != 1 || count != 2;
}
"""


class Unfinished(Errors):
    def test_transfer_of_libcurl_at_exit(self):
        subprocess.run(["gcc", "-x", "c", "-", "-o", "unfinished", "-lcurl"], input=UNFINISHED, text=True, check=True)
        for way in (self.traced, self.preloaded):
            server = self.serve(Recorder(silent))
            result = way(self.directory / "unfinished", f"http://127.0.0.1:{server.port}/x")
            self.assertEqual(result.returncode, 0)
        for span in self.all_spans(2):
            self.check(span, "aborted", name="HTTP")
            self.assertEqual(attribute(span, "server.address"), "127.0.0.1")


class Connecting(Errors):
    def test_refused(self):
        port = free_port()
        span = self.same_output(port, PYTHON, "-c", CLIENT, str(port), "5")
        self.check(span, "ECONNREFUSED", name="connect")
        self.assertEqual((attribute(span, "server.address"), attribute(span, "server.port")),
                         ("127.0.0.1", port))

    def test_refused_blocking(self):
        port = free_port()
        script = (f"import socket\ns = socket.socket()\ntry: s.connect(('127.0.0.1', {port}))\n"
                  "except OSError as e: print(e)\n")
        self.check(self.same_output(port, PYTHON, "-c", script), "ECONNREFUSED", name="connect")

    def test_refused_to_curl(self):
        port = free_port()
        span = self.same_output(port, "curl", "-sS", f"http://127.0.0.1:{port}/")
        self.check(span, "ECONNREFUSED")
        self.assertEqual([event["name"] for event in span["events"]], ["dns.lookup.done", "connect"])

    def test_refused_to_wget(self):
        port = free_port()
        self.check(self.same_output(port, "wget", "-qO-", "-t", "1", f"http://127.0.0.1:{port}/"),
                   "ECONNREFUSED", name="connect")

    def test_unix_socket_that_is_not_there(self):
        script = ("import socket\ns = socket.socket(socket.AF_UNIX)\n"
                  "try: s.connect('/no/such/socket')\nexcept OSError as e: print(e)\n")
        self.check(self.same_output(0, PYTHON, "-c", script), "ENOENT", name="connect")

    def test_unreachable(self):
        probe = socket.socket(socket.AF_INET6)
        probe.settimeout(0.3)
        try:
            probe.connect(("2001:db8::1", 80))
            self.skipTest("everything is reachable here")
        except OSError as error:
            import errno
            if error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                self.skipTest(f"connecting says {error}")
            name = errno.errorcode[error.errno]
        finally:
            probe.close()
        script = ("import socket\ns = socket.socket(socket.AF_INET6)\n"
                  "try: s.connect(('2001:db8::1', 80))\nexcept OSError as e: print(e.errno)\n")
        self.check(self.same_output(0, PYTHON, "-c", script), name, name="connect")

    def test_not_accepted_in_time(self):
        """A listener whose queue is full: the kernel drops what comes."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex(address)
            waiting.append(sock)
        span = self.same_output(address[1], PYTHON, "-c", CLIENT, str(address[1]), "0.3")
        self.check(span, "timeout", "ETIMEDOUT", name="connect")

    def test_a_connection_that_is_not_used_is_no_span(self):
        server = self.serve(Recorder(silent))
        self.traced(PYTHON, "-c", "import socket\n"
                    f"socket.create_connection(('127.0.0.1', {server.port})).close()\n"
                    f"s = socket.create_connection(('127.0.0.1', {server.port}), 5)")
        self.assertEqual(self.all_spans(0), [])

    def test_udp_is_no_span(self):
        self.traced(PYTHON, "-c", "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\n"
                    f"s.connect(('127.0.0.1', {free_port()}))\ns.send(b'GET / HTTP/1.1\\r\\n\\r\\n')\n"
                    "try: s.recv(1)\nexcept OSError: pass\n")
        self.assertEqual(self.all_spans(0), [])


class KeepAlive(Errors):
    def test_an_idle_connection_that_closes_is_no_span(self):
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server = self.serve(Recorder(script))
        self.traced(PYTHON, "-c", "import http.client\n"
                    f"c = http.client.HTTPConnection('127.0.0.1', {server.port})\n"
                    "c.request('GET', '/'); print(c.getresponse().read())\n"
                    "print(c.sock.recv(1))\nc.close()\n", check=True)
        self.assertEqual(self.only_span()["status"], {"code": "OK"})

    def test_a_request_on_a_connection_that_had_closed_fails_the_next_is_fine(self):
        """The server closes after each answer without a word; http.client tries again."""
        def script(conversation):
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server = self.serve(Recorder(script))
        self.traced(PYTHON, "-c", "import http.client, select\n"
                    f"c = http.client.HTTPConnection('127.0.0.1', {server.port})\n"
                    "c.request('GET', '/1'); print(c.getresponse().read())\n"
                    "select.select([c.sock], [], [])\n"
                    "try: c.request('GET', '/2'); c.getresponse()\n"
                    "except Exception as e: c.close(); c.request('GET', '/2'); c.getresponse().read()\n",
                    check=True)
        found = sorted(self.all_spans(3), key=lambda s: s["timestamp"])
        self.assertEqual([s["status"]["code"] for s in found], ["OK", "ERROR", "OK"])
        self.assertIn(attribute(found[1], "error.type"), ("connection_closed", "ECONNRESET", "EPIPE"))

    def test_an_idle_client_that_leaves_is_no_error_of_the_server(self):
        echo = self.start_echo()
        with socket.create_connection(("127.0.0.1", echo.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while b"seventeen" not in sock.recv(4096):
                pass
        self.assertEqual(self.only_span()["status"], {"code": "OK"})


class Servers(Errors):
    def send(self, data, reset=False):
        """Sends and goes away without reading."""
        sock = socket.create_connection(("127.0.0.1", self.echo.port))
        sock.sendall(data)
        if reset:
            import struct
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def setUp(self):
        super().setUp()
        self.echo = self.start_echo()

    def check_server(self, *error_types):
        span = self.only_span()
        self.assertEqual((span["kind"], span["status"]["code"]), ("SERVER", "ERROR"))
        self.assertIn(attribute(span, "error.type"), error_types)

    def test_client_leaves_within_the_body(self):
        self.send(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        # Python answers all the same: that the request was cut off is the better story.
        span = self.only_span()
        self.assertEqual(span["kind"], "SERVER")
        self.assertEqual(span["status"]["code"], "ERROR", describe([span]))
        self.assertEqual(attribute(span, "error.type"), "connection_closed")

    def test_client_leaves_within_the_head(self):
        self.send(b"GET /x HTTP/1.1\r\nHost:")
        self.check_server("connection_closed", "aborted", "400")

    def test_client_resets_within_the_head(self):
        self.send(b"GET /x HTTP/1.1\r\nHost:", reset=True)
        self.check_server("ECONNRESET", "connection_closed")

    def test_client_leaves_before_anything(self):
        self.send(b"")
        self.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(self.only_span()["name"], "GET")

    def test_statuses(self):
        for code in (500, 404):
            self.bare("curl", "-s", f"{self.echo.url}/status/{code}")
        found = self.all_spans(2)
        by_code = {attribute(s, "http.response.status_code"): s["status"] for s in found}
        self.assertEqual(by_code[404], {"code": "UNSET"})
        self.assertEqual(by_code[500]["code"], "ERROR")


class Ends(Errors):
    """The process goes while a request is open."""

    def run_client(self, end):
        server = self.serve(Recorder(silent))
        script = ("import http.client, os, sys, signal, threading\n"
                  f"c = http.client.HTTPConnection('127.0.0.1', {server.port})\n"
                  f"c.request('GET', '/x')\n{end}\n")
        return self.traced(PYTHON, "-c", script)

    def test_by_exit(self):
        self.assertEqual(self.run_client("sys.exit(3)").returncode, 3)
        self.check(self.only_span(), "aborted", "timeout")

    def test_by_underscore_exit(self):
        self.assertEqual(self.run_client("os._exit(4)").returncode, 4)
        self.check(self.only_span(), "aborted")

    def test_by_kill(self):
        """Nothing can be written then; nothing half is."""
        result = self.run_client("os.kill(os.getpid(), 9)")
        self.assertEqual(result.returncode, -9)
        self.assertIn(len(self.spans()), (0, 1))

    def test_by_abort(self):
        result = self.run_client("import resource\n"
                                 "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.abort()")
        self.assertEqual(result.returncode, -6)
        self.assertIn(len(self.spans()), (0, 1))

    def test_a_server_whose_client_is_killed(self):
        echo = self.start_echo()
        script = ("import socket, time\n"
                  f"s = socket.create_connection(('127.0.0.1', {echo.port}))\n"
                  "s.sendall(b'POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 10\\r\\n\\r\\nhalf')\n"
                  "import os; os.kill(os.getpid(), 9)")
        self.traced(PYTHON, "-c", script)
        servers = of_kind(self.wait_spans(2), "SERVER")  # the client's is there too, broken off
        self.assertEqual([s["status"]["code"] for s in servers], ["ERROR"], describe(servers))
        self.assertTrue(can_connect(echo.port))


if __name__ == "__main__":
    unittest.main()
