"""From which line of which file a call was made, as the collector finds it in debug information."""

import shutil
import subprocess
import time
import unittest

import elf_names
from support import HAS_LAUNCHER, PROGRAMS, StrictServer, TracedTest, attribute, needs

CALLING = f"""#include "{PROGRAMS}/tiny.h"

static inline __attribute__((always_inline)) void ask(int fd)
{{
    send(fd, GET, GET_LEN, 0);
}}

int main(int argc, char **argv)
{{
    int fd = connect_to(argv[1]);
    ask(fd);
    puts("sent");
    return answer(fd) < 0;
}}
"""
LINE = 1 + CALLING[:CALLING.index("send(")].count("\n")

LIBRARY = CALLING.replace("int main(", "int ask_there(")
LOADING = """#include <dlfcn.h>
int main(int argc, char **argv)
{
    int (*ask)(int, char **) = dlsym(dlopen(argv[2], RTLD_NOW), "ask_there");
    return ask(argc, argv);
}
"""

METHOD = """#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
namespace shop {
struct Cart {
    __attribute__((noinline)) long pay(int fd);
};
long Cart::pay(int fd)
{
    static const char get[] = "GET /tiny HTTP/1.1\\r\\nHost: tiny\\r\\n\\r\\n";
    return send(fd, get, sizeof get - 1, 0);
}
}
int main(int, char **argv)
{
    struct sockaddr_in address = {};
    char bytes[4096];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 || shop::Cart().pay(fd) < 0)
        return 1;
    return read(fd, bytes, sizeof bytes) <= 0;
}
"""

# What is inlined of std (in C++ a lambda's call, in Rust write_all) is passed over, and so are its own functions.
INLINING = METHOD.replace("#include <arpa", "#include <functional>\n#include <arpa").replace(
    "return send(fd, get, sizeof get - 1, 0);",
    "std::function<long(int)> ask = [](int to) {\n"
    "        return send(to, get, sizeof get - 1, 0); };\n"
    "    return ask(fd);")

RUST = """use std::io::{Read, Write};
use std::net::TcpStream;
mod shop {
    use super::*;
    pub struct Order { pub id: u32 }
    impl Order {
        #[inline(never)]
        pub fn pay(&self, stream: &mut TcpStream) -> std::io::Result<usize> {
            stream.write_all(b"GET /rust HTTP/1.1\\r\\nHost: rust\\r\\n\\r\\n")?;
            let mut bytes = [0u8; 4096];
            stream.read(&mut bytes)
        }
    }
}
fn main() {
    let port = std::env::args().nth(1).unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", port)).unwrap();
    shop::Order { id: 7 }.pay(&mut stream).unwrap();
}
"""


