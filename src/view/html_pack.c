#include "view/html_pack.h"

#include "base/compiler.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <zlib.h>

/* A multiple of three: no padding but at the very end. */
enum { PIECE_LEN = 48 * 1024 };

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_put(const uint8_t *bytes, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t count = MIN(len - i, (size_t)3);
        uint32_t bits = (uint32_t)bytes[i] << 16 | (count > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (count > 2 ? bytes[i + 2] : 0);
        char letters[4] = {LETTERS[bits >> 18], LETTERS[bits >> 12 & 63], LETTERS[bits >> 6 & 63], LETTERS[bits & 63]};
        for (size_t pad = count + 1; pad < 4; pad++)
            letters[pad] = '=';
        fwrite_unlocked(letters, 1, sizeof letters, out);
    }
}

int html_pack(const char *bytes, size_t len, FILE *out)
{
    uint8_t piece[PIECE_LEN];
    z_stream stream = {.next_in = (Bytef *)bytes};
    if (deflateInit(&stream, Z_DEFAULT_COMPRESSION) != Z_OK)
        return -ENOMEM;
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        do { /* zlib counts in 32 bits */
            size_t rest = len - (size_t)(stream.next_in - (const Bytef *)bytes);
            stream.avail_in = (uInt)MIN(rest, (size_t)INT_MAX);
            state = deflate(&stream, rest == stream.avail_in ? Z_FINISH : Z_NO_FLUSH);
        } while (state == Z_OK && stream.avail_out);
        base64_put(piece, sizeof piece - stream.avail_out, out);
    }
    deflateEnd(&stream);
    return state == Z_STREAM_END && !ferror(out) ? 0 : -EIO;
}
