"""A program that starts others: they get their environment as it is, unless their loader could not load the
library. Then it would complain on their stderr, or refuse to start them."""

import os
import pathlib
import shutil
import subprocess
import unittest
import urllib.request

from support import (PROGRAMS, PYTHON, SHIM, StrictServer, TracedTest, describe, needs, needs_children, needs_root,
                     not_sanitized, of_kind)

LOADER = "/lib64/ld-linux-x86-64.so.2"
STARTER = r"""
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
    const char *how = argv[1], *file = argv[2];
    char *words[] = {argv[2], "a", "b", NULL};
    int status = 0;
    pid_t pid;
    FILE *stream;
    char line[4096];
    (void)argc;
    if (!strcmp(how, "execl")) execl(file, file, "a", "b", (char *)NULL);
    if (!strcmp(how, "execlp")) execlp(file, file, "a", "b", (char *)NULL);
    if (!strcmp(how, "execle")) execle(file, file, "a", "b", (char *)NULL, environ);
    if (!strcmp(how, "execv")) execv(file, words);
    if (!strcmp(how, "execvp")) execvp(file, words);
    if (!strcmp(how, "execvpe")) execvpe(file, words, environ);
    if (!strcmp(how, "execve")) execve(file, words, environ);
    if (!strcmp(how, "fexecve")) fexecve(open(file, O_RDONLY), words, environ);
    if (!strcmp(how, "execveat")) execveat(AT_FDCWD, file, words, environ, 0);
    if (!strcmp(how, "execveat of a descriptor"))
        execveat(open(file, O_RDONLY), "", words, environ, AT_EMPTY_PATH);
    if (!strcmp(how, "vfork") && vfork() == 0) { execv(file, words); _exit(99); }
    if (!strcmp(how, "posix_spawn"))
        errno = posix_spawn(&pid, file, NULL, NULL, words, environ);
    if (!strcmp(how, "posix_spawnp"))
        errno = posix_spawnp(&pid, file, NULL, NULL, words, environ);
    if (!strcmp(how, "system")) {
        snprintf(line, sizeof line, "%s a b", file);
        status = system(line);
    } else if (!strcmp(how, "popen")) {
        snprintf(line, sizeof line, "%s a b", file);
        stream = popen(line, "r");
        while (fgets(line, sizeof line, stream)) fputs(line, stdout);
        status = pclose(stream);
    } else {
        if (wait(&status) < 0) { perror(how); return 1; }
    }
    return WEXITSTATUS(status);
}
"""
SHOWER = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    printf("%s %s %s\n", preload ? preload : "nothing", argc > 1 ? argv[1] : "-", argc > 2 ? argv[2] : "-");
    return 7;
}
"""
WAYS = ["execl", "execlp", "execle", "execv", "execvp", "execvpe", "execve", "fexecve", "execveat",
        "execveat of a descriptor", "vfork", "posix_spawn", "posix_spawnp", "system", "popen"]


class Starting(TracedTest):
    def setUp(self):
        super().setUp()
        self.starter = self.compile(STARTER, name="starter")
        self.native = self.compile(SHOWER, name="native")

    def foreign(self, name="foreign"):
        """A program whose loader calls itself another C library's."""
        path = self.directory / "ld-musl-test.so.1"
        if not path.exists():
            path.symlink_to(LOADER)
        return self.compile(SHOWER, f"-Wl,--dynamic-linker={path}", name=name)

    def output(self, how, file, **env):
        result = self.preloaded(self.starter, how, file, env=env)
        self.assertEqual((result.returncode, result.stderr), (7, b""), how)
        return result.stdout.decode().split()

    def test_a_program_that_can_load_it_gets_it(self):
        for how in WAYS:
            self.assertEqual(self.output(how, self.native), [str(SHIM), "a", "b"], how)

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_a_program_of_another_c_library_does_not(self):
        foreign = self.foreign()
        for how in WAYS:
            if how not in ("system", "popen"):  # the shell takes it, and then leaves it out itself
                self.assertEqual(self.output(how, foreign), ["nothing", "a", "b"], how)
        for how in ("system", "popen"):
            self.assertIn(self.output(how, foreign)[0], ("nothing", str(SHIM)), how)

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_a_script_for_such_a_program(self):
        script, second = pathlib.Path("script"), pathlib.Path("second")
        script.write_text(f"#! {self.foreign()} x\n")
        second.write_text(f"#!{self.directory}/script\n")
        for path in (script, second):
            path.chmod(0o755)
            for how in ("execv", "posix_spawn", "fexecve"):
                if how != "fexecve":  # a script's descriptor is named /dev/fd/N there
                    self.assertEqual(self.output(how, self.directory / path)[0], "nothing", how)

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_a_program_found_by_its_name(self):
        self.foreign("by-name")
        path = f"/nowhere::{self.directory}:/usr/bin"
        for how in ("execlp", "execvp", "execvpe", "posix_spawnp"):
            self.assertEqual(self.output(how, "by-name", PATH=path)[0], "nothing", how)

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_other_libraries_stay(self):
        other = self.compile("int other;", "-shared", "-fPIC", name="other.so")
        foreign = self.foreign()
        for preload in (f"{other}:{SHIM}", f"{SHIM}:{other}", f"{SHIM} {other}"):
            result = self.bare(self.starter, "execv", foreign,
                               env={"LD_PRELOAD": preload,
                                    "RUN_TRACED_EXPORTER": f"file:{self.directory}/spans"})
            self.assertEqual((result.returncode, result.stderr), (7, b""))
            self.assertEqual(result.stdout.decode().strip(), f"{other} a b")

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_another_c_librarys_loader_itself(self):
        self.foreign()
        loader = self.directory / "ld-musl-test.so.1"
        for how in ("execv", "posix_spawn"):
            result = self.preloaded(self.starter, how, loader)
            self.assertNotIn(b"run-traced", result.stderr + result.stdout)
        program = self.compile(f"""
            #include <unistd.h>
            int main(void) {{ return execl("{loader}", "{loader}", "{self.native}", "a", "b", (char *)NULL); }}""")
        self.assertEqual(self.preloaded(program).stdout.split(), [b"nothing", b"a", b"b"])
        result = self.traced(loader, self.native, "a", "b")
        self.assertEqual(result.stdout.split(), [b"nothing", b"a", b"b"])

    @unittest.skipUnless(os.path.exists(LOADER), "needs x86-64's loader")
    def test_a_copy_of_the_library_is_known_as_well(self):
        """Where others may not read the library, the launcher makes a copy under a name of its own."""
        copy = self.directory / "librun-traced-0123456789abcdef.so"
        shutil.copy(SHIM, copy)
        result = self.bare(self.starter, "execv", self.foreign(),
                           env={"LD_PRELOAD": str(copy), "RUN_TRACED_EXPORTER": f"file:{self.directory}/spans"})
        self.assertEqual((result.returncode, result.stderr, result.stdout.split()), (7, b"", [b"nothing", b"a", b"b"]))

    def test_a_list_of_libraries_is_without_ours(self):
        for command in ("ldd /bin/ls", "LD_TRACE_LOADED_OBJECTS=1 /bin/ls"):
            bare, traced = (run("sh", "-c", f"{command} | sed 's/(.*//'") for run in (self.bare, self.preloaded))
            self.assertEqual(traced.stdout, bare.stdout)
            self.assertIn(b"libc.so.6", bare.stdout)

    def test_what_is_no_program_is_not_opened(self):
        """Who waits at the other end of a FIFO is not woken."""
        program = self.compile(r"""
            #include <errno.h>
            #include <fcntl.h>
            #include <signal.h>
            #include <stdio.h>
            #include <sys/stat.h>
            #include <sys/wait.h>
            #include <unistd.h>
            int main(void) {
                int done[2], status;
                char byte = 'n', *words[] = {"fifo", NULL};
                if (mkfifo("fifo", 0700) || pipe(done)) return 9;
                pid_t child = fork();
                if (child == 0) {
                    close(done[0]);
                    int fd = open("fifo", O_WRONLY);
                    if (write(done[1], "opened", 1) < 0 || fd < 0) _exit(1);
                    _exit(0);
                }
                close(done[1]);
                FILE *state;
                char path[64], letter = 0;
                snprintf(path, sizeof path, "/proc/%d/stat", child);
                while (letter != 'S') { /* it waits */
                    state = fopen(path, "r");
                    if (!state || fscanf(state, "%*d %*s %c", &letter) != 1) return 8;
                    fclose(state);
                }
                int result = execv("fifo", words);
                printf("%d %d\n", result, errno == EACCES);
                usleep(50000);
                kill(child, SIGKILL);
                if (read(done[0], &byte, 1) < 1) byte = 'n';
                printf("%c\n", byte);
                waitpid(child, &status, 0);
                unlink("fifo");
                return 0;
            }""")
        bare = self.bare(program)
        self.assertEqual((bare.returncode, bare.stdout), (0, b"-1 1\nn\n"))
        self.assertEqual(self.preloaded(program).stdout, bare.stdout)

    def test_an_environment_that_the_program_made_is_left_alone(self):
        program = self.compile(r"""
            #include <stdio.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                char *many[3000], room[3000][16];
                for (int i = 0; i < 2999; i++) { sprintf(room[i], "V%d=%d", i, i); many[i] = room[i]; }
                many[2999] = NULL;
                char *one[] = {"LD_PRELOADED=x", NULL}, *none[] = {NULL};
                execve(argv[1], argv + 1, argc > 3 ? many : argc > 2 ? one : none);
                return 1; }""", name="program")
        for words in ([], ["1"], ["1", "2"]):
            result = self.preloaded(program, self.native, *words)
            self.assertEqual((result.returncode, result.stdout.split()[0], result.stderr),
                             (7, b"nothing", b""))

    def test_what_cannot_be_run_fails_as_it_did(self):
        pathlib.Path("text").write_text("no program")
        pathlib.Path("text").chmod(0o755)
        pathlib.Path("closed").write_text("")
        pathlib.Path("closed").chmod(0)
        program = self.compile(r"""
            #include <errno.h>
            #include <fcntl.h>
            #include <spawn.h>
            #include <stdio.h>
            #include <string.h>
            #include <unistd.h>
            extern char **environ;
            int main(int argc, char **argv) {
                char *files[] = {"/nowhere", "/tmp", "text", "closed", "", "by-no-name", NULL};
                char *words[] = {"x", NULL};
                pid_t pid;
                (void)argc; (void)argv;
                for (char **f = files; *f; f++) {
                    printf("%s", *f);
                    errno = 0; execv(*f, words); printf(" %d", errno);
                    errno = 0; execve(*f, words, environ); printf(" %d", errno);
                    errno = 0; execve(*f, words, NULL); printf(" %d", errno);
                    if (strcmp(*f, "text")) { errno = 0; execvp(*f, words); printf(" %d", errno); }
                    printf(" %d", posix_spawn(&pid, *f, NULL, NULL, words, environ));
                    errno = 0; execveat(-1, *f, words, environ, 0); printf(" %d", errno);
                    errno = 0; execveat(99, "", words, environ, AT_EMPTY_PATH); printf(" %d", errno);
                    errno = 0; fexecve(99, words, environ); printf(" %d\n", errno);
                }
                return 0; }""", name="program")
        bare, traced = self.bare(program), self.preloaded(program)
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr),
                         (bare.returncode, bare.stdout, bare.stderr))
        self.assertEqual(bare.returncode, 0)


