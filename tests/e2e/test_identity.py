"""Programs that have nothing to do with HTTP, or handle descriptors in strange ways, behave with the
tracer as they do without."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from support import (PYTHON, ROOT, StrictServer, TracedTest, clean_env, needs, not_sanitized,
                     preload_env)


class Tools(TracedTest):
    def same(self, *command, **options):
        """The same under the prefix and with a plain preload as bare, and no span."""
        bare = self.bare(*command, **options)
        for run in (self.traced, self.preloaded):
            result = run(*command, **options)
            self.assertEqual((result.returncode, result.stderr, result.stdout),
                             (bare.returncode, bare.stderr, bare.stdout), run.__name__)
        self.assertEqual(self.spans(), [])
        return bare

    def test_ls(self):
        self.same("ls", "-la", "/usr/bin")
        self.same("ls", "/no/such/directory")

    def test_descriptors(self):
        self.assertEqual(self.same("ls", "/proc/self/fd").stdout, b"0\n1\n2\n3\n")
        self.same("sh", "-c", "exec 5</dev/null 9>&1; ls /proc/self/fd")

    def test_sort(self):
        lines = b"".join(b"%d\n" % (i * 7919 % 100003) for i in range(100000))
        self.same("sort", "-n", "--parallel=2", "-S", "1M", input=lines)

    def test_pipeline(self):
        self.same("bash", "-c", "set -o pipefail; seq 50000 | tee copy | grep 7 | tail -n 1000 |"
                  " tee >(wc -l >count) | md5sum; echo ${PIPESTATUS[*]}; md5sum copy; (exit 9) & wait $!;"
                  " echo $?; exit 7")
        self.same("sh", "-c", "yes | head -n 5; echo $?")

    def test_exit_codes_and_signals(self):
        for script in ("exit 0", "exit 255", "kill -TERM $$", "kill -9 $$", "kill -SEGV $$", "false",
                       "no-such-command", "exec no-such-command", "exit 300"):
            self.same("bash", "-c", "ulimit -c 0; " + script)

    def test_here_documents_and_redirections(self):
        for shell in ("dash", "bash"):
            self.same(shell, "-c", "cat <<E\nhello\nE\nexec 3>out 4<&0 5>&3; echo a >&3; echo b >&5;"
                      " exec 3>&- 5>&-; cat out; cat <&4; exec 4<&-; cat <&4; echo $?; "
                      "(echo c; echo d >&2) 2>&1 | cat; echo `echo e`", input=b"stdin\n")

    @not_sanitized("two runtimes in one process")
    def test_programs_with_sanitizers_of_their_own(self):
        """AddressSanitizer's runtime insists on being loaded first."""
        source = ("#include <stdio.h>\n#include <stdlib.h>\n"
                  "int main(int argc, char **argv) { char *p = malloc(10); (void)argv; p[argc] = 'a';"
                  " printf(\"%c\\n\", p[1]); if (argc < 2) free(p); return 3; }")
        for name in ("address", "undefined", "thread", "leak"):
            program = self.compile(source, f"-fsanitize={name}", name=name)
            bare, traced = self.bare(program), self.traced(program)
            self.assertEqual((bare.returncode, bare.stdout, bare.stderr), (3, b"a\n", b""))
            self.assertEqual((traced.returncode, traced.stdout, traced.stderr), (3, b"a\n", b""))

    def test_environment_is_what_the_user_made_it(self):
        env = preload_env("file:/dev/null", A="b")
        result = subprocess.run(["env", "-0"], env=env, capture_output=True, check=True)
        seen = dict(line.split("=", 1) for line in result.stdout.decode().split("\0") if line)
        self.assertEqual(seen, env)

    def test_local_git_clone(self):
        subprocess.run(["sh", "-ec", "git init -q work && cd work && git config user.email a@b &&"
                        " git config user.name n && for i in 1 2 3; do seq $i 9999 >f$i; git add .;"
                        " git commit -qm $i; done"], check=True, env=clean_env(HOME=self.directory))
        for url in (f"{self.directory}/work", f"file://{self.directory}/work"):
            self.same("sh", "-ec", f"rm -rf copy; git clone -q {url} copy; cd copy; git fsck;"
                      " git log --format=%H%s; git status --short; md5sum f*",
                      env={"HOME": str(self.directory)})

    def test_python_subprocess_by_vfork(self):
        self.same(PYTHON, "-c", "import subprocess, os\n"
                  "fd = os.dup(1)\n"
                  "for keep in (True, False):\n"
                  "    os.set_inheritable(fd, True)\n"
                  "    print(subprocess.run(['ls', '/proc/self/fd'], close_fds=keep,\n"
                  "                         capture_output=True).stdout)\n"
                  "print(subprocess.run(['sh', '-c', 'echo x >&2; exit 3'], stderr=subprocess.PIPE))\n"
                  "try: subprocess.run(['/no/such'])\n"
                  "except FileNotFoundError as e: print(e)\n"
                  "os.system('echo system'); print(os.popen('echo popen').read())\n"
                  "pid = os.posix_spawn('/bin/echo', ['echo', 'spawned'], os.environ)\n"
                  "print(os.waitpid(pid, 0)[1])\n"
                  "pid = os.fork()\n"
                  "if pid == 0: os._exit(5)\n"
                  "print(os.waitpid(pid, 0)[1])\n")

    def test_stdin_that_is_closed(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            script = f"(ls /proc/self/fd; cat; echo $?) {closed} >list; cat list; rm list"
            bare = self.bare("bash", "-c", script)
            result = self.preloaded("bash", "-c", script)
            self.assertEqual(result.stdout, bare.stdout, closed)

    @needs("strace")
    @not_sanitized("libasan makes system calls of its own")
    def test_ls_makes_no_other_system_calls(self):
        """Beyond loading the library: nothing on descriptors 0 to 2, no socket, no thread, no
        signal."""
        calls = "socket,connect,clone,clone3,rt_sigaction,kill,write,dup,dup2,dup3,ioctl,fcntl"
        seen = []
        for env in (clean_env(), preload_env(f"file:{self.directory}/spans")):
            result = subprocess.run(["strace", "-qq", "-e", f"trace={calls}", "-o", "trace",
                                     "-E", f"LD_PRELOAD={env.pop('LD_PRELOAD', '')}", "ls", "/"],
                                    env=env, capture_output=True)
            if result.returncode:
                self.skipTest("strace may not trace here")
            seen.append(re.sub("0x[0-9a-f]+", "ADDRESS", pathlib.Path("trace").read_text()))
        self.assertEqual(seen[1], seen[0])
        self.assertFalse(os.path.exists("spans"))


class Build(TracedTest):
    """make -j2 of this project: without optimisation, which takes long twice."""

    @not_sanitized("a compiler under libasan takes too long")
    def test_this_project(self):
        for name in ("src", "testapps"):
            shutil.copytree(ROOT / name, self.directory / name)
        shutil.copy(ROOT / "Makefile", self.directory)
        os.makedirs("tests/unit")
        results = []
        command = ("make", "-j2", "BUILD=other", "SAN=", "DEBUG=1", "other/librun-traced.so", "testapps")
        for run in (self.bare, self.preloaded):
            result = run(*command, timeout=110)
            self.assertEqual(result.returncode, 0, result.stderr.decode()[-2000:])
            hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
                      for path in sorted(pathlib.Path("other").rglob("*")) if path.is_file()}
            results.append((sorted(result.stdout.splitlines()), sorted(result.stderr.splitlines()),
                            hashes))
            shutil.rmtree("other")
        self.assertGreater(len(results[0][2]), 30)
        self.assertEqual(results[0], results[1])
        self.assertEqual(self.spans(), [])

    def test_a_failing_build(self):
        pathlib.Path("Makefile").write_text("all: a b\na:\n\t@echo a\nb:\n\t@echo no >&2; exit 3\n")
        self.assert_same_as_bare("make", "-j2", "-k")


