#include "trace/callsite.h"

static void (*g_record)(struct span *span);

void callsite_set_recorder(void (*record)(struct span *span))
{
    g_record = record;
}

void callsite_record(struct span *span)
{
    if (span && g_record)
        g_record(span);
}