# Serves one request after the other, in one thread. Its path is a number in WAYS: it starts ./call in that way.
STARTING_SERVER = STARTER.replace("int main(", "int start_main(") + r"""
#include <arpa/inet.h>
#include <sys/socket.h>
static const char *const ways[] = {WAYS};
int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
    if (argc != 2 || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 9)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &len);
    FILE *file = fopen("port.new", "w");
    fprintf(file, "%d", ntohs(address.sin_port));
    fclose(file);
    rename("port.new", argv[1]);
    for (;;) {
        char request[4096], answer[256];
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), used = 0;
        do {
            int count = (int)read(fd, request + used, sizeof request - 1 - (size_t)used);
            if (count <= 0) return 2;
            used += count;
            request[used] = '\0';
        } while (!strstr(request, "\r\n\r\n"));
        const char *how = ways[atoi(strchr(request, '/') + 1)];
        char *words[] = {argv[0], (char *)how, "./call", NULL};
        if (!strcmp(how, "system") || !strcmp(how, "popen"))
            start_main(3, words);
        else if (fork() == 0)
            _exit(start_main(3, words));
        else
            wait(&status);
        int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s %s", how,
                              getenv("TRACEPARENT") ? getenv("TRACEPARENT") : "-");
        if (write(fd, answer, (size_t)length) < 0) return 3;
        close(fd);
    }
}
""".replace("WAYS", ", ".join(f'"{how}"' for how in WAYS))


