"""Where spans go: files and sockets, present, absent and stuck. The program never waits for them."""

import contextlib
import os
import pathlib
import re
import socket
import stat
import struct
import subprocess
import threading
import time
import unittest

from support import (PATIENCE, PYTHON, ROOT, StrictServer, TracedTest, duplicates, free_port, needs_root,
                     parse_spans, preload_env, spans)

CLIENT = """
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for i in range(int(sys.argv[2])):
    c.request("GET", "/%d" % i)
    c.getresponse().read()
print("done")
"""
DROPS = [name.lower() for name in re.findall(
    r"^\s+DROP_(?!REASON_COUNT)(\w+),", (ROOT / "src/export/run_stats.h").read_text(), re.MULTILINE)]
STATS = struct.Struct(f"@II4Q{len(DROPS)}Q{len(DROPS)}i256Q3Q")  # struct run_stats


class Collector:
    """The other end of a socket exporter."""

    def __init__(self, family, kind, address, reads=True):
        self.sock = socket.socket(family, kind)
        self.sock.bind(address)
        self.is_datagram = kind == socket.SOCK_DGRAM
        self.reads = reads
        self.pieces = []  # what came on each connection, or each datagram
        self.open = []
        if not self.is_datagram:
            self.sock.listen(16)
        self.threads = [threading.Thread(target=self._run, daemon=True)]
        self.threads[0].start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                if self.is_datagram:
                    if not self.reads:
                        return
                    piece = self.sock.recv(1 << 20)
                    if not piece:
                        return
                    self.pieces.append(piece)
                    continue
                connection, _ = self.sock.accept()
                self.open.append(connection)
                if self.reads:
                    thread = threading.Thread(target=self._read, args=(connection,), daemon=True)
                    thread.start()
                    self.threads.append(thread)

    def _read(self, connection):
        data = b""
        while piece := connection.recv(65536):
            data += piece
        self.pieces.append(data)

    def stop(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:  # the one that accepts first: it may still add others
            thread.join(PATIENCE)
        for connection in self.open:
            connection.close()
        self.sock.close()

    def spans(self):
        return [span for piece in self.pieces for span in parse_spans(piece)]


class Exporters(TracedTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(StrictServer())

    def client(self, exporters, count, **env):
        """Makes @count requests; they must all be well, whatever becomes of the spans."""
        begin = time.monotonic()
        result = subprocess.run([PYTHON, "-c", CLIENT, str(self.server.port), str(count)],
                                env=preload_env(exporters, **env), capture_output=True,
                                timeout=PATIENCE)
        self.duration = time.monotonic() - begin
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"done\n", b""))
        self.assert_no_problems(self.server)

    def stats_file(self):
        path = self.directory / "stats"
        path.write_bytes(STATS.pack(0x53545252, 4, *[0] * (4 + 2 * len(DROPS) + 259)))
        path.chmod(0o600)
        return path

    def stats(self):
        values = STATS.unpack(pathlib.Path("stats").read_bytes())
        names = ("magic", "version", "processes", "spans", "errors", "opaque", *DROPS)
        return dict(zip(names, values))

    def collector(self, *arguments, **options):
        collector = Collector(*arguments, **options)
        self._stack.callback(collector.stop)
        return collector


