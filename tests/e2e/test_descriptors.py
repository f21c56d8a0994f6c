"""Tiny C programs, bare against preloaded: the same output, the same exit status, the same errno."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

from support import (PATIENCE, PROGRAMS, Recorder, StrictServer, TracedTest, attribute, describe,
                     duplicates, needs_root, not_sanitized, of_kind, spans, wait_for)


class Tiny(TracedTest):
    def program(self, source, *flags, name="program"):
        return self.compile(f'#include "{PROGRAMS}/tiny.h"\n{source}', "-Wall", *flags, name=name)

    def both(self, source, *flags, requests=0, traceparents=1, spans_count=None, check=True,
             by_prefix=False):
        """Runs it bare and preloaded, or @by_prefix; compares. Returns the spans."""
        program = self.program(source, *flags)
        results = []
        traced = self.traced if by_prefix else self.preloaded
        for run, count in ((self.bare, 0), (traced, traceparents)):
            server = StrictServer(traceparents=count)
            try:
                results.append(run(program, server.port))
            finally:
                server.stop(check=False)
            if check:
                self.assert_no_problems(server)
                self.assertEqual(len(server.requests), requests)
        bare, traced = results
        self.assertEqual((traced.returncode, traced.stderr.decode(), traced.stdout.decode()),
                         (bare.returncode, bare.stderr.decode(), bare.stdout.decode()))
        self.bare_result = bare
        self.server = server
        found = spans(self._span_files[-1])
        if spans_count is None:
            spans_count = requests if traceparents else 0  # None: some, who knows how many
        self.assertEqual(len(found), spans_count, describe(found))
        self.assertEqual(duplicates(found), [])
        return found

    def all_ok(self, found):
        self.assertEqual([s["status"] for s in found], [{"code": "OK"}] * len(found),
                         describe(found))


class Misuse(Tiny):
    CALLS = """
        char buffer[64] = "x";
        struct iovec iov = {buffer, 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        struct mmsghdr messages = {.msg_hdr = message};
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
        socklen_t len = sizeof address;
        int value = 0;
        socklen_t value_len = sizeof value;
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        fcntl(fd, F_SETFL, O_NONBLOCK);
        signal(SIGPIPE, SIG_IGN);
        TRY(send(fd, buffer, 1, MSG_DONTWAIT));
        TRY(sendto(fd, buffer, 1, MSG_DONTWAIT, NULL, 0));
        TRY(sendmsg(fd, &message, MSG_DONTWAIT));
        TRY(sendmmsg(fd, &messages, 1, MSG_DONTWAIT));
        TRY(sendmmsg(fd, &messages, 0, 0));
        TRY(write(fd, buffer, 1));
        TRY(write(fd, buffer, 0));
        TRY(writev(fd, &iov, 1));
        TRY(writev(fd, &iov, 0));
        TRY(writev(fd, &iov, -1));
        TRY(writev(fd, &iov, 5000));
        TRY(recv(fd, buffer, 1, MSG_DONTWAIT));
        TRY(recvfrom(fd, buffer, 1, MSG_DONTWAIT, NULL, NULL));
        TRY(recvmsg(fd, &message, MSG_DONTWAIT));
        TRY(recvmmsg(fd, &messages, 1, MSG_DONTWAIT, NULL));
        TRY(read(fd, buffer, 0));
        TRY(readv(fd, &iov, -1));
        TRY(accept(fd, NULL, NULL));
        TRY(accept(fd, (struct sockaddr *)&address, &len));
        TRY(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
        TRY(accept4(fd, NULL, NULL, 12345));
        TRY(connect(fd, (struct sockaddr *)&address, 1));
        TRY(shutdown(fd, 77));
        TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &value_len));
        TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &value_len));
        TRY(getsockopt(fd, 999, 999, &value, &value_len));
        TRY(sendfile(fd, fd, NULL, 1));
        TRY(sendfile64(-1, fd, NULL, 1));
        TRY(splice(fd, NULL, -1, NULL, 1, 0));
        TRY(fcntl(fd, F_GETFD));
        TRY(fcntl(fd, F_GETFL) >= 0);
        TRY(fcntl(fd, 9999, 1));
        TRY(fcntl(fd, F_DUPFD, -1));
        TRY(dup2(fd, -1));
        TRY(dup2(fd, fd) == fd);
        TRY(dup3(fd, fd, 0));
        TRY(dup3(fd, 50, 12345));
        TRY(dup(fd) >= 0);
        TRY(poll(&poll_fd, 1, 0));
        TRY(poll(NULL, 1, 0));
        TRY(epoll_wait(fd, NULL, 1, 0));
        TRY(select(-1, NULL, NULL, NULL, NULL));
        TRY(fdopen(fd, "nonsense") != NULL);
        TRY(syscall(SYS_fcntl, fd, F_GETFD));
        TRY(syscall(99999));
        TRY(close(fd));
        TRY(close(fd));
        TRY(syscall(SYS_close, fd));
        TRY(read(fd, buffer, 1));
    """

    def check_calls(self, opened):
        self.both("#include <sys/epoll.h>\nint main(int argc, char **argv) { (void)argc; (void)argv;\n"
                  f"int fd = {opened}; {self.CALLS} return 0; }}")

    def test_no_descriptor(self):
        self.check_calls("-1")

    def test_a_closed_one(self):
        self.check_calls("999")

    def test_beyond_all_limits(self):
        self.check_calls("0x7fffffff")

    def test_a_file(self):
        self.check_calls('open("file", O_RDWR | O_CREAT, 0600)')

    def test_a_directory(self):
        self.check_calls('open(".", O_RDONLY)')

    def test_a_pipe(self):
        self.check_calls("({ int p[2]; pipe(p); p[1]; })")

    def test_an_unconnected_socket(self):
        self.check_calls("socket(AF_INET, SOCK_STREAM, 0)")

    def test_a_datagram_socket(self):
        self.check_calls("socket(AF_INET, SOCK_DGRAM, 0)")

    def test_a_listening_socket(self):
        self.check_calls("({ int s = socket(AF_INET, SOCK_STREAM, 0); listen(s, 1); s; })")

    def test_a_connected_socket(self):
        self.check_calls("({ int p[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, p); p[0]; })")

    def test_pointers_to_nowhere(self):
        """EFAULT is EFAULT, not a crash."""
        calls = {
            "write": "write(fd, (void *)8, 100)",
            "send": "send(fd, (void *)8, 100, 0)",
            "sendmsg": "sendmsg(fd, (void *)8, 0)",
            "sendmmsg": "sendmmsg(fd, (void *)8, 1, 0)",
            "writev": "writev(fd, (void *)8, 2)",
            "connect": "connect(socket(AF_INET, SOCK_STREAM, 0), (void *)8, 16)",
            "read": "read(fd, (void *)8, 100)",
            "recvmsg": "recvmsg(fd, (void *)8, MSG_DONTWAIT)",
            "readv": "readv(fd, (void *)8, 2)",
            "accept": "accept(fd, (void *)8, (void *)8)",
            "getsockopt": "getsockopt(fd, SOL_SOCKET, SO_ERROR, (void *)8, (void *)8)",
        }
        bad = []
        for name, call in calls.items():
            program = self.program("int main(int argc, char **argv) { (void)argc;\n"
                                   "int fd = connect_to(argv[1]); fcntl(fd, F_SETFL, O_NONBLOCK);\n"
                                   f"TRY({call}); return 0; }}", "-Wno-all", "-Wno-nonnull")
            server = StrictServer(traceparents=0)
            try:
                bare, traced = (run(program, server.port) for run in (self.bare, self.preloaded))
            finally:
                server.stop(check=False)
            if (bare.returncode, bare.stdout) != (traced.returncode, traced.stdout):
                bad.append((name, bare.stdout, traced.returncode, traced.stdout))
        self.assertEqual(bad, [])


class Receiving(Tiny):
    """Each way to read an answer, in pieces of 7 bytes."""

    def receive(self, expression, *flags):
        found = self.both("""
            static ssize_t receive(int fd, char *buffer, size_t len) {
                struct iovec iov[2] = {{buffer, len / 2}, {buffer + len / 2, len - len / 2}};
                struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
                struct mmsghdr messages = {.msg_hdr = message};
                (void)message; (void)messages;
                errno = 7777;
                return """ + expression + """;
            }
            int main(int argc, char **argv) {
                char buffer[7], all[1000]; size_t len = 0; (void)argc;
                int fd = connect_to(argv[1]);
                for (int i = 0; i < 2; i++) {
                    if (write(fd, GET, GET_LEN) != (ssize_t)GET_LEN) return 1;
                    for (len = 0; len < 3 || memcmp(all + len - 3, "yes", 3);) {
                        ssize_t n = receive(fd, buffer, sizeof buffer - (size_t)(argc - 2));
                        if (n <= 0 || n > 7 || errno != 7777) { printf("%zd %d\\n", n, errno); return 2; }
                        memcpy(all + len, buffer, (size_t)n);
                        len += (size_t)n;
                    }
                    printf("%.*s\\n", (int)len, all);
                }
                return close(fd);
            }""", *flags, requests=2)
        self.all_ok(found)
        self.assertEqual([attribute(s, "http.response.body.size") for s in found], [3, 3])

    def test_plain(self):
        for expression in ("read(fd, buffer, len)", "recv(fd, buffer, len, 0)",
                           "recvfrom(fd, buffer, len, 0, NULL, NULL)", "readv(fd, iov, 2)",
                           "recvmsg(fd, &message, 0)",
                           "recvmmsg(fd, &messages, 1, 0, NULL) == 1 ? (ssize_t)messages.msg_len : -1"):
            with self.subTest(expression):
                self.receive(expression)

    def test_fortified(self):
        for expression in ("read(fd, buffer, len)", "recv(fd, buffer, len, 0)",
                           "recvfrom(fd, buffer, len, 0, NULL, NULL)"):
            with self.subTest(expression):
                self.receive(expression, "-O2", "-D_FORTIFY_SOURCE=2")
                imported = subprocess.run(["nm", "-D", "-u", "program"], capture_output=True,
                                          text=True, check=True).stdout
                self.assertIn(f"__{expression.partition('(')[0]}_chk", imported)

    def test_peeked_at_first(self):
        self.receive("recv(fd, buffer, len, MSG_PEEK) > 0 ? recv(fd, buffer, len, 0) : -1")

    def test_waiting_for_all(self):
        self.receive("recv(fd, buffer, 1, MSG_WAITALL)")

    def test_nonblocking(self):
        self.receive("({ ssize_t n; while ((n = recv(fd, buffer, len, MSG_DONTWAIT)) < 0 &&"
                     " errno == EAGAIN) poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1000);"
                     " errno = 7777; n; })")


class Sending(Tiny):
    def test_head_then_sendfile(self):
        found = self.both("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]), file = open("content", O_RDWR | O_CREAT, 0600);
                char head[] = "POST /f HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 50000\\r\\n\\r\\n";
                ftruncate(file, 50000);
                TRY(send(fd, head, sizeof head - 1, MSG_MORE));
                off_t at = 0;
                while (at < 25000) sendfile(fd, file, &at, (size_t)(25000 - at));
                lseek(file, at, SEEK_SET);
                while (at < 50000) { ssize_t n = sendfile64(fd, file, NULL, (size_t)(50000 - at)); at += n; }
                printf("%ld, %d\\n", (long)at, answer(fd));
                request(fd);
                return close(fd);
            }""", requests=2)
        self.all_ok(found)
        self.assertEqual(attribute(found[0], "http.request.body.size"), 50000)

    def test_head_then_splice(self):
        found = self.both("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]), p[2];
                char head[] = "POST /f HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 10\\r\\n\\r\\n";
                pipe(p);
                TRY(write(p[1], "0123456789", 10));
                TRY(write(fd, head, sizeof head - 1));
                TRY(splice(p[0], NULL, fd, NULL, 10, 0));
                printf("%d\\n", answer(fd));
                return close(fd);
            }""", requests=1)
        self.assertEqual(attribute(found[0], "http.request.body.size"), 10)

    def test_a_writev_of_1024_pieces(self):
        head = "GET / HTTP/1.1\\r\\nHost: " + "x" * 2000 + "\\r\\n\\r\\n"
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                static char head[] = \"""" + head + """\";
                struct iovec iov[1024];
                size_t len = sizeof head - 1;
                int fd = connect_to(argv[1]), count = 0;
                for (size_t i = 0; i < len; i += 2, count++)
                    iov[count] = (struct iovec){head + i, len - i < 2 ? 1 : 2};
                printf("%d pieces\\n", count);
                TRY(writev(fd, iov, count));
                printf("%d\\n", answer(fd));
                return close(fd);
            }""", requests=1))

    def test_a_descriptor_that_goes_along_goes_once(self):
        """SCM_RIGHTS beside the head."""
        program = self.program("""
            int main(void) {
                int pair[2];
                char control[CMSG_SPACE(sizeof(int))] = {0}, bytes[1000];
                struct iovec iov = {(char *)GET, GET_LEN};
                struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                                         .msg_controllen = sizeof control};
                struct cmsghdr *c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                *(int *)CMSG_DATA(c) = 0;
                socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
                TRY(sendmsg(pair[0], &message, 0));
                iov = (struct iovec){bytes, sizeof bytes};
                int descriptors = 0;
                for (ssize_t n; (n = recvmsg(pair[1], &message, MSG_DONTWAIT)) > 0;
                     message.msg_controllen = sizeof control)
                    for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
                        descriptors++;
                printf("%d\\n", descriptors);
                return 0;
            }""")
        self.assertEqual(self.preloaded(program).stdout, self.bare(program).stdout)

    def test_a_broken_connection_raises_sigpipe_or_does_not(self):
        for call, flags in (("write(fd, GET, GET_LEN)", ""), ("send(fd, GET, GET_LEN, 0)", ""),
                            ("send(fd, GET, GET_LEN, MSG_NOSIGNAL)", ""),
                            ("writev(fd, &(struct iovec){(char *)GET, GET_LEN}, 1)", "")):
            with self.subTest(call):
                program = self.program("""
                    int main(int argc, char **argv) { (void)argc;
                        int fd = connect_to(argv[1]);
                        setbuf(stdout, NULL);
                        shutdown(fd, SHUT_WR);
                        TRY(""" + call + """);
                        return 0;
                    }""")
                results = []
                for run in (self.bare, self.preloaded):
                    server = StrictServer()
                    results.append(run(program, server.port))
                    server.stop(check=False)
                self.assertEqual((results[0].returncode, results[0].stdout),
                                 (results[1].returncode, results[1].stdout))


