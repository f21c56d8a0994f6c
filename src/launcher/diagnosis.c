#include "launcher/diagnosis.h"

#include "base/compiler.h"
#include "base/other_libc.h"
#include "launcher/command.h"
#include "launcher/elf_facts.h"
#include "launcher/privileges.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SCRIPT_HEAD_LEN = 256, /* what the kernel reads of a script's first line */
    SCRIPTS_MAX = 5,       /* a script's interpreter may be a script, four times over */
};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static const char *skip_word(const char *at, const char *end)
{
    while (at < end && *at != ' ' && *at != '\t')
        at++;
    return at;
}

static bool word_copy(const char *word, const char *end, char *out, size_t size)
{
    size_t len = (size_t)(end - word);
    if (len == 0 || len >= size)
        return false;
    memcpy(out, word, len);
    out[len] = 0;
    return true;
}

/* env's arguments: options and assignments, then the program. */
static bool env_program(const char *at, const char *end, char *out, size_t size)
{
    for (at = skip_blanks(at, end); at < end; at = skip_blanks(at, end)) {
        const char *word_end = skip_word(at, end);
        if (*at != '-' && !memchr(at, '=', (size_t)(word_end - at)))
            return word_copy(at, word_end, out, size);
        at = word_end;
    }
    return false;
}

bool diagnosis_script_interpreter(const char *head, size_t len, char *interpreter, size_t size)
{
    if (len < 2 || head[0] != '#' || head[1] != '!')
        return false;
    const char *end = memchr(head, '\n', len);
    if (!end)
        end = head + len;
    const char *word = skip_blanks(head + 2, end);
    const char *word_end = skip_word(word, end);
    if (!word_copy(word, word_end, interpreter, size))
        return false;
    const char *slash = strrchr(interpreter, '/');
    if (strcmp(slash ? slash + 1 : interpreter, "env") != 0)
        return true;
    return env_program(word_end, end, interpreter, size);
}

static const char *machine_name(const struct elf_facts *facts)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {{EM_386, "32-bit x86"},  {EM_X86_64, "x86-64"},      {EM_ARM, "32-bit ARM"},
                 {EM_AARCH64, "AArch64"}, {EM_RISCV, "RISC-V"},       {EM_PPC64, "POWER"},
                 {EM_S390, "IBM Z"},      {EM_LOONGARCH, "LoongArch"}};
    if (facts->machine == EM_X86_64 && facts->word_bits == 32)
        return "x32";
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].machine == facts->machine)
            return names[i].name;
    return "another kind of machine";
}

/* The sentences for people: the program's name, before, the detail if any, after. */
static const struct {
    const char *before, *after;
} SENTENCES[] = {
    [DIAGNOSIS_STATIC] = {"is statically linked", ": its calls cannot be seen; it runs untraced"},
    [DIAGNOSIS_GO] = {"is a Go program: it makes system calls without libc",
                      ", which cannot be seen; it runs untraced"},
    [DIAGNOSIS_PRIVILEGED] = {"", ": the system preloads nothing into it; it runs untraced"},
    [DIAGNOSIS_OTHER_MACHINE] = {"is a program for ",
                                 ", the tracing library is not: its calls cannot be seen"},
    [DIAGNOSIS_OTHER_LIBC] = {"uses another C library than glibc",
                              ": its calls cannot be seen; it runs untraced"},
};

const char *diagnosis_blind(enum diagnosis_kind kind)
{
    static const char *const names[] = {
        [DIAGNOSIS_STATIC] = "static",
        [DIAGNOSIS_GO] = "go",
        [DIAGNOSIS_PRIVILEGED] = "setuid",
        [DIAGNOSIS_OTHER_MACHINE] = "other_architecture",
        [DIAGNOSIS_OTHER_LIBC] = "unknown",
    };
    return names[kind];
}

/* @path: of the program, which may be a loader itself. */
static enum diagnosis_kind kind_of(const struct elf_facts *facts, const char *path, const char *privilege)
{
    if (!facts->is_elf)
        return DIAGNOSIS_NONE;
    if (facts->is_foreign)
        return DIAGNOSIS_OTHER_MACHINE;
    if (facts->is_go)
        return DIAGNOSIS_GO;
    if (other_libc_is_loaded_by(path) || other_libc_is_loaded_by(facts->interpreter))
        return DIAGNOSIS_OTHER_LIBC;
    if (facts->is_static)
        return DIAGNOSIS_STATIC;
    return privilege ? DIAGNOSIS_PRIVILEGED : DIAGNOSIS_NONE;
}

static void diagnose_program(int fd, const char *path, const char *subject, struct diagnosis *diagnosis)
{
    struct elf_facts facts;
    elf_facts_read(fd, &facts);
    const char *detail = privileges_gained(fd);
    enum diagnosis_kind kind = kind_of(&facts, path, detail);
    if (kind == DIAGNOSIS_NONE)
        return;
    if (kind == DIAGNOSIS_OTHER_MACHINE)
        detail = machine_name(&facts);
    else if (kind != DIAGNOSIS_PRIVILEGED)
        detail = "";
    diagnosis->kind = kind;
    /* There ld.so prints an error for each library that it cannot preload. */
    diagnosis->is_preload_harmful = kind == DIAGNOSIS_OTHER_MACHINE || kind == DIAGNOSIS_OTHER_LIBC;
    snprintf(diagnosis->reason, sizeof diagnosis->reason, "%s %s%s%s", subject,
             SENTENCES[kind].before, detail, SENTENCES[kind].after);
}

/* Opens a regular file without waiting, whatever it turns out to be; or returns -1. */
static int program_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* If @path is a script: replaces it with its interpreter's path. */
static bool script_follow(int fd, char path[PATH_MAX])
{
    char head[SCRIPT_HEAD_LEN], interpreter[SCRIPT_HEAD_LEN], found[PATH_MAX];
    ssize_t len = pread(fd, head, sizeof head, 0);
    if (len <= 0 ||
        !diagnosis_script_interpreter(head, (size_t)len, interpreter, sizeof interpreter) ||
        command_find(interpreter, found, sizeof found) != 0)
        return false;
    memcpy(path, found, strlen(found) + 1);
    return true;
}

void diagnosis_make(const char *path, const char *name, struct diagnosis *diagnosis)
{
    char at[PATH_MAX], subject[PATH_MAX + 256];
    *diagnosis = (struct diagnosis){.kind = DIAGNOSIS_NONE};
    if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at)
        return;
    snprintf(subject, sizeof subject, "%.200s", name);
    for (int i = 0; i < SCRIPTS_MAX; i++) {
        int fd = program_open(at);
        if (fd < 0)
            return;
        bool is_script = script_follow(fd, at);
        if (!is_script)
            diagnose_program(fd, at, subject, diagnosis);
        close(fd);
        if (!is_script)
            return;
        snprintf(subject, sizeof subject, "%s, which runs %.200s,", at, name);
    }
}
