"""The library as a file: what it exports, imports and needs, and how it loads."""

import os
import pathlib
import re
import subprocess
import unittest

from support import ROOT, SHIM, TracedTest, needs, not_sanitized


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=True).stdout


def interposed(kind=r"INTERPOSE\w*"):
    text = (ROOT / "src/shim/symbols.def").read_text()
    return set(re.findall(rf"^{kind}\((\w+)\)", text, re.MULTILINE))


def offered():
    """Functions of our own for who wants to speak of its tests and spans: run_traced.h."""
    text = (ROOT / "src/shim/offered.def").read_text()
    return set(re.findall(r"^OFFER\((\w+)\)", text, re.MULTILINE))


def symbols(*options):
    """Names of dynamic symbols without their versions."""
    return {line.split()[-1].partition("@")[0] for line in output("nm", "-D", *options, SHIM)
            .splitlines()}


class Symbols(unittest.TestCase):
    def test_the_list_is_there(self):
        self.assertGreater(len(interposed()), 40)

    @not_sanitized("instrumentation exports names of its own")
    def test_exports_exactly_the_list(self):
        self.assertEqual(symbols("--defined-only"), interposed() | offered())

    def test_imports_nothing_that_it_interposes(self):
        self.assertEqual(symbols("--undefined-only") & interposed(), set())

    def test_no_object_of_it_imports_what_it_interposes(self):
        """A hidden call within the library, bound at link time, would not show above."""
        objects = [path for folder in ("base", "trace", "wire", "export", "shim")
                   for path in (SHIM.parent / "src" / folder).glob("*.o")]
        self.assertGreater(len(objects), 10)
        for path in objects:
            undefined = {line.split()[-1] for line in output("nm", "-u", path).splitlines()}
            if not (ROOT / "src" / path.parent.name / path.name).with_suffix(".c").exists():
                continue  # of a file that is no more
            if path.name == "library_entry.o":  # the addresses of what it gives out
                undefined -= interposed(r"INTERPOSE_LATER")
            if path.name == "deepbind.o":
                undefined -= interposed()
            # syscall(SYS_close_range) is handed to its wrapper by design.
            self.assertEqual(undefined & interposed(), set(), path.name)

    @not_sanitized("instrumentation calls malloc")
    def test_does_not_call_malloc_nor_exit_nor_print(self):
        forbidden = {"malloc", "calloc", "realloc", "free", "printf", "fprintf", "puts", "exit",
                     "abort", "signal", "sigaction", "perror", "syslog"}
        self.assertEqual(symbols("--undefined-only") & forbidden, set())

    def test_thread_locals_are_initial_exec(self):
        names = symbols("--undefined-only")
        self.assertNotIn("__tls_get_addr", names)

    def test_does_not_take_over_unwinding(self):
        names = symbols("--defined-only")
        self.assertEqual([n for n in names if n.startswith(("_Unwind", "unw_", "_U"))], [])