class ShellSockets(TracedTest):
    """bash's printf writes by stdio, which nobody can see, and children read or write in its place:
    nothing is added, and nothing is claimed."""

    def same(self, script):
        results = []
        for run in (self.bare, self.preloaded):
            server = StrictServer(traceparents=0)
            try:
                results.append(run("bash", "-c", script.replace("REQUEST", r"""'GET /a HTTP/1.1\r\n"""
                                   r"""Host: x\r\nConnection: close\r\n\r\n'"""),
                                   env={"PORT": str(server.port)}))
            finally:
                server.stop()
            self.assert_no_problems(server)
            self.assertEqual(len(server.requests), 1)
        self.assertEqual((results[0].returncode, results[0].stdout, results[0].stderr),
                         (results[1].returncode, results[1].stdout, results[1].stderr))
        self.assertIn(b"200 OK", results[0].stdout)
        self.assertEqual(self.spans(), [])

    def test_bash_writes_and_reads(self):
        self.same("exec 3<>/dev/tcp/127.0.0.1/$PORT; printf REQUEST >&3;"
                  " while read -u 3 -r line; do echo $line; done; exec 3>&-; echo end")

    def test_a_child_reads_the_answer(self):
        self.same("exec 3<>/dev/tcp/127.0.0.1/$PORT; printf REQUEST >&3; cat <&3; exec 3>&-; echo end")

    def test_a_child_writes_the_request(self):
        self.same("exec 3<>/dev/tcp/127.0.0.1/$PORT; (printf REQUEST >&3);"
                  " while read -u 3 -r line; do echo $line; done; echo end")

    def test_descriptors_change_places(self):
        self.same("exec 3<>/dev/tcp/127.0.0.1/$PORT; exec 4>&3 3>&- 3>file; echo x >&3; printf REQUEST >&4;"
                  " cat <&4; cat file")


if __name__ == "__main__":
    unittest.main()
