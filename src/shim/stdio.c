/* What a program prints by stdio goes on as it is. GoogleTest announces its tests there: "[ RUN      ] " by vprintf,
 * which headers make a vfprintf, then "%s.%s" by printf. */
#include "shim/gtest.h"
#include "shim/real.h"

EXPORT int vfprintf(FILE *stream, const char *format, va_list arguments)
{
    gtest_note_marker(format);
    return REAL(vfprintf)(stream, format, arguments);
}

EXPORT int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments)
{
    gtest_note_marker(format);
    return REAL(__vfprintf_chk)(stream, flag, format, arguments);
}

EXPORT int vprintf(const char *format, va_list arguments)
{
    gtest_note_marker(format);
    return REAL(vprintf)(format, arguments);
}

EXPORT int __vprintf_chk(int flag, const char *format, va_list arguments)
{
    gtest_note_marker(format);
    return REAL(__vprintf_chk)(flag, format, arguments);
}

EXPORT int printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    gtest_note_name(format, arguments);
    int len = REAL(vprintf)(format, arguments);
    va_end(arguments);
    return len;
}

EXPORT int __printf_chk(int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    gtest_note_name(format, arguments);
    int len = REAL(__vprintf_chk)(flag, format, arguments);
    va_end(arguments);
    return len;
}
