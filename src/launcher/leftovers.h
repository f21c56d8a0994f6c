/* leftovers.h - run directories whose launcher was killed. */
#ifndef RUN_TRACED_LAUNCHER_LEFTOVERS_H
#define RUN_TRACED_LAUNCHER_LEFTOVERS_H

/* leftovers_remove - removes the run directories under @parent that nobody will come back to: ours, without
 * a collector, older than a minute, and no process in their ring is alive. One that holds spans which were
 * never collected stays for a day, for `--collect`. */
void leftovers_remove(const char *parent);

#endif
