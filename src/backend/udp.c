/* Messages that are a datagram a span: no answer comes, so that what the kernel took is sent. */
#include "backend/delivery.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct udp {
    struct transport transport;
    const struct target *target;
    int fd; /* -1: not yet, or the address is to be looked up anew */
};

static const char *udp_connect(struct udp *udp)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
    int error = getaddrinfo(udp->target->host, udp->target->port, &hints, &found);
    if (error)
        return gai_strerror(error);
    for (struct addrinfo *at = found; at && udp->fd < 0; at = at->ai_next) {
        udp->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (udp->fd >= 0 && connect(udp->fd, at->ai_addr, at->ai_addrlen) < 0) {
            close(udp->fd);
            udp->fd = -1;
        }
    }
    freeaddrinfo(found);
    return udp->fd < 0 ? strerror(errno) : NULL;
}

/* One datagram. ECONNREFUSED tells of an earlier one: nobody listens there. */
static int datagram_send(struct udp *udp, const char *bytes, size_t len)
{
    for (int tries = 0; tries < 2; tries++) {
        if (send(udp->fd, bytes, len, 0) >= 0)
            return 0;
        if (errno != ECONNREFUSED && errno != EINTR)
            break;
    }
    return errno;
}

static void udp_send(struct transport *transport, const struct message *message, struct delivery *out)
{
    struct udp *udp = (struct udp *)transport;
    const char *why = udp->fd < 0 ? udp_connect(udp) : NULL, *at = message->bytes + message->part_count * sizeof(uint32_t);
    if (why) {
        out->outcome = DELIVERY_LATER;
        snprintf(out->reason, sizeof out->reason, "%s", why);
        return;
    }
    for (uint32_t i = 0; i < message->part_count; i++) {
        uint32_t len;
        memcpy(&len, message->bytes + i * sizeof len, sizeof len);
        int error = datagram_send(udp, at, len);
        if (error) {
            out->rejected_count++;
            snprintf(out->reason, sizeof out->reason, "%s", strerror(error));
        }
        at += len;
    }
}

static void udp_close(struct transport *transport)
{
    struct udp *udp = (struct udp *)transport;
    if (udp->fd >= 0)
        close(udp->fd);
    free(udp);
}

struct transport *udp_transport_open(const struct target *target, struct text *reason)
{
    struct udp *udp = malloc(sizeof *udp);
    if (!udp) {
        text_append_string(reason, "no memory");
        return NULL;
    }
    *udp = (struct udp){.transport = {udp_send, udp_close}, .target = target, .fd = -1};
    return &udp->transport;
}