class Descriptors(Tiny):
    def closing(self, closing):
        """A request, everything closed, a request: both are seen, and closing told the same."""
        self.all_ok(self.both("""
            #include <linux/close_range.h>
            int main(int argc, char **argv) { (void)argc;
                request_once(argv[1]);
                int count = 0; (void)count;
                """ + closing + """
                request_once(argv[1]);
                return 0;
            }""", requests=2))

    def test_close_all(self):
        self.closing('for (int fd = 3; fd < 2000; fd++) count += close(fd) == 0;'
                     ' printf("%d closed\\n", count);')

    def test_close_all_by_syscall(self):
        self.closing('for (int fd = 3; fd < 2000; fd++) count += syscall(SYS_close, fd) == 0;'
                     ' printf("%d closed\\n", count);')

    def test_close_range(self):
        self.closing("TRY(close_range(3, ~0U, 0)); TRY(close_range(5, 4, 0)); TRY(close_range(3, 9, 99));")

    def test_close_range_by_syscall(self):
        self.closing("TRY(syscall(SYS_close_range, 3, ~0U, 0));")

    def test_closefrom(self):
        self.closing("closefrom(3);")

    def test_dup2_over_all(self):
        self.closing('for (int fd = 3; fd < 1024; fd++) count += dup2(0, fd) == fd;'
                     ' printf("%d made\\n", count);'
                     'for (int fd = 3; fd < 1024; fd++) count -= close(fd) == 0;'
                     ' printf("%d left\\n", count);')

    def test_all_look_closed(self):
        self.closing('for (int fd = 3; fd < 2000; fd++)'
                     ' count += fcntl(fd, F_GETFD) >= 0 || dup(fd) >= 0;'
                     ' printf("%d open\\n", count);')

    def test_numbers_are_the_same(self):
        self.closing('for (int i = 0; i < 50; i++) printf("%d ", open("/dev/null", O_RDONLY)); puts("");')

    def test_a_small_limit(self):
        self.closing("setrlimit(RLIMIT_NOFILE, &(struct rlimit){8, 8});"
                     'for (int i = 0; i < 9; i++) printf("%d ", open("/dev/null", O_RDONLY)); puts("");'
                     "close(7);")

    def test_a_small_limit_from_the_start(self):
        self.both("""
            int main(int argc, char **argv) {
                if (argc == 2) {
                    setrlimit(RLIMIT_NOFILE, &(struct rlimit){8, 8});
                    execl("./program", "program", argv[1], "again", NULL);
                }
                request_once(argv[1]);
                for (int i = 0; i < 9; i++) printf("%d ", open("/dev/null", O_RDONLY));
                puts("");
                return 0;
            }""", requests=1)

    def test_ten_thousand(self):
        soft, hard = __import__("resource").getrlimit(__import__("resource").RLIMIT_NOFILE)
        if hard < 10100:
            self.skipTest(f"the limit is {hard}")
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                struct rlimit limit;
                getrlimit(RLIMIT_NOFILE, &limit);
                limit.rlim_cur = 10100;
                setrlimit(RLIMIT_NOFILE, &limit);
                int last = 0;
                while (last < 10000) last = dup(0);
                int fd = connect_to(argv[1]);
                request(fd);
                request(fd);
                printf("%d\\n", fd);
                return 0;
            }""", requests=2))

    def test_duplicates_are_one_connection(self):
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                int a = connect_to(argv[1]);
                send(a, GET, 10, 0);
                int b = dup(a);
                close(a);
                send(b, GET + 10, 5, 0);
                int c = fcntl(b, F_DUPFD_CLOEXEC, 100);
                send(c, GET + 15, 5, 0);
                dup2(c, 50);
                close(b);
                close(c);
                send(50, GET + 20, GET_LEN - 20, 0);
                printf("%d\\n", answer(50));
                dup3(50, 51, O_CLOEXEC);
                close(50);
                request(51);
                return close(51);
            }""", requests=2))

    def test_a_descriptor_that_comes_along_in_the_place_of_another(self):
        """The number's old connection was closed behind our back, in the middle of a request."""
        self.both("""
            static long close_unseen(int fd) {
                long result;
                __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_close), "D"(fd)
                                 : "rcx", "r11", "memory");
                return result;
            }
            int main(int argc, char **argv) { (void)argc;
                int pair[2], other = connect_to(argv[1]), old = connect_to(argv[1]);
                char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
                struct iovec iov = {&byte, 1};
                struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                                         .msg_controllen = sizeof control};
                struct cmsghdr *header = CMSG_FIRSTHDR(&message);
                TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(header), &other, sizeof other);
                TRY(sendmsg(pair[0], &message, 0));
                TRY(send(old, GET, 10, 0));
                TRY(close_unseen(old));
                TRY(recvmsg(pair[1], &message, 0));
                memcpy(&other, CMSG_DATA(header), sizeof other);
                printf("%d\\n", other == old);
                TRY(send(other, GET, GET_LEN, 0));
                printf("%d\\n", answer(other) > 0);
                return 0;
            }""", check=False, requests=1, spans_count=1)

    def test_dup2_over_a_connection_ends_it(self):
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                int a = connect_to(argv[1]), b = connect_to(argv[1]);
                request(a);
                request(b);
                TRY(dup2(b, a) == a);
                close(b);
                request(a);
                return close(a);
            }""", requests=3))

    def test_nothing_ever_lands_in_a_file(self):
        """The socket is closed behind our back, and its number becomes a file's."""
        program = self.program("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]);
                request(fd);
                long result;
                __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_close), "D"(fd) : "rcx", "r11", "memory");
                int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
                printf("%d\\n", fd == file);
                TRY(write(file, GET, GET_LEN));
                TRY(writev(file, &(struct iovec){(char *)GET, GET_LEN}, 1));
                TRY(write(file, GET, 10));
                TRY(write(file, GET + 10, GET_LEN - 10));
                return close(file);
            }""") if os.uname().machine == "x86_64" else self.skipTest("written for x86_64")
        server = self.serve(StrictServer())
        result = self.preloaded(program, server.port)
        self.assertEqual(pathlib.Path("file").read_bytes(),
                         b"GET /tiny HTTP/1.1\r\nHost: tiny\r\n\r\n" * 3)
        self.assertNotIn(b"-1", result.stdout)

    def test_stdio_on_a_socket(self):
        program = self.program("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]);
                FILE *file = fdopen(fd, "r+");
                char line[100];
                fputs(GET, file);
                fflush(file);
                while (fgets(line, sizeof line, file) && strlen(line) > 2) fputs(line, stdout);
                printf("%zu\\n", fread(line, 1, 3, file));
                fclose(file);
                printf("%d\\n", open("file", O_RDWR | O_CREAT, 0600) == fd);
                TRY(write(fd, GET, GET_LEN));
                return 0;
            }""")
        server = self.serve(StrictServer(traceparents=0))
        bare, traced = self.bare(program, server.port), self.preloaded(program, server.port)
        self.assertEqual(traced.stdout, bare.stdout)
        self.assert_no_problems(server)

    def test_dprintf_on_a_socket(self):
        """What is short is seen; what is long goes past us, and so is the rest of the connection left alone."""
        for flags in ((), ("-O2", "-D_FORTIFY_SOURCE=2")):
            with self.subTest(flags=flags):
                self.all_ok(self.both("""
                    int main(int argc, char **argv) { (void)argc;
                        int fd = connect_to(argv[1]);
                        TRY(dprintf(fd, "GET /%d HTTP/1.1\\r\\nHost: %s\\r\\n", 42, "tiny"));
                        TRY(dprintf(fd, "X: %s\\r\\n\\r\\n", "y"));
                        printf("%d\\n", answer(fd) > 0);
                        return 0;
                    }""", *flags, requests=1))
        self.both("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]);
                TRY(dprintf(fd, "GET / HTTP/1.1\\r\\nHost: tiny\\r\\nX: %5000d\\r\\n\\r\\n", 1));
                printf("%d\\n", answer(fd) > 0);
                return 0;
            }""", requests=1, traceparents=0, spans_count=0)

    def test_children_inherit_nothing_of_ours(self):
        self.closing('fflush(stdout); system("ls /proc/self/fd");')


class Processes(Tiny):
    def test_fork_in_the_middle_of_a_request(self):
        for child in ("exit(0)", "_exit(0)", "close(fd), _exit(0)", "closefrom(3), exit(0)",
                      'execl("/bin/true", "true", NULL), _exit(1)', "kill(getpid(), 9)"):
            for at in (0, 5, 20, "GET_LEN"):
                with self.subTest(child=child, at=at):
                    self.all_ok(self.both("""
                        int main(int argc, char **argv) { (void)argc;
                            int fd = connect_to(argv[1]);
                            if (""" + str(at) + """) send(fd, GET, """ + str(at) + """, 0);
                            pid_t pid = fork();
                            if (pid == 0) { """ + child + """; }
                            waitpid(pid, NULL, 0);
                            if (GET_LEN - """ + str(at) + """)
                                send(fd, GET + """ + str(at) + """, GET_LEN - """ + str(at) + """, 0);
                            printf("%d\\n", answer(fd));
                            request(fd);
                            return 0;
                        }""", requests=2))

    def test_the_child_goes_on_with_a_request(self):
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]);
                send(fd, GET, 9, 0);
                pid_t pid = fork();
                if (pid == 0) {
                    send(fd, GET + 9, GET_LEN - 9, 0);
                    printf("%d\\n", answer(fd));
                    return 0;
                }
                waitpid(pid, NULL, 0);
                return close(fd);
            }""", requests=1))

    def test_ids_differ_in_the_child(self):
        found = self.both("""
            int main(int argc, char **argv) { (void)argc;
                for (int i = 0; i < 20; i++) {
                    if (fork() == 0) { request_once(argv[1]); _exit(0); }
                    wait(NULL);
                }
                return 0;
            }""", requests=20)
        self.assertEqual(len({s["traceId"] for s in found}), 20)
        self.assertEqual(len({s["resource"]["process.pid"] for s in found}), 20)

    def test_fork_by_threads_while_others_send(self):
        found = self.both("""
            static const char *port;
            static void *requests(void *argument) {
                int fd = connect_to(port);
                for (int i = 0; i < 50; i++) { send(fd, GET, GET_LEN, 0); answer(fd); }
                close(fd);
                return argument;
            }
            static void *forks(void *argument) {
                for (int i = 0; i < 30; i++) {
                    pid_t pid = fork();
                    if (pid == 0) { int fd = connect_to(port); send(fd, GET, GET_LEN, 0); answer(fd); _exit(0); }
                    waitpid(pid, NULL, 0);
                }
                return argument;
            }
            int main(int argc, char **argv) { (void)argc;
                pthread_t threads[4];
                port = argv[1];
                for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, i % 2 ? forks : requests, NULL);
                for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
                return 0;
            }""", requests=160)
        self.all_ok(found)

    def test_vfork_dup2_exec_leaves_the_parent_alone(self):
        self.all_ok(self.both("""
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]), other = connect_to(argv[1]);
                request(other);
                send(fd, GET, 9, 0);
                pid_t pid = vfork();
                if (pid == 0) {
                    dup2(0, fd);
                    dup2(fd, 40);
                    close(fd);
                    close(other);
                    close_range(3, ~0U, 0);
                    execl("/bin/true", "true", NULL);
                    _exit(1);
                }
                waitpid(pid, NULL, 0);
                send(fd, GET + 9, GET_LEN - 9, 0);
                printf("%d\\n", answer(fd));
                request(other);
                return 0;
            }""", requests=3))

    def test_fork_per_connection_server(self):
        program = self.program("""
            int main(void) {
                struct sockaddr_in address = {.sin_family = AF_INET,
                                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                socklen_t len = sizeof address;
                int listener = socket(AF_INET, SOCK_STREAM, 0);
                signal(SIGCHLD, SIG_IGN);
                bind(listener, (struct sockaddr *)&address, len);
                listen(listener, 50);
                getsockname(listener, (struct sockaddr *)&address, &len);
                FILE *file = fopen("port.new", "w");
                fprintf(file, "%d", ntohs(address.sin_port));
                fclose(file);
                rename("port.new", "port");
                for (;;) {
                    int fd = accept(listener, NULL, NULL);
                    if (fork() == 0) {
                        char bytes[2000];
                        close(listener);
                        if (read(fd, bytes, sizeof bytes) > 0)
                            write(fd, "HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nyes", 41);
                        if (read(fd, bytes, sizeof bytes) > 0)
                            write(fd, "HTTP/1.1 404 No\\r\\nContent-Length: 3\\r\\n\\r\\nyes", 41);
                        exit(0);
                    }
                    close(fd);
                }
            }""")
        self.start(program, ready=pathlib.Path("port").exists)
        url = f"http://127.0.0.1:{pathlib.Path('port').read_text()}"
        for _ in range(10):
            result = self.bare("curl", "-s", f"{url}/1", f"{url}/2")
            self.assertEqual(result.stdout, b"yesyes")
        found = self.all_spans(20)
        self.assertEqual(duplicates(found), [])
        self.assertEqual({s["kind"] for s in found}, {"SERVER"})
        self.assertEqual(sorted(attribute(s, "http.response.status_code") for s in found),
                         [200] * 10 + [404] * 10)

    @needs_root
    def test_a_program_that_becomes_nobody(self):
        """The spans file is root's, in a directory that is only root's."""
        for change in ("setuid(65534)", "setgid(65534) || setresuid(65534, 65534, 65534)",
                       "setreuid(65534, 65534)", "seteuid(65534)"):
            for before in ("", "request_once(argv[1]);"):
                with self.subTest(change=change, before=before):
                    os.makedirs("secret", 0o700, exist_ok=True)
                    program = self.program("int main(int argc, char **argv) { (void)argc; " + before +
                                           f" printf(\"%d\\n\", {change}); request_once(argv[1]); return 0; }}")
                    path = pathlib.Path(tempfile.mkdtemp(dir="secret")).resolve() / "spans"
                    server = StrictServer()
                    result = self.preloaded(program, server.port,
                                            env={"RUN_TRACED_EXPORTER": f"file:{path}"})
                    server.stop()
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assert_no_problems(server)
                    self.assertEqual(len(spans(path)), 2 if before else 1)

    @needs_root
    def test_a_program_in_a_chroot(self):
        os.mkdir("root")
        program = self.program('int main(int argc, char **argv) { (void)argc;'
                               ' TRY(chroot("root")); TRY(chdir("/")); request_once(argv[1]); return 0; }')
        server = self.serve(StrictServer())
        self.assertEqual(self.preloaded(program, server.port).returncode, 0)
        self.assertEqual(len(self.spans()), 1)
        self.assertEqual(os.listdir("root"), [])


