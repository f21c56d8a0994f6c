#include "launcher/message.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { MESSAGE_LEN_MAX = 8192 };

static void replace_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
    }
}

void message_print(const char *format, ...)
{
    static const char prefix[] = "run-traced: ";
    char line[MESSAGE_LEN_MAX];
    size_t len = sizeof prefix - 1;
    snprintf(line, sizeof line, "%s", prefix);

    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + len, sizeof line - len, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return;
    size_t room = sizeof line - len - 1;
    len += (size_t)wanted < room ? (size_t)wanted : room;
    replace_controls(line, len);
    line[len] = '\n';
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return; /* whoever closed stderr does not want to hear */
}

void message_guard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}
