#include "view/clock_skew.h"

#include "base/compiler.h"

/* Below this, rounding and a clock being slewed are as likely: the analysis clamps such spans. */
enum { SKEW_MIN_US = 1000 };

/* Moved times stay within these, whatever a file claims: sums and differences cannot overflow. */
static const int64_t START_MAX_US = (int64_t)1 << 54;

static bool is_call(const struct trace_node *node)
{
    return node->span->kind == VIEW_KIND_SERVER && node->parent->span->kind == VIEW_KIND_CLIENT;
}

/* A client that gave up can have ended long before its server began. */
static bool is_impossible(const struct trace_node *node)
{
    const struct trace_node *client = node->parent;
    if (node->start_us < client->start_us - SKEW_MIN_US)
        return true;
    return node->start_us > client->end_us + SKEW_MIN_US && !client->span->is_error;
}

static void node_move(struct trace_node *node, int64_t by_us)
{
    by_us = MIN(MAX(by_us, -node->start_us), START_MAX_US - node->start_us);
    node->start_us += by_us;
    node->end_us += by_us;
    node->skew_us += by_us;
}

void clock_skew_correct(struct trace_node *node)
{
    node_move(node, node->parent->skew_us);
    if (!is_call(node) || !is_impossible(node))
        return;
    int64_t slack_us =
        (node->parent->end_us - node->parent->start_us) - (node->end_us - node->start_us);
    node_move(node, node->parent->start_us + MAX(slack_us, 0) / 2 - node->start_us);
}