@needs("curl")
class ForARequest(TracedTest):
    """What is started for a request goes on with it: its calls are children of the request."""

    def setUp(self):
        super().setUp()
        self.upstream = self.serve(StrictServer())

    def start_server(self, *command, **env):
        port_file = self.directory / "port"
        self.start(*command, env=env, service_name="server", ready=port_file.exists)
        self.url = f"http://127.0.0.1:{port_file.read_text()}"

    def get(self, path, **headers):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers)) as answer:
            return answer.read()

    def check_calls(self, count):
        """One call of curl's for each request, child of it."""
        found = self.all_spans(2 * count)
        self.assertEqual(len(of_kind(found, "SERVER")), count, describe(found))
        self.assertEqual(sorted((s["traceId"], s["spanId"]) for s in of_kind(found, "SERVER")),
                         sorted((s["traceId"], s["parentSpanId"]) for s in of_kind(found, "CLIENT")), describe(found))
        self.assert_no_problems(self.upstream)

    def start_python(self, **env):
        self.start_server(PYTHON, PROGRAMS / "starting_server.py", self.directory / "port", self.upstream.url, **env)

    def test_in_a_thread_of_python(self):
        self.start_python()
        for path in ("/run", "/shell", "/spawn", "/fork"):
            self.get(path)
        self.check_calls(4)

    @needs_children
    def test_by_a_shell_in_a_thread_of_python(self):
        self.start_python()
        self.get("/system")
        self.check_calls(1)

    def test_by_all_ways(self):
        call = self.directory / "call"
        call.write_text("#!/bin/sh\nexec curl -sS -o /dev/null \"$URL\"\n")
        call.chmod(0o755)
        self.start_server(self.compile(STARTING_SERVER, name="server"), self.directory / "port", URL=self.upstream.url)
        for number, how in enumerate(WAYS):
            self.assertEqual(self.get(f"/{number}"), f"{how} -".encode())
        self.check_calls(len(WAYS))

    def context(self, path="/environment", **headers):
        entries = (entry.partition(b"=") for entry in self.get(path, **headers).split(b"\0"))
        return {name.decode(): value.decode() for name, _, value in entries
                if name in (b"TRACEPARENT", b"TRACESTATE", b"BAGGAGE")}

    def test_the_environment(self):
        self.check_environment("/environment")

    @needs_children
    def test_the_environment_of_a_shell(self):
        self.check_environment("/system-environment")

    def check_environment(self, path):
        trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
        older = {"TRACEPARENT": f"00-{'5' * 32}-{'6' * 16}-01", "TRACESTATE": "older=1", "BAGGAGE": "older=1"}
        self.start_python(**older)
        full = self.context(path, traceparent=f"00-{trace}-{parent}-01", tracestate="a=1", baggage="b=2")
        plain = self.context(path, traceparent=f"00-{trace}-{parent}-00")
        self.assertEqual(self.get("/own"), repr(older["TRACEPARENT"]).encode())
        self.assertEqual(self.get("/cleared"), b"A=b\0")
        ids = [some["TRACEPARENT"].split("-")[2] for some in (full, plain)]
        self.assertEqual(full, {"TRACEPARENT": f"00-{trace}-{ids[0]}-01", "TRACESTATE": "a=1", "BAGGAGE": "b=2"})
        self.assertEqual(plain, {"TRACEPARENT": f"00-{trace}-{ids[1]}-00"})
        sampled = {span["spanId"] for span in self.all_spans(3) if span["traceId"] == trace}
        self.assertEqual(sampled, {ids[0]}, "what is not sampled is not recorded")
        self.assertNotIn(ids[1], (parent, ids[0]))

    def test_none_where_no_propagator_is_in_use(self):
        self.start_python(OTEL_PROPAGATORS="none")
        self.assertEqual(self.context(), {})

    def test_none_without_a_request(self):
        starter = self.compile(STARTER, name="starter")
        show = self.directory / "show"
        show.write_text("#!/bin/sh\nexec env\n")
        show.chmod(0o755)
        for how in WAYS:
            names = [line.partition(b"=")[0] for line in self.preloaded(starter, how, show).stdout.splitlines()]
            self.assertIn(b"LD_PRELOAD", names, how)
            self.assertEqual({b"TRACEPARENT", b"TRACESTATE", b"BAGGAGE"} & set(names), set(), how)

    def test_an_environment_that_is_nearly_too_long_is_left_alone(self):
        self.start_python()
        alone, for_request = self.get("/longest").split()
        self.assertEqual(alone, for_request)
        self.assertGreater(int(alone), 1000)


