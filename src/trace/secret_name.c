#include "trace/secret_name.h"

#include "base/compiler.h"
#include "base/percent.h"
#include "base/text.h"

#include <string.h>

enum { NAME_LEN_MAX = 128 }; /* of what is looked at; a longer one counts as secret */

typedef char word[28];

/* Parts of names, of header fields and keys alike. */
static const word PARTS[] = {"token",      "secret",   "passw",     "pwd",       "apikey",    "accesskey",
                                    "signature",  "credential", "privatekey", "csrf",   "xsrf",      "jwt",
                                    "saml",       "assertion",  "sessionid",  "sessid", "passphrase",
                                    "authkey",    "authcode",   "securitykey", "xamz"};
/* Whole names. */
static const word KEYS[] = {"sig",  "key",    "code", "auth", "sid",            "pin",      "otp",
                                   "pass", "ticket", "hmac", "sas",  "awsaccesskeyid", "keypairid"};
static const word HEADER_PARTS[] = {"auth", "cookie", "session"};
static const word HEADERS[] = {"ocp-apim-subscription-key", "x-functions-key", "sec-websocket-key",
                                      "sec-websocket-protocol",    "dpop"};

/* Lower case, without what only parts words. False: there is too much of it. */
static bool normalize(const char *name, size_t len, struct text *text)
{
    char decoded[NAME_LEN_MAX];
    struct text plain = text_on(decoded, sizeof decoded);
    if (percent_decode(name, len, &plain))
        text_append(&plain, name, len);
    for (size_t i = 0; i < plain.len; i++) {
        char c = decoded[i] >= 'A' && decoded[i] <= 'Z' ? (char)(decoded[i] | 32) : decoded[i];
        if (!memchr("-_.+ []", c, 7))
            text_append_char(text, c);
    }
    return !plain.overflowed;
}

static bool has_part(const struct text *name, const word *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memmem(name->bytes, name->len, parts[i], strlen(parts[i])))
            return true;
    return false;
}

static bool is_one_of(const char *name, size_t len, const word *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(name, names[i], len) == 0)
            return true;
    return false;
}

bool secret_name_is_key(const char *name, size_t len)
{
    char bytes[NAME_LEN_MAX];
    struct text plain = text_on(bytes, sizeof bytes);
    return !normalize(name, len, &plain) || has_part(&plain, PARTS, ARRAY_LEN(PARTS)) ||
           is_one_of(plain.bytes, plain.len, KEYS, ARRAY_LEN(KEYS));
}

bool secret_name_is_header(const char *name)
{
    char bytes[NAME_LEN_MAX];
    struct text plain = text_on(bytes, sizeof bytes);
    return is_one_of(name, strlen(name), HEADERS, ARRAY_LEN(HEADERS)) ||
           !normalize(name, strlen(name), &plain) || has_part(&plain, PARTS, ARRAY_LEN(PARTS)) ||
           has_part(&plain, HEADER_PARTS, ARRAY_LEN(HEADER_PARTS));
}

bool secret_name_is_credential(const char *value, size_t len)
{
    static const word beginnings[] = {"bearer ", "basic ", "digest ", "negotiate ", "ntlm ", "token ", "eyJ"};
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        size_t beginning_len = strlen(beginnings[i]);
        if (len >= beginning_len && strncasecmp(value, beginnings[i], beginning_len) == 0)
            return true;
    }
    return false;
}
