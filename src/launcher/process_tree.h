/* process_tree.h - what /proc tells of processes: who is whose child, and a little more. */
#ifndef RUN_TRACED_LAUNCHER_PROCESS_TREE_H
#define RUN_TRACED_LAUNCHER_PROCESS_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* process_descends_from - is @pid a child of @ancestor, or its child's child, and so on? False
 * where that cannot be found out. */
bool process_descends_from(pid_t pid, pid_t ancestor);

/* process_is_stopped - is @pid stopped by a signal? */
bool process_is_stopped(pid_t pid);

/* process_shares - has @pid the file of that inode number mapped, shared and writable? False where that cannot be found
 * out: it has changed its user, or is gone. */
bool process_shares(pid_t pid, ino_t inode);

#endif