class Sandboxes(Tiny):
    """seccomp kills a program for a system call that it does not expect."""

    FILTER = r"""
        #include <linux/audit.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        static int filter_install(int by_syscall) {
            static const int allowed[] = {SYS_write, SYS_sendto, SYS_recvfrom, SYS_read, SYS_close,
                                          SYS_exit_group, SYS_exit, SYS_accept};
            enum { COUNT = sizeof allowed / sizeof allowed[0] };
            struct sock_filter code[COUNT + 3];
            code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
            for (int i = 0; i < COUNT; i++)
                code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                           (unsigned)allowed[i], COUNT - i, 0);
            code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
            code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
            struct sock_fprog program = {COUNT + 3, code};
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
            return by_syscall ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
                              : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        }
        static void say(const char *text) { if (write(1, text, strlen(text)) < 0) _exit(9); }
        static void ask(int fd, int by_write) {
            char bytes[1000];
            ssize_t sent = by_write ? write(fd, GET, GET_LEN) : send(fd, GET, GET_LEN, 0);
            if (sent != (ssize_t)GET_LEN) say("short ");
            size_t len = 0;
            while (len < 4 || memcmp(bytes + len - 3, "yes", 3)) {
                ssize_t more = by_write ? read(fd, bytes + len, sizeof bytes - len)
                                        : recv(fd, bytes + len, sizeof bytes - len, 0);
                if (more <= 0) { say("broken "); return; }
                len += (size_t)more;
            }
            say("answered ");
        }
    """

    def test_a_filter(self):
        for by_syscall in (0, 1):
            for before in (0, 1):
                with self.subTest(by_syscall=by_syscall, before=before):
                    found = self.both(self.FILTER + f"""
                        int main(int argc, char **argv) {{ (void)argc;
                            int fd = connect_to(argv[1]);
                            if ({before}) ask(fd, 0);
                            if (filter_install({by_syscall})) return 3;
                            for (int i = 0; i < 3; i++) ask(fd, i % 2);
                            say("closed "); if (close(fd)) say("not ");
                            return 0;
                        }}""", requests=3 + before, traceparents=None,
                                      spans_count=3 + before, by_prefix=True)
                    self.all_ok(found)
                    skipped = [attribute(s, "run_traced.propagation.skipped") for s in found]
                    self.assertEqual(skipped.count("sandbox"), 3, skipped)

    @not_sanitized("their runtime makes system calls of its own")
    def test_a_filter_and_a_fork_child(self):
        self.both(self.FILTER.replace("SYS_accept}", "SYS_accept, SYS_clone, SYS_wait4, SYS_set_robust_list,"
                                      "SYS_gettid, SYS_rt_sigprocmask}") + """
            #include <sys/wait.h>
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]), other = connect_to(argv[1]), status;
                ask(fd, 0);
                if (filter_install(0)) return 3;
                pid_t child = fork();
                if (child == 0) { ask(other, 0); say("child "); _exit(0); }
                if (waitpid(child, &status, 0) != child || status) say("died ");
                ask(fd, 0);
                return 0;
            }""", requests=3, traceparents=None, spans_count=2, by_prefix=True)

    @not_sanitized("their runtime makes system calls of its own")
    def test_a_program_that_is_started_in_a_sandbox(self):
        """The filter knows what its start needs, and no more: the library stays outside."""
        start = ", ".join(f"SYS_{name}" for name in (
            "execve", "brk", "mmap", "munmap", "mprotect", "openat", "newfstatat", "pread64", "access",
            "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom", "fstat",
            "rt_sigaction", "rt_sigprocmask", "clone", "clone3", "wait4", "futex", "getpid", "getppid", "getcwd",
            "getuid", "geteuid", "getgid", "getegid"))
        if os.uname().machine != "x86_64":
            self.skipTest("lists the system calls of x86-64")
        for how in ('execl("/bin/echo", "echo", "by exec", NULL)', 'execlp("echo", "echo", "by PATH", NULL)',
                    'return system("exec echo by a shell")'):
            with self.subTest(how=how):
                self.both(self.FILTER.replace("SYS_accept}", f"SYS_accept, {start}}}") + f"""
                    int main(int argc, char **argv) {{ (void)argc;
                        int fd = connect_to(argv[1]);
                        ask(fd, 0);
                        close(fd);
                        if (filter_install(0)) return 3;
                        {how};
                        return 4;
                    }}""", requests=1, spans_count=1, by_prefix=True)
                self.assertIn(b"by ", self.bare_result.stdout)

    def test_the_strict_mode(self):
        """Not even the clock may be read: nothing is traced from there on."""
        self.both(self.FILTER + """
            int main(int argc, char **argv) { (void)argc;
                int fd = connect_to(argv[1]);
                if (argv[2]) return filter_install(0);
                if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) return 3;
                ask(fd, 1);
                ask(fd, 1);
                syscall(SYS_exit, 0);
                return 4;
            }""", requests=2, traceparents=None, spans_count=0, by_prefix=True)

    def test_a_filter_that_is_refused_changes_nothing(self):
        self.all_ok(self.both("""
            #include <linux/seccomp.h>
            #include <sys/prctl.h>
            #include <sys/syscall.h>
            int main(int argc, char **argv) { (void)argc;
                TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
                TRY(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
                TRY(prctl(PR_GET_DUMPABLE));
                request_once(argv[1]);
                return 0;
            }""", requests=1))


