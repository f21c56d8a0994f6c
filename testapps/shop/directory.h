/* directory.h - how the services find each other: a folder with a file NAME.port for each. */
#ifndef SHOP_DIRECTORY_H
#define SHOP_DIRECTORY_H

/* directory_publish - says that service @name listens on @port. Whoever reads the file sees all of
 * it or none. Returns 0, or a negative errno. */
int directory_publish(const char *folder, const char *name, int port);

/* directory_withdraw - takes that back. */
void directory_withdraw(const char *folder, const char *name);

/* directory_look_up - the port of @name; waits a bounded time for a service that is still starting.
 * Returns the port, or a negative errno (-ENOENT: no such service). */
int directory_look_up(const char *folder, const char *name);

#endif
