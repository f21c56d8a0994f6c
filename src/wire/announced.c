#include "wire/announced.h"

#include "base/compiler.h"
#include "base/slab.h"

#include <string.h>

/* A short write is rare: this lies outside of the connection. */
struct announced {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    size_t len;
    char bytes[ANNOUNCED_LEN_MAX];
};

static BULKY_DATA struct slab g_announced = SLAB_INITIALIZER(sizeof(struct announced), 4, 1024);

static struct announced *announced_get(struct announced **announced)
{
    uint32_t index;
    if (*announced || !(*announced = slab_alloc(&g_announced, &index)))
        return *announced;
    (*announced)->index = index;
    (*announced)->len = 0;
    return *announced;
}

static size_t iov_total(const struct iovec *iov, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += iov[i].iov_len;
    return len;
}

static void front_drop(struct announced *announced, size_t len)
{
    size_t gone = MIN(len, announced->len);
    announced->len -= gone;
    memmove(announced->bytes, announced->bytes + gone, announced->len);
}

void announced_keep(struct announced **kept, const struct iovec *iov, size_t count, size_t skip)
{
    struct announced *announced = announced_get(kept);
    if (!announced)
        return;
    if (announced->len >= iov_total(iov, count)) {
        front_drop(announced, skip);
        return;
    }
    announced->len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t passed = MIN(skip, iov[i].iov_len);
        size_t len = MIN(iov[i].iov_len - passed, sizeof announced->bytes - announced->len);
        if (len)
            memcpy(announced->bytes + announced->len, (const char *)iov[i].iov_base + passed, len);
        announced->len += len;
        skip -= passed;
    }
}

bool announced_is_same(const struct announced *announced, const struct iovec *iov, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; announced && i < count && at < announced->len; i++) {
        size_t len = MIN(iov[i].iov_len, announced->len - at);
        if (len && memcmp(announced->bytes + at, iov[i].iov_base, len) != 0)
            return false;
        at += len;
    }
    return announced != NULL;
}

size_t announced_len(const struct announced *announced)
{
    return announced ? announced->len : 0;
}

void announced_release(struct announced **announced)
{
    if (*announced)
        slab_free(&g_announced, (*announced)->index);
    *announced = NULL;
}