class Files(Exporters):
    def test_mode_and_content(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.client(f"file:{self.directory}/spans", 3)
        self.assertEqual(stat.S_IMODE(os.stat("spans").st_mode), 0o600)
        self.assertEqual(len(spans("spans")), 3)

    def test_what_is_there_is_kept(self):
        pathlib.Path("spans").write_text("")
        for _ in range(2):
            self.client(f"file:{self.directory}/spans", 2)
        self.assertEqual(len(spans("spans")), 4)

    def test_a_symbolic_link_is_not_followed(self):
        pathlib.Path("target").write_text("precious\n")
        os.symlink("target", "link")
        os.symlink("nothing", "dangling")
        for name in ("link", "dangling"):
            self.client(f"file:{self.directory}/{name}", 2, RUN_TRACED_STATS=self.stats_file())
            self.assertEqual(pathlib.Path("target").read_text(), "precious\n")
            self.assertFalse(os.path.exists("nothing"))
            self.assertEqual((self.stats()["spans"], self.stats()["write_failed"]), (0, 2))

    def test_what_is_no_regular_file(self):
        os.mkfifo("fifo")
        for path in ("fifo", ".", "no/such/directory/spans"):
            self.client(f"file:{self.directory}/{path}", 2, RUN_TRACED_STATS=self.stats_file())
            self.assertEqual(self.stats()["write_failed"], 2, path)

    def test_a_full_disk(self):
        self.client("file:/dev/full", 2, RUN_TRACED_STATS=self.stats_file())
        self.assertEqual(self.stats()["spans"], 0)

    def test_relative_path_and_a_program_that_changes_directory(self):
        os.mkdir("elsewhere")
        subprocess.run(["sh", "-c", f"cd elsewhere; exec curl -sS http://127.0.0.1:{self.server.port}/"],
                       env=preload_env("file:spans"), check=True, capture_output=True)
        self.assertEqual(os.listdir("elsewhere"), ["spans"])  # the shell exec'd curl there

    def test_a_path_with_odd_characters(self):
        self.client(f"file:{self.directory}/a%2Cb%25%20c", 1)
        self.assertEqual(len(spans("a,b% c")), 1)

    def test_many_processes_append_to_one_file(self):
        env = preload_env(f"file:{self.directory}/spans", OTEL_SERVICE_NAME="writer-" + "x" * 100)
        command = [PYTHON, "-c", CLIENT, str(self.server.port), "150"]
        children = [subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) for _ in range(6)]
        for child in children:
            self.assertEqual(child.wait(PATIENCE * 2), 0)
        found = spans("spans")
        self.assertEqual(len(found), 900)
        self.assertEqual(duplicates(found), [])

    def test_the_file_is_removed_meanwhile(self):
        script = CLIENT.replace('print("done")', "import os; os.unlink('spans')\nc.request('GET', '/')\n"
                                "c.getresponse().read()\nprint('done')")
        result = subprocess.run([PYTHON, "-c", script, str(self.server.port), "2"],
                                env=preload_env(f"file:{self.directory}/spans"), capture_output=True)
        self.assertEqual((result.returncode, result.stdout), (0, b"done\n"))

    @needs_root
    def test_a_file_of_somebody_else_is_no_trap(self):
        """In a directory that all may write to, as /tmp."""
        os.mkdir("common")
        os.chmod("common", 0o1777)
        pathlib.Path("common/spans").write_text("")
        os.chown("common/spans", 65534, 65534)
        self.client(f"file:{self.directory}/common/spans", 1)

    def test_disabled(self):
        self.server.traceparents = 0
        for env in ({"OTEL_SDK_DISABLED": "true"}, {"RUN_TRACED_EXPORTER": ""},
                    {"RUN_TRACED_EXPORTER": "nonsense:x"}):
            self.client(f"file:{self.directory}/spans", 1, **env)
        self.assertFalse(os.path.exists("spans"))

    def test_stats(self):
        self.client(f"file:{self.directory}/spans", 5, RUN_TRACED_STATS=self.stats_file())
        stats = self.stats()
        self.assertEqual((stats["processes"], stats["spans"], stats["errors"]), (1, 5, 0))
        self.assertEqual([stats[name] for name in DROPS], [0] * len(DROPS))


