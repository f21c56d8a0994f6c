/* Lines of Python code, by the tables of all versions, and by tables that are none. */
#include "base/compiler.h"
#include "shim/python_lines.h"
#include "shim/python_plumbing.h"

#include <criterion/criterion.h>
#include <string.h>

struct table {
    enum python_lines kind;
    const char *bytes;
    size_t len;
    int lines[8]; /* of the instructions at 0, 2, 4, ... */
};

#define TABLE(kind, bytes, ...) {kind, bytes, sizeof(bytes) - 1, {__VA_ARGS__}}

/* The first line is 10. */
static const struct table TABLES[] = {
    /* on by 2 bytes and a line, by 4 and back two lines */
    TABLE(PYTHON_LNOTAB, "\x02\x01\x04\xfe", 10, 11, 11, 9, 9, 9, 9, 9),
    TABLE(PYTHON_LNOTAB, "", 10, 10, 10, 10, 10, 10, 10, 10),
    TABLE(PYTHON_LNOTAB, "\x02", 10, 10, 10, 10, 10, 10, 10, 10),
    /* 2 bytes of this line, 4 of the next, 2 of none, 2 of the one before */
    TABLE(PYTHON_LINETABLE, "\x02\x00\x04\x01\x02\x80\x02\xff", 10, 11, 11, 0, 10, 0, 0, 0),
    TABLE(PYTHON_LINETABLE, "\x00\x05\x02\x01", 16, 0, 0, 0, 0, 0, 0, 0),
    TABLE(PYTHON_LINETABLE, "", 0, 0, 0, 0, 0, 0, 0, 0),
    /* short; one line on; two lines on; no columns, 3 lines back, two units; none; long, 40 on */
    TABLE(PYTHON_LOCATIONS, "\x80\x00\xd8\x01\x02\xe0\x01\x02\xe9\x07\xf8\xf0\x50\x01\x00\x00\x00", 10, 11, 13, 10, 10, 0,
          50, 0),
    TABLE(PYTHON_LOCATIONS, "\xf0\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f", -536870901, 0, 0, 0, 0, 0, 0, 0),
    TABLE(PYTHON_LOCATIONS, "\xf0", 10, 0, 0, 0, 0, 0, 0, 0),
    TABLE(PYTHON_LOCATIONS, "", 0, 0, 0, 0, 0, 0, 0, 0),
};

Test(python_lines, are_those_of_the_table)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        for (size_t at = 0; at < ARRAY_LEN(TABLES[i].lines); at++) {
            const struct table *table = &TABLES[i];
            int line = python_line(table->kind, (const unsigned char *)table->bytes, table->len, 10, 2 * at);
            cr_expect_eq(line, table->lines[at], "table %zu at %zu: %d", i, 2 * at, line);
        }
}

Test(python_plumbing, is_known_by_where_it_is_installed)
{
    static const struct {
        const char *path;
        enum site_kind kind;
    } FILES[] = {
        {"/usr/lib/python3.11/socket.py", SITE_PLUMBING},
        {"/usr/lib/python3.11/http/client.py", SITE_PLUMBING},
        {"/home/u/.pyenv/versions/3.13.0/lib/python3.13/urllib/request.py", SITE_PLUMBING},
        {"/usr/lib/python3.11/asyncio/streams.py", SITE_PLUMBING},
        {"/usr/lib/python3.11/asyncio/events.py", SITE_LOOP},
        {"/usr/lib/python3.11/asyncio/runners.py", SITE_LOOP},
        {"/usr/lib/python3/dist-packages/requests/sessions.py", SITE_PLUMBING},
        {"/v/lib/python3.11/site-packages/urllib3/connection.py", SITE_PLUMBING},
        {"<frozen importlib._bootstrap>", SITE_PLUMBING},
        {"/usr/lib/python3.11/json/tool.py", SITE_CALLER},
        {"/usr/lib/python3.11/http/client.pyx", SITE_CALLER},
        {"/v/lib/python3.11/site-packages/shop/order.py", SITE_CALLER},
        {"/v/lib/python3.11/site-packages/shop/socket.py", SITE_CALLER},
        {"/srv/shop/socket.py", SITE_CALLER},
        {"/srv/requests/order.py", SITE_CALLER},
        {"/srv/python3.x/socket.py", SITE_CALLER},
        {"/srv/python3.11", SITE_CALLER},
        {"/v/site-packages/requests", SITE_CALLER},
        {"socket.py", SITE_CALLER},
        {"<string>", SITE_CALLER},
        {"", SITE_CALLER},
    };
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        cr_expect_eq(python_file_kind(FILES[i].path, strlen(FILES[i].path)), FILES[i].kind, "%s", FILES[i].path);
}
