/* A request from a stack that is in a special state: stacks PORT HOW. The answer is 404, so that the stack is told.
 * Prints "answered" when all is over. */
#include "tiny.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { SMALL_STACK_LEN = 64 * 1024 };

static int g_fd;
static int g_damage; /* 0: none */

__attribute__((noinline)) static void ask_on_a_stack(void)
{
    send(g_fd, GET, GET_LEN, 0);
    answer(g_fd);
    __asm__ volatile(""); /* so that the call is no jump */
}

/* Damages what the callers' frames keep above its own, for the time of the call. */
__attribute__((noinline, optimize("no-omit-frame-pointer"))) static void damage(void)
{
    static const uintptr_t BAD[] = {0, 16, 0xdeadbeef000, 0x4141414141414141, (uintptr_t)-8};
    volatile uintptr_t *frame = __builtin_frame_address(0);
    uintptr_t saved[2] = {frame[0], frame[1]};
    uintptr_t forbidden = (uintptr_t)mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t bad = g_damage < 5 ? BAD[g_damage] : g_damage == 5 ? forbidden + 4096 : (uintptr_t)frame - 64;
    frame[0] = bad;
    ask_on_a_stack();
    frame[0] = saved[0];
    frame[1] = bad;
    ask_on_a_stack();
    frame[0] = bad;
    ask_on_a_stack();
    frame[0] = saved[0];
    frame[1] = saved[1];
}

static uintptr_t g_leads_to; /* 0: back to where it came from */

__attribute__((noinline, optimize("no-omit-frame-pointer"))) static void lead_away(void)
{
    volatile uintptr_t *frame = __builtin_frame_address(0);
    uintptr_t saved = frame[0];
    frame[0] = g_leads_to ? g_leads_to : saved;
    ask_on_a_stack();
    frame[0] = saved;
}

__attribute__((noinline, optimize("no-omit-frame-pointer"))) static void routine(void)
{
    lead_away();
    __asm__ volatile("");
}

static void routine_run(char *stack)
{
    static ucontext_t here, there;
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = SMALL_STACK_LEN;
    there.uc_link = &here;
    makecontext(&there, routine, 0);
    swapcontext(&here, &there);
}

/* Two stacks, one right behind the other, of which the upper one goes. */
static void routines_run(void)
{
    char *lower = mmap(NULL, 2 * SMALL_STACK_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *upper = lower + SMALL_STACK_LEN;
    routine_run(upper);
    routine_run(lower);
    munmap(upper, SMALL_STACK_LEN);
    g_leads_to = (uintptr_t)upper + SMALL_STACK_LEN - 256;
    routine_run(lower);
}

static void on_signal(int number)
{
    (void)number;
    ask_on_a_stack();
    __asm__ volatile("");
}

static void signal_take(int flags)
{
    static char stack[SMALL_STACK_LEN];
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void *small_thread(void *unused)
{
    ask_on_a_stack();
    return unused;
}

static void thread_run(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK_LEN);
    pthread_create(&thread, &attributes, small_thread, NULL);
    pthread_join(thread, NULL);
}

__attribute__((noinline)) static int deep(int depth)
{
    volatile char room[3000];
    room[0] = (char)depth;
    if (depth == 0)
        ask_on_a_stack();
    else
        deep(depth - 1);
    return room[0];
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[2] : "";
    g_fd = connect_to(argv[1]);
    if (strcmp(how, "signal") == 0)
        signal_take(0);
    else if (strcmp(how, "sigaltstack") == 0)
        signal_take(SA_ONSTACK);
    else if (strcmp(how, "thread") == 0)
        thread_run();
    else if (strcmp(how, "routines") == 0)
        routines_run();
    else if (strcmp(how, "deep") == 0)
        deep(100);
    else
        for (g_damage = 0; g_damage < 7; g_damage++)
            damage();
    puts("answered");
    return 0;
}
