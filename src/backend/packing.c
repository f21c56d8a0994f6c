#include "backend/packing.h"

static int packer_write(void *text, const char *bytes, size_t len)
{
    text_append(text, bytes, len);
    return 0;
}

void packing_init(struct packing *p, const struct text *text)
{
    p->text = *text;
    p->count = 0;
    msgpack_packer_init(&p->packer, &p->text, packer_write);
}

void packing_add_string(struct packing *p, const char *string)
{
    msgpack_pack_str_with_body(&p->packer, string, strlen(string));
}

void packing_add_text(struct packing *p, const struct text *text)
{
    msgpack_pack_str_with_body(&p->packer, text->bytes, text->len);
}

void packing_add_utf8(struct packing *p, const char *bytes, size_t len)
{
    char room[PACKING_STRING_LEN_MAX];
    struct text text = text_on(room, sizeof room);
    text_append_utf8(&text, bytes, len);
    packing_add_text(p, &text); /* its length comes first: only now is it known */
}

void packing_put_string(struct packing *p, const char *key, const char *value, size_t len)
{
    packing_add_string(p, key);
    packing_add_utf8(p, value, len);
    p->count++;
}

void packing_put_number(struct packing *p, const char *key, double value)
{
    packing_add_string(p, key);
    msgpack_pack_double(&p->packer, value);
    p->count++;
}
