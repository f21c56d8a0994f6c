/* fuzz_reader.c - the viewer on any file: reading, assembling, drawing.
 *
 * The input is the file. If it begins with '#', its first line says how to draw, and is a line of the file
 * as well: a number for the width, then 'c' for colours, 'a' for ASCII, 't' and a number for how many traces,
 * 'e' for events, 's' for all traces summed up, 'd' for the difference from the same file (none). */
#include "fuzz.h"

#include "base/compiler.h"
#include "view/skip_text.h"
#include "view/span_reader.h"
#include "view/view.h"

#include <locale.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wchar.h>

static struct view_options options_read(const uint8_t *input, size_t len, bool *is_ascii)
{
    struct view_options options = {.width = 100, .color = VIEW_COLOR_NEVER};
    char line[24] = "";
    *is_ascii = false;
    if (!len || input[0] != '#')
        return options;
    memcpy(line, input, MIN(len, sizeof line - 1));
    line[strcspn(line, "\n")] = '\0';
    int number = atoi(line + 1);
    options.width = MIN(MAX(number, 0), 10000);
    const char *traces = strchr(line, 't');
    options.max_traces = traces ? MAX(atoi(traces + 1), 0) : 0;
    options.color = strchr(line, 'c') ? VIEW_COLOR_ALWAYS : VIEW_COLOR_NEVER;
    options.has_events = strchr(line, 'e') != NULL;
    options.report = strchr(line, 's')   ? VIEW_REPORT_PROFILE
                     : strchr(line, 'd') ? VIEW_REPORT_COMPARE
                                         : VIEW_REPORT_NONE;
    *is_ascii = strchr(line, 'a') != NULL;
    return options;
}

/* ESC [ digits and semicolons m, which is all that we draw with. Returns its length, 0 if it is none. */
static size_t color_len(const char *bytes, size_t len)
{
    size_t i = 2;
    if (len < 3 || bytes[0] != 0x1b || bytes[1] != '[')
        return 0;
    while (i < len && bytes[i] && strchr("0123456789;", bytes[i]))
        i++;
    return i < len && bytes[i] == 'm' ? i + 1 : 0;
}

/* C1 controls, what changes the direction of writing, and what has no width and no look. */
static bool is_deceptive(wchar_t c)
{
    return (c >= 0x80 && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xad;
}

/* What the file says does not get through to the terminal as anything but characters to be seen. */
static void output_check(const char *out, size_t len, const struct view_options *options,
                         bool is_ascii)
{
    mbstate_t state = {0};
    for (size_t i = 0; i < len;) {
        wchar_t c;
        size_t sequence = options->color == VIEW_COLOR_ALWAYS ? color_len(out + i, len - i) : 0;
        if (sequence == 0) {
            sequence = mbrtowc(&c, out + i, len - i, &state);
            FUZZ_CHECK(sequence >= 1 && sequence <= 4, "not UTF-8 at %zu of\n%.*s", i, (int)len, out);
            FUZZ_CHECK(c == '\n' || (c >= ' ' && c != 0x7f && !is_deceptive(c)),
                       "U+%04x at %zu of\n%.*s", (unsigned)c, i, (int)len, out);
            FUZZ_CHECK(!is_ascii || c < 0x80, "U+%04x in ASCII", (unsigned)c);
        }
        i += sequence;
    }
}

static void view(const uint8_t *input, size_t len)
{
    bool is_ascii;
    struct view_options options = options_read(input, len, &is_ascii);
    char path[64], *out_bytes = NULL;
    size_t out_len = 0;
    setlocale(LC_CTYPE, "C.UTF-8"); /* for output_check */
    FILE *out = open_memstream(&out_bytes, &out_len);
    int fd = memfd_create("spans", MFD_CLOEXEC);
    FUZZ_CHECK(out && fd >= 0 && write(fd, input, len) == (ssize_t)len, "no memory");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    setenv("LC_ALL", is_ascii ? "C" : "C.UTF-8", 1);
    options.compare_path = path;
    int status = view_file(path, out, &options);
    FUZZ_CHECK(status == 0, "status %d", status);
    fclose(out);
    output_check(out_bytes, out_len, &options, is_ascii);
    free(out_bytes);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct span_set set = {0};
    char text[SKIP_TEXT_LEN];
    if (!len)
        return -1;
    int fd = memfd_create("spans", MFD_CLOEXEC);
    FUZZ_CHECK(write(fd, input, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0, "not written");
    FUZZ_CHECK(span_reader_read(fd, &set) == 0, "not read");
    close(fd);
    uint64_t skipped = 0;
    for (int i = 0; i < SKIP_REASON_COUNT; i++)
        skipped += set.skipped[i].count;
    FUZZ_CHECK(set.count + skipped <= set.line_count, "%zu + %llu of %llu", set.count,
               (unsigned long long)skipped, (unsigned long long)set.line_count);
    skip_text(&set, text);
    bool has_spans = set.count > 0;
    span_set_free(&set);
    if (has_spans)
        view(input, len);
    return 0;
}