class LimitedMemory(Tiny):
    """The ring is larger than many a limit on the address space."""

    @not_sanitized("their shadow memory is larger than any limit")
    def test_a_shell_that_sets_a_limit(self):
        script = "ulimit -v 60000; x=$(seq 1 200000); echo ${#x}; ulimit -v"
        bare, traced = (run("bash", "-c", script) for run in (self.bare, self.traced))
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr),
                         (bare.returncode, bare.stdout, bare.stderr))
        self.assertEqual(bare.stdout, b"1288894\n60000\n")

    @not_sanitized("their shadow memory is larger than any limit")
    def test_a_program_that_limits_itself(self):
        for call in ("setrlimit(RLIMIT_AS, &limit)", "prlimit(0, RLIMIT_AS, &limit, NULL)",
                     "setrlimit64(RLIMIT_AS, (struct rlimit64 *)&limit)",
                     "prlimit64(getpid(), RLIMIT_AS, (struct rlimit64 *)&limit, NULL)"):
            with self.subTest(call=call):
                self.both("int main(int argc, char **argv) { (void)argc;"
                          "    struct rlimit limit = {60 << 20, 60 << 20};"
                          f"   TRY({call});"
                          "    char *memory = malloc(40 << 20);"
                          '    puts(memory ? "enough" : "too little");'
                          "    request_once(argv[1]);"
                          "    return 0; }", requests=1, traceparents=None, spans_count=0, by_prefix=True)

    @not_sanitized("their shadow memory is larger than any limit")
    def test_a_program_in_a_limit_writes_its_spans_itself(self):
        program = self.program("int main(int argc, char **argv) { (void)argc; request_once(argv[1]);"
                               "return malloc(40 << 20) ? 0 : 5; }")
        server = self.serve(StrictServer())
        result = self.traced("bash", "-c", f"ulimit -v 60000; {program} {server.port}")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(len(self.spans()), 1)


