/* Cases of pixels. */

#include <string.h>

#include "tests/checkkernels/ck.h"

static const struct format {
    zk_pixel format;
    int bytes;            /* of a pixel */
    const char *name;
} formats[] = {
    { ZK_PIXEL_RGBA8, 4, "rgba8" },
    { ZK_PIXEL_RGBA16, 8, "rgba16" },
    { ZK_PIXEL_RGBAH, 8, "rgbah" },
    { ZK_PIXEL_RGBAF, 16, "rgbaf" },
};

/* [h, w, 3] with gaps between rows, and now and then between pixels. */
static zk_tensor picture(struct ck *ck, zk_dtype type, int h, int w, ck_dist dist)
{
    const int apart = 3 + ck_below(ck, 2);
    zk_tensor t = ck_tensor(ck, type, h, w * apart, dist);

    t.dim[1] = h;
    t.step[1] = t.step[2];
    t.dim[2] = w;
    t.step[2] = apart;
    t.dim[3] = 3;
    return t;
}

static void check(struct ck *ck)
{
    static const int sizes[][2] = { { 1, 1 }, { 3, 5 }, { 7, 16 }, { 2, 17 }, { 9, 63 }, { 5, 65 },
                                    { 2, 257 }, { 0, 4 } };
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16 };
    static const ck_dist dists[] = { CK_RAMP, CK_RAMP, CK_SPECIAL, CK_ZERO, CK_UNIT, CK_TINY };
    int turn = 0;

    for (int f = 0; f < CK_COUNT(formats); f++) {
        for (int s = 0; s < CK_COUNT(sizes); s++) {
            for (int t = 0; t < CK_COUNT(types); t++, turn++) {
                const int h = sizes[s][0], w = sizes[s][1];
                const ck_dist dist = dists[turn % CK_COUNT(dists)];
                const int row = w * formats[f].bytes;
                const int64_t pitch = (row + formats[f].bytes / 4 * (turn % 5)) *
                                      (turn % 2 ? -1 : 1);
                if (!ck_case(ck, "pixels %s %s %dx%d pitch %d fill %d", formats[f].name,
                             zk_dtype_get(types[t])->name, w, h, (int)pitch, dist))
                    continue;
                const struct zk_pixels a = {
                    .src = picture(ck, types[t], h, w, dist),
                    .dst = ck_picture(ck, h, row, pitch),
                    .pitch = pitch, .format = formats[f].format,
                };
                const struct ck_tol tol = {
                    .why = "x / 2 + 1/2 may be fused; then a tie may fall to either side",
                    .fixed = formats[f].bytes == 16 ? CK_ULP : 0,
                    .rms = w * h > 50 && dist == CK_RAMP ? 1e-3 : 0,
                };
                ck_check(ck, ZK_OP_pixels, &a, &tol);
            }
        }
    }
    if (!ck_case(ck, "pixels refuses what does not fit"))
        return;
    const struct zk_pixels good = {
        .src = picture(ck, ZK_F32, 3, 5, CK_RAMP),
        .dst = ck_picture(ck, 3, 40, 40), .pitch = 40, .format = ZK_PIXEL_RGBA16,
    };
    struct zk_pixels a = good;
    a.pitch = 41;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_ARGUMENT);
    a = good;
    a.pitch = 38;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_ARGUMENT);
    a = good;
    a.dst = NULL;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_ARGUMENT);
    a = good;
    a.format = (zk_pixel)4;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_ARGUMENT);
    a = good;
    a.src.dim[3] = 2;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_SHAPE);
    a = good;
    a.src.type = ZK_U8;
    ck_refuses(ck, ZK_OP_pixels, &a, ZK_E_UNSUPPORTED);
}

static void bench(struct ck *ck)
{
    const int w = 1920, h = 1080;

    for (int f = 0; f < CK_COUNT(formats); f++) {
        if (!ck_case(ck, "pixels %s f32 %dx%d", formats[f].name, w, h))
            continue;
        const struct zk_pixels a = {
            .src = ck_dense(ck, ZK_F32, 1, h, w, 3, CK_RAMP),
            .dst = ck_picture(ck, h, w * formats[f].bytes, w * formats[f].bytes),
            .pitch = w * formats[f].bytes, .format = formats[f].format,
        };
        const struct ck_load load = {
            .flops = 6.0 * w * h,
            .bytes = (12.0 + formats[f].bytes) * w * h,
            .peak = CK_PEAK_TRIAD,
        };
        ck_bench(ck, ZK_OP_pixels, &a, &load);
    }
}

const struct ck_family ck_pixel = { "pixel", check, bench };
