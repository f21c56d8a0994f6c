/* Call sites: a span says in which line its call was made, each place is looked up once, and nothing that a record says
 * leads to a wrong line. */
#include "launcher/call_sites.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "support/compiled.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(call_sites, .init = compiled_set_up, .fini = compiled_tear_down, .timeout = 60);

static struct call_sites *g_sites;

static uint64_t boottime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NANOS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* This test, as the collector would know it. */
static struct traced_process self(void)
{
    return (struct traced_process){.pid = getpid(), .pidfd = -1, .registered_boottime_ns = boottime_ns(), .started_boottime_ns = boottime_ns()};
}

static uint64_t file_address(const void *address)
{
    extern ElfW(Dyn) _DYNAMIC[];
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next)
        if (map->l_ld == _DYNAMIC)
            return (uintptr_t)address - map->l_addr;
    return 0;
}

/* An address in the line of its call. */
static NOINLINE uint64_t here(void)
{
    return file_address((const char *)__builtin_return_address(0) - 1);
}

static const char *own_path(void)
{
    static char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[MAX(len, 0)] = '\0';
    return path;
}

static struct span *span_of(const char *module, uint64_t offset)
{
    static struct span span;
    char address[640];
    memset(&span, 0, sizeof span);
    span.kind = SPAN_KIND_CLIENT;
    int len = snprintf(address, sizeof address, "%s+0x%lx", module, offset);
    span_set_string(&span, ATTRIBUTE_CODE_ADDRESS, address, (size_t)len);
    return &span;
}

static bool attribute_of(const struct span *span, enum attribute_key key, struct attribute *out)
{
    struct attribute_iterator iterator;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, out))
        if (out->key == key)
            return true;
    return false;
}

static bool is_text(const struct span *span, enum attribute_key key, const char *expected)
{
    struct attribute attribute;
    return attribute_of(span, key, &attribute) && attribute.len == strlen(expected) &&
           memcmp(attribute.string, expected, attribute.len) == 0;
}

static int64_t line_of(const struct span *span)
{
    struct attribute attribute;
    return attribute_of(span, ATTRIBUTE_CODE_LINE_NUMBER, &attribute) ? attribute.number : 0;
}

static int64_t described_line(struct span *span, struct traced_process *process)
{
    if (!g_sites)
        g_sites = call_sites_new(0);
    call_sites_begin(g_sites);
    call_sites_describe(g_sites, span, process);
    return line_of(span);
}

Test(call_sites, say_function_file_and_line)
{
    struct traced_process process = self();
    struct span *span = span_of(own_path(), here());
    cr_expect_eq(described_line(span, &process), __LINE__ - 1);
    struct attribute file;
    cr_assert(attribute_of(span, ATTRIBUTE_CODE_FILE_PATH, &file));
    cr_expect(memmem(file.string, file.len, "test_call_sites.c", 17));
    cr_expect(is_text(span, ATTRIBUTE_CODE_FUNCTION_NAME, "call_sites_say_function_file_and_line_impl"));
}

Test(call_sites, are_looked_up_once_each)
{
    struct traced_process process = self();
    uint64_t base = here();
    g_sites = call_sites_new(0);
    call_sites_begin(g_sites);
    for (int i = 0; i < 1000000; i++)
        call_sites_describe(g_sites, span_of(own_path(), base + (uint64_t)i % 100), &process);
    cr_expect_eq(call_sites_look_up_count(g_sites), 100);
    process.registered_boottime_ns = boottime_ns();
    cr_expect_gt(described_line(span_of(own_path(), base), &process), 0, "another process");
    cr_expect_eq(call_sites_look_up_count(g_sites), 100);
    call_sites_free(g_sites);
}

