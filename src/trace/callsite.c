#include "trace/callsite.h"

static void (*g_record)(struct span *span);
static void (*g_note_error)(struct span *span);

void callsite_set_recorder(void (*record)(struct span *span), void (*note_error)(struct span *span))
{
    g_record = record;
    g_note_error = note_error;
}

void callsite_record(struct span *span)
{
    if (span && g_record)
        g_record(span);
}

void callsite_note_error(struct span *span)
{
    if (g_note_error && span->kind == SPAN_KIND_CLIENT)
        g_note_error(span);
}
