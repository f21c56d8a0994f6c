/* answer.h - reading an HTTP answer from a socket, one after another. */
#ifndef DRIP_ANSWER_H
#define DRIP_ANSWER_H

/* answer_print - waits for the next answer on @fd and prints its status line and its body to
 * stdout. Its length is told by Content-Length or the end of the connection. Returns 0, or -1 after
 * saying on stderr what was wrong. */
int answer_print(int fd);

#endif
