#include "backend/zipkin_endpoint.h"

#include "backend/format_shared.h"

#include <arpa/inet.h>

static void address_note(struct zipkin_address *address, const struct attribute *attribute)
{
    if (attribute->type != ATTRIBUTE_STRING || attribute->len == 0)
        return;
    address->bytes = attribute->string;
    address->len = attribute->len;
}

static void port_note(struct zipkin_address *address, const struct attribute *attribute)
{
    if (attribute->type == ATTRIBUTE_INT && attribute->number > 0 && attribute->number <= UINT16_MAX)
        address->port = attribute->number;
}

void zipkin_peer_note(struct zipkin_peer *peer, const struct attribute *attribute)
{
    switch (attribute->key) {
    case ATTRIBUTE_SERVER_ADDRESS:
        address_note(&peer->server, attribute);
        break;
    case ATTRIBUTE_SERVER_PORT:
        port_note(&peer->server, attribute);
        break;
    case ATTRIBUTE_CLIENT_ADDRESS:
        address_note(&peer->client, attribute);
        break;
    case ATTRIBUTE_CLIENT_PORT:
        port_note(&peer->client, attribute);
        break;
    case ATTRIBUTE_NETWORK_PEER_ADDRESS:
        address_note(&peer->network, attribute);
        break;
    case ATTRIBUTE_NETWORK_PEER_PORT:
        port_note(&peer->network, attribute);
        break;
    default:
        break;
    }
}

/* "ipv4":"…" or "ipv6":"…" and "port":N; false, and nothing, where @address is none of the two: a name, a socket's path. */
static bool append_ip(struct text *text, const struct zipkin_address *address, bool is_first)
{
    unsigned char binary[sizeof(struct in6_addr)];
    char string[INET6_ADDRSTRLEN] = "";
    if (!address->bytes || address->len >= sizeof string)
        return false;
    memcpy(string, address->bytes, address->len);
    bool is_ipv4 = inet_pton(AF_INET, string, binary) == 1;
    if (!is_ipv4 && inet_pton(AF_INET6, string, binary) != 1)
        return false;
    if (!is_first)
        text_append_literal(text, ",");
    text_append_string(text, is_ipv4 ? "\"ipv4\":" : "\"ipv6\":");
    text_append_json(text, string, strlen(string));
    if (address->port) {
        text_append_literal(text, ",\"port\":");
        text_append_decimal(text, address->port);
    }
    return true;
}

static void append_server(struct text *text, const struct zipkin_peer *peer)
{
    bool has_name = peer->server.bytes;
    struct text endpoint = *text;
    text_append_literal(&endpoint, ",\"remoteEndpoint\":{");
    if (has_name) {
        text_append_literal(&endpoint, "\"serviceName\":");
        text_append_json(&endpoint, peer->server.bytes, peer->server.len);
    }
    bool has_ip = append_ip(&endpoint, &peer->network, !has_name) || append_ip(&endpoint, &peer->server, !has_name);
    if (has_name && !has_ip && peer->server.port) {
        text_append_literal(&endpoint, ",\"port\":");
        text_append_decimal(&endpoint, peer->server.port);
    }
    text_append_literal(&endpoint, "}");
    if (has_name || has_ip)
        *text = endpoint;
}

static void append_client(struct text *text, const struct zipkin_peer *peer)
{
    struct text endpoint = *text;
    text_append_literal(&endpoint, ",\"remoteEndpoint\":{");
    if (!append_ip(&endpoint, &peer->client, true) && !append_ip(&endpoint, &peer->network, true))
        return;
    text_append_literal(&endpoint, "}");
    *text = endpoint;
}

void zipkin_append_remote_endpoint(struct text *text, const struct span *span, const struct zipkin_peer *peer)
{
    if (span->kind == SPAN_KIND_CLIENT)
        append_server(text, peer);
    else if (span->kind == SPAN_KIND_SERVER)
        append_client(text, peer);
}
