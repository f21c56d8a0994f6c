#include "view/html.h"

#include "base/text.h"
#include "view/html_columns.h"
#include "view/html_pack.h"
#include "view/html_page.h"
#include "view/output_file.h"
#include "view/skip_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_LEN_MAX = 4096 };

static int line_take(void *columns, const char *line, size_t len)
{
    return html_columns_add(columns, line, len);
}

static void string_print(FILE *out, const char *name, const char *string)
{
    char room[6 * NAME_LEN_MAX + 2];
    struct text text = text_on(room, sizeof room);
    text_append_json(&text, string, strnlen(string, NAME_LEN_MAX));
    fprintf(out, "\"%s\":%.*s,", name, (int)text.len, text.bytes);
}

static void facts_print(const struct view_source *source, const struct view_source_extent *extent, FILE *out)
{
    char skipped[SKIP_TEXT_LEN];
    string_print(out, "file", source->name);
    string_print(out, "program", RUN_TRACED_VERSION);
    string_print(out, "skipped", skip_text(source->set, skipped));
    fprintf(out, "\"spansInFile\":%zu,\"tracesInFile\":%zu,\"tracesAskedFor\":%zu,", source->file_span_count,
            source->file_trace_count, source->list->count);
    fprintf(out, "\"traces\":%zu,\"spans\":%zu,\"duplicates\":%zu,", source->list->shown_count, extent->span_count,
            source->duplicate_count);
    fprintf(out, "\"origin\":%lld,\"made\":%lld,", (long long)extent->start_us, (long long)time(NULL));
}

/* All that the page is told, as one JSON object. */
static int document_make(const struct view_source *source, char **bytes, size_t *len)
{
    struct view_source_extent extent = view_source_extent(source);
    struct html_columns columns;
    FILE *out = open_memstream(bytes, len);
    if (!out)
        return -ENOMEM;
    int result = html_columns_begin(&columns, extent.start_us);
    if (result == 0)
        result = view_source_read(source, line_take, &columns);
    if (result == 0) {
        putc('{', out);
        facts_print(source, &extent, out);
        result = html_columns_print(&columns, out);
        putc('}', out);
    }
    html_columns_free(&columns);
    if (ferror(out) | fclose(out))
        result = -ENOMEM;
    return result;
}

static int page_print(const struct view_source *source, FILE *out)
{
    char *bytes = NULL;
    size_t len;
    int result = document_make(source, &bytes, &len);
    if (result == 0) {
        fwrite(html_page_head, 1, (size_t)(html_page_head_end - html_page_head), out);
        result = html_pack(bytes, len, out);
        fwrite(html_page_tail, 1, (size_t)(html_page_tail_end - html_page_tail), out);
    }
    free(bytes);
    return result;
}

int html_write(const struct view_source *source, const char *path)
{
    struct output_file file;
    int result = output_file_open(path, "<!doctype html>", &file);
    return result < 0 ? result : output_file_close(&file, page_print(source, file.out));
}
