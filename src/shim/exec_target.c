#include "shim/exec_target.h"

#include "base/compiler.h"
#include "base/other_libc.h"
#include "base/raw.h"
#include "base/text.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

enum { SCRIPTS_MAX = 5, HEAD_LEN = 256, SEGMENTS_MAX = 64, CANDIDATE_LEN_MAX = 1024 };

/* As in linux/binfmts.h: the kernel gives up after so many, too. */
struct head {
    char bytes[HEAD_LEN];
    size_t len;
};

static bool read_at(int fd, uint64_t offset, void *buf, size_t len)
{
    return raw_syscall6(SYS_pread64, fd, (long)buf, (long)len, (long)offset, 0, 0) == (long)len;
}

/* To open a FIFO would wake who waits at its other end. */
static bool is_special(int directory_fd, const char *path)
{
    struct stat st;
    return raw_syscall6(SYS_newfstatat, directory_fd, (long)path, (long)&st, 0, 0, 0) == 0 && !S_ISREG(st.st_mode) &&
           !S_ISDIR(st.st_mode);
}

int exec_target_open(int directory_fd, const char *path)
{
    if (is_special(directory_fd, path))
        return -EACCES; /* as execve(2) */
    return (int)raw_syscall6(SYS_openat, directory_fd, (long)path,
                             O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);
}

/* The next entry of a search path, as a prefix of @file in @out. Returns what is behind it, or NULL. */
static const char *candidate_make(const char *path, const char *file, char out[CANDIDATE_LEN_MAX])
{
    const char *end = strchrnul(path, ':');
    size_t len = (size_t)(end - path), file_len = strlen(file);
    out[0] = '\0';
    if (len + 1 + file_len < CANDIDATE_LEN_MAX) {
        char *at = mempcpy(out, path, len);
        if (len)
            *at++ = '/';
        memcpy(at, file, file_len + 1);
    }
    return *end ? end + 1 : NULL;
}

int exec_target_search(const char *file)
{
    char candidate[CANDIDATE_LEN_MAX];
    char first;
    if (strchr(file, '/'))
        return exec_target_open(AT_FDCWD, file);
    const char *path = getenv("PATH");
    for (path = path ? path : "/bin:/usr/bin"; path;) {
        path = candidate_make(path, file, candidate);
        int fd = exec_target_open(AT_FDCWD, candidate);
        if (fd >= 0 && read_at(fd, 0, &first, 1)) /* a directory is none */
            return fd;
        if (fd >= 0)
            raw_close(fd);
    }
    return -ENOENT;
}

/* The interpreter's path in "#!interpreter [argument]", terminated in place; or NULL. */
static const char *script_interpreter(struct head *head)
{
    char *end = head->bytes + head->len;
    if (head->len < 3 || memcmp(head->bytes, "#!", 2) != 0)
        return NULL;
    char *word = head->bytes + 2;
    while (word < end && text_is_blank(*word))
        word++;
    char *word_end = word;
    while (word_end < end && !text_is_blank(*word_end) && *word_end != '\n')
        word_end++;
    if (word_end == end || word_end == word)
        return NULL;
    *word_end = '\0';
    return word;
}

static enum exec_fate interpreter_fate(int fd, const ElfW(Phdr) *segment)
{
    char interpreter[HEAD_LEN];
    size_t len = MIN(segment->p_filesz, sizeof interpreter - 1);
    if (!read_at(fd, segment->p_offset, interpreter, len))
        return EXEC_TAKES_LIBRARY;
    interpreter[len] = '\0';
    return other_libc_is_loaded_by(interpreter) ? EXEC_OTHER_LIBC : EXEC_TAKES_LIBRARY;
}

/* A library that can be executed all the same: the loader itself. */
static bool has_soname(int fd, const ElfW(Phdr) *segment)
{
    enum { ENTRIES_MAX = 64 };
    ElfW(Dyn) entries[ENTRIES_MAX];
    size_t count = MIN(segment->p_filesz / sizeof *entries, (size_t)ENTRIES_MAX);
    if (!read_at(fd, segment->p_offset, entries, count * sizeof *entries))
        return true; /* claim nothing */
    for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
        if (entries[i].d_tag == DT_SONAME)
            return true;
    return false;
}

