/* gnutls.h - what is called of GnuTLS (libgnutls.so.30, 3.x). Its manual is the source; numbers are from its public
 * header. */
#ifndef RUN_TRACED_SHIM_GNUTLS_H
#define RUN_TRACED_SHIM_GNUTLS_H

#include <stddef.h>
#include <sys/types.h>

typedef struct gnutls_session_int *gnutls_session_t;
typedef struct mbuffer_st *gnutls_packet_t;
typedef struct {
    unsigned char *data;
    unsigned size;
} gnutls_datum_t;
typedef struct gnutls_range gnutls_range_st;

enum {
    GNUTLS_SERVER = 1,
    GNUTLS_NAME_DNS = 1,
    GNUTLS_E_PREMATURE_TERMINATION = -110,
    GNUTLS_E_AGAIN = -28,
    GNUTLS_E_INTERRUPTED = -52,
};

int gnutls_init(gnutls_session_t *session, unsigned flags);
void gnutls_deinit(gnutls_session_t session);
int gnutls_handshake(gnutls_session_t session);
int gnutls_server_name_set(gnutls_session_t session, int type, const void *name, size_t len);
ssize_t gnutls_record_send(gnutls_session_t session, const void *data, size_t len);
ssize_t gnutls_record_send2(gnutls_session_t session, const void *data, size_t len, size_t pad, unsigned flags);
ssize_t gnutls_record_send_range(gnutls_session_t session, const void *data, size_t len,
                                 const gnutls_range_st *range);
ssize_t gnutls_record_send_early_data(gnutls_session_t session, const void *data, size_t len);
int gnutls_record_uncork(gnutls_session_t session, unsigned flags);
ssize_t gnutls_record_recv(gnutls_session_t session, void *data, size_t len);
ssize_t gnutls_record_recv_seq(gnutls_session_t session, void *data, size_t len, unsigned char *sequence);
ssize_t gnutls_record_recv_packet(gnutls_session_t session, gnutls_packet_t *packet);
int gnutls_bye(gnutls_session_t session, int how);

#endif
