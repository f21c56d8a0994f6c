/* replay.c - a main() for a fuzz target where there is no libFuzzer: runs each file that is named once. */
#include "fuzz.h"

static void file_run(const char *path)
{
    enum { INPUT_LEN_MAX = 1 << 20 };
    static uint8_t input[INPUT_LEN_MAX];
    FILE *in = fopen(path, "re");
    FUZZ_CHECK(in, "cannot open %s", path);
    size_t len = fread(input, 1, sizeof input, in);
    FUZZ_CHECK(!ferror(in) && len < sizeof input, "cannot read all of %s", path);
    fclose(in);
    fprintf(stderr, "Running: %s\n", path); /* what crashes is the last one named */
    char *copy = fuzz_copy(input, len);
    LLVMFuzzerTestOneInput((const uint8_t *)copy, len);
    free(copy);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        file_run(argv[i]);
    fprintf(stderr, "Done %d runs\n", argc - 1);
    return 0;
}
