/* What is printed by printf and its kin: by libc's own names, and by those that FORTIFY makes of them. */
#include "harmless.h"

#include <stdarg.h>
#include <wchar.h>

int __printf_chk(int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);

enum form { VPRINTF, VFPRINTF, VPRINTF_CHK, VFPRINTF_CHK };

/* By a pointer, since headers make other calls of these. */
static int print_by(enum form form, const char *format, ...)
{
    static int (*const volatile by_vprintf)(const char *, va_list) = vprintf;
    static int (*const volatile by_vfprintf)(FILE *, const char *, va_list) = vfprintf;
    va_list arguments;
    va_start(arguments, format);
    int len = form == VPRINTF       ? by_vprintf(format, arguments)
              : form == VFPRINTF    ? by_vfprintf(stdout, format, arguments)
              : form == VPRINTF_CHK ? __vprintf_chk(1, format, arguments)
                                    : __vfprintf_chk(stdout, 1, format, arguments);
    va_end(arguments);
    return len;
}

#define VALUES 1, 2L, 3LL, "four", '5', 6.5, 7.25L, (void *)8, 9.0f, 10, 11, 12.125, 13.0625L, "fourteen"
static const char ALL[] = "%d %ld %lld %s %c %g %Lg %p %f %x %5d %e %La %-10s|\n";

static void all_values(void)
{
    static int (*const volatile by_printf)(const char *, ...) = printf;
    TRY(by_printf(ALL, VALUES));
    TRY(__printf_chk(1, ALL, VALUES));
    for (enum form form = VPRINTF; form <= VFPRINTF_CHK; form++)
        TRY(print_by(form, ALL, VALUES));
}

/* GoogleTest's, whole and in parts, with what it may not print and with no text at all. */
static void announced(void)
{
    static const char *volatile const none = NULL;
    static const char *const markers[] = {"[ RUN      ] ", "[       OK ] ", "[  FAILED  ] ", "[  SKIPPED ] ", "[", "[%s] "};
    static int (*const volatile by_printf)(const char *, ...) = printf;
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        for (enum form form = VPRINTF; form <= VFPRINTF_CHK; form++) {
            TRY(print_by(form, markers[i], "text"));
            TRY(by_printf("\033[m"));
            TRY(__printf_chk(1, "%s.%s", none, "name"));
            TRY(print_by(form, markers[i], "text"));
            TRY(by_printf("%s.%s", "suite", "name"));
            TRY(by_printf("%d\n", 1));
        }
}

static void errors(void)
{
    static int (*const volatile by_printf)(const char *, ...) = printf;
    errno = ENOENT;
    TRY(by_printf("%m\n"));
    errno = EACCES;
    TRY(print_by(VFPRINTF_CHK, "%m\n"));
    TRY(by_printf("%lc\n", (wint_t)0xdc00));
    TRY(print_by(VPRINTF, "%lc\n", (wint_t)0xdc00));
    TRY(by_printf("%99999999999d\n", 1));
}

int main(void)
{
    all_values();
    announced();
    errors();
    return 0;
}
