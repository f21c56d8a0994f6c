/* library.h - the functions of a library behind interposed names, where RTLD_NEXT does not know it: loaded
 * late, out of sight (Python's ssl module loads libssl so), or more than once. */
#ifndef RUN_TRACED_SHIM_LIBRARY_H
#define RUN_TRACED_SHIM_LIBRARY_H

#include "base/lock.h"

#include <link.h>
#include <stddef.h>

enum { LIBRARY_COPIES_MAX = 4, LIBRARY_CALLERS_MAX = 64 };

struct library_symbol {
    const char *name;
    size_t offset; /* of its pointer in the family's struct of calls */
};

struct library_caller {
    _Atomic uintptr_t map; /* the caller's link_map; 1: code that lies in no object */
    const void *calls;
};

/* All that goes by one name: libssl.so.3 and libssl.so.1.1, say. */
struct library_family {
    const char *prefix; /* that the names of its files begin with */
    const struct library_symbol *symbols; /* the first of them tells one copy from the other; it must be there */
    size_t symbol_count;
    char *copies; /* LIBRARY_COPIES_MAX structs of calls */
    size_t calls_len;
    /* Behind the functions below. */
    const void *identities[LIBRARY_COPIES_MAX];
    struct library_caller callers[LIBRARY_CALLERS_MAX];
    const void *by_dlsym; /* the calls of the copy whose functions were last asked for by name */
    struct lock lock;
};

/* library_of - the struct of calls of the copy that the code at @caller (a return address) would reach if we were
 * not there: the one that it was linked against, or else the one whose functions were asked for by dlsym, the
 * one that the loader would take, or any that is loaded. A function that a copy lacks is NULL. The first call from
 * an object asks the loader, and may take its lock: not for signal handlers. NULL if there is none at all. */
const void *library_of(struct library_family *family, const void *caller);

/* library_note_dlsym - a program was given one of our functions for one that it had asked @handle for. */
void library_note_dlsym(struct library_family *family, void *handle);

#endif
