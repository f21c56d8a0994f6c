#include "launcher/privileges.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_barred(int fd)
{
    struct statvfs fs;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
           (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID));
}

/* capabilities(7): the file's permitted set, of 32 or 64 bits. Root has them anyway. */
static bool has_capabilities(int fd)
{
    struct vfs_ns_cap_data capabilities = {.magic_etc = 0};
    ssize_t len = fgetxattr(fd, "security.capability", &capabilities, sizeof capabilities);
    if (len < (ssize_t)XATTR_CAPS_SZ_1 || getuid() == 0)
        return false;
    uint32_t permitted = capabilities.data[0].permitted;
    if (len >= (ssize_t)XATTR_CAPS_SZ_2)
        permitted |= capabilities.data[1].permitted;
    return permitted != 0;
}

const char *privileges_gained(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || is_barred(fd))
        return NULL;
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        return "is setuid";
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return "is setgid";
    return has_capabilities(fd) ? "has capabilities of its own" : NULL;
}
