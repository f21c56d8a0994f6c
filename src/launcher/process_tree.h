/* process_tree.h - who is whose child, by /proc. */
#ifndef RUN_TRACED_LAUNCHER_PROCESS_TREE_H
#define RUN_TRACED_LAUNCHER_PROCESS_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* process_descends_from - is @pid a child of @ancestor, or its child's child, and so on? False
 * where that cannot be found out. */
bool process_descends_from(pid_t pid, pid_t ancestor);

/* process_is_stopped - is @pid stopped by a signal? */
bool process_is_stopped(pid_t pid);

#endif
