/* ring_server PORT_FILE [fork] - a small server of one connection after the other (or a process each).
 * What is asked for says how it behaves; "held" and "go" are files in the current directory that it and
 * the test tell each other by. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void answer(int fd, const char *body)
{
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       strlen(body), body);
    if (write(fd, text, (size_t)len) != len)
        _exit(9);
}

static void touch(const char *name)
{
    close(open(name, O_WRONLY | O_CREAT, 0600));
}

static void wait_for_file(const char *name)
{
    struct timespec pause = {0, 2000000};
    while (access(name, F_OK) < 0)
        nanosleep(&pause, NULL);
}

/* The numbers of all open descriptors but the one that looks. */
static void descriptors_list(char *text, size_t size)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int numbers[256], count = 0;
    while ((entry = readdir(directory)) && count < 256)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
            numbers[count++] = atoi(entry->d_name);
    closedir(directory);
    text[0] = 0;
    for (int fd = 0, len = 0; fd < 65536; fd++)
        for (int i = 0; i < count; i++)
            if (numbers[i] == fd)
                len += snprintf(text + len, size - (size_t)len, "%d ", fd);
}

static void another_program(int fd, int listener, char **argv)
{
    char fd_text[16], listener_text[16];
    snprintf(fd_text, sizeof fd_text, "%d", fd);
    snprintf(listener_text, sizeof listener_text, "%d", listener);
    execl("/proc/self/exe", argv[0], "-", fd_text, listener_text, (char *)NULL);
    _exit(9);
}

/* @path: of the request that was read from @fd. Closes it. */
static void behave(const char *path, int fd, int listener, char **argv)
{
    char text[2048] = "ok";
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (strcmp(path, "/hold") == 0) {
        touch("held");
        wait_for_file("go");
    } else if (strcmp(path, "/segv") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(path, "/exit") == 0) {
        exit(3);
    } else if (strcmp(path, "/exit_group") == 0) {
        syscall(SYS_exit_group, 3);
    } else if (strcmp(path, "/exec") == 0) {
        another_program(fd, listener, argv);
    } else if (strcmp(path, "/descriptors") == 0) {
        descriptors_list(text, sizeof text);
    } else if (strcmp(path, "/setuid") == 0) {
        if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
            _exit(8);
    } else if (strcmp(path, "/child-answers") == 0) {
        if (fork() == 0) {
            close(listener);
            touch("held");
            wait_for_file("go");
            answer(fd, "child");
            close(fd);
            touch("done");
            _exit(0);
        }
        close(fd);
        return;
    } else if (strcmp(path, "/parent-answers") == 0) {
        pid_t child = fork();
        if (child == 0) {
            close(listener);
            close(fd);
            exit(0);
        }
        waitpid(child, NULL, 0);
    } else if (strcmp(path, "/parent-answers-first") == 0) {
        if (fork() == 0) {
            touch("held");
            wait_for_file("go");
            exit(0);
        }
    } else if (strcmp(path, "/quit") == 0) {
        answer(fd, text);
        close(fd);
        exit(0);
    }
    answer(fd, text);
    close(fd);
}

static void serve_one(int listener, char **argv, int is_forking)
{
    char head[4096], path[64] = "";
    int fd = accept(listener, NULL, NULL);
    size_t len = 0;
    if (fd < 0)
        return;
    if (is_forking && fork() != 0) {
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        return;
    }
    head[0] = 0;
    while (!strstr(head, "\r\n\r\n") && len < sizeof head - 1) {
        ssize_t got = read(fd, head + len, sizeof head - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        head[len] = 0;
    }
    if (sscanf(head, "GET %63s", path) == 1)
        behave(path, fd, listener, argv);
    else
        close(fd);
    if (is_forking)
        exit(0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char next[4096];
    signal(SIGPIPE, SIG_IGN);
    if (argc == 4 && strcmp(argv[1], "-") == 0) { /* after /exec */
        answer(atoi(argv[2]), "another program");
        close(atoi(argv[2]));
        for (;;)
            serve_one(atoi(argv[3]), argv, 0);
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 256) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) < 0)
        return 1;
    snprintf(next, sizeof next, "%s.next", argv[1]);
    FILE *file = fopen(next, "w");
    fprintf(file, "%d\n", ntohs(address.sin_port));
    fclose(file);
    rename(next, argv[1]);
    for (;;)
        serve_one(listener, argv, argc > 2);
}
