/* Source places: of whatever compilers and linkers make, the innermost function and its line, or nothing. */
#include "launcher/source_place.h"

#include "base/compiler.h"
#include "support/compiled.h"
#include "support/random.h"

#include <fcntl.h>
#include <sys/stat.h>

TestSuite(source_place, .init = compiled_set_up, .fini = compiled_tear_down, .timeout = 60);

/* here() is called in line 4 of call(), which is inlined in line 8 of outer(). */
static const char INLINED[] = "void here(void);\n"
                              "static inline __attribute__((always_inline)) void call(void)\n"
                              "{\n"
                              "    here();\n"
                              "}\n"
                              "__attribute__((noinline)) int outer(int n)\n"
                              "{\n"
                              "    call();\n"
                              "    return n + 1;\n"
                              "}\n"
                              "#ifndef LIBRARY\n"
                              "int main(int argc, char **argv) { (void)argv; return outer(argc) < 0; }\n"
                              "#endif\n";

static const char METHOD[] = "extern \"C\" void here(void);\n"
                             "namespace shop { namespace {\n"
                             "struct Cart {\n"
                             "    int pay(int amount);\n"
                             "    template <class T> int refund(T amount);\n"
                             "}; }\n"
                             "__attribute__((noinline)) int Cart::pay(int amount)\n"
                             "{\n"
                             "    here();\n"
                             "    return amount;\n"
                             "} }\n"
                             "int main() { shop::Cart cart; return cart.pay(0); }\n";

static const char LOADING[] = "#include <dlfcn.h>\n"
                              "int main(void) { void *l = dlopen(\"./library.so\", RTLD_NOW);\n"
                              "  return ((int (*)(int))dlsym(l, \"outer\"))(-1); }\n";

static struct source_file *open_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", g_compiled_directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    return source_file_open(fd, path);
}

static struct source_place find(const char *name, uint64_t address)
{
    struct source_place place;
    struct source_file *file = open_file(name);
    cr_assert(file, "%s", name);
    source_file_find(file, address, &place);
    source_file_close(file);
    return place;
}

static void expect_place(const struct source_place *place, const char *function, const char *file, int line,
                         const char *what)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", g_compiled_directory, file);
    cr_expect_str_eq(place->function, function, "%s: %s", what, place->function);
    cr_expect_str_eq(place->file, path, "%s: %s", what, place->file);
    cr_expect_eq(place->line, line, "%s: %d", what, place->line);
    cr_expect(place->is_exact);
}

Test(source_place, is_the_innermost_function_however_it_was_compiled)
{
    static const char *const commands[] = {
        "gcc -g -o p p.c here.c -ldl",
        "gcc -g -O2 -o p p.c here.c -ldl",
        "gcc -g -O2 -fpie -pie -o p p.c here.c -ldl",
        "gcc -g -O2 -fno-pie -no-pie -o p p.c here.c -ldl",
        "gcc -g -gdwarf-4 -O2 -o p p.c here.c -ldl",
        "gcc -g -gz -O2 -o p p.c here.c -ldl",
        "gcc -g -O2 -flto -o p p.c here.c -ldl",
        /* A separate debug file, beside it and in .debug. */
        "gcc -g -O2 -o p p.c here.c -ldl && objcopy --only-keep-debug p p.debug && strip p && "
        "objcopy --add-gnu-debuglink=p.debug p",
        "gcc -g -O2 -Wl,--build-id=none -o p p.c here.c -ldl && objcopy --only-keep-debug p p.debug && strip p && "
        "objcopy --add-gnu-debuglink=p.debug p && mkdir -p .debug && mv p.debug .debug",
    };
    compiled_write("p.c", INLINED);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        compiled_do(commands[i]);
        struct source_place place = find("p", compiled_address("./p"));
        expect_place(&place, "call", "p.c", 4, commands[i]);
    }
}

Test(source_place, is_found_in_a_library_that_is_loaded_later)
{
    compiled_write("p.c", INLINED);
    compiled_write("loading.c", LOADING);
    compiled_do("gcc -g -O2 -DLIBRARY -fPIC -shared -o library.so p.c here.c -ldl && gcc -o loading loading.c -ldl");
    struct source_place place = find("library.so", compiled_address("./loading"));
    expect_place(&place, "call", "p.c", 4, "library");
    cr_expect_str_eq(place.symbol, "outer", "what the symbol table says: %s", place.symbol);
}

