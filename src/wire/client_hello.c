#include "wire/client_hello.h"

#include "base/compiler.h"

#include <string.h>

enum {
    CONTENT_HANDSHAKE = 22,
    HANDSHAKE_CLIENT_HELLO = 1,
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_PROTOCOLS = 16,
};

/* What is left to be read. Reading beyond its end gives nothing, and leaves nothing. */
struct reader {
    const uint8_t *at;
    size_t len;
};

static struct reader take(struct reader *from, size_t len)
{
    struct reader taken = {from->at, MIN(len, from->len)};
    bool is_whole = len <= from->len;
    from->at += taken.len;
    from->len -= taken.len;
    return is_whole ? taken : (struct reader){NULL, 0};
}

static size_t take_number(struct reader *from, size_t len)
{
    struct reader bytes = take(from, len);
    size_t number = 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | bytes.at[i];
    return number;
}

/* A vector with its length, of @len bytes, before it. */
static struct reader take_vector(struct reader *from, size_t len)
{
    return take(from, take_number(from, len));
}

bool client_hello_begins(const char *bytes, size_t len)
{
    const uint8_t *at = (const uint8_t *)bytes;
    return at[0] == CONTENT_HANDSHAKE && (len < 2 || at[1] == 3) && (len < 3 || at[2] <= 4) &&
           (len < 6 || at[5] == HANDSHAKE_CLIENT_HELLO);
}

static void server_name_read(struct reader extension, struct client_hello *out)
{
    struct reader list = take_vector(&extension, 2);
    bool is_host_name = take_number(&list, 1) == 0;
    struct reader name = take_vector(&list, 2);
    if (!is_host_name || !name.len)
        return;
    out->server_name = (const char *)name.at;
    out->server_name_len = name.len;
}

static void extensions_read(struct reader extensions, struct client_hello *out)
{
    while (extensions.len >= 4) {
        size_t type = take_number(&extensions, 2);
        struct reader extension = take_vector(&extensions, 2);
        if (type == EXTENSION_SERVER_NAME) {
            server_name_read(extension, out);
        } else if (type == EXTENSION_PROTOCOLS) {
            struct reader protocols = take_vector(&extension, 2);
            out->protocols = protocols.at;
            out->protocols_len = protocols.len;
        }
    }
}

bool client_hello_parse(const char *bytes, size_t len, struct client_hello *out)
{
    struct reader record = {(const uint8_t *)bytes, len};
    enum { RECORD_HEADER_LEN = 5, HANDSHAKE_HEADER_LEN = 4, VERSION_LEN = 2 };
    *out = (struct client_hello){0};
    if (!len || !client_hello_begins(bytes, len))
        return false;
    take(&record, RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN + VERSION_LEN);
    out->random = take(&record, TLS_RANDOM_LEN).at;
    take_vector(&record, 1); /* session id */
    take_vector(&record, 2); /* cipher suites */
    take_vector(&record, 1); /* compression methods */
    size_t extensions_len = take_number(&record, 2);
    extensions_read(take(&record, MIN(extensions_len, record.len)), out);
    return out->random != NULL;
}

void client_hello_append_protocols(const struct client_hello *hello, struct text *text)
{
    struct reader list = {hello->protocols, hello->protocols_len};
    size_t before = text->len;
    while (list.len > 1) {
        struct reader name = take_vector(&list, 1);
        if (name.len && text->len > before)
            text_append_char(text, ',');
        for (size_t i = 0; i < name.len; i++)
            if (name.at[i] > ' ' && name.at[i] < 0x7f && name.at[i] != ',')
                text_append_char(text, (char)name.at[i]);
    }
}
