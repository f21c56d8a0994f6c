/* stdio on a socket: alone, and mixed with calls on the same socket. */
#include "harmless.h"

/* It looks like the rest of a head, and is a body. */
static const char BODY[] = "Name: value\r\n\r\n12345";

static void whole_by_stdio(void)
{
    int pair[2];
    char line[100];
    pair_tcp(pair);
    FILE *in = fdopen(dup(pair[0]), "r"), *out = fdopen(pair[0], "w");
    fprintf(out, "%s", GET);
    TRY(fflush(out));
    peer_print("request", pair[1], STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    shutdown(pair[1], SHUT_WR);
    while (fgets(line, sizeof line, in))
        printf("line of %zu\n", strlen(line));
    TRY(feof(in));
    TRY(fclose(in));
    TRY(fclose(out));
    TRY(close(pair[0]));
    close(pair[1]);
}

static void server_by_stdio(void)
{
    int pair[2];
    char line[200];
    pair_tcp(pair);
    FILE *file = fdopen(pair[1], "r+");
    write_all(pair[0], GET, STR_LEN(GET));
    while (fgets(line, sizeof line, file) && line[0] != '\r')
        if (!is_injected(line, strlen(line)))
            printf("line of %zu\n", strlen(line));
    fprintf(file, "%s", ANSWER);
    TRY(fflush(file));
    peer_print("answer", pair[0], STR_LEN(ANSWER));
    TRY(fclose(file));
    close(pair[0]);
}

/* The head's end goes past us; the body must not be taken for it. */
static void head_by_both(const char *label, void (*rest)(int fd, const char *text))
{
    char head[] = "POST / HTTP/1.1\r\nContent-Length: 20\r\n";
    int pair[2];
    pair_tcp(pair);
    printf("%s\n", label);
    TRY(write(pair[0], head, STR_LEN(head)));
    rest(pair[0], "Host: peer\r\n\r\n");
    TRY(write(pair[0], BODY, STR_LEN(BODY)));
    size_t len = STR_LEN(head) + 14 + STR_LEN(BODY);
    char bytes[1000], raw[1000];
    size_t got = 0;
    shutdown(pair[0], SHUT_WR);
    for (ssize_t n; (n = read(pair[1], raw + got, sizeof raw - got)) > 0;)
        got += (size_t)n;
    memcpy(bytes, raw, got);
    /* The body must be as it was sent: nothing is taken out of it here. */
    const char *end = memmem(raw, got, "\r\n\r\n", 4);
    printf("body of %zu\n", end ? got - (size_t)(end + 4 - raw) : 0);
    size_t kept = injected_strip(bytes, got, true);
    printf("%zu of %zu bytes, crc %08x\n", kept, len, crc32_add(0, bytes, len));
    pair_close(pair);
}

static void by_copy(int fd, const char *text)
{
    FILE *file = fdopen(dup(fd), "w");
    fputs(text, file);
    fclose(file);
}

static void by_dprintf(int fd, const char *text)
{
    TRY(dprintf(fd, "%s", text));
}

static void by_syscall(int fd, const char *text)
{
    TRY(syscall(SYS_write, fd, text, strlen(text)));
}

/* fclose of a FILE over a copy, then the number is another socket's. */
static void number_reused(void)
{
    int pair[2], other[2];
    pair_tcp(pair);
    write_all(pair[0], GET, 20);
    FILE *file = fdopen(pair[0], "w");
    fclose(file);
    pair_unix(other);
    printf("numbers %d %d\n", pair[0], other[0]);
    TRY(write(other[0], "\r\n\r\n", 4));
    char bytes[200];
    TRY(read(other[1], bytes, sizeof bytes));
    close(pair[1]);
    pair_close(other);
}

int main(void)
{
    harmless_begin();
    whole_by_stdio();
    server_by_stdio();
    head_by_both("by a FILE over a copy", by_copy);
    head_by_both("by dprintf", by_dprintf);
    head_by_both("by syscall()", by_syscall);
    number_reused();
    fds_print("at last", true);
    return 0;
}