Test(call_sites, of_all_memory_are_bounded)
{
    struct traced_process process = self();
    g_sites = call_sites_new(0);
    for (uint64_t i = 0; i < CALL_SITES_MAX + 100; i++) {
        call_sites_begin(g_sites);
        call_sites_describe(g_sites, span_of(own_path(), 1ULL << 50 | i), &process);
    }
    cr_expect_eq(described_line(span_of(own_path(), here()), &process), __LINE__);
    call_sites_free(g_sites);
}

Test(call_sites, leave_what_the_span_says_itself)
{
    struct traced_process process = self();
    struct span *span = span_of(own_path(), here());
    span_set_string(span, ATTRIBUTE_CODE_FUNCTION_NAME, "handler", 7);
    cr_expect_eq(described_line(span, &process), __LINE__ - 2);
    cr_expect(is_text(span, ATTRIBUTE_CODE_FUNCTION_NAME, "handler"));
    span = span_of(own_path(), here());
    span_set_string(span, ATTRIBUTE_CODE_FILE_PATH, "order.py", 8);
    span_set_int(span, ATTRIBUTE_CODE_LINE_NUMBER, 7);
    cr_expect_eq(described_line(span, &process), 7);
    cr_expect(is_text(span, ATTRIBUTE_CODE_FILE_PATH, "order.py"));
    struct attribute function;
    cr_expect_not(attribute_of(span, ATTRIBUTE_CODE_FUNCTION_NAME, &function));
}

Test(call_sites, that_do_not_fit_are_counted)
{
    static char filler[SPAN_BYTES_LEN];
    struct traced_process process = self();
    struct span *span = span_of(own_path(), here());
    memset(filler, 'x', sizeof filler);
    span_set_string(span, ATTRIBUTE_URL_FULL, filler, sizeof filler - span_attributes_end(span) - 8);
    cr_assert_eq(span->dropped_attributes_count, 0);
    described_line(span, &process);
    cr_expect_geq(span->dropped_attributes_count, 2);
}

Test(call_sites, are_not_guessed_for_unknown_or_distant_processes)
{
    struct traced_process process = self();
    cr_expect_gt(described_line(span_of(own_path(), here()), &process), 0);
    cr_expect_eq(described_line(span_of(own_path(), here()), NULL), 0);
    process.registered_boottime_ns++;
    process.is_foreign = true;
    cr_expect_eq(described_line(span_of(own_path(), here()), &process), 0, "another pid namespace");
}

Test(call_sites, need_to_know_when_the_process_can_have_started)
{
    struct traced_process process = self();
    process.started_boottime_ns = 0;
    process.is_dead = true; /* there is nobody left to ask for */
    cr_expect_eq(described_line(span_of(own_path(), here()), &process), 0);
    g_sites = call_sites_new(boottime_ns());
    cr_expect_eq(described_line(span_of(own_path(), here()), &process), __LINE__);
}

static const char CALLING[] = "#include <unistd.h>\n"
                              "void here(void);\n"
                              "int main(void)\n"
                              "{\n"
                              "    here();\n"
                              "    pause();\n"
                              "}\n";

struct program {
    struct traced_process process;
    char path[128];
    uint64_t address;
};

/* A program that has called, and lives. */
static void program_start(struct program *program)
{
    int pipe_fds[2];
    char text[64] = "";
    snprintf(program->path, sizeof program->path, "%s/p", g_compiled_directory);
    cr_assert_eq(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        execl(program->path, "p", NULL);
        _exit(1);
    }
    cr_assert_gt(read(pipe_fds[0], text, sizeof text - 1), 0);
    program->address = strtoull(text, NULL, 16);
    program->process = (struct traced_process){.pid = pid, .pidfd = -1, .registered_boottime_ns = boottime_ns(), .started_boottime_ns = boottime_ns()};
}

static void program_end(struct program *program)
{
    kill(program->process.pid, SIGKILL);
    waitpid(program->process.pid, NULL, 0);
}

static void program_compile(void)
{
    compiled_write("p.c", CALLING);
    compiled_do("gcc -g -o p p.c here.c -ldl");
    usleep(50000); /* longer than a tick of the file system's clock */
}

