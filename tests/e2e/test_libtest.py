"""The tests of Rust programs, by libtest."""

import pathlib
import re
import subprocess
import tempfile

from support import attribute, needs, of_kind
from test_suites import STATUS, Suites

SUITE = r"""
use std::io::{Read, Write};
use std::net::TcpStream;

#[cfg(test)]
fn get(path: &str) {
    let address = std::env::var("ADDRESS").unwrap();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!("GET /{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, address);
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

#[cfg(test)]
mod tests {
    use super::get;

    #[test]
    fn passes() {
        get("passes");
    }

    #[test]
    fn fails() {
        get("fails");
        assert_eq!(1, 2);
    }

    #[test]
    #[ignore]
    fn is_ignored() {
        get("never");
    }

    #[test]
    #[should_panic]
    fn panics() {
        get("panics");
        panic!("as it should");
    }

    #[test]
    fn returns_an_error() -> Result<(), String> {
        get("error");
        Err("so".into())
    }

    #[test]
    fn has_a_thread() {
        std::thread::Builder::new().name("a name".into()).spawn(|| get("thread")).unwrap().join().unwrap();
    }

    mod with_the_same_beginning {
        use super::get;

        #[test]
        fn of_fifteen_bytes_one() {
            get("one");
            println!("test tests::invented ... ");
            println!("ok");
        }

        #[test]
        fn of_fifteen_bytes_two() {
            get("two");
        }
    }
}
"""

ALIKE = "tests::with_the_same_beginning::of_fifteen_bytes_"


@needs("rustc")
class Libtest(Suites):
    EXPECTED = {
        "tests::passes": ("pass", ["passes"]),
        "tests::fails": ("fail", ["fails"]),
        "tests::is_ignored": ("skipped", []),
        "tests::panics": ("pass", ["panics"]),
        "tests::returns_an_error": ("fail", ["error"]),
        "tests::has_a_thread": ("pass", ["thread"]),
        ALIKE + "one": ("pass", ["one"]),
        ALIKE + "two": ("pass", ["two"]),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.built = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.built.cleanup)
        cls.suite = cls.build(pathlib.Path(cls.built.name), SUITE, "--test")

    @staticmethod
    def build(directory, text, *options):
        program = directory / "suite"
        source = program.with_suffix(".rs")
        source.write_text(text)
        subprocess.run(["rustc", "--edition=2018", "-Awarnings", *options, "-o", program, source], check=True)
        return program

    def check(self, *options, env=None, program=None):
        """The same as bare, but for times, thread ids, which thread is the first to panic, and the order of what ends at
        the same time."""
        def outcome(run):
            stdout = re.sub(rb"finished in [0-9.]+s|\(\d+\) panicked|note: run with .*\n", b"", run.stdout)
            return run.returncode, sorted(stdout), run.stderr
        env = (env or {}) | {"ADDRESS": f"127.0.0.1:{self.server.port}", "RUST_BACKTRACE": "0"}
        bare = self.bare(program or self.suite, *options, env=env)
        traced = self.traced(program or self.suite, *options, env=env)
        self.assertEqual(outcome(traced), outcome(bare))

    def found(self):
        return {name: (attribute(span, STATUS), asked) for name, (span, asked) in self.tests().items()}

    def test_each_test_has_its_calls_and_its_result(self):
        for options in (), ("--test-threads=4",), ("--test-threads=1",), ("--color=always",):
            self.forget_spans()
            self.check(*options)
            self.assertEqual(self.found(), self.EXPECTED, options)
            self.assertEqual(attribute(self.tests()["tests::passes"][0], "test.suite.name"), "tests")

    def test_what_a_test_prints_is_not_believed(self):
        self.check("--nocapture", "--test-threads=2", "fifteen")
        self.assertEqual(self.found(), {name: self.EXPECTED[name] for name in self.EXPECTED if name.startswith(ALIKE)})

    def test_a_trace_for_each_test(self):
        self.check(env={"RUN_TRACED_TRACE_PER": "test"})
        self.assertEqual(len({span["traceId"] for span, _ in self.tests().values()}), len(self.EXPECTED))

    def test_off_or_without_names(self):
        self.check(env={"RUN_TRACED_TEST_OUTPUT": "off"})
        for option in "-q", "--format=terse":
            traced = self.traced(self.suite, option, env={"ADDRESS": f"127.0.0.1:{self.server.port}"})
            self.assertEqual((traced.returncode, traced.stderr), (101, b""))
        self.assertEqual(self.tests(), {})

    def test_a_test_that_dies_is_an_error(self):
        program = self.build(self.directory, SUITE.replace("assert_eq!(1, 2);", "std::process::abort();"), "--test")
        self.traced(program, "tests::fails", env={"ADDRESS": f"127.0.0.1:{self.server.port}"})
        [(name, (span, asked))] = self.tests().items()
        self.assertEqual((name, span["status"]["code"], attribute(span, "error.type"), asked),
                         ("tests::fails", "ERROR", "SIGABRT", ["fails"]))

    def test_a_program_that_prints_the_same_is_no_runner(self):
        program = self.build(self.directory, """
            use std::io::Write;
            fn main() {
                print!("\\nrunning 1 test\\n");
                std::io::stdout().flush().unwrap();
                std::thread::spawn(|| ()).join().unwrap();
                println!("test it ... ok");
            }
        """)
        self.check(program=program)
        self.assertEqual(self.tests(), {})
        self.assertEqual(of_kind(self.spans(), "INTERNAL"), [])
