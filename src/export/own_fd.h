/* own_fd.h - a descriptor of ours in a stranger's process: out of the way of the program's
 * numbers, and never mistaken for what the program may have opened at the same number since. */
#ifndef RUN_TRACED_EXPORT_OWN_FD_H
#define RUN_TRACED_EXPORT_OWN_FD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { OWN_FD_MOVE_WAIT_NS = 2000000 };

/* All zero: none is open. The file behind a descriptor is known by device and inode. */
struct own_fd {
    _Atomic int number; /* descriptor + 1 */
    _Atomic uint32_t user_count;
    _Atomic uint64_t device;
    _Atomic uint64_t inode;
};

/* own_fd_adopt - takes over @fd, just opened: moves it, close-on-exec, to a high number (the
 * program is given the lowest free ones) and closes the low one. Where another thread was
 * faster, its descriptor stays and @fd is closed alone: both are open on the same thing.
 * Returns 0 or a negative errno; @fd is closed in any case. */
int own_fd_adopt(struct own_fd *own, int fd);

/* own_fd_use - the descriptor, after making sure that it is still ours; @st, as fstat(2), tells
 * more.
 * Returns -EBADF where there is none any longer. Where it returns a descriptor, own_fd_done()
 * has to follow: until then own_fd_move() waits. One system call. Hot path, signal-safe. */
int own_fd_use(struct own_fd *own, struct stat *st);
void own_fd_done(struct own_fd *own);

/* own_fd_is - is @fd this descriptor? One load where it is not, fstat(2) to make sure where it
 * is. */
bool own_fd_is(struct own_fd *own, int fd);

/* own_fd_close - closes it if it is still ours. */
void own_fd_close(struct own_fd *own);

/* own_fd_move - goes on under another high number; the present one stays open, for the program's
 * dup2 to replace. Waits, OWN_FD_MOVE_WAIT_NS at most, until nobody is between own_fd_use() and
 * own_fd_done(). */
void own_fd_move(struct own_fd *own);

#endif
