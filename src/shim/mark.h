/* mark.h - a script says which step it is at (run-traced --mark): from then on it is at work for that, until it says another or
 * ends. All functions: also in a vfork child, which does it for its parent. */
#ifndef RUN_TRACED_SHIM_MARK_H
#define RUN_TRACED_SHIM_MARK_H

/* mark_begin - library start-up: what was said before this program is not about it. */
void mark_begin(void);

/* mark_notice - to be called before anything is started that a mark may be about: has one been made? A load, mostly. */
void mark_notice(void);

/* mark_exit - the process ends, and its last step with it. */
void mark_exit(void);

#endif
