/* library_entry.h - the interposed functions, as they are given to who asks for one copy of a library: an entry of its
 * own for each copy, which says what it is for and goes on to the function itself. The caller may be anybody then. */
#ifndef RUN_TRACED_SHIM_LIBRARY_ENTRY_H
#define RUN_TRACED_SHIM_LIBRARY_ENTRY_H

/* library_entry_for_all - our function @name of some library, which goes by who calls it; NULL if it is not interposed. */
void *library_entry_for_all(const char *name);

/* library_entry_find - what is to be given for the function @name of some library, which lies at @theirs. @theirs itself
 * if it is not interposed, or if the library is one copy too many. Asks the loader: not for signal handlers. */
void *library_entry_find(const char *name, void *theirs);

/* library_entry_note_unload - something was unloaded. */
void library_entry_note_unload(void);

#endif
