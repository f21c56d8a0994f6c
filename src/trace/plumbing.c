#include "trace/plumbing.h"

#include "base/compiler.h"

#include <string.h>

static const char NAMESPACES[][20] = {
    /* C++ */
    "__gnu_cxx", "asio", "beast", "cpr", "httplib", "std",
    /* Rust */
    "alloc", "async_io", "async_std", "attohttpc", "core", "curl", "futures_channel", "futures_core", "futures_util",
    "h2", "hyper", "hyper_rustls", "hyper_tls", "hyper_util", "isahc", "minreq", "mio", "native_tls", "openssl",
    "polling", "reqwest", "rustls", "socket2", "tokio", "tokio_native_tls", "tokio_rustls", "tokio_util", "tower",
    "tower_service", "ureq"};

static bool is_namespace(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(NAMESPACES); i++)
        if (strlen(NAMESPACES[i]) == len && memcmp(name, NAMESPACES[i], len) == 0)
            return true;
    return false;
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t name_len(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && is_of_name(*at))
        at++;
    return (size_t)(at - begin);
}

bool plumbing_has_name(const char *name, size_t len)
{
    static const char boost[] = "boost::";
    const char *end = name + len;
    while (name < end && (*name == '<' || *name == '&'))
        name++;
    if ((size_t)(end - name) > sizeof boost && memcmp(name, boost, sizeof boost - 1) == 0)
        name += sizeof boost - 1;
    len = name_len(name, end);
    return (size_t)(end - name) > len + 2 && name[len] == ':' && is_namespace(name, len);
}

/* ---- symbols ---- */

static bool skip(const char **at, const char *word)
{
    size_t len = strlen(word);
    bool is_there = strncmp(*at, word, len) == 0;
    *at += is_there ? len : 0;
    return is_there;
}

/* 3std: a length, and so many bytes. Moves behind it. NULL: there is none. */
static const char *identifier_read(const char **at, size_t *len)
{
    const char *digit = *at;
    *len = 0;
    while (*digit >= '0' && *digit <= '9' && *len < 4096)
        *len = *len * 10 + (size_t)(*digit++ - '0');
    if (digit == *at || strnlen(digit, *len) < *len)
        return NULL;
    *at = digit + *len;
    return digit;
}

/* Rust, legacy: a method of a trait stands under "<Type as Trait>", spelt _$LT$std..net..TcpStream$u20$as$u20$.... */
static bool is_rust_type(const char *name, size_t len)
{
    const char *at = name, *end = name + len;
    if (!skip(&at, "_$LT$") && !skip(&at, "$LT$"))
        return false;
    while (skip(&at, "$RF$") || skip(&at, "mut$u20$") || skip(&at, "dyn$u20$") || skip(&at, "$LP$"))
        ;
    if (at >= end)
        return false;
    len = name_len(at, end);
    return (size_t)(end - at) > len + 2 && at[len] == '.' && is_namespace(at, len);
}

static bool has_nested(const char *at)
{
    size_t len;
    while (*at == 'K' || *at == 'V')
        at++;
    if (skip(&at, "St"))
        return true;
    const char *name = identifier_read(&at, &len);
    if (name && len == 5 && memcmp(name, "boost", len) == 0)
        name = identifier_read(&at, &len);
    return name && (is_namespace(name, len) || is_rust_type(name, len));
}

/* Rust, v0: the first crate that is named is the one that the function, or its type, is of: C, what tells it from
 * others of that name, its name. */
static bool has_crate(const char *at)
{
    size_t len;
    for (at = strchr(at, 'C'); at; at = strchr(at + 1, 'C')) {
        const char *name_at = at + 1;
        if (skip(&name_at, "s")) {
            name_at += strcspn(name_at, "_");
            if (!skip(&name_at, "_"))
                continue;
        }
        const char *name = identifier_read(&name_at, &len);
        if (name && len)
            return is_namespace(name, len);
    }
    return false;
}

bool plumbing_has_symbol(const char *symbol)
{
    if (skip(&symbol, "_ZN"))
        return has_nested(symbol);
    if (skip(&symbol, "_ZSt"))
        return true;
    return skip(&symbol, "_R") && has_crate(symbol);
}
