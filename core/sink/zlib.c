/* Deflate with the fixed codes and a match at the last place with the same three
 * bytes; inflate by counting codes bit by bit, which needs no tables worth the name. */

#include <stdbool.h>
#include <string.h>

#include "core/sink/zlib.h"

enum { SHORTEST = 3, LONGEST = 258, WINDOW = 32768, CODES = 15, END = 256 };

static const uint16_t length_base[29] = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
    131, 163, 195, 227, 258,
};
static const uint8_t length_extra[29] = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
};
static const uint16_t distance_base[30] = {
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
};
static const uint8_t distance_extra[30] = {
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
    13, 13,
};

uint32_t zc_adler32(const uint8_t *src, size_t bytes)
{
    uint32_t a = 1, b = 0;

    while (bytes > 0) {
        const size_t part = bytes < 5552 ? bytes : 5552;      /* b stays below 2^32 */
        for (size_t i = 0; i < part; i++) {
            a += src[i];
            b += a;
        }
        a %= 65521;
        b %= 65521;
        src += part;
        bytes -= part;
    }
    return b << 16 | a;
}

size_t zc_zlib_bound(size_t bytes)
{
    return bytes + bytes / 8 + 64;        /* no literal has more than 9 bits */
}

/* ---- Packing ---- */

struct packer {
    uint8_t *to;
    uint32_t bits;                /* not written yet, the first lowest */
    int      count;
};

static void put_bits(struct packer *p, uint32_t value, int count)
{
    p->bits |= value << p->count;
    p->count += count;
    while (p->count >= 8) {
        *p->to++ = (uint8_t)p->bits;
        p->bits >>= 8;
        p->count -= 8;
    }
}

/* Codes stand with their highest bit first. */
static void put_code(struct packer *p, uint32_t code, int count)
{
    uint32_t turned = 0;

    for (int i = 0; i < count; i++)
        turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(p, turned, count);
}

static void put_symbol(struct packer *p, uint32_t s)
{
    if (s < 144)
        put_code(p, 0x30 + s, 8);
    else if (s < 256)
        put_code(p, 0x190 + s - 144, 9);
    else if (s < 280)
        put_code(p, s - 256, 7);
    else
        put_code(p, 0xc0 + s - 280, 8);
}

static void put_match(struct packer *p, uint32_t length, uint32_t distance)
{
    uint32_t l = 28, d = 29;

    while (length_base[l] > length)
        l--;
    while (distance_base[d] > distance)
        d--;
    put_symbol(p, 257 + l);
    put_bits(p, length - length_base[l], length_extra[l]);
    put_code(p, d, 5);
    put_bits(p, distance - distance_base[d], distance_extra[d]);
}