/* Go's linker notes its build id under this name. */
static bool is_of_go(int fd, const ElfW(Phdr) *segment)
{
    struct {
        ElfW(Nhdr) header;
        char name[4];
    } note;
    return read_at(fd, segment->p_offset, &note, sizeof note) && note.header.n_namesz == 4 &&
           memcmp(note.name, "Go\0", 4) == 0;
}

static enum exec_fate elf_fate(int fd, const struct head *head)
{
    extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); /* our own */
    ElfW(Ehdr) header;
    enum exec_fate fate = EXEC_STATIC; /* nobody looks at LD_PRELOAD there */
    memcpy(&header, head->bytes, sizeof header);
    if (header.e_machine != __ehdr_start.e_machine ||
        memcmp(header.e_ident, __ehdr_start.e_ident, EI_VERSION) != 0)
        return EXEC_OTHER_MACHINE;
    for (size_t i = 0; i < MIN(header.e_phnum, (size_t)SEGMENTS_MAX); i++) {
        ElfW(Phdr) segment;
        if (!read_at(fd, header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return EXEC_TAKES_LIBRARY;
        if (segment.p_type == PT_INTERP)
            return interpreter_fate(fd, &segment);
        if (segment.p_type == PT_DYNAMIC && has_soname(fd, &segment))
            return EXEC_TAKES_LIBRARY;
        if (segment.p_type == PT_NOTE && is_of_go(fd, &segment))
            fate = EXEC_GO;
    }
    return fate;
}

/* As execve(2) gives them: then the loader is in its secure mode. A file's capabilities are not asked for. */
static bool gains_privileges(int fd)
{
    struct stat st;
    if (raw_fstat(fd, &st) < 0 || !(st.st_mode & (S_ISUID | S_ISGID)))
        return false;
    bool is_other = ((st.st_mode & S_ISUID) && st.st_uid != (uid_t)raw_syscall3(SYS_getuid, 0, 0, 0)) ||
                    ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != (gid_t)raw_syscall3(SYS_getgid, 0, 0, 0));
    return is_other && raw_syscall6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) != 1;
}

static enum exec_fate file_fate(int fd, int scripts_left)
{
    struct head head;
    long len = raw_syscall6(SYS_pread64, fd, (long)head.bytes, sizeof head.bytes, 0, 0, 0);
    head.len = len > 0 ? (size_t)len : 0;
    if (head.len >= sizeof(ElfW(Ehdr)) && memcmp(head.bytes, ELFMAG, SELFMAG) == 0) {
        enum exec_fate fate = elf_fate(fd, &head);
        return fate == EXEC_TAKES_LIBRARY && gains_privileges(fd) ? EXEC_PRIVILEGED : fate;
    }
    const char *interpreter = scripts_left ? script_interpreter(&head) : NULL;
    int next = interpreter ? exec_target_open(AT_FDCWD, interpreter) : -1;
    if (next < 0)
        return EXEC_TAKES_LIBRARY;
    enum exec_fate fate = file_fate(next, scripts_left - 1);
    raw_close(next);
    return fate;
}

enum exec_fate exec_target_fate(int fd)
{
    return file_fate(fd, SCRIPTS_MAX);
}

const char *exec_fate_name(enum exec_fate fate)
{
    static const char *const names[] = {
        [EXEC_STATIC] = "static",        [EXEC_GO] = "go",           [EXEC_PRIVILEGED] = "setuid",
        [EXEC_OTHER_LIBC] = "unknown",   [EXEC_OTHER_MACHINE] = "other_architecture",
        [EXEC_WITHOUT_LIBRARY] = "environment",
    };
    return fate < ARRAY_LEN(names) ? names[fate] : NULL;
}

/* By opening it, where the kernel (before Linux 5.8) or a sandbox does not know the question. */
static int library_open(const char *path)
{
    int fd = exec_target_open(AT_FDCWD, path);
    if (fd >= 0)
        raw_close(fd);
    return fd;
}

bool exec_library_is_there(const char *path)
{
    int error = (int)raw_syscall6(SYS_faccessat2, AT_FDCWD, (long)path, R_OK, AT_EACCESS, 0, 0);
    if (error == -ENOSYS || error == -EPERM)
        error = library_open(path);
    /* Other errors say something of us, or of the moment. */
    return error >= 0 || (error != -ENOENT && error != -ENOTDIR && error != -EACCES && error != -ELOOP);
}
