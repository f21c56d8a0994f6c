/* gtest.h - GoogleTest's tests, by what it prints when one begins and ends: a marker by a call of its own, and then
 * the test's name. Nobody else does it by these formats. All functions: leave errno and the arguments; one comparison
 * where it is not GoogleTest. */
#ifndef RUN_TRACED_SHIM_GTEST_H
#define RUN_TRACED_SHIM_GTEST_H

#include "base/compiler.h"

#include <stdarg.h>
#include <stdbool.h>

/* Behind the functions below: not to be used directly. */
extern THREAD_LOCAL bool t_gtest_has_marker;
void gtest_look_at_marker(const char *format);
void gtest_look_at_name(const char *format, va_list arguments);

/* gtest_note_marker - @format is about to be printed by vprintf or the like. NULL is left to that call. */
static inline void gtest_note_marker(const char *format)
{
    if (UNLIKELY(format && *format == '['))
        gtest_look_at_marker(format);
}

/* gtest_note_name - the same by printf. */
static inline void gtest_note_name(const char *format, va_list arguments)
{
    if (UNLIKELY(t_gtest_has_marker))
        gtest_look_at_name(format, arguments);
}

#endif
