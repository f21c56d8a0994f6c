"""code.stacktrace: whose calls have one, what is in it, and that no stack does a program any harm."""

import subprocess
import sys
import time
import unittest

from support import HAS_LAUNCHER, PROGRAMS, StrictServer, TracedTest, attribute

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nyes"


@unittest.skipUnless(HAS_LAUNCHER, "needs the collector")
class Stacks(TracedTest):
    def setUp(self):
        super().setUp()
        self.program = self.directory / "stacks"
        subprocess.run(["gcc", "-D_GNU_SOURCE", "-g", "-O2", "-w", PROGRAMS / "stacks.c", "-o", self.program, "-lpthread"],
                       check=True)
        time.sleep(0.1)  # what is built in the moment in which it is started may be another file

    def call(self, *command, options=(), answer=NOT_FOUND):
        """The spans of the calls, and what the program printed."""
        self.forget_spans()
        server = self.serve(StrictServer(answer=answer))
        words, env = self.traced_command([command[0], server.port, *command[1:]])
        words[1:1] = options
        result = self._run(words, env)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return [span for span in self.spans() if span["name"] == "GET"], result.stdout

    def stack_of(self, how, options=()):
        (span,), printed = self.call(self.program, how, options=options)
        self.assertEqual(printed, b"answered\n")
        return attribute(span, "code.stacktrace").split("\n")

    def functions(self, stack):
        return [line.removeprefix("at ").partition(" (")[0] for line in stack]

    def test_from_the_call_to_main(self):
        for options in ((), ("--stacktrace=all",)):
            for how, callers in (("signal", ["ask_on_a_stack", "on_signal", "main"]),
                                 ("sigaltstack", ["ask_on_a_stack", "on_signal", "main"]),
                                 ("thread", ["ask_on_a_stack", "small_thread"]),
                                 ("deep", ["ask_on_a_stack"] + ["deep"] * 5)):
                with self.subTest(how=how, options=options):
                    stack = self.stack_of(how, options)
                    functions = self.functions(stack)
                    at = 0
                    for caller in callers:  # in this order, others between them
                        at = next(i for i in range(at, len(functions)) if caller in functions[i]) + 1
                    self.assertRegex(stack[functions.index("ask_on_a_stack")],
                                     r"^at ask_on_a_stack \(.*/stacks\.c:\d+\)$")

    def test_what_there_is_no_room_for_is_counted(self):
        *lines, last = self.stack_of("deep")
        self.assertRegex(last, r"^\.\.\. and \d+ more$")
        self.assertLessEqual(len(lines) + int(last.split()[2]), 32)

    def test_a_damaged_stack_ends_early_and_harms_nothing(self):
        for options in ((), ("--stacktrace=all",)):
            spans, printed = self.call(self.program, options=options)
            self.assertEqual(printed, b"answered\n")
            self.assertEqual(len(spans), 21)
            for span in spans:
                self.assertIn("ask_on_a_stack", attribute(span, "code.stacktrace"))

    def test_a_stack_that_is_gone_is_not_read(self):
        spans, printed = self.call(self.program, "routines")
        self.assertEqual(printed, b"answered\n")
        self.assertEqual(len(spans), 3)
        for span in spans:
            functions = self.functions(attribute(span, "code.stacktrace").split("\n"))
            at = functions.index("ask_on_a_stack")
            self.assertEqual(functions[at:at + 3], ["ask_on_a_stack", "lead_away", "routine"])

    def test_only_those_that_are_asked_for(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
        for options, answer, has_one in (((), NOT_FOUND, True), ((), ok, False), (["--stacktrace=errors"], ok, False),
                                         (["--stacktrace=all"], ok, True), (["--stacktrace=none"], NOT_FOUND, False)):
            (span,), _ = self.call(self.program, "thread", options=options, answer=answer)
            self.assertEqual(attribute(span, "code.stacktrace") is not None, has_one, (options, answer))

    def test_of_python_it_is_pythons(self):
        program = self.directory / "order.py"
        program.write_text("import http.client, sys\n"
                           "def pay():\n"
                           "    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
                           "    c.request('GET', '/')\n"
                           "    c.getresponse()\n"
                           "pay()\n")
        starter = self.directory / "start"
        starter.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
        starter.chmod(0o755)
        (span,), _ = self.call(starter)
        stack = attribute(span, "code.stacktrace").split("\n")
        self.assertEqual(stack[-2:], [f"at pay ({program}:5)", f"at <module> ({program}:6)"])
        self.assertTrue(all("http/client.py" in line or "socket.py" in line for line in stack[:-2]), stack)

    def test_a_wrong_choice_is_refused(self):
        words, env = self.traced_command(["true"])
        result = self._run([words[0], "--stacktrace=some", *words[1:]], env)
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"errors, all or none", result.stderr)


if __name__ == "__main__":
    unittest.main()
