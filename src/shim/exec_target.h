/* exec_target.h - what a program to be executed would make of this library. Where its dynamic loader
 * cannot load it, it says so on the program's stderr, or refuses to start it.
 *
 * All functions: safe between fork and exec, in a vfork child too; system calls that the new program's
 * loader is going to make as well (openat, pread64, close), so that no sandbox minds. */
#ifndef RUN_TRACED_SHIM_EXEC_TARGET_H
#define RUN_TRACED_SHIM_EXEC_TARGET_H

#include <stdbool.h>

/* exec_target_open - @path as execveat(2) takes it, to be looked at. Returns a descriptor or a negative
 * errno. */
int exec_target_open(int directory_fd, const char *path);

/* exec_target_search - @file as execvp(3) searches for it. */
int exec_target_search(const char *file);

/* exec_target_takes_library - false if the program's loader is certainly not one that this library can be
 * loaded by: of another machine, or another C library's. Scripts are followed to their interpreters. */
bool exec_target_takes_library(int fd);

/* exec_library_is_there - can the file be opened here and now? Not so in a chroot, say. */
bool exec_library_is_there(const char *path);

#endif
