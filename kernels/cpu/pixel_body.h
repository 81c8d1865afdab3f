/* Row kernel of pixel conversion, for any vec_<isa>.h that was included before:
 * values in vectors, into memory that stays in the innermost cache, and from
 * there into pixels. */

/* Pixels of a row that are done at a time. */
#define PIXELS 1024

/* Adding 3 * 2^22 leaves an f32 of 0 .. 2^22 rounded in its lowest bits. */
#define ROUNDER 12582912.0f

ZK_INLINE vf half_at(zk_dtype type, const void *src, int64_t i, int n)
{
    return v_fma(v_load(type, src, i, n), v_set(0.5f), v_set(0.5f));
}

/* Values as floats, as halves, or as integers up to `most` in the low half of 32 bits. */
ZK_INLINE void values_at(zk_pixel format, void *dst, zk_dtype type, const void *src, int64_t i,
                         int n)
{
    const vf x = half_at(type, src, i, n);
    const float most = format == ZK_PIXEL_RGBA8 ? UINT8_MAX : UINT16_MAX;

    if (format == ZK_PIXEL_RGBAF)
        v_store(ZK_F32, dst, i, n, x);
    else if (format == ZK_PIXEL_RGBAH)
        v_store(ZK_F16, dst, i, n, x);
    else
        v_store(ZK_F32, dst, i, n, v_add(v_mul(v_unit(x), v_set(most)), v_set(ROUNDER)));
}

static void values(zk_pixel format, void *dst, zk_dtype type, const void *src, int64_t count)
{
    int64_t i = 0;

    for (; i + V_LANES <= count; i += V_LANES)
        values_at(format, dst, type, src, i, V_LANES);
    if (i < count)
        values_at(format, dst, type, src, i, (int)(count - i));
}

static uint32_t bits_of(float x)
{
    const union { float f; uint32_t u; } v = { x };
    return v.u;
}

static void pack(zk_pixel format, void *dst, const void *src, int64_t pixels)
{
    const float *f = src;
    const uint16_t *h = src;

    for (int64_t i = 0; i < pixels; i++, f += 3, h += 3) {
        if (format == ZK_PIXEL_RGBA8) {
            uint8_t *to = (uint8_t *)dst + 4 * i;
            to[0] = (uint8_t)bits_of(f[0]);
            to[1] = (uint8_t)bits_of(f[1]);
            to[2] = (uint8_t)bits_of(f[2]);
            to[3] = UINT8_MAX;
        } else if (format == ZK_PIXEL_RGBA16) {
            uint16_t *to = (uint16_t *)dst + 4 * i;
            to[0] = (uint16_t)bits_of(f[0]);
            to[1] = (uint16_t)bits_of(f[1]);
            to[2] = (uint16_t)bits_of(f[2]);
            to[3] = UINT16_MAX;
        } else if (format == ZK_PIXEL_RGBAH) {
            uint16_t *to = (uint16_t *)dst + 4 * i;
            to[0] = h[0];
            to[1] = h[1];
            to[2] = h[2];
            to[3] = 0x3c00;
        } else {
            float *to = (float *)dst + 4 * i;
            to[0] = f[0];
            to[1] = f[1];
            to[2] = f[2];
            to[3] = 1;
        }
    }
}

static void pixels(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                   void *scratch)
{
    static const int64_t bytes[] = {
        [ZK_PIXEL_RGBA8] = 4, [ZK_PIXEL_RGBA16] = 8, [ZK_PIXEL_RGBAH] = 8, [ZK_PIXEL_RGBAF] = 16
    };
    const struct zk_pixels *a = args;
    const zk_dtype type = a->src.type;

    for (int64_t r = begin; r < end; r++) {
        const char *from = (char *)a->src.data + r * a->src.step[1] * zk_fast_bytes(type);
        char *to = (char *)a->dst + r * a->pitch;
        for (int64_t left = rows->cols / 3; left > 0; left -= PIXELS) {
            const int64_t n = left < PIXELS ? left : PIXELS;
            values(a->format, scratch, type, from, 3 * n);
            pack(a->format, to, scratch, n);
            from += 3 * n * zk_fast_bytes(type);
            to += n * bytes[a->format];
        }
    }
}

void V_ISA(zk_cpu_pixel)(struct zk_cpu_pixel *d)
{
    *d = (struct zk_cpu_pixel){ .pixels = pixels };
}
