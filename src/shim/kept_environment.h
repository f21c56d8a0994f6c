/* kept_environment.h - what is put back into the environment of a program that is started with one of its own making
 * (env -i, a sandbox): the library, and the settings of the run. The program itself does not see it: they go at the
 * end, behind a mark, and the library's constructor takes them out again. Only with a ring, and unless
 * --no-keep-env. */
#ifndef RUN_TRACED_SHIM_KEPT_ENVIRONMENT_H
#define RUN_TRACED_SHIM_KEPT_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* kept_environment_begin - notes what is to be put back, while the environment is as it was made; then takes out what
 * was put back for this program. Library start-up only, when all settings have been read. */
void kept_environment_begin(void);

/* kept_environment_library - the path of the library where @envp is to be completed, since it does not name that;
 * else NULL. Signal-safe, also in a vfork child, as the rest. */
const char *kept_environment_library(char *const envp[]);

/* kept_environment_len - how much room kept_environment_make needs, in bytes; 0: there are too many entries. */
size_t kept_environment_len(char *const envp[]);

/* kept_environment_make - returns @envp, completed, in @room (@room_len bytes, aligned for pointers); NULL if it has
 * grown meanwhile. */
char **kept_environment_make(char *const envp[], void *room, size_t room_len);

#endif
