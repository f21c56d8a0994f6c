/* Changes of the environment: runners that name there the test that they run. */
#include "shim/pytest.h"
#include "shim/real.h"

#include <string.h>

/* errno is the call's. */
static void note(const char *value)
{
    int saved = errno;
    if (shim_is_tracing())
        pytest_note(value);
    errno = saved;
}

EXPORT int setenv(const char *name, const char *value, int is_overwriting)
{
    int result = REAL(setenv)(name, value, is_overwriting);
    if (result == 0 && is_overwriting && strcmp(name, PYTEST_VARIABLE) == 0)
        note(value);
    return result;
}

EXPORT int unsetenv(const char *name)
{
    int result = REAL(unsetenv)(name);
    if (result == 0 && strcmp(name, PYTEST_VARIABLE) == 0)
        note(NULL);
    return result;
}

/* What Python has before 3.9. */
EXPORT int putenv(char *string)
{
    enum { NAME_LEN = sizeof PYTEST_VARIABLE - 1 };
    int result = REAL(putenv)(string);
    if (result == 0 && strncmp(string, PYTEST_VARIABLE, NAME_LEN) == 0 && string[NAME_LEN] == '=')
        note(string + NAME_LEN + 1);
    return result;
}
