/* fork, vfork and exec in the middle of things. */
#include "harmless.h"

#include <spawn.h>

extern char **environ;

/* The child ends what the parent began, and the other way round. */
static void fork_within(size_t cut, bool is_child_last)
{
    int pair[2];
    pair_tcp(pair);
    TRY(write(pair[0], GET, cut));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        ssize_t sent = is_child_last ? write(pair[0], GET + cut, STR_LEN(GET) - cut) : 0;
        close(pair[0]);
        close(pair[1]);
        _exit(sent > 0 ? 1 : 2);
    }
    child_print("child", child);
    if (!is_child_last)
        TRY(write(pair[0], GET + cut, STR_LEN(GET) - cut));
    peer_print("request", pair[1], STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    peer_print("answer", pair[0], STR_LEN(ANSWER));
    pair_talk(pair);
    pair_close(pair);
}

static void server_per_connection(void)
{
    struct sockaddr_in address;
    int listener = listen_any(&address);
    for (int i = 0; i < 5; i++) {
        int pair[2] = {socket(AF_INET, SOCK_STREAM, 0)};
        MUST(connect(pair[0], (struct sockaddr *)&address, sizeof address) == 0);
        pair[1] = accept(listener, NULL, NULL);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            char bytes[200];
            close(listener);
            close(pair[0]);
            size_t len = peer_take(pair[1], bytes, sizeof bytes, STR_LEN(GET));
            write_all(pair[1], ANSWER, STR_LEN(ANSWER));
            exit((int)len);
        }
        close(pair[1]);
        TRY(write(pair[0], GET, STR_LEN(GET)));
        peer_print("answer", pair[0], 1000);
        child_print("child", child);
        close(pair[0]);
    }
    close(listener);
}

static void vfork_and_exec(const char *self)
{
    int pair[2], status;
    pair_tcp(pair);
    TRY(write(pair[0], GET, 20));
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        close(pair[0]);
        dup2(pair[1], 0);
        close(pair[1]);
        execl(self, self, "child", (char *)NULL);
        _exit(98);
    }
    MUST(waitpid(child, &status, 0) == child);
    printf("vfork child: %d\n", WEXITSTATUS(status));
    TRY(write(pair[0], GET + 20, STR_LEN(GET) - 20));
    peer_print("request", pair[1], STR_LEN(GET));
    char *arguments[] = {(char *)self, "child", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    posix_spawn_file_actions_addclose(&actions, pair[0]);
    fflush(stdout);
    errno = ERRNO_BEFORE;
    int spawned = posix_spawn(&child, self, &actions, NULL, arguments, environ), spawned_errno = errno;
    child_print("spawned", child); /* whose output comes first */
    printf("posix_spawn: %d, errno %s\n", spawned, spawned_errno == ERRNO_BEFORE ? "kept" : "changed");
    posix_spawn_file_actions_destroy(&actions);
    fflush(stdout);
    TRY(system("exit 3"));
    FILE *pipe = popen("echo one; exit 4", "r");
    char line[20] = "";
    TRY(fgets(line, sizeof line, pipe) != NULL);
    TRY(pclose(pipe));
    pair_talk(pair);
    pair_close(pair);
}

static void killed(int number)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int pair[2];
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        pair_tcp(pair);
        write_all(pair[0], GET, STR_LEN(GET));
        signal(number, SIG_DFL);
        raise(number);
        _exit(97);
    }
    child_print("killed", child);
}

int main(int argc, char **argv)
{
    harmless_begin();
    if (argc > 1) {
        fds_print("in the child", true);
        return 9;
    }
    for (size_t i = 0; i < 4; i++)
        fork_within(i < 2 ? 20 : STR_LEN(GET) - 2, i % 2);
    server_per_connection();
    vfork_and_exec(argv[0]);
    killed(SIGTERM);
    killed(SIGKILL);
    killed(SIGSEGV);
    killed(SIGABRT);
    if (fork() == 0)
        exit(0);
    TRY(wait(NULL) > 0);
    fds_print("at last", true);
    return 0;
}
