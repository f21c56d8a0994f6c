#include "trace/redact_arguments.h"

#include "trace/redact.h"
#include "trace/secret_name.h"

enum { NAME_LEN_MAX = 64 };

static void append_redacted(struct text *text)
{
    text_append_literal(text, "REDACTED");
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_blank(char c)
{
    return is_one_of(c, " \t\r\n");
}

/* What parts the words of a script or of JSON. */
static bool is_delimiter(char c)
{
    return is_blank(c) || is_one_of(c, "'\"`\\");
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || is_one_of(c, "-_.");
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Does the name that ends at @end, in @from or behind it, tell of a secret? One that is too long does. */
static bool name_is_secret(const char *from, const char *end)
{
    char header[NAME_LEN_MAX];
    const char *name = end;
    while (name > from && is_name_char(name[-1]))
        name--;
    while (name < end && *name == '-')
        name++;
    size_t len = (size_t)(end - name);
    if (len >= sizeof header)
        return true;
    for (size_t i = 0; i < len; i++)
        header[i] = lower(name[i]);
    header[len] = '\0';
    return len && (secret_name_is_key(name, len) || secret_name_is_header(header));
}

/* Where the value of a secret name begins that the word at @at has, or that is behind the word's quotes. NULL:
 * nowhere. */
static const char *secret_find(const char *at, const char *word_end, const char *end)
{
    for (const char *separator = at; separator < word_end; separator++)
        if (is_one_of(*separator, ":=") && name_is_secret(at, separator))
            return separator + 1;
    const char *behind = word_end;
    while (behind < end && is_delimiter(*behind))
        behind++;
    return behind < end && is_one_of(*behind, ":=") && name_is_secret(at, word_end) ? behind + 1 : NULL;
}

static enum argument_announces word_announces(const char *word, size_t len)
{
    static const char of_pairs[] = "uUEb", of_secrets[] = "apPw";
    if (len < 2 || *word != '-')
        return ANNOUNCES_NOTHING;
    if (name_is_secret(word, word + len) || (len == 2 && is_one_of(word[1], of_secrets)))
        return ANNOUNCES_SECRET;
    bool is_letters = word[1] != '-' && is_one_of(word[len - 1], of_pairs);
    bool is_pair = is_letters || memmem(word, len, "user", 4) || memmem(word, len, "cert", 4);
    return is_pair ? ANNOUNCES_PAIR : ANNOUNCES_NOTHING;
}

/* "-pSECRET", "-uNAME:PASSWORD", also behind other letters: how much of it may be told. */
static size_t letters_plain_len(const char *word, size_t len)
{
    if (len < 3 || word[0] != '-' || word[1] == '-')
        return len;
    if (is_one_of(word[1], "pw"))
        return 2;
    for (size_t i = 1; i < len && is_name_char(word[i]); i++)
        if (is_one_of(word[i], "uUEb") && memchr(word + i, ':', len - i))
            return i + 1;
    return len;
}

static void url_append(struct text *text, const char *word, const char *colon, const char *end)
{
    const char *scheme = colon;
    while (scheme > word && is_name_char(scheme[-1]))
        scheme--;
    if (memchr(word, '@', (size_t)(scheme - word))) {
        append_redacted(text);
        return;
    }
    text_append(text, word, (size_t)(scheme - word));
    redact_append_url(text, scheme, (size_t)(end - scheme));
}

static void word_append(struct text *text, const char *word, size_t len)
{
    const char *colon = memmem(word, len, "://", 3);
    size_t plain_len = letters_plain_len(word, len);
    if (plain_len < len) {
        text_append(text, word, plain_len);
        append_redacted(text);
    } else if (colon) {
        url_append(text, word, colon, word + len);
    } else if (url_userinfo_len(word, len, false)) {
        append_redacted(text);
    } else if (memchr(word, '?', len)) {
        redact_append_url(text, word, len);
    } else {
        text_append(text, word, len);
    }
}

/* A password with a quote in it: what is told of the word would be its first half. */
static bool is_half_a_password(const char *at, const char *word_end, const char *end)
{
    const char *blank = word_end;
    while (blank < end && !is_blank(*blank))
        blank++;
    return memchr(at, ':', (size_t)(word_end - at)) && memchr(word_end, '@', (size_t)(blank - word_end));
}

static bool is_all_secret(const char *at, const char *word_end, const char *end, enum argument_announces announced)
{
    size_t len = (size_t)(end - at);
    return announced == ANNOUNCES_SECRET ||
           (announced == ANNOUNCES_PAIR && (memchr(at, ':', len) || memchr(at, '=', len))) ||
           secret_name_is_credential(at, len) || is_half_a_password(at, word_end, end);
}

/* Adds the words of an argument up to the first that is not to be told. */
static void words_append(struct text *text, const char *at, const char *end, enum argument_announces *announced)
{
    while (at < end) {
        const char *word_end = at;
        while (word_end < end && !is_delimiter(*word_end))
            word_end++;
        if (word_end == at) {
            text_append_char(text, *at++);
            continue;
        }
        bool is_secret = is_all_secret(at, word_end, end, *announced);
        *announced = ANNOUNCES_NOTHING;
        const char *value = is_secret ? NULL : secret_find(at, word_end, end);
        if (value) {
            const char *told_end = value < word_end ? value : word_end;
            word_append(text, at, (size_t)(told_end - at));
            text_append(text, told_end, (size_t)(value - told_end));
            *announced = value == end ? ANNOUNCES_SECRET : ANNOUNCES_NOTHING;
        }
        if (is_secret || (value && value < end))
            append_redacted(text);
        if (is_secret || value)
            return;
        *announced = word_announces(at, (size_t)(word_end - at));
        word_append(text, at, (size_t)(word_end - at));
        at = word_end;
    }
}

void redact_append_argument(struct text *text, const char *argument, size_t len, enum argument_announces *announced)
{
    enum { LEN_MAX = 1536 };
    char bytes[LEN_MAX];
    if (!g_redact_choices.has_patterns) {
        words_append(text, argument, argument + len, announced);
        return;
    }
    struct text words = text_on(bytes, sizeof bytes);
    words_append(&words, argument, argument + len, announced);
    redact_append_by_patterns(text, words.bytes, words.len);
    text->overflowed = text->overflowed || words.overflowed;
}
