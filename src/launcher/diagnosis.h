/* diagnosis.h - can the command be traced at all? Found out before it starts, from its file. */
#ifndef RUN_TRACED_LAUNCHER_DIAGNOSIS_H
#define RUN_TRACED_LAUNCHER_DIAGNOSIS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum diagnosis_kind {
    DIAGNOSIS_NONE, /* nothing speaks against it, or nothing could be found out */
    DIAGNOSIS_STATIC,
    DIAGNOSIS_GO,
    DIAGNOSIS_PRIVILEGED,
    DIAGNOSIS_OTHER_MACHINE,
    DIAGNOSIS_OTHER_LIBC,
};

struct diagnosis {
    enum diagnosis_kind kind;
    bool is_preload_harmful;     /* the dynamic loader would print an error for our library */
    char reason[PATH_MAX + 512]; /* for people, one sentence; empty if there is nothing to say */
};

/* diagnosis_make - inspects the file @path, which runs as the command @name; a script by the
 * program that runs it, also by way of /usr/bin/env. Reads files, never fails, allocates nothing.
 */
void diagnosis_make(const char *path, const char *name, struct diagnosis *diagnosis);

/* diagnosis_blind - the value of run_traced.process.blind for @kind; NULL for DIAGNOSIS_NONE. */
const char *diagnosis_blind(enum diagnosis_kind kind);

/* diagnosis_script_interpreter - the program that the kernel or env(1) would run a script with.
 * @head: the file's first @len bytes. @interpreter: receives a path, or a name to be looked up in
 * PATH; @size bytes. Returns false if it is no script with "#!", or names nothing that fits. */
bool diagnosis_script_interpreter(const char *head, size_t len, char *interpreter, size_t size);

#endif
