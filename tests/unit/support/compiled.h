/* compiled.h - programs that a test compiles in a directory of its own, and that say from where they called. */
#ifndef RUN_TRACED_TESTS_COMPILED_H
#define RUN_TRACED_TESTS_COMPILED_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char g_compiled_directory[64];

/* here() prints the address that it was called from, as the file has it. */
static const char COMPILED_HERE[] = "#define _GNU_SOURCE\n"
                                    "#include <dlfcn.h>\n"
                                    "#include <link.h>\n"
                                    "#include <stdio.h>\n"
                                    "__attribute__((noinline)) void here(void)\n"
                                    "{\n"
                                    "    struct link_map *map;\n"
                                    "    Dl_info info;\n"
                                    "    char *at = (char *)__builtin_return_address(0) - 1;\n"
                                    "    dladdr1(at, &info, (void **)&map, RTLD_DL_LINKMAP);\n"
                                    "    printf(\"%lx\\n\", (unsigned long)(at - (char *)map->l_addr));\n"
                                    "    fflush(stdout);\n"
                                    "}\n";

static inline void compiled_write(const char *name, const char *source)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", g_compiled_directory, name);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(source, file);
    fclose(file);
}

static inline void compiled_set_up(void)
{
    strcpy(g_compiled_directory, "/tmp/test_compiled.XXXXXX");
    cr_assert(mkdtemp(g_compiled_directory));
    compiled_write("here.c", COMPILED_HERE);
}

/* A shell command in the directory. */
static inline void compiled_do(const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s && %s", g_compiled_directory, command);
    cr_assert_eq(system(line), 0, "%s", command);
}

static inline void compiled_tear_down(void)
{
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", g_compiled_directory);
    cr_assert_eq(system(line), 0);
}

/* What the program @command prints first: an address. */
static inline uint64_t compiled_address(const char *command)
{
    char line[256];
    unsigned long address = 0;
    snprintf(line, sizeof line, "cd %s && %s", g_compiled_directory, command);
    FILE *out = popen(line, "re");
    cr_assert(out);
    cr_assert_eq(fscanf(out, "%lx", &address), 1, "%s", command);
    pclose(out);
    return address;
}

#endif