Test(source_place, is_qualified_in_languages_that_have_scopes)
{
    compiled_write("m.cc", METHOD);
    compiled_do("gcc -c here.c && g++ -g -O1 -o m m.cc here.o -ldl");
    struct source_place place = find("m", compiled_address("./m"));
    expect_place(&place, "shop::(anonymous namespace)::Cart::pay", "m.cc", 9, "method");
}

Test(source_place, is_the_symbol_and_no_line_without_debug_information)
{
    compiled_write("p.c", INLINED);
    compiled_do("gcc -O2 -rdynamic -s -o p p.c here.c -ldl");
    struct source_place place = find("p", compiled_address("./p"));
    cr_expect_eq(strncmp(place.function, "outer+0x", 8), 0, "%s", place.function);
    cr_expect_str_eq(place.symbol, "outer");
    cr_expect_str_empty(place.file);
    cr_expect_eq(place.line, 0);
    cr_expect_not(place.is_exact);
    compiled_do("gcc -O2 -s -o p p.c here.c -ldl");
    place = find("p", compiled_address("./p"));
    cr_expect_str_empty(place.function, "not even a symbol: %s", place.function);
}

/* The link names the CRC of its file: another one would have wrong lines. */
Test(source_place, is_not_taken_from_the_debug_file_of_another_build)
{
    compiled_write("p.c", INLINED);
    compiled_do("gcc -g -O2 -Wl,--build-id=none -o p p.c here.c -ldl && objcopy --only-keep-debug p p.debug && "
                "strip p && objcopy --add-gnu-debuglink=p.debug p");
    uint64_t address = compiled_address("./p");
    compiled_do("sed -i '1i// moved' p.c && gcc -g -O2 -Wl,--build-id=none -o q p.c here.c -ldl && "
                "objcopy --only-keep-debug q p.debug");
    struct source_place place = find("p", address);
    cr_expect_eq(place.line, 0, "line %d", place.line);
}

Test(source_place, is_nothing_at_addresses_that_are_no_code)
{
    compiled_write("p.c", INLINED);
    compiled_do("gcc -g -O2 -o p p.c here.c -ldl");
    static const uint64_t addresses[] = {0, 1, 0x10, INT64_MAX, UINT64_MAX, UINT64_MAX - 1, 1ULL << 47};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct source_place place = find("p", addresses[i]);
        cr_expect_eq(place.line, 0, "%lx", addresses[i]);
        cr_expect_str_empty(place.function);
    }
}

static void bytes_damage(char *bytes, size_t len, uint64_t *seed)
{
    for (int i = 0; i < 20; i++)
        bytes[random_below(seed, len < 4096 || i % 2 ? len : 4096)] = (char)random_below(seed, 256);
}

static void expect_no_crash(const char *bytes, size_t len, uint64_t address)
{
    char path[128];
    struct source_place place;
    snprintf(path, sizeof path, "%s/damaged", g_compiled_directory);
    FILE *file = fopen(path, "w");
    fwrite(bytes, 1, len, file);
    fclose(file);
    struct source_file *source = open_file("damaged");
    if (source)
        source_file_find(source, address, &place);
    source_file_close(source);
}

Test(source_place, is_not_asked_of_what_is_no_elf_file_and_survives_what_is_damaged)
{
    static char whole[1 << 18], damaged[1 << 18];
    uint64_t seed = 1;
    compiled_write("text", "#!/bin/sh\nexit 0\n");
    compiled_write("empty", "");
    cr_expect_null(open_file("text"));
    cr_expect_null(open_file("empty"));
    compiled_write("p.c", INLINED);
    compiled_do("gcc -g -O2 -o p p.c here.c -ldl");
    uint64_t address = compiled_address("./p");
    char path[128];
    snprintf(path, sizeof path, "%s/p", g_compiled_directory);
    FILE *file = fopen(path, "r");
    size_t len = fread(whole, 1, sizeof whole, file);
    fclose(file);
    for (int i = 0; i < 300; i++) {
        memcpy(damaged, whole, len);
        bytes_damage(damaged, len, &seed);
        expect_no_crash(damaged, i % 3 ? len : random_below(&seed, len), address);
    }
}
