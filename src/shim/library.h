/* library.h - the functions of a library behind interposed names, where RTLD_NEXT does not know it: loaded
 * late, out of sight (Python's ssl module loads libssl so), or more than once. */
#ifndef RUN_TRACED_SHIM_LIBRARY_H
#define RUN_TRACED_SHIM_LIBRARY_H

#include "base/compiler.h"
#include "base/lock.h"
#include "shim/real.h"

#include <link.h>
#include <stddef.h>

enum {
    LIBRARY_COPIES_MAX = 16,
    LIBRARY_ENTRIES_MAX = 4, /* copies that have entries of their own: library_entry.h */
    LIBRARY_CALLERS_MAX = 256, /* by hash */
    LIBRARY_ESSENTIAL = 2 /* symbols that no copy is without */
};

struct library_symbol {
    char name[REAL_NAME_SIZE]; /* itself: a pointer would have to be relocated in every process */
    uint16_t offset; /* of its pointer in the family's struct of calls */
};

struct library_caller {
    _Atomic uintptr_t id; /* where the caller's dynamic section lies; 1: code that lies in no object */
    const void *_Atomic calls;
};

/* All that goes by one name: libssl.so.3 and libssl.so.1.1, say. */
struct library_family {
    const char *prefix; /* that the names of its files begin with, if nobody has renamed them */
    const struct library_symbol *symbols; /* the first LIBRARY_ESSENTIAL are in every copy; the very first tells which */
    size_t symbol_count;
    char *copies; /* LIBRARY_COPIES_MAX structs of calls */
    size_t calls_len;
    /* Behind the functions below. */
    const void *identities[LIBRARY_COPIES_MAX]; /* NULL: free */
    uintptr_t identity_ids[LIBRARY_COPIES_MAX]; /* of the objects that they lie in */
    struct library_caller *callers; /* LIBRARY_CALLERS_MAX */
    struct lock lock;
};

/* Which copy the call that is being made is for, counted from 1, if it came in by a copy's own entry
 * (library_entry.h); 0: that is to be told by the caller. Between the entry and library_of. */
extern THREAD_LOCAL int t_library_copy;

/* library_of - the struct of calls of the copy that the code at @caller (a return address) would reach if we were
 * not there: whose entry was called, or else what the loader would have bound the caller to. A function that a copy
 * lacks is NULL. The first call from an object asks the loader, and takes its lock: not for signal handlers. NULL if
 * there is none at all, or no room. */
const void *library_of(struct library_family *family, const void *caller);

/* library_copy - the copy that the function at @theirs belongs to, counted from 1; 0: it is beyond us. */
int library_copy(struct library_family *family, const void *theirs);

/* library_note_unload - something was unloaded: what lay there, and who, is forgotten. */
void library_note_unload(struct library_family *family);

#endif
