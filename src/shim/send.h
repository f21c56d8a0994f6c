/* send.h - what else in the shim sends bytes as write(2) does. */
#ifndef RUN_TRACED_SHIM_SEND_H
#define RUN_TRACED_SHIM_SEND_H

#include <sys/types.h>

/* send_written - as write(2) of the application's, interposed. */
ssize_t send_written(int fd, const void *buf, size_t len);

#endif