class Sockets(Exporters):
    def test_unix_stream(self):
        collector = self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "socket")
        self.client(f"unix:{self.directory}/socket", 50)
        collector.stop()
        self.assertEqual(len(collector.spans()), 50)
        self.assertEqual(duplicates(collector.spans()), [])

    def test_unix_datagram(self):
        collector = self.collector(socket.AF_UNIX, socket.SOCK_DGRAM, "socket")
        self.client(f"unix:{self.directory}/socket", 20, RUN_TRACED_STATS=self.stats_file())
        self.client(f"unix:{self.directory}/socket", 1)
        found = [parse_spans(piece) for piece in collector.pieces]
        self.assertTrue(all(len(message) == 1 for message in found))
        dropped = self.stats()["socket_full"]
        deadline = time.monotonic() + PATIENCE
        while len(collector.pieces) + dropped < 21 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(len(collector.pieces) + dropped, 21)

    def test_tcp(self):
        collector = self.collector(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        port = collector.sock.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            self.client(f"tcp:{host}:{port}", 25)
        collector.stop()
        self.assertEqual(len(collector.spans()), 50)

    def test_the_exporters_own_traffic_is_no_span(self):
        """Nor does it get a header."""
        collector = self.collector(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.client(f"tcp:127.0.0.1:{collector.sock.getsockname()[1]},file:{self.directory}/spans", 4)
        collector.stop()
        self.assertEqual(len(spans("spans")), 4)
        self.assertEqual(collector.spans(), spans("spans"))

    def test_several_at_once(self):
        stream = self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "stream")
        tcp = self.collector(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.client(f"file:{self.directory}/a,unix:{self.directory}/stream,"
                    f"tcp:127.0.0.1:{tcp.sock.getsockname()[1]},file:{self.directory}/b", 30,
                    RUN_TRACED_STATS=self.stats_file())
        stream.stop()
        tcp.stop()
        self.assertEqual(len(spans("a")), 30)
        for other in (spans("b"), stream.spans(), tcp.spans()):
            self.assertEqual(other, spans("a"))
        self.assertEqual(self.stats()["spans"], 30)

    def test_one_of_several_is_absent(self):
        self.client(f"unix:{self.directory}/absent,file:{self.directory}/spans", 30,
                    RUN_TRACED_STATS=self.stats_file())
        self.assertEqual(len(spans("spans")), 30)
        self.assertEqual(self.stats()["socket_gone"], 30)

    def test_nobody_there(self):
        self.client(f"file:{self.directory}/spans", 300)
        usual = self.duration
        for exporter in (f"unix:{self.directory}/absent", f"tcp:127.0.0.1:{free_port()}"):
            self.client(exporter, 300, RUN_TRACED_STATS=self.stats_file())
            self.assertEqual(self.stats()["socket_gone"], 300, exporter)
            self.assertLess(self.duration, usual * 2 + 1)

    def test_nobody_reads(self):
        """What fits into the buffers goes, the rest is counted; the program is not held up."""
        self.client(f"file:{self.directory}/spans", 3000)
        usual = self.duration
        for collector, exporter in (
                (self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "stuck", reads=False),
                 f"unix:{self.directory}/stuck"),
                (self.collector(socket.AF_UNIX, socket.SOCK_DGRAM, "datagrams", reads=False),
                 f"unix:{self.directory}/datagrams")):
            self.client(exporter, 3000, RUN_TRACED_STATS=self.stats_file())
            self.assertLess(self.duration, usual * 2 + 1, exporter)
            stats = self.stats()
            self.assertGreater(stats["socket_full"] + stats["busy"], 500, stats)
            self.assertGreaterEqual(stats["spans"] + stats["socket_full"] + stats["busy"] +
                                    stats["socket_gone"], 3000, stats)
            collector.stop()

    def test_a_listener_that_never_accepts(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
            listener.listen(0)
            self.client(f"unix:{self.directory}/socket", 20)
            self.client(f"unix:{self.directory}/socket", 20)
            self.assertLess(self.duration, 5)

    def test_a_peer_that_goes_and_comes_back(self):
        """Lines stay whole, whatever is lost."""
        collector = self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "socket")
        env = preload_env(f"unix:{self.directory}/socket")
        # It connects again at most ten times a second: the second part takes longer than that.
        script = CLIENT.replace("    c.request", "    if i == 20: print('pause', flush=True); input()\n"
                                "    if i > 20: import time; time.sleep(0.01)\n"
                                "    c.request")
        child = subprocess.Popen([PYTHON, "-c", script, str(self.server.port), "40"], env=env,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(child.stdout.close)
        self.assertEqual(child.stdout.readline(), b"pause\n")
        for connection in collector.open:
            connection.shutdown(socket.SHUT_RDWR)
        collector.stop()
        os.unlink("socket")
        other = self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "socket")
        child.stdin.write(b"\n")
        child.stdin.close()
        self.assertEqual(child.wait(PATIENCE), 0)
        other.stop()
        self.assertEqual(len(collector.spans()), 20)
        self.assertGreater(len(other.spans()), 5)

    def test_fork_and_a_stream(self):
        """Parent and children never mix their lines."""
        collector = self.collector(socket.AF_UNIX, socket.SOCK_STREAM, "socket")
        script = CLIENT.replace("import http.client, sys", "import http.client, os, sys\n"
                                "for _ in range(3): os.fork()")
        result = subprocess.run([PYTHON, "-c", script, str(self.server.port), "20"],
                                env=preload_env(f"unix:{self.directory}/socket"), capture_output=True,
                                timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stderr)
        # subprocess.run returns when all of them have closed their output.
        deadline = time.monotonic() + PATIENCE
        while len(collector.pieces) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        collector.stop()
        self.assertEqual(len(collector.spans()), 160)
        self.assertEqual(duplicates(collector.spans()), [])


if __name__ == "__main__":
    unittest.main()
