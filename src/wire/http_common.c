#include "wire/http_common.h"

#include "base/compiler.h"
#include "base/slab.h"

#include <string.h>

struct http_common {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    /* What of the head they depend on. */
    uint16_t host_len;
    uint16_t user_agent_len;
    int minor;
    char host_and_user_agent[256];
    struct attribute_block block; /* nothing is kept where its len is 0 */
};

static BULKY_DATA struct slab g_commons = SLAB_INITIALIZER(sizeof(struct http_common), 64, 1024);

bool http_common_add(const struct http_common *common, const struct http_head *head,
                     struct span *span)
{
    if (!common || common->block.len == 0 || common->host_len != head->host_len ||
        common->user_agent_len != head->user_agent_len || common->minor != head->minor ||
        memcmp(common->host_and_user_agent, head->host, head->host_len) != 0 ||
        memcmp(common->host_and_user_agent + head->host_len, head->user_agent,
               head->user_agent_len) != 0)
        return false;
    span_add_attributes(span, &common->block);
    return true;
}

static struct http_common *common_alloc(void)
{
    uint32_t index;
    struct http_common *common = slab_alloc(&g_commons, &index);
    if (common)
        common->index = index;
    return common;
}

void http_common_keep(struct http_common **common, const struct http_head *head,
                      const struct span *span, uint32_t from)
{
    if (!*common && !(*common = common_alloc()))
        return;
    (*common)->block.len = 0;
    if ((size_t)head->host_len + head->user_agent_len > sizeof (*common)->host_and_user_agent)
        return;
    (*common)->host_len = head->host_len;
    (*common)->user_agent_len = head->user_agent_len;
    (*common)->minor = head->minor;
    memcpy((*common)->host_and_user_agent, head->host, head->host_len);
    memcpy((*common)->host_and_user_agent + head->host_len, head->user_agent,
           head->user_agent_len);
    span_copy_attributes(span, from, &(*common)->block);
}

void http_common_free(struct http_common **common)
{
    if (*common)
        slab_free(&g_commons, (*common)->index);
    *common = NULL;
}
