#include "trace/error_name.h"

#include <string.h>

/* Since glibc 2.32; both are plain table look-ups. */
const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "EUNKNOWN";
}

const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}
