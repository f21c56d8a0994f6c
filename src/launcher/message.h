/* message.h - what the launcher says to people: single lines on stderr, each in one write. */
#ifndef RUN_TRACED_LAUNCHER_MESSAGE_H
#define RUN_TRACED_LAUNCHER_MESSAGE_H

/* message_print - writes "run-traced: ", the text and a newline to stderr. Control characters in it
 * become '?', so that a file's name cannot drive the terminal. What cannot be written is lost. */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* message_guard_descriptors - opens /dev/null, closed on exec, in place of those of the descriptors
 * 0 to 2 that are closed: else a file of ours would become stderr. To be called first of all. */
void message_guard_descriptors(void);

#endif
