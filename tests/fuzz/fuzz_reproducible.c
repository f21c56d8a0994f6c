/* fuzz_reproducible.c - spans written anew: as many spans as there were, and the same bytes when that is done again.
 *
 * The input is the file. */
#include "fuzz.h"

#include "view/reproducible.h"

#include <sys/mman.h>
#include <unistd.h>

/* To be given to free(3). */
static char *rewrite(const void *bytes, size_t len, size_t *out_len, struct reproducible_counts *counts)
{
    char *made = NULL;
    FILE *out = open_memstream(&made, out_len);
    int fd = memfd_create("spans", MFD_CLOEXEC);
    FUZZ_CHECK(out && fd >= 0 && write(fd, bytes, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0, "no memory");
    FUZZ_CHECK(reproducible_write(fd, out, counts) == 0, "not written");
    fclose(out);
    close(fd);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct reproducible_counts once, twice;
    size_t first_len, second_len;
    if (!len)
        return -1;
    char *first = rewrite(input, len, &first_len, &once), *second = rewrite(first, first_len, &second_len, &twice);
    FUZZ_CHECK(!*twice.skipped, "%s\n%s", twice.skipped, first);
    FUZZ_CHECK(twice.span_count == once.span_count && twice.duplicate_count == 0, "%zu, then %zu\n%s", once.span_count,
               twice.span_count, first);
    FUZZ_CHECK(first_len == second_len && memcmp(first, second, first_len) == 0, "first\n%s\nthen\n%s", first, second);
    free(first);
    free(second);
    return 0;
}