LONGEST = r"""
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
enum { WORD = 130000, WORDS = 40 };
extern char **environ;
static char g_words[WORDS][WORD + 1], *g_argv[WORDS + 2];
static void arguments_make(long len)
{
    char **end = g_argv;
    *end++ = "true";
    for (int i = 0; len > 0; len -= WORD, *end++ = g_words[i++])
        memset(g_words[i], 0, sizeof g_words[i]), memset(g_words[i], 'a', len < WORD ? len : WORD);
    *end = NULL;
}
static int fails(int is_spawn)
{
    int status;
    pid_t pid;
    if (is_spawn) {
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, g_argv, environ)) return 1;
    } else if (!(pid = fork())) {
        execv("/bin/true", g_argv);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    return status != 0;
}
int main(void)
{
    for (int is_spawn = 0; is_spawn < 2; is_spawn++) {
        long fits = 0, fails_at = (long)WORD * WORDS;
        while (fails_at - fits > 1) {
            arguments_make((fits + fails_at) / 2);
            *(fails(is_spawn) ? &fails_at : &fits) = (fits + fails_at) / 2;
        }
        printf("%ld\n", fits);
    }
    return 0;
}
"""


class Longest(TracedTest):
    """What run-traced adds to the environment takes no room from a program's arguments."""

    process_spans = "all"

    @not_sanitized("its runtime has options of its own in the environment")
    def test_as_many_arguments_as_without_it(self):
        program = self.compile(LONGEST, name="longest")
        env = {"HOME": "/", "PATH": "/usr/bin:/bin"}
        bare, traced = (way(program, env=env).stdout.split() for way in (self.bare, self.traced))
        self.assertGreater(int(bare[0]), 100000)
        self.assertEqual(len(traced), len(bare))
        for without, with_it in zip(bare, traced):  # the tests' own settings are in both, and go there
            self.assertGreaterEqual(int(with_it), int(without))


@needs_root
@not_sanitized("what the sanitizers need is not in there")
class InAChroot(TracedTest):
    """The library is not there, and ld.so would say so."""

    def setUp(self):
        super().setUp()
        self.root = self.directory / "root"
        self.install("/bin/sh")
        self.install(self.compile(SHOWER, name="shower"), "/shower")
        (self.root / "tmp").mkdir()

    def install(self, program, at=None):
        """@program and the libraries that it needs, below the root."""
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        paths = {word for word in needed.split() if word.startswith("/")}
        for path, place in [(p, p) for p in paths] + [(program, at or program)]:
            target = self.root / str(place).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)

    def test_nobody_complains(self):
        source = STARTER.replace("    int status = 0;", '    int status = 0;\n'
                                 '    if (chroot("root") || chdir("/")) return 1;', 1)
        starter = self.compile(source, name="starter")
        for how in WAYS:
            if "fexecve" in how or "descriptor" in how:
                continue  # needs /proc
            result = self.preloaded(starter, how, "/shower")
            self.assertEqual((result.returncode, result.stderr, result.stdout.split()),
                             (7, b"", [b"nothing", b"a", b"b"]), how)


if __name__ == "__main__":
    unittest.main()
