/* Tiles in space inside tiles in time. The order of blending is upstream's: with
 * the tile above, then with the one to the left, each as it is after its own
 * blending; and with the tile before in time. */

#include "core/vae/tiles.h"

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Element n of an axis and its neighbours up to `to`, of any tensor. */
static zk_tensor part(zk_tensor t, int axis, int from, int to)
{
    t.data = (void *)((uintptr_t)t.data +
                      (uintptr_t)(from * t.step[axis]) * (size_t)zk_dtype_get(t.type)->bytes);
    t.dim[axis] = to - from;
    return t;
}

/* b's first elements along an axis become a mix of themselves and of a's last
 * `extent`; the new weigh nothing at first. */
static void blend(zc_run *r, zk_tensor a, zk_tensor b, int axis, int32_t extent)
{
    const int32_t e = least(extent, least(a.dim[axis], b.dim[axis]));

    for (int x = 0; x < e; x++) {
        const zk_tensor old = part(a, axis, a.dim[axis] - e + x, a.dim[axis] - e + x + 1);
        const zk_tensor new = part(b, axis, x, x + 1);
        const float share = (float)x / (float)e;
        /* One mix for each outer element: what is left of the others is a matrix. */
        for (int i = 0; i < new.dim[0]; i++) {
            zk_tensor o = part(old, 0, i, i + 1), n = part(new, 0, i, i + 1);
            if (axis == 1) {                       /* a row of pixels: [1, W * C] */
                o = zk_dense(o.data, o.type, 1, o.dim[2] * o.dim[3]);
                n = zk_dense(n.data, n.type, 1, n.dim[2] * n.dim[3]);
            } else if (axis == 2) {                /* a column: [H, C], rows a width apart */
                o.dim[2] = o.dim[1];
                n.dim[2] = n.dim[1];
                o.step[2] = o.step[1];
                n.step[2] = n.step[1];
                o.dim[1] = n.dim[1] = 1;
            } else {                               /* a frame: [H * W, C] */
                o = zc_flat(o);
                n = zc_flat(n);
            }
            const zc_term terms[] = { { o, 1.0f - share }, { n, share } };
            zc_mix_to(r, n, terms, 2, 0.0f);
        }
    }
}

static int32_t after(const zc_tiles *t, int32_t n)
{
    return n * t->space_mul / t->space_div;
}

/* All tiles of one stretch of time. The row above and the row at work are kept. */
static void run_space(zc_run *r, const zc_tiles *t, zk_tensor src, zk_tensor dst)
{
    const zc_tile_axis *s = &t->space;
    const int32_t height = src.dim[1], width = src.dim[2];
    enum { MOST = 64 };
    zk_tensor rows[2][MOST] = { 0 };

    if (s->in == 0 || (height <= s->in && width <= s->in)) {
        t->make(r, t->context, src, dst);
        return;
    }
    const int32_t across = (width + s->in_stride - 1) / s->in_stride;
    if (across > MOST) {
        zc_run_fail(r, ZC_E_LIMIT, "%d tiles side by side, at most %d are possible", across, MOST);
        return;
    }
    const size_t mark = zc_arena_mark(r->scratch);
    for (int i = 0; i < 2 * across; i++)
        rows[i / across][i % across] = zc_tmp4_type(
            r, dst.type, (const int32_t[4]){ dst.dim[0], s->out, s->out, dst.dim[3] });

    for (int y = 0, row = 0; y < height; y += s->in_stride, row++) {
        for (int x = 0, col = 0; x < width; x += s->in_stride, col++) {
            const zk_tensor from = part(part(src, 1, y, least(y + s->in, height)), 2, x,
                                        least(x + s->in, width));
            zk_tensor *tile = &rows[row % 2][col];
            *tile = zk_dense4(tile->data, dst.type, dst.dim[0], after(t, from.dim[1]),
                              after(t, from.dim[2]), dst.dim[3]);
            zc_run_poll(r);
            t->make(r, t->context, from, *tile);
            if (row > 0)
                blend(r, rows[1 - row % 2][col], *tile, 1, s->out - s->out_stride);
            if (col > 0)
                blend(r, rows[row % 2][col - 1], *tile, 2, s->out - s->out_stride);

            const int32_t to_y = row * s->out_stride, to_x = col * s->out_stride;
            const int32_t h = least(least(s->out_stride, tile->dim[1]), dst.dim[1] - to_y);
            const int32_t w = least(least(s->out_stride, tile->dim[2]), dst.dim[2] - to_x);
            zc_copy_to(r, part(part(dst, 1, to_y, to_y + h), 2, to_x, to_x + w),
                       part(part(*tile, 1, 0, h), 2, 0, w));
        }
    }
    zc_arena_release(r->scratch, mark);
}

void zc_tiles_run(zc_run *r, const zc_tiles *t, zk_tensor src, zk_tensor dst)
{
    const zc_tile_axis *s = &t->time;
    const int32_t frames = src.dim[0];
    zk_tensor memory[2], kept[2];

    if (s->in == 0 || frames <= s->in) {
        run_space(r, t, src, dst);
        return;
    }
    const size_t mark = zc_arena_mark(r->scratch);
    const int32_t most = (s->in + t->lead - 1) * t->time_mul / t->time_div + 1;
    for (int i = 0; i < 2; i++)
        memory[i] = zc_tmp4_type(r, dst.type,
                                 (const int32_t[4]){ most, dst.dim[1], dst.dim[2], dst.dim[3] });

    for (int at = 0, k = 0; at < frames; at += s->in_stride, k++) {
        const zk_tensor from = part(src, 0, at, least(at + s->in + t->lead, frames));
        const int32_t made = (from.dim[0] - 1) * t->time_mul / t->time_div + 1;
        const zk_tensor whole = zk_dense4(memory[k % 2].data, dst.type, made, dst.dim[1],
                                          dst.dim[2], dst.dim[3]);
        run_space(r, t, from, whole);

        /* Tiles after the first give up the frame of their extra element. */
        const zk_tensor tile = part(whole, 0, k > 0, made);
        if (k > 0)
            blend(r, kept[1 - k % 2], tile, 0, s->out - s->out_stride);
        const int32_t to = k == 0 ? 0 : k * s->out_stride + 1;
        const int32_t share = least(least(s->out_stride + (k == 0), tile.dim[0]), dst.dim[0] - to);
        if (share > 0)
            zc_copy_to(r, part(dst, 0, to, to + share), part(tile, 0, 0, share));
        kept[k % 2] = tile;
    }
    zc_arena_release(r->scratch, mark);
}