@unittest.skipUnless(HAS_LAUNCHER, "needs the collector")
class CallSites(TracedTest):
    def write(self, name, source):
        path = self.directory / name
        path.write_text(source)
        return path

    def build(self, source, *flags, name="calling", compiler="gcc"):
        path = self.write(name + (".cc" if compiler == "g++" else ".c"), source)
        program = self.directory / name
        subprocess.run([compiler, "-D_GNU_SOURCE", "-w", path, "-o", program, *flags], check=True)
        self.settle()
        return program, str(path)

    def settle(self):
        """What is built in the moment in which it is started may be another file."""
        time.sleep(0.1)

    def span_of(self, program, *arguments, options=()):
        server = self.serve(StrictServer())
        words, env = self.traced_command([program, server.port, *arguments])
        words[1:1] = options
        result = self._run(words, env)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.spans()[-1]

    def place(self, span):
        return tuple(attribute(span, f"code.{name}") for name in ("function.name", "file.path", "line.number"))

    def test_a_request_says_its_line(self):
        for flags in (["-g"], ["-g", "-O2"], ["-g", "-O2", "-no-pie"]):
            program, path = self.build(CALLING, *flags)
            self.assertEqual(self.place(self.span_of(program)), ("ask", path, LINE), flags)

    def test_a_separate_debug_file_says_it_too(self):
        program, path = self.build(CALLING, "-g", "-O2")
        debug = self.directory / "calling.debug"
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", program], check=True)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", program], check=True)
        self.settle()
        self.assertEqual(self.place(self.span_of(program)), ("ask", path, LINE))

    def test_a_library_that_is_loaded_later(self):
        library, path = self.build(LIBRARY, "-g", "-O2", "-shared", "-fPIC", name="library")
        program, _ = self.build(LOADING, "-ldl")
        self.assertEqual(self.place(self.span_of(program, library)), ("ask", path, LINE))

    def test_names_that_lie_far_from_their_symbols(self):
        """The calling function is in no table, so that the search goes as far as the table."""
        source = elf_names.ROOM + CALLING.replace("inline __attribute__((always_inline))", "__attribute__((noinline))")
        for style in ("gnu", "sysv", "both"):
            flags = ["-O1", f"-Wl,--hash-style={style}", *elf_names.LINK_FLAGS]
            library, _ = self.build(source.replace("int main(", "int ask_there("), "-shared", "-fPIC", *flags,
                                    name="library")
            elf_names.move_names(library)
            program, _ = self.build(LOADING, "-ldl")
            self.assertRegex(self.place(self.span_of(program, library))[0], r"^ask\+0x[0-9a-f]+$", style)
            program, _ = self.build(source, "-pie", *flags)
            elf_names.move_names(program)
            self.assertRegex(self.place(self.span_of(program))[0], r"^ask", style)

    @needs("g++")
    def test_a_method_has_its_scopes(self):
        line = 1 + METHOD[:METHOD.index("send(")].count("\n")
        program, path = self.build(METHOD, "-g", compiler="g++")
        self.assertEqual(self.place(self.span_of(program)), ("shop::Cart::pay", path, line))
        program, path = self.build(METHOD, compiler="g++")
        self.assertRegex(self.place(self.span_of(program))[0], r"^shop::Cart::pay\+0x[0-9a-f]+$")

    @needs("g++")
    def test_what_is_inlined_of_the_standard_library_is_no_caller(self):
        line = 1 + INLINING[:INLINING.index("send(")].count("\n")
        for flags in (["-g"], ["-g", "-O2"]):
            program, path = self.build(INLINING, *flags, compiler="g++")
            function, *rest = self.place(self.span_of(program))
            self.assertIn("operator()", function, flags)
            self.assertEqual(rest, [path, line], flags)

    @needs("rustc")
    def test_of_rust_its_standard_library_is_no_caller(self):
        source = self.write("calling.rs", RUST)
        line = 1 + RUST[:RUST.index("stream.write_all")].count("\n")
        for flags in (["-g"], ["-g", "-O"], ["-g", "-O", "-Csymbol-mangling-version=v0"]):
            program = self.directory / "calling"
            subprocess.run(["rustc", *flags, source, "-o", program], check=True, capture_output=True)
            time.sleep(0.1)  # as above
            self.assertEqual(self.place(self.span_of(program)), ("calling::shop::Order::pay", str(source), line), flags)
        subprocess.run(["rustc", "-O", source, "-o", program], check=True, capture_output=True)
        self.assertRegex(self.place(self.span_of(program))[0], r"^calling::shop::Order::pay\+0x[0-9a-f]+$")

    def test_without_debug_information_it_is_the_symbol_or_nothing(self):
        program, _ = self.build(CALLING, "-O2", "-s", "-rdynamic")
        function, *rest = self.place(self.span_of(program))
        self.assertRegex(function, r"^main(\+0x[0-9a-f]+)?$")
        self.assertEqual(rest, [None, None])
        program, _ = self.build(CALLING, "-O2", "-s")
        self.assertEqual(self.place(self.span_of(program)), (None, None, None))

    def test_a_program_that_is_replaced_while_it_runs_gets_no_line_but_by_its_build_id(self):
        replacing = CALLING.replace("ask(fd);\n    puts", "if (rename(argv[2], argv[0])) return 9; usleep(30000); ask(fd);\n    puts")
        replacing = replacing.replace("static inline", "#include <unistd.h>\nstatic inline")
        other = self.directory / "other"
        for flag, is_same, expected in (("none", True, None), ("sha1", True, LINE + 1), ("sha1", False, None)):
            program, _ = self.build(replacing, "-g", "-O2", f"-Wl,--build-id={flag}")
            if is_same:
                shutil.copy(program, other)
            else:
                self.build(replacing + "int another;\n", "-g", name="other")
            span = self.span_of(program, other)
            self.assertIsNotNone(attribute(span, "run_traced.code.address"))
            self.assertEqual(attribute(span, "code.line.number"), expected, (flag, is_same))

    def test_it_can_be_switched_off(self):
        program, _ = self.build(CALLING, "-g", "-O2")
        span = self.span_of(program, options=["--no-call-sites"])
        self.assertIsNone(attribute(span, "code.line.number"))
        self.assertIsNotNone(attribute(span, "run_traced.code.address"))


if __name__ == "__main__":
    unittest.main()
