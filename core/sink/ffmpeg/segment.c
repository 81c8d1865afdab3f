/* Segments of films: packets as the encoder gave them, with their times. Any container
 * can be made of them later without a rounding in between.
 *
 * "ZTSEG1", 2 zero bytes; u32 bytes of extra data, the data; then for each packet
 * i64 pts, i64 dts, i64 duration, u32 flags, u32 bytes, the bytes. Little-endian. A
 * packet of ~0 bytes ends it. */

#include <string.h>

#include "core/sink/ffmpeg/encoder.h"

enum { HEAD = 12, RECORD = 32, LAST = 0xffffffff };
static const char magic[8] = "ZTSEG1\0";

static void put_int(uint8_t *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_int(const uint8_t *from, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)from[i] << 8 * i;
    return v;
}

static zc_status put(zc_av_encoder *e, const void *src, size_t bytes)
{
    const zc_status st = e->bytes->write(e->bytes->user, e->at, src, bytes);

    e->at += bytes;
    return st;
}

zc_status zc_av_segment_head(zc_av_encoder *e)
{
    const size_t extra = e->cc->extradata_size > 0 ? (size_t)e->cc->extradata_size : 0;
    uint8_t head[HEAD];
    zc_status st = ZC_OK;

    memcpy(head, magic, sizeof(magic));
    put_int(head + 8, extra, 4);
    ZC_TRY(put(e, head, sizeof(head)));
    if (extra)
        ZC_TRY(put(e, e->cc->extradata, extra));
done:
    return st;
}

static zc_status put_record(zc_av_encoder *e, const AVPacket *p, uint32_t bytes)
{
    uint8_t record[RECORD];

    put_int(record, (uint64_t)p->pts, 8);
    put_int(record + 8, (uint64_t)p->dts, 8);
    put_int(record + 16, (uint64_t)p->duration, 8);
    put_int(record + 24, (uint64_t)p->flags, 4);
    put_int(record + 28, bytes, 4);
    return put(e, record, sizeof(record));
}

zc_status zc_av_segment_add(zc_av_encoder *e, const AVPacket *p)
{
    zc_status st = ZC_OK;

    ZC_TRY(put_record(e, p, (uint32_t)p->size));
    ZC_TRY(put(e, p->data, (size_t)p->size));
done:
    return st;
}

zc_status zc_av_segment_end(zc_av_encoder *e)
{
    av_packet_unref(e->packet);
    return put_record(e, e->packet, LAST);
}

/* ---- Joining ---- */

struct reading {
    zc_av_encoder  *e;
    const zc_bytes *bytes;
    uint64_t        at;
};

static zc_status get(struct reading *r, void *dst, size_t bytes)
{
    const zc_coder_host *host = r->e->host;
    zc_status st = ZC_OK;
    size_t got = 0;

    ZC_TRY(r->bytes->read(r->bytes->user, r->at, dst, bytes, &got));
    ZC_CODER_CHECK(got == bytes, ZC_E_TRUNCATED, "'%s' ends at byte %llu, expected %zu more",
                   r->bytes->name, (unsigned long long)(r->at + got), bytes - got);
    r->at += bytes;
done:
    return st;
}

/* The segment is of an encoder with the same options. */
static zc_status check_head(struct reading *r)
{
    const zc_coder_host *host = r->e->host;
    const AVCodecContext *cc = r->e->cc;
    const size_t expected = cc->extradata_size > 0 ? (size_t)cc->extradata_size : 0;
    uint8_t head[HEAD], part[512];
    zc_status st = ZC_OK;

    ZC_TRY(get(r, head, sizeof(head)));
    ZC_CODER_CHECK(memcmp(head, magic, sizeof(magic)) == 0, ZC_E_NOT_OURS,
                   "'%s' is no segment of a film", r->bytes->name);
    const size_t extra = (size_t)get_int(head + 8, 4);
    ZC_CODER_CHECK(extra == expected, ZC_E_MISMATCH, "'%s' has %zu bytes about its encoder, the "
                   "film has %zu", r->bytes->name, extra, expected);
    for (size_t at = 0; at < extra; at += sizeof(part)) {
        const size_t n = extra - at < sizeof(part) ? extra - at : sizeof(part);
        ZC_TRY(get(r, part, n));
        ZC_CODER_CHECK(memcmp(part, cc->extradata + at, n) == 0, ZC_E_MISMATCH,
                       "'%s' was encoded with other options than the film", r->bytes->name);
    }
done:
    return st;
}

/* One packet to the film. */
static zc_status take_packet(struct reading *r, const uint8_t *record, size_t bytes)
{
    zc_av_encoder *e = r->e;
    const zc_coder_host *host = e->host;
    AVPacket *p = e->packet;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(bytes <= r->bytes->size(r->bytes->user) - r->at, ZC_E_TRUNCATED,
                   "'%s': the packet at byte %llu has %zu bytes, and %llu are left", r->bytes->name,
                   (unsigned long long)r->at, bytes,
                   (unsigned long long)(r->bytes->size(r->bytes->user) - r->at));
    ZC_CODER_CHECK(av_new_packet(p, (int)bytes) >= 0, ZC_E_NOMEM, "no memory for a packet");
    ZC_TRY(get(r, p->data, bytes));
    p->pts = (int64_t)get_int(record, 8) + e->base;
    p->dts = (int64_t)get_int(record + 8, 8) + e->base;
    p->duration = (int64_t)get_int(record + 16, 8);
    p->flags = (int)get_int(record + 24, 4);
    if (p->dts <= e->last_dts)
        p->dts = e->last_dts + 1;
    ZC_CODER_CHECK(p->dts <= p->pts, ZC_E_FORMAT, "'%s': the packet at byte %llu is shown before "
                   "it is decoded", r->bytes->name, (unsigned long long)r->at);
    if (p->pts + p->duration > e->end)
        e->end = p->pts + p->duration;
    ZC_TRY(zc_av_mux(e, p));
done:
    av_packet_unref(p);
    return st;
}

zc_status zc_av_append(void *state, const zc_bytes *segment)
{
    zc_av_encoder *e = state;
    struct reading r = { .e = e, .bytes = segment };
    uint8_t record[RECORD];
    zc_status st = ZC_OK;

    zc_av_begin(e->host);
    e->appended = true;
    ZC_TRY(check_head(&r));
    for (;;) {
        ZC_TRY(get(&r, record, sizeof(record)));
        const uint32_t bytes = (uint32_t)get_int(record + 28, 4);
        if (bytes == LAST)
            break;
        ZC_TRY(take_packet(&r, record, bytes));
    }
    e->base = e->end;
done:
    zc_av_end();
    return st;
}