static uint32_t place_of(const uint8_t *s)
{
    const uint32_t three = (uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16;

    return (three * 2654435761u) >> 17;           /* 15 bits */
}

static size_t match_length(const uint8_t *a, const uint8_t *b, size_t most)
{
    size_t n = 0;

    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static void put_u32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

size_t zc_zlib_pack(uint8_t *dst, const uint8_t *src, size_t bytes,
                    int32_t places[ZC_ZLIB_PLACES])
{
    struct packer p = { .to = dst + 2 };

    dst[0] = 0x78;
    dst[1] = 0x01;
    for (int i = 0; i < ZC_ZLIB_PLACES; i++)
        places[i] = -1;
    put_bits(&p, 1, 1);                   /* the last block */
    put_bits(&p, 1, 2);                   /* of fixed codes */
    for (size_t i = 0; i < bytes;) {
        const size_t most = bytes - i < LONGEST ? bytes - i : LONGEST;
        size_t length = 0, distance = 0;
        if (most >= SHORTEST) {
            int32_t *place = &places[place_of(src + i)];
            if (*place >= 0 && i - (size_t)*place <= WINDOW) {
                distance = i - (size_t)*place;
                length = match_length(src + *place, src + i, most);
            }
            *place = (int32_t)i;
        }
        if (length < SHORTEST) {
            put_symbol(&p, src[i++]);
            continue;
        }
        put_match(&p, (uint32_t)length, (uint32_t)distance);
        i += length;
    }
    put_symbol(&p, END);
    put_bits(&p, 0, 7);                   /* up to a whole byte */
    put_u32(p.to, zc_adler32(src, bytes));
    return (size_t)(p.to + 4 - dst);
}

/* ---- Unpacking ---- */

struct unpacker {
    const uint8_t *src;
    size_t   bytes, at;
    uint32_t bits;
    int      count;
    uint8_t *dst;
    size_t   room, done;
    zc_status st;                 /* first failure; reading goes on with zeros */
};

/* Codes of 1 to 15 bits, by length, in order of their symbols. */
struct codes {
    uint16_t of_length[CODES + 1];
    uint16_t symbol[288];
};

static void fail(struct unpacker *u, zc_status st)
{
    if (u->st == ZC_OK)
        u->st = st;
}

static uint32_t get_bits(struct unpacker *u, int count)
{
    while (u->count < count) {
        if (u->at == u->bytes) {
            fail(u, ZC_E_TRUNCATED);
            return 0;
        }
        u->bits |= (uint32_t)u->src[u->at++] << u->count;
        u->count += 8;
    }
    const uint32_t value = u->bits & ((1u << count) - 1);
    u->bits >>= count;
    u->count -= count;
    return value;
}

/* False if the lengths promise more codes than there are. */
static bool make_codes(struct codes *c, const uint8_t *length, int symbols)
{
    uint16_t first[CODES + 2] = { 0 };
    int left = 1;

    memset(c->of_length, 0, sizeof(c->of_length));
    for (int i = 0; i < symbols; i++)
        c->of_length[length[i]]++;
    c->of_length[0] = 0;
    for (int n = 1; n <= CODES; n++) {
        left = 2 * left - c->of_length[n];
        if (left < 0)
            return false;
        first[n + 1] = (uint16_t)(first[n] + c->of_length[n]);
    }
    for (int i = 0; i < symbols; i++) {
        if (length[i])
            c->symbol[first[length[i]]++] = (uint16_t)i;
    }
    return true;
}

static uint32_t get_symbol(struct unpacker *u, const struct codes *c)
{
    int code = 0, first = 0, index = 0;

    for (int n = 1; n <= CODES && u->st == ZC_OK; n++) {
        code |= (int)get_bits(u, 1);
        const int count = c->of_length[n];
        if (code - count < first)
            return c->symbol[index + code - first];
        index += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    fail(u, ZC_E_FORMAT);
    return END;
}

static void copy_match(struct unpacker *u, uint32_t symbol, const struct codes *distances)
{
    const uint32_t l = symbol - 257;

    if (l >= 29) {
        fail(u, ZC_E_FORMAT);
        return;
    }
    const size_t length = length_base[l] + get_bits(u, length_extra[l]);
    const uint32_t d = get_symbol(u, distances);
    if (d >= 30) {
        fail(u, ZC_E_FORMAT);
        return;
    }
    const size_t distance = distance_base[d] + get_bits(u, distance_extra[d]);
    if (distance > u->done || length > u->room - u->done) {
        fail(u, ZC_E_FORMAT);
        return;
    }
    for (size_t i = 0; i < length; i++, u->done++)
        u->dst[u->done] = u->dst[u->done - distance];
}

static void get_coded(struct unpacker *u, const struct codes *literals,
                      const struct codes *distances)
{
    while (u->st == ZC_OK) {
        const uint32_t s = get_symbol(u, literals);
        if (s == END)
            return;
        if (s > END)
            copy_match(u, s, distances);
        else if (u->done < u->room)
            u->dst[u->done++] = (uint8_t)s;
        else
            fail(u, ZC_E_FORMAT);
    }
}

static void get_stored(struct unpacker *u)
{
    u->bits = 0;
    u->count = 0;
    const uint32_t length = get_bits(u, 16), check = get_bits(u, 16);
    if (u->st == ZC_OK && (length ^ check) != 0xffff)
        fail(u, ZC_E_FORMAT);
    if (u->st == ZC_OK && length > u->bytes - u->at)
        fail(u, ZC_E_TRUNCATED);
    if (u->st == ZC_OK && length > u->room - u->done)
        fail(u, ZC_E_FORMAT);
    if (u->st != ZC_OK)
        return;
    memcpy(u->dst + u->done, u->src + u->at, length);
    u->at += length;
    u->done += length;
}

static void get_fixed(struct unpacker *u)
{
    struct codes literals, distances;
    uint8_t length[288];

    memset(length, 8, 144);
    memset(length + 144, 9, 112);
    memset(length + 256, 7, 24);
    memset(length + 280, 8, 8);
    make_codes(&literals, length, 288);
    memset(length, 5, 30);
    make_codes(&distances, length, 30);
    get_coded(u, &literals, &distances);
}

static void get_dynamic(struct unpacker *u)
{
    static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14,
                                       1, 15 };
    struct codes lengths, literals, distances;
    uint8_t length[288 + 32] = { 0 };
    const int literal_count = (int)get_bits(u, 5) + 257, distance_count = (int)get_bits(u, 5) + 1;
    const int order_count = (int)get_bits(u, 4) + 4, all = literal_count + distance_count;

    for (int i = 0; i < order_count; i++)
        length[order[i]] = (uint8_t)get_bits(u, 3);
    if (literal_count > 286 || distance_count > 30 || !make_codes(&lengths, length, 19)) {
        fail(u, ZC_E_FORMAT);
        return;
    }
    memset(length, 0, sizeof(length));
    for (int i = 0; i < all && u->st == ZC_OK;) {
        const uint32_t s = get_symbol(u, &lengths);
        if (s < 16) {
            length[i++] = (uint8_t)s;
            continue;
        }
        const int repeat = s == 16 ? 3 + (int)get_bits(u, 2)
                         : s == 17 ? 3 + (int)get_bits(u, 3) : 11 + (int)get_bits(u, 7);
        if (s > 18 || (s == 16 && i == 0) || repeat > all - i) {
            fail(u, ZC_E_FORMAT);
            return;
        }
        memset(length + i, s == 16 ? length[i - 1] : 0, (size_t)repeat);
        i += repeat;
    }
    if (u->st == ZC_OK && (!make_codes(&literals, length, literal_count) ||
                           !make_codes(&distances, length + literal_count, distance_count)))
        fail(u, ZC_E_FORMAT);
    if (u->st == ZC_OK)
        get_coded(u, &literals, &distances);
}

zc_status zc_zlib_unpack(uint8_t *dst, size_t room, const uint8_t *src, size_t bytes)
{
    struct unpacker u = { .src = src, .bytes = bytes, .at = 2, .dst = dst, .room = room };
    uint32_t last = 0;

    if (bytes < 6)
        return ZC_E_TRUNCATED;
    if ((src[0] & 15) != 8 || (src[0] << 8 | src[1]) % 31 != 0 || (src[1] & 32))
        return ZC_E_FORMAT;
    while (!last && u.st == ZC_OK) {
        last = get_bits(&u, 1);
        const uint32_t kind = get_bits(&u, 2);
        if (kind == 0)
            get_stored(&u);
        else if (kind == 1)
            get_fixed(&u);
        else if (kind == 2)
            get_dynamic(&u);
        else
            fail(&u, ZC_E_FORMAT);
    }
    u.count = 0;                          /* what is left of a byte */
    u.bits = 0;
    uint32_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum = sum << 8 | get_bits(&u, 8);
    if (u.st == ZC_OK && (u.done != room || sum != zc_adler32(dst, room)))
        u.st = ZC_E_FORMAT;
    return u.st;
}