class Segments(unittest.TestCase):
    @not_sanitized("needs libasan")
    def test_needs_libc_alone(self):
        needed = re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-dW", SHIM))
        self.assertLessEqual(set(needed), {"libc.so.6", "ld-linux-x86-64.so.2"})  # glibc's both

    def test_no_text_relocations_no_executable_stack_bound_now(self):
        dynamic = output("readelf", "-dW", SHIM)
        self.assertNotIn("TEXTREL", dynamic)
        self.assertRegex(dynamic, "BIND_NOW|FLAGS_1.*NOW")
        stack = re.search(r"GNU_STACK.*", output("readelf", "-lW", SHIM)).group()
        self.assertNotIn("E", stack.split()[-2])

    @not_sanitized("instrumentation has data of its own")
    def test_a_start_changes_a_few_pages(self):
        """Each costs every process some microseconds: what the loader relocates, and what the start writes to."""
        addresses = {int(line.split()[0], 16) for line in output("readelf", "-rW", SHIM).splitlines()
                     if " R_" in line}
        self.assertLessEqual(len({address // 4096 for address in addresses}), 2)
        self.assertLess(len(addresses), 450)
        sections = {name: (int(address, 16), int(size, 16)) for name, address, size in re.findall(
            r"\] (\S+) +\S+ +([0-9a-f]{16}) \w+ (\w+)", output("readelf", "-SW", SHIM))}
        begin, (bss, bss_len) = sections[".init_array"][0], sections[".bss"]
        self.assertLessEqual(bss + bss_len - begin, 7 * 4096)
        self.assertEqual(begin % 4096, 0)

    def test_thread_local_storage_is_small(self):
        """It comes off every thread's stack."""
        segment = re.search(r"^ +TLS +(.*)", output("readelf", "-lW", SHIM), re.MULTILINE)
        self.assertLess(int(segment.group(1).split()[4], 16), 4096)


class Loading(TracedTest):
    def test_bind_now(self):
        result = self.preloaded("true", env={"LD_BIND_NOW": "1"})
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_without_any_configuration_it_does_nothing(self):
        result = self.preloaded("ls", "/", env={"RUN_TRACED_EXPORTER": ""})
        self.assertEqual((result.stdout, result.stderr), (self.bare("ls", "/").stdout, b""))

    @needs("objdump")
    @not_sanitized("instrumentation changes the code")
    def test_dlopen_ends_in_a_jump(self):
        code = output("objdump", "-d", "--no-show-raw-insn", "--disassemble=dlopen", SHIM)
        instructions = [line.split("\t")[1].split()[0] + " " + line.split("\t")[1]
                        for line in code.splitlines() if "\t" in line]
        names = [i.split()[0] for i in instructions]
        self.assertIn("jmp", names)
        indirect = [i for i in instructions if "*" in i]
        self.assertTrue(indirect and all(i.startswith("jmp") for i in indirect), code)

    def test_runpath_of_the_caller_still_counts(self):
        for name in ("hidden", "other"):
            os.mkdir(name)
        self.compile("int answer(void) { return 42; }", "-shared", "-fPIC", name="hidden/libinner.so")
        source = """
            #include <dlfcn.h>
            #include <stdio.h>
            void try_open(const char *who) {
                void *handle = dlopen("libinner.so", RTLD_NOW);
                int (*answer)(void) = handle ? (int (*)(void))dlsym(handle, "answer") : 0;
                printf("%s %d %s\\n", who, answer ? answer() : 0, handle ? "" : dlerror());
                if (handle) dlclose(handle);
            }"""
        for name, path in (("a", "hidden"), ("b", "other")):
            self.compile(source.replace("try_open", f"try_open_{name}"), "-shared", "-fPIC",
                         f"-Wl,--enable-new-dtags,-rpath,{self.directory}/{path}",
                         name=f"lib{name}.so")
        program = self.compile(
            'void try_open_a(const char *); void try_open_b(const char *);'
            'int main(void) { try_open_b("b"); try_open_a("a"); try_open_b("b"); }',
            "-L.", "-la", "-lb", f"-Wl,-rpath,{self.directory}")
        bare = self.bare(program)
        self.assertIn(b"a 42 ", bare.stdout)
        self.assertIn(b"b 0 ", bare.stdout)
        self.assertEqual(self.preloaded(program).stdout, bare.stdout)

    def test_a_library_that_is_bound_to_itself(self):
        """RTLD_DEEPBIND: its own functions stay its own; what it asks libc for is seen, bound at once or late."""
        for count, flags in enumerate(("-Wl,-z,lazy", "-Wl,-z,now,-z,relro"), 1):
            with self.subTest(flags=flags):
                self.compile("""
                    #include <sys/socket.h>
                    #include <unistd.h>
                    const char *version(void) { return "the library's"; }
                    const char *which(void) { return version(); }
                    int ask(void) {
                        static const char get[] = "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n";
                        int pair[2];
                        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
                        return write(pair[0], get, sizeof get - 1) == sizeof get - 1 ? 0 : 2;
                    }""", "-shared", "-fPIC", flags, name="libdeep.so")
                program = self.compile("""
                    #include <dlfcn.h>
                    #include <stdio.h>
                    const char *version(void) { return "the program's"; }
                    int main(void) {
                        void *a = dlopen("./libdeep.so", RTLD_LAZY | RTLD_DEEPBIND);
                        const char *(*which)(void) = (const char *(*)(void))dlsym(a, "which");
                        int (*ask)(void) = (int (*)(void))dlsym(a, "ask");
                        printf("%s %d\\n", which(), ask());
                        void *b = dlopen("./libdeep.so", RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL);
                        printf("%d %d\\n", a == b, dlsym(RTLD_DEFAULT, "which") != 0);
                        void *c = dlopen("./no-such-library.so", RTLD_NOW);
                        printf("%d %s\\n", c != 0, dlerror());
                        printf("%d\\n", dlopen(0, RTLD_NOW) != 0);
                        dlclose(b);
                        dlclose(a);
                        printf("%d\\n", dlopen("./libdeep.so", RTLD_LAZY | RTLD_NOLOAD) != 0);
                        return 0;
                    }""", "-rdynamic")
                bare = self.bare(program)
                self.assertEqual((bare.returncode, bare.stdout[:16]), (0, b"the library's 0\n"))
                traced = self.preloaded(program)
                self.assertEqual(traced.stdout, bare.stdout)
                self.assertEqual(len(self.spans()), count)

    def test_dlerror_is_the_programs_own(self):
        """The library's own look-ups leave nothing there."""
        program = self.compile("""
            #include <dlfcn.h>
            #include <stdio.h>
            int main(void) { const char *e = dlerror(); puts(e ? e : "none"); return 0; }""")
        self.assertEqual(self.preloaded(program).stdout, b"none\n")

    def test_a_c_plus_plus_exception_is_caught(self):
        source = ('#include <cstdio>\n#include <stdexcept>\n#include <unistd.h>\n'
                  'int main() { try { if (close(-1)) throw std::runtime_error("x"); }'
                  ' catch (std::exception &e) { std::puts(e.what()); return 3; } }')
        try:
            subprocess.run(["g++", "-x", "c++", "-", "-o", "program"], input=source.encode(),
                           check=True)
        except FileNotFoundError:
            self.skipTest("not installed: g++")
        result = self.preloaded("./program")
        self.assertEqual((result.returncode, result.stdout), (3, b"x\n"))


if __name__ == "__main__":
    unittest.main()
