"""Where spans go, what is said, what cannot be traced, and how the prefix finds its program."""

import contextlib
import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launcher_support import (BUILD, NOBODY, PATIENCE, PREFIX, LauncherTest, install_into,
                              is_library, run)
from support import wait_for


class Output(LauncherTest):
    def test_an_older_file_is_kept(self):
        for text in ("one\n", "two\n", "three\n"):
            run(PREFIX, "true", check=True)
            pathlib.Path("spans.jsonl").write_text(text)
        run(PREFIX, "true", check=True)
        self.assertEqual(pathlib.Path("spans.jsonl").read_text(), "")
        self.assertEqual(pathlib.Path("spans.jsonl.old").read_text(), "three\n")
        self.assertEqual(os.stat("spans.jsonl").st_mode & 0o777, 0o600)

    def test_a_command_that_is_not_found_costs_no_older_file(self):
        pathlib.Path("spans.jsonl").write_text("one\n")
        run(PREFIX, "no-such-command")
        self.assertEqual(pathlib.Path("spans.jsonl").read_text(), "one\n")

    def test_two_runs_at_once_share_the_file(self):
        child = self.start("import sys; print('ready', flush=True); sys.stdin.read()",
                           "-o", "spans", stdin=subprocess.PIPE)
        pathlib.Path("spans").write_text("one\n")
        run(PREFIX, "-o", "spans", "true", check=True)
        self.assertEqual(pathlib.Path("spans").read_text(), "one\n")
        child.communicate(timeout=PATIENCE)
        run(PREFIX, "-o", "spans", "true", check=True)
        self.assertEqual(pathlib.Path("spans.old").read_text(), "one\n")

    def test_a_file_exporter_is_appended_to(self):
        pathlib.Path("mine").write_text("one\n")
        run(PREFIX, "-e", "file:mine", "true", check=True)
        self.assertEqual(sorted(os.listdir()), ["mine"])
        self.assertEqual(pathlib.Path("mine").read_text(), "one\n")

    def test_a_symbolic_link_is_refused(self):
        pathlib.Path("target").write_text("one\n")
        os.symlink("target", "spans.jsonl")
        result = run(PREFIX, "touch", "started")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"symbolic link", result.stderr)
        self.assertEqual(sorted(os.listdir()), ["spans.jsonl", "target"])

    @unittest.skipIf(os.geteuid() != 0, "needs root to become somebody else")
    def test_a_directory_that_is_not_writable(self):
        prefix = install_into(f"{self.directory}/tree")
        environment = {k: v for k, v in os.environ.items() if k != "RUN_TRACED_BUILD"}
        result = run(prefix, "echo", "started", user=NOBODY, group=NOBODY, extra_groups=[],
                     env=environment)
        self.assertEqual((result.returncode, result.stdout), (125, b""))
        self.assertEqual(result.stderr, b"run-traced: cannot write spans to 'spans.jsonl': "
                                        b"Permission denied; choose another file with -o\n")

    def test_devices_are_written_to(self):
        for device in ("/dev/null", "/dev/full"):
            result = run(PREFIX, "-o", device, "sh", "-c", "exit 3")
            self.assertEqual(result.returncode, 3)
        self.assertEqual(os.listdir(), [])

    def test_one_closing_line(self):
        result = run(PREFIX, "true")
        self.assertRegex(result.stderr, b"^run-traced: no spans: [^\n]*\n$")
        self.assertEqual(run(PREFIX, "-q", "true").stderr, b"")

    def test_the_closing_line_counts_in_all_processes(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(404 if self.path == "/missing" else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            at = f"http://127.0.0.1:{server.server_port}"
            one = run(PREFIX, "-s", "me", "-o", "/dev/null", "curl", "-s", f"{at}/")
            two = run(PREFIX, "sh", "-c", f"curl -s {at}/; wget -q -O- {at}/missing")
            lost = run(PREFIX, "-o", "/dev/full", "curl", "-s", f"{at}/")
            server.shutdown()
        self.assertEqual(one.stderr, b"run-traced: 1 span of 1 service, no errors, in /dev/null\n")
        self.assertEqual(two.stderr, b"run-traced: 2 spans of 2 services, 1 error, in spans.jsonl "
                                     b"(run-traced.sh --view spans.jsonl)\n")
        self.assertEqual(len(pathlib.Path("spans.jsonl").read_text().splitlines()), 2)
        self.assertIn(b"run-traced: 1 span lost: ", lost.stderr)
        self.assertIn(b"(No space left on device)", lost.stderr)

    def test_a_closing_line_that_cannot_be_written_changes_nothing(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(run(PREFIX, "sh", "-c", "exit 3", stderr=full).returncode, 3)
        reader, writer = os.pipe()
        os.close(reader)
        self.assertEqual(run(PREFIX, "sh", "-c", "exit 3", stderr=writer).returncode, 3)
        os.close(writer)

    def test_a_held_closing_line_can_be_interrupted(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, b"x" * 4096):
                pass
        os.set_blocking(writer, True)
        child = subprocess.Popen([PREFIX, "true"], stderr=writer)
        process = pathlib.Path(f"/proc/{child.pid}")
        wait_for(lambda: (process / "comm").read_text() == "run-traced\n" and len(os.listdir(process / "task")) == 1 and
                 not (process / f"task/{child.pid}/children").read_text() and
                 "poll" in (process / "wchan").read_text(), "its closing line")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(PATIENCE), 0)
        os.close(reader)
        os.close(writer)

    def test_nothing_is_left_in_the_private_directory(self):
        os.mkdir("runtime", 0o700)
        result = run(PREFIX, "sh", "-c", "ls -ld $(dirname $RUN_TRACED_RING)",
                     env=dict(os.environ, XDG_RUNTIME_DIR=f"{self.directory}/runtime"))
        self.assertRegex(result.stdout, rb"^drwx------ .*/runtime/run-traced-")
        self.assertEqual(os.listdir("runtime"), [])

    def test_nested_runs_have_their_own_output(self):
        result = run(PREFIX, "-o", "outer", PREFIX, "-o", "inner", "sh", "-c",
                     "echo $LD_PRELOAD $RUN_TRACED_EXPORTER")
        library, exporter = result.stdout.decode().split()
        self.assertTrue(is_library(library), library)
        self.assertEqual(exporter, f"file:{self.directory}/inner")
        self.assertEqual(sorted(os.listdir()), ["inner", "outer"])


    def test_a_nested_run_without_output_is_a_part_of_the_outer(self):
        result = run(PREFIX, "-q", "-o", "outer", PREFIX, "-s", "inner", "sh", "-c", "echo $RUN_TRACED_EXPORTER; exit 5",
                     env=dict(os.environ, RUN_TRACED_PROCESS_SPANS="all"))
        self.assertEqual(result.stdout.decode(), f"file:{self.directory}/outer\n")
        self.assertEqual((result.returncode, result.stderr), (5, b""))
        self.assertEqual(sorted(os.listdir()), ["outer"])
        self.assertIn('"service.name":"inner"', pathlib.Path("outer").read_text())


class Diagnosis(LauncherTest):
    MAIN = "#include <stdlib.h>\nint main(void) { return getenv(\"LD_PRELOAD\") ? 4 : 5; }"

    def assert_says(self, text, status, *command):
        result = run(PREFIX, *command)
        self.assertRegex(result.stderr.decode(), rf"^run-traced: [^\n]*{text}[^\n]*\n$")
        self.assertEqual(result.returncode, status)
        self.assertEqual(run(PREFIX, "-q", *command).stderr, b"")

    def test_of_a_static_program(self):
        program = self.compile(self.MAIN, "-static")
        self.assert_says(f"{program} is statically linked: .*; it runs untraced", 4, program)
        self.write_script("script", f"#!{self.directory}/program\n")
        self.assert_says("program, which runs ./script, is statically linked", 4, "./script")

    def test_of_a_static_pie_program(self):
        self.assert_says("statically linked", 4, self.compile(self.MAIN, "-static-pie", "-fPIE"))

    @unittest.skipUnless(shutil.which("go"), "needs go")
    def test_of_a_go_program(self):
        pathlib.Path("main.go").write_text("package main\nfunc main() {}\n")
        run("go", "build", "-o", "program", "main.go", check=True, timeout=300,
            env=dict(os.environ, GOCACHE=f"{self.directory}/cache", GO111MODULE="off"))
        self.assert_says("is a Go program", 0, "./program")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_of_a_setuid_program(self):
        program = self.compile(self.MAIN)
        os.chown(program, NOBODY, NOBODY)
        os.chmod(program, 0o4755)
        self.assert_says("is setuid: .*; it runs untraced", 5, program)

    def test_of_another_libc_preloads_nothing(self):
        loader = run("sh", "-c", "echo /lib*/ld-linux-*.so.*", text=True).stdout.split()[0]
        os.symlink(loader, "ld-musl.so.1")
        program = self.compile(self.MAIN, f"-Wl,--dynamic-linker={self.directory}/ld-musl.so.1")
        self.assert_says("another C library", 5, program)

    def test_of_another_machine_is_given_before_the_failure(self):
        image = bytearray(pathlib.Path("/bin/true").read_bytes())
        image[18:20] = (4).to_bytes(2, sys.byteorder)  # e_machine: Motorola 68000
        pathlib.Path("program").write_bytes(image)
        os.chmod("program", 0o755)
        result = run(PREFIX, "./program")
        self.assertIn(b"is a program for another kind of machine", result.stderr)
        self.assertNotIn(b"it runs untraced", result.stderr)

    def test_of_broken_files_never_fails_the_run(self):
        image = pathlib.Path("/bin/true").read_bytes()
        for length in (0, 1, 4, 63, 64, 100, 1000):
            pathlib.Path("program").write_bytes(image[:length])
            os.chmod("program", 0o755)
            result = run(PREFIX, "./program")
            self.assertNotEqual(result.returncode, 125, length)


class Installation(LauncherTest):
    def loaded(self, prefix, *options, **keywords):
        environment = {k: v for k, v in os.environ.items() if k != "RUN_TRACED_BUILD"}
        result = run(prefix, *options, "-q", "-o", "/dev/null", "grep", "-c", "librun-traced",
                     "/proc/self/maps", env=environment, **keywords)
        self.assertEqual(result.stderr, b"")
        return int(result.stdout) > 0

    def test_an_installed_tree_by_any_path(self):
        prefix = install_into(f"{self.directory}/usr")
        os.symlink(prefix, "link")
        os.symlink("link", "link2")
        self.assertTrue(self.loaded(prefix))
        self.assertTrue(self.loaded("./link2"))
        self.assertTrue(self.loaded("usr/bin/run-traced.sh"))
        self.assertTrue(self.loaded("sh", "usr/bin/run-traced.sh"))

    def test_a_path_that_ld_preload_cannot_hold(self):
        links = pathlib.Path(f"/tmp/run-traced-{os.geteuid()}")
        before = set(links.glob("*"))
        for name in ("a b", "a:b", "a$LIB", "a\tb'\""):
            self.assertTrue(self.loaded(install_into(f"{self.directory}/{name}")), name)
        self.assertEqual(links.stat().st_mode & 0o022, 0)
        for link in set(links.glob("*")) - before:
            link.unlink()

    def make_source_tree(self, recipe):
        """A checkout whose build takes a moment, counts itself and makes a program that echoes."""
        os.makedirs("a tree/src/launcher")
        shutil.copy(PREFIX, "a tree/run-traced.sh")
        pathlib.Path("a tree/src/launcher/main.c").touch()
        pathlib.Path("a tree/program").write_text('#!/bin/sh\necho "$@" "$MAKELEVEL"; cat\n')
        pathlib.Path("a tree/Makefile").write_text(f"all:\n\t{recipe}\n")
        return {k: v for k, v in os.environ.items() if k != "RUN_TRACED_BUILD"}

    def test_a_source_tree_is_built_once_and_quietly(self):
        environment = self.make_source_tree(
            "echo noise; echo x >>count; sleep 0.3; cat; install -m 755 program build/run-traced")
        children = [subprocess.Popen(["a tree/run-traced.sh", "a  b"], env=environment,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE) for _ in range(4)]
        for child in children:
            self.assertEqual(child.communicate(b"in\n", timeout=PATIENCE), (b"a  b \nin\n", b""))
        self.assertEqual(pathlib.Path("a tree/count").read_text(), "x\n")

    def test_a_build_that_fails_says_what_to_do(self):
        environment = self.make_source_tree("echo broken here; exit 1")
        result = run("a tree/run-traced.sh", "true", env=environment)
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"broken here", result.stderr)
        self.assertIn(b"make -C 'a tree' deps", result.stderr)

    def test_the_view_default(self):
        self.assertEqual(run(PREFIX, "--view").returncode, 1)


if __name__ == "__main__":
    unittest.main()