class SignalsAndThreads(Tiny):
    def test_a_handler_that_writes_on_the_same_socket(self):
        program = self.program("""
            static int fd;
            static volatile int from_handler;
            static void on_alarm(int number) {
                int saved = errno;
                (void)number;
                if (from_handler < 300 && write(fd, GET, GET_LEN) == (ssize_t)GET_LEN) from_handler++;
                errno = saved;
            }
            int main(int argc, char **argv) { (void)argc;
                fd = connect_to(argv[1]);
                struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
                struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
                sigaction(SIGALRM, &action, NULL);
                setitimer(ITIMER_REAL, &often, NULL);
                for (int i = 0; i < 300; i++) {
                    if (write(fd, GET, GET_LEN) != (ssize_t)GET_LEN) return 3;
                    struct pollfd wait = {fd, POLLIN, 0};
                    poll(&wait, 1, 1);
                    char bytes[10000];
                    recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
                }
                setitimer(ITIMER_REAL, &never, NULL);
                shutdown(fd, SHUT_WR);
                char bytes[10000];
                while (recv(fd, bytes, sizeof bytes, 0) > 0);
                printf("%d\\n", 300 + from_handler);
                return 0;
            }""")
        server = StrictServer()
        result = self.preloaded(program, server.port)
        server.stop()
        problems = [p for p in server.problems if not p.startswith("0 traceparents")]
        self.assertEqual((result.returncode, problems), (0, []))
        self.assertEqual(len(server.requests), int(result.stdout))
        self.assertGreater(int(result.stdout), 301)
        # All were answered, and the answers read: what could not be followed is no error.
        self.assertEqual(duplicates(self.spans()), [])
        self.all_ok(self.spans())

    def test_a_handler_on_a_small_stack_of_its_own(self):
        for size in (8192, 16384):
            with self.subTest(size=size):
                self.all_ok(self.both("""
                    static const char *port;
                    static void on_signal(int number) {
                        (void)number;
                        int fd = connect_to(port);
                        if (send(fd, GET, GET_LEN, 0) != (ssize_t)GET_LEN) _exit(4);
                        char bytes[100];
                        while (recv(fd, bytes, sizeof bytes, 0) == sizeof bytes);
                        close(fd);
                    }
                    int main(int argc, char **argv) { (void)argc;
                        static char stack[""" + str(size) + """];
                        stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
                        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
                        port = argv[1];
                        if (sigaltstack(&alternate, NULL)) return 3;
                        sigaction(SIGUSR1, &action, NULL);
                        raise(SIGUSR1);
                        raise(SIGUSR1);
                        return 0;
                    }""", requests=2))

    @not_sanitized("instrumented frames are larger")
    def test_threads_with_small_stacks(self):
        found = self.both("""
            static const char *port;
            static void *requests(void *argument) {
                int fd = connect_to(port);
                for (int i = 0; i < 25; i++) {
                    if (send(fd, GET, GET_LEN, 0) != (ssize_t)GET_LEN) exit(4);
                    if (answer(fd) < 0) exit(5);
                }
                close(fd);
                return argument;
            }
            int main(int argc, char **argv) { (void)argc;
                pthread_attr_t attributes;
                pthread_t threads[8];
                port = argv[1];
                pthread_attr_init(&attributes);
                pthread_attr_setstacksize(&attributes, 65536);
                for (int i = 0; i < 8; i++)
                    if (pthread_create(&threads[i], &attributes, requests, NULL)) return 3;
                for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
                return 0;
            }""", requests=200)
        self.all_ok(found)
        self.assertEqual({r.traceparent[36:52] for r in self.server.requests},
                         {s["spanId"] for s in found})

    def test_threads_share_a_connection(self):
        """One sends, another reads. Some rounds, since it takes bad luck to go wrong."""
        for _ in range(8):
            self.one_sends_another_reads()

    def one_sends_another_reads(self):
        self.all_ok(self.both("""
            static int fd;
            static void *reads(void *argument) {
                char bytes[4096];
                for (ssize_t all = 0, n; all < 100 * 41; all += n)
                    if ((n = recv(fd, bytes, sizeof bytes, 0)) <= 0) exit(5);
                return argument;
            }
            int main(int argc, char **argv) { (void)argc;
                pthread_t reader;
                fd = connect_to(argv[1]);
                pthread_create(&reader, NULL, reads, NULL);
                for (int i = 0; i < 100; i++) {
                    if (send(fd, GET, GET_LEN, 0) != (ssize_t)GET_LEN) return 4;
                }
                pthread_join(reader, NULL);
                return close(fd);
            }""", requests=100))

    def test_a_thread_that_is_cancelled_in_recv(self):
        program = self.program("""
            static int fd;
            static void *reads(void *argument) {
                char bytes[10];
                if (argument) for (;;) read(fd, bytes, 10);
                for (;;) recv(fd, bytes, 10, 0);
            }
            int main(int argc, char **argv) { (void)argc;
                fd = connect_to(argv[1]);
                for (long i = 0; i < 2; i++) {
                    pthread_t reader;
                    void *result;
                    pthread_create(&reader, NULL, reads, (void *)i);
                    usleep(20000);
                    pthread_cancel(reader);
                    pthread_join(reader, &result);
                    printf("%d\\n", result == PTHREAD_CANCELED);
                }
                request(fd);
                return close(fd);
            }""")
        server = self.serve(StrictServer(traceparents=1))
        traced = self.preloaded(program, server.port)
        self.assertEqual((traced.returncode, traced.stdout), (0, b"1\n1\nanswer of 41 bytes\n"))
        self.all_ok(self.spans())
        self.assertEqual(len(self.spans()), 1)

    def test_a_thread_that_is_cancelled_in_send(self):
        def slow(conversation):
            conversation.sock.recv(10)
            wait_for(lambda: released.exists())
            conversation.read_to_end()
        released = self.directory / "released"
        program = self.program("""
            static int fd;
            static void *sends(void *argument) {
                static char body[20000000];
                char head[] = "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 20000000\\r\\n\\r\\n";
                send(fd, head, sizeof head - 1, 0);
                send(fd, body, sizeof body, 0);
                return argument;
            }
            int main(int argc, char **argv) { (void)argc;
                pthread_t sender;
                void *result;
                fd = connect_to(argv[1]);
                pthread_create(&sender, NULL, sends, NULL);
                usleep(50000);
                pthread_cancel(sender);
                pthread_join(sender, &result);
                printf("%d\\n", result == PTHREAD_CANCELED);
                close(open("released", O_CREAT | O_WRONLY, 0600));
                TRY(send(fd, "x", 1, 0));
                return close(fd);
            }""")
        server = self.serve(Recorder(slow))
        traced = self.preloaded(program, server.port)
        self.assertEqual((traced.returncode, traced.stdout),
                         (0, b'1\nsend(fd, "x", 1, 0) = 1 errno 7777\n'))

    def test_a_call_that_a_signal_interrupts(self):
        server = self.serve(Recorder(lambda conversation: conversation.read_to_end()))
        program = self.program("""
            static void on_alarm(int number) { (void)number; }
            int main(int argc, char **argv) { (void)argc;
                char bytes[10];
                struct sigaction action = {.sa_handler = on_alarm};
                sigaction(SIGALRM, &action, NULL);
                int fd = connect_to(argv[1]);
                send(fd, GET, GET_LEN, 0);
                setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 50000}}, NULL);
                TRY(recv(fd, bytes, 10, 0));
                setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 50000}}, NULL);
                TRY(read(fd, bytes, 10));
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 50000}, sizeof(struct timeval));
                TRY(recv(fd, bytes, 10, 0));
                return close(fd);
            }""")
        bare, traced = self.bare(program, server.port), self.preloaded(program, server.port)
        self.assertEqual(traced.stdout, bare.stdout)
        self.assertEqual([attribute(s, "error.type") for s in self.spans()], ["timeout"])


if __name__ == "__main__":
    unittest.main()
