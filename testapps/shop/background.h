/* background.h - work that nobody waits for but the end of the program. */
#ifndef SHOP_BACKGROUND_H
#define SHOP_BACKGROUND_H

/* background_start - runs @work(@argument) on a detached thread of its own. Returns 0, or a
 * negative errno; @work has not run then and @argument is still the caller's. */
int background_start(void (*work)(void *), void *argument);

/* background_wait_all - returns when everything started has ended. Nothing may be started any more.
 */
void background_wait_all(void);

#endif