static int64_t program_line(struct program *program)
{
    program->process.registered_boottime_ns++; /* so that it is asked again */
    return described_line(span_of(program->path, program->address), &program->process);
}

Test(call_sites, are_those_of_the_file_that_was_loaded)
{
    struct program program;
    program_compile();
    program_start(&program);
    cr_expect_eq(program_line(&program), 5);
    compiled_do("sed -i '1i// moved' p.c && gcc -g -o q p.c here.c -ldl && mv q p");
    cr_expect_eq(program_line(&program), 0, "replaced");
    /* As a child that was forked now: only what it has mapped tells. */
    usleep(50000);
    program.process.started_boottime_ns = boottime_ns();
    cr_expect_eq(program_line(&program), 0, "replaced before the fork");
    compiled_do("rm p");
    cr_expect_eq(program_line(&program), 0, "deleted");
    program_end(&program);
}

/* As the traced process says it, of a program that nobody knows anything else of. */
static int64_t line_by_build_id(const struct program *program, const void *id, size_t len)
{
    call_sites_free(g_sites);
    g_sites = NULL;
    struct span *span = span_of(program->path, program->address);
    span_set_part(span, SPAN_PART_BUILD_ID, id, len);
    return described_line(span, NULL);
}

static const char BUILD_ID[] = "run-traced test \x01\x02\x03\xff";
enum { BUILD_ID_LEN = sizeof BUILD_ID - 1 };

static void program_compile_with_build_id(struct program *program)
{
    char command[160] = "gcc -g -o p p.c here.c -ldl -Wl,--build-id=0x";
    for (size_t i = 0; i < BUILD_ID_LEN; i++)
        sprintf(command + strlen(command), "%02x", (unsigned char)BUILD_ID[i]);
    compiled_write("p.c", CALLING);
    compiled_do(command);
    program_start(program);
    program_end(program);
}

Test(call_sites, of_a_build_id_are_those_of_that_build_whoever_called)
{
    struct program program;
    program_compile_with_build_id(&program);
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 5);
    cr_expect_eq(line_by_build_id(&program, "run-traced test 00000", BUILD_ID_LEN), 0, "another build");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN - 1), 0, "the beginning of it");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, 1), 0);
    cr_expect_eq(line_by_build_id(&program, (char[BUILD_ID_LEN_MAX + 1]){0}, BUILD_ID_LEN_MAX + 1), 0, "too long");
    compiled_do("cp p q && mv q p");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 5, "a copy of it");
    compiled_do("rm p && mkfifo p");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 0, "no file");
}

/* libdw has it mapped: what it reads next is a SIGBUS. */
Test(call_sites, of_a_file_that_is_cut_off_meanwhile_are_nothing)
{
    struct program program;
    program_compile_with_build_id(&program);
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 5);
    uint64_t elsewhere = compiled_address("nm p | awk '/ T here$/ { print $1 }'");
    compiled_do("truncate -s 0 p");
    struct span *span = span_of(program.path, elsewhere);
    span_set_part(span, SPAN_PART_BUILD_ID, BUILD_ID, BUILD_ID_LEN);
    cr_expect_eq(described_line(span, NULL), 0);
    struct traced_process process = self();
    cr_expect_eq(described_line(span_of(own_path(), here()), &process), __LINE__, "others are found still");
}

/* Where packages of debug information put theirs; only root can. */
Test(call_sites, of_a_build_id_are_in_the_debug_file_for_it)
{
    static const char directory[] = "/usr/lib/debug/.build-id/72";
    struct program program;
    char command[256];
    if (geteuid() != 0)
        cr_skip_test("only root can write to %s", directory);
    program_compile_with_build_id(&program);
    snprintf(command, sizeof command, "mkdir -p %s && objcopy --only-keep-debug p %s/756e2d7472616365642074657374200102"
             "03ff.debug", directory, directory);
    compiled_do(command);
    compiled_do("strip p");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 5, "stripped");
    compiled_do("rm p");
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 5, "gone");
    snprintf(command, sizeof command, "rm %s/756e2d747261636564207465737420010203ff.debug && rmdir %s || true", directory,
             directory);
    compiled_do(command);
    cr_expect_eq(line_by_build_id(&program, BUILD_ID, BUILD_ID_LEN), 0, "that too");
}

