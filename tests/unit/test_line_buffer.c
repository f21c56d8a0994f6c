/* The buffer of pending lines, against a plain model: what is sent is what was kept, in order. */
#include "export/line_buffer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct line_buffer g_buffer;
static char g_kept[1 << 22]; /* all lines kept so far */
static size_t g_kept_len, g_sent_len;

static int keep(const char *line, size_t len)
{
    int error = line_buffer_append(&g_buffer, line, len);
    if (error == 0) {
        memcpy(g_kept + g_kept_len, line, len);
        g_kept_len += len;
    }
    return error;
}

static void send_up_to(size_t max)
{
    const char *bytes;
    size_t len = line_buffer_unsent(&g_buffer, &bytes);
    cr_assert_eq(len, g_kept_len - g_sent_len);
    len = len < max ? len : max;
    cr_assert_eq(memcmp(bytes, g_kept + g_sent_len, len), 0);
    line_buffer_advance(&g_buffer, len);
    g_sent_len += len;
}

static void rewind_both(void)
{
    line_buffer_rewind(&g_buffer);
    while (g_sent_len > 0 && g_kept[g_sent_len - 1] != '\n')
        g_sent_len--;
}

Test(line_buffer, sends_what_was_kept_in_order)
{
    char line[3000];
    srandom(7);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 3000; i++) {
        size_t len = 1 + (size_t)random() % sizeof line;
        line[0] = (char)('a' + i % 26);
        line[len - 1] = '\n';
        int error = keep(line, len);
        line[len - 1] = 'x';
        cr_assert(error == 0 ||
                  (error == -EAGAIN && g_kept_len - g_sent_len > LINE_BUFFER_LEN - 6000));
        if (random() % 2)
            send_up_to((size_t)random() % 6000);
        if (random() % 20 == 0)
            rewind_both();
        if (random() % 100 == 0)
            send_up_to(LINE_BUFFER_LEN);
        if (g_kept_len > sizeof g_kept - LINE_BUFFER_LEN)
            break;
    }
    cr_assert_gt(g_kept_len, 1 << 20);
}

Test(line_buffer, takes_its_whole_length_and_no_more)
{
    static char line[LINE_BUFFER_LEN / 2];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    cr_expect_eq(keep(line, sizeof line), 0);
    cr_expect_eq(keep(line, sizeof line), 0);
    cr_expect_eq(keep("\n", 1), -EAGAIN);
    cr_expect_eq(line_buffer_first_len(&g_buffer), sizeof line);
    /* A line that is sent in part still holds its place. */
    send_up_to(sizeof line - 1);
    cr_expect_eq(keep("\n", 1), -EAGAIN);
    cr_expect_eq(line_buffer_first_len(&g_buffer), 1);
    send_up_to(1);
    cr_expect_eq(keep("\n", 1), 0);
    send_up_to(10);
    cr_expect_eq(line_buffer_clear(&g_buffer), 2);
    const char *bytes;
    cr_expect_eq(line_buffer_unsent(&g_buffer, &bytes), 0);
}
