/* A connection from before our time, first used by calls that look at no socket they do not know: what is
 * sent later may be anywhere in a message. */
#include "harmless.h"

static const char HEAD[] = "POST / HTTP/1.1\r\nContent-Length: 51\r\n\r\n";

static int child(void)
{
    char answer[100];
    TRY(write(0, HEAD, STR_LEN(HEAD)));
    TRY(send(0, GET, STR_LEN(GET), 0)); /* a body that looks like a request */
    TRY(read(0, answer, STR_LEN(ANSWER)));
    TRY(send(0, GET, STR_LEN(GET), 0)); /* and one that is one */
    TRY(recv(0, answer, sizeof answer, 0));
    return 4;
}

static void inherited(const char *self, bool is_tcp)
{
    static char raw[2000], text[2000];
    int pair[2];
    size_t len = 0;
    pair_make(pair, is_tcp);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pair[0], 0);
        closefrom(3);
        execl(self, self, "child", (char *)NULL);
        _exit(98);
    }
    close(pair[0]);
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    child_print("child", pid);
    for (ssize_t n; (n = read(pair[1], raw + len, sizeof raw - len)) > 0;)
        len += (size_t)n;
    /* The body must be as it was sent. */
    printf("first message %s\n", len >= STR_LEN(HEAD) + STR_LEN(GET) &&
           memcmp(raw + STR_LEN(HEAD), GET, STR_LEN(GET)) == 0 ? "intact" : "damaged");
    memcpy(text, raw, len);
    size_t kept = injected_strip(text, len, true);
    printf("%zu bytes, crc %08x\n", kept, crc32_add(0, text, kept));
    close(pair[1]);
}

int main(int argc, char **argv)
{
    harmless_begin();
    if (argc > 1)
        return child();
    inherited(argv[0], true);
    inherited(argv[0], false);
    return 0;
}
