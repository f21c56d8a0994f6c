/* fuzz_reproducible.c - spans written anew: as many spans as there were, and the same bytes when that is done again;
 * runs compared: a file is equal to itself, and may be compared with any.
 *
 * The input is the file. */
#include "fuzz.h"

#include "view/reproducible.h"
#include "view/run_diff.h"

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

static int compare(const void *old_bytes, size_t old_len, const void *new_bytes, size_t new_len)
{
    char *said = NULL, paths[2][64];
    size_t said_len;
    FILE *out = open_memstream(&said, &said_len);
    int fds[] = {memfd_create("old", MFD_CLOEXEC), memfd_create("new", MFD_CLOEXEC)};
    FUZZ_CHECK(write(fds[0], old_bytes, old_len) == (ssize_t)old_len &&
                   write(fds[1], new_bytes, new_len) == (ssize_t)new_len,
               "no memory");
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", fds[i]);
    int status = run_diff_files(paths[0], paths[1], true, out);
    fclose(out);
    free(said);
    close(fds[0]);
    close(fds[1]);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct reproducible_counts once, twice;
    size_t first_len, second_len;
    if (!len)
        return -1;
    char *first = rewrite(input, len, &first_len, &once), *second = rewrite(first, first_len, &second_len, &twice);
    FUZZ_CHECK(!*twice.skipped, "%s\n%s", twice.skipped, first);
    FUZZ_CHECK(twice.span_count == once.span_count, "%zu, then %zu\n%s", once.span_count, twice.span_count, first);
    FUZZ_CHECK(first_len == second_len && memcmp(first, second, first_len) == 0, "first\n%s\nthen\n%s", first, second);
    if (once.span_count && !*once.skipped) {
        FUZZ_CHECK(compare(first, first_len, second, second_len) == 0, "not equal\n%s", first);
        int status = compare(input, len, first, first_len);
        FUZZ_CHECK(status == 0 || status == 1, "status %d", status);
    }
    free(first);
    free(second);
    return 0;
}