Test(call_sites, are_known_of_who_has_gone)
{
    struct program program;
    program_compile();
    program_start(&program);
    program_end(&program);
    cr_expect_eq(program_line(&program), 5, "not yet known to be dead");
    program.process.is_dead = true;
    cr_expect_eq(program_line(&program), 5);
    compiled_do("touch -d 'next year' p");
    cr_expect_eq(program_line(&program), 0, "changed");
}

/* With the old time, which anybody can set. */
Test(call_sites, are_not_those_of_a_file_that_was_written_to_since)
{
    struct program program;
    program_compile();
    compiled_do("touch -d 'last year' p");
    program_start(&program);
    program_end(&program);
    program.process.is_dead = true;
    usleep(50000);
    compiled_do("sed -i '1i// moved' p.c && gcc -g -o q p.c here.c -ldl && cat q >p && touch -d 'last year' p");
    cr_expect_eq(program_line(&program), 0);
}

Test(call_sites, at_what_is_no_file_of_code_are_nothing)
{
    struct traced_process process = self();
    char fifo[128], link[128], text[128];
    snprintf(fifo, sizeof fifo, "%s/fifo", g_compiled_directory);
    snprintf(link, sizeof link, "%s/link", g_compiled_directory);
    snprintf(text, sizeof text, "%s/here.c", g_compiled_directory);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_assert_eq(symlink(fifo, link), 0);
    const char *paths[] = {fifo, link, text, g_compiled_directory, "/dev/zero", "/dev/tty", "/proc/self/mem", "", "/",
                           "relative", "/../../nowhere", "/proc/self/fd/0", "linux-vdso.so.1"};
    usleep(50000);
    process.is_dead = true;
    process.started_boottime_ns = boottime_ns();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct span *span = span_of(paths[i], 0x1000);
        uint32_t end = span_attributes_end(span);
        cr_expect_eq(described_line(span, &process), 0, "%s", paths[i]);
        cr_expect_eq(span_attributes_end(span), end, "%s", paths[i]);
    }
}

Test(call_sites, that_are_no_addresses_are_nothing)
{
    static const struct {
        const char *bytes;
        size_t len;
    } addresses[] = {
#define ADDRESS(text) {text, sizeof text - 1}
        ADDRESS(""), ADDRESS("+"), ADDRESS("+0x"), ADDRESS("+0x1"), ADDRESS("/bin/sh"), ADDRESS("/bin/sh+"),
        ADDRESS("/bin/sh+0x"), ADDRESS("/bin/sh+1"), ADDRESS("/bin/sh+0xg"), ADDRESS("/bin/sh+0x\0"),
        ADDRESS("/bin/sh\0+0x4000"), ADDRESS("/bin/sh+0x12345678901234567"), ADDRESS("/bin/sh+0x-1"),
        ADDRESS("/bin/sh+0x1 "), ADDRESS("\xff\xfe+0x1"),
#undef ADDRESS
    };
    struct traced_process process = self();
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct span span = {.kind = SPAN_KIND_CLIENT};
        span_set_string(&span, ATTRIBUTE_CODE_ADDRESS, addresses[i].bytes, addresses[i].len);
        uint32_t end = span_attributes_end(&span);
        described_line(&span, &process);
        cr_expect_eq(span_attributes_end(&span), end, "%s", addresses[i].bytes);
    }
    cr_expect_eq(call_sites_look_up_count(g_sites), 0);
}
