/* Frames against frames, tensors against tensors. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/compare.h"
#include "core/core.h"
#include "core/io/container.h"
#include "core/measure/psnr.h"
#include "core/measure/ssim.h"
#include "core/sink/reader.h"
#include "kernels/dtype.h"

void zc_comparison_fini(zc_comparison *c)
{
    zc_free(c->rows);
    *c = (zc_comparison){ .count = 0 };
}

static zc_status add_row(zc_comparison *c, zc_log *log, const zc_compared *row)
{
    zc_status st = ZC_OK;

    ZC_CHECK(zc_grow(&c->rows, &c->room, c->count + 1, sizeof(*c->rows)), ZC_E_NOMEM,
             "out of memory");
    c->rows[c->count++] = *row;
done:
    return st;
}

static void make_mean(zc_comparison *c)
{
    zc_compared m = { .name = "mean" };

    for (size_t i = 0; i < c->count; i++) {
        m.psnr += c->rows[i].psnr / (double)c->count;
        m.psnr_u8wrap += c->rows[i].psnr_u8wrap / (double)c->count;
        m.ssim += c->rows[i].ssim / (double)c->count;
        m.ssim_rgb += c->rows[i].ssim_rgb / (double)c->count;
    }
    c->mean = m;
}

/* ---- Pictures ---- */

/* Two readers with a frame of each. */
struct films {
    zc_reader *reader[2];
    const char *path[2];
    float     *rgb;
    uint8_t   *bytes[2], *plane[2];
    int        width, height;
};

static zc_status open_films(struct films *f, zc_log *log)
{
    zc_status st = ZC_OK;
    const zc_film_info *info[2];
    size_t pixels;

    for (int i = 0; i < 2; i++) {
        ZC_TRY(zc_reader_open(&f->reader[i], log, f->path[i], NULL));
        info[i] = zc_reader_info(f->reader[i]);
    }
    ZC_CHECK(info[0]->width == info[1]->width && info[0]->height == info[1]->height, ZC_E_SHAPE,
             "%s is %d by %d, %s %d by %d", zc_quote_path(f->path[0]).text, info[0]->width,
             info[0]->height, zc_quote_path(f->path[1]).text, info[1]->width, info[1]->height);
    f->width = info[0]->width;
    f->height = info[0]->height;
    pixels = (size_t)f->width * (size_t)f->height;
    f->rgb = zc_alloc_zeroed(pixels, 3 * sizeof(float));
    for (int i = 0; i < 2; i++) {
        f->bytes[i] = zc_alloc_zeroed(pixels, 3);
        f->plane[i] = zc_alloc_zeroed(pixels, 1);
        ZC_CHECK(f->rgb && f->bytes[i] && f->plane[i], ZC_E_NOMEM, "no memory for frames of %d "
                 "by %d", f->width, f->height);
    }
done:
    return st;
}

static void close_films(struct films *f)
{
    for (int i = 0; i < 2; i++) {
        zc_reader_close(&f->reader[i]);
        zc_free(f->bytes[i]);
        zc_free(f->plane[i]);
    }
    zc_free(f->rgb);
}

static zc_status next_frame(struct films *f, int which, bool *more)
{
    const size_t values = (size_t)f->width * (size_t)f->height * 3;
    const zc_status st = zc_reader_next(f->reader[which], f->rgb, more);

    for (size_t i = 0; i < values && st == ZC_OK && *more; i++) {
        const float x = f->rgb[i] * 255;

        f->bytes[which][i] = (uint8_t)(x > 0 ? x < 255 ? x + 0.5f : 255 : 0);
    }
    return st;
}

static zc_status ssim_of(struct films *f, zc_log *log, zc_compared *row)
{
    zc_status st = ZC_OK;
    const size_t pixels = (size_t)f->width * (size_t)f->height;
    double one = 0;

    for (int i = 0; i < 2; i++)
        zc_grey_from_rgb(f->plane[i], f->bytes[i], pixels);
    ZC_TRY(zc_ssim(&row->ssim, log, f->plane[0], f->plane[1], f->width, f->height));
    for (size_t colour = 0; colour < 3; colour++) {
        for (size_t k = 0; k < 2 * pixels; k++)
            f->plane[k / pixels][k % pixels] = f->bytes[k / pixels][3 * (k % pixels) + colour];
        ZC_TRY(zc_ssim(&one, log, f->plane[0], f->plane[1], f->width, f->height));
        row->ssim_rgb += one / 3;
    }
done:
    return st;
}

static zc_status compare_films(zc_comparison *c, zc_log *log, struct films *f)
{
    zc_status st = ZC_OK;
    const size_t values = (size_t)f->width * (size_t)f->height * 3;
    bool more[2] = { true, true };

    for (;;) {
        zc_compared row = { .psnr = 0 };

        ZC_TRY(next_frame(f, 0, &more[0]));
        ZC_TRY(next_frame(f, 1, &more[1]));
        if (!more[0] || !more[1])
            break;
        zc_format(row.name, sizeof(row.name), "frame %zu", c->count);
        row.psnr = zc_psnr(f->bytes[0], f->bytes[1], values);
        row.psnr_u8wrap = zc_psnr_u8wrap(f->bytes[0], f->bytes[1], values);
        ZC_TRY(ssim_of(f, log, &row));
        ZC_TRY(add_row(c, log, &row));
    }
    ZC_CHECK(!more[0] && !more[1], ZC_E_SHAPE, "%s ends after %zu frames, %s has more",
             zc_quote_path(f->path[more[0]]).text, c->count, zc_quote_path(f->path[more[1]]).text);
    ZC_CHECK(c->count > 0, ZC_E_FORMAT, "%s has no frames", zc_quote_path(f->path[0]).text);
done:
    return st;
}

/* ---- Latents ---- */

/* A tensor's numbers as f32; free with zc_free. */
static zc_status numbers_of(float **out, zc_log *log, zc_container *c, const zc_entry *e)
{
    zc_status st = ZC_OK;
    const zk_dtype_info *info = zk_dtype_get(e->type);
    const uint64_t count = zc_entry_elements(e);
    void *raw = NULL;

    *out = NULL;
    ZC_CHECK(e->type != ZK_NONE && info->to_f32 && info->block == 1 && count > 0, ZC_E_UNSUPPORTED,
             "%s: %s is of %s, expected numbers that can be compared",
             zc_quote_path(zc_container_path(c)).text, e->name, e->type_name);
    raw = zc_alloc((size_t)e->bytes);
    *out = zc_alloc_zeroed((size_t)count, sizeof(float));
    ZC_CHECK(raw && *out, ZC_E_NOMEM, "no memory for %llu numbers of %s",
             (unsigned long long)count, e->name);
    ZC_TRY(zc_entry_read(c, log, e, raw));
    info->to_f32(*out, raw, (size_t)count);
done:
    if (st != ZC_OK) {
        zc_free(*out);
        *out = NULL;
    }
    zc_free(raw);
    return st;
}

/* Whole, or frame by frame if it is [channels, frames, height, width]. */
static zc_status compare_numbers(zc_comparison *c, zc_log *log, const zc_entry *e, const float *a,
                                 const float *b)
{
    zc_status st = ZC_OK;
    const size_t count = (size_t)zc_entry_elements(e);
    const size_t frames = e->rank == 4 ? (size_t)e->dim[1] : 1;
    const size_t planes = e->rank == 4 ? (size_t)e->dim[0] : 1, plane = count / frames / planes;
    float least = a[0], most = a[0];

    for (size_t i = 0; i < count; i++) {
        least = fminf(least, a[i]);
        most = fmaxf(most, a[i]);
    }
    const double peak = (double)most - (double)least;
    for (size_t f = 0; f < frames; f++) {
        zc_compared row = { .psnr = 0 };
        double sum = 0;

        for (size_t p = 0; p < planes; p++) {
            for (size_t i = 0; i < plane; i++) {
                const size_t at = (p * frames + f) * plane + i;
                const double d = (double)a[at] - (double)b[at];

                sum += d * d;
            }
        }
        row.psnr = 10 * log10(peak * peak / (sum / (double)(planes * plane)));
        if (e->rank == 4)
            zc_format(row.name, sizeof(row.name), "%.40s %zu", e->name, f);
        else
            zc_format(row.name, sizeof(row.name), "%.60s", e->name);
        ZC_TRY(add_row(c, log, &row));
    }
done:
    return st;
}

static zc_status compare_tensor(zc_comparison *c, zc_log *log, zc_container *const file[2],
                                const zc_entry *a)
{
    zc_status st = ZC_OK;
    const zc_entry *b = zc_container_find(file[1], a->name);
    float *numbers[2] = { NULL, NULL };

    ZC_CHECK(b, ZC_E_MISSING, "%s has no tensor '%s', which %s has",
             zc_quote_path(zc_container_path(file[1])).text, a->name,
             zc_quote_path(zc_container_path(file[0])).text);
    ZC_CHECK(a->rank == b->rank && memcmp(a->dim, b->dim, sizeof(a->dim)) == 0, ZC_E_SHAPE,
             "%s is %s in %s, %s in %s", a->name, zc_shape(a->dim, a->rank).text,
             zc_quote_path(zc_container_path(file[0])).text, zc_shape(b->dim, b->rank).text,
             zc_quote_path(zc_container_path(file[1])).text);
    ZC_TRY(numbers_of(&numbers[0], log, file[0], a));
    ZC_TRY(numbers_of(&numbers[1], log, file[1], b));
    ZC_TRY(compare_numbers(c, log, a, numbers[0], numbers[1]));
done:
    zc_free(numbers[0]);
    zc_free(numbers[1]);
    return st;
}

static zc_status compare_tensors(zc_comparison *c, zc_log *log, const char *const path[2])
{
    zc_status st = ZC_OK;
    zc_container *file[2] = { NULL, NULL };

    for (int i = 0; i < 2; i++)
        ZC_TRY(zc_container_open(&file[i], log, path[i]));
    ZC_CHECK(zc_container_count(file[0]) == zc_container_count(file[1]), ZC_E_SHAPE,
             "%s has %zu tensors, %s %zu", zc_quote_path(path[0]).text,
             zc_container_count(file[0]), zc_quote_path(path[1]).text,
             zc_container_count(file[1]));
    for (const zc_entry *e = NULL; (e = zc_container_next(file[0], e));)
        ZC_TRY(compare_tensor(c, log, file, e));
    ZC_CHECK(c->count > 0, ZC_E_FORMAT, "%s has no tensors", zc_quote_path(path[0]).text);
done:
    zc_container_close(&file[0]);
    zc_container_close(&file[1]);
    return st;
}

zc_status zc_compare_files(zc_comparison *c, zc_log *log, const char *a, const char *b)
{
    zc_status st = ZC_OK;
    const char *const path[2] = { a, b };
    struct films f = { .path = { a, b } };
    const bool tensors = zc_str_ends(a, ".safetensors");

    *c = (zc_comparison){ .pictures = !tensors };
    ZC_CHECK(tensors == zc_str_ends(b, ".safetensors"), ZC_E_MISMATCH,
             "%s and %s are not of one kind: tensors are compared with tensors only",
             zc_quote_path(a).text, zc_quote_path(b).text);
    if (tensors) {
        ZC_TRY(compare_tensors(c, log, path));
    } else {
        ZC_TRY(open_films(&f, log));
        ZC_TRY(compare_films(c, log, &f));
    }
    make_mean(c);
done:
    close_films(&f);
    if (st != ZC_OK)
        zc_comparison_fini(c);
    return st;
}

/* ---- Telling ---- */

static void words_row(const zc_comparison *c, const zc_compared *r, zc_str *to)
{
    if (c->pictures)
        zc_str_add_format(to, "%-24s %10.4f %12.4f %9.6f %9.6f\n", r->name, r->psnr,
                          r->psnr_u8wrap, r->ssim, r->ssim_rgb);
    else
        zc_str_add_format(to, "%-24s %10.4f\n", r->name, r->psnr);
}

void zc_comparison_words(const zc_comparison *c, zc_str *to)
{
    zc_str_add_format(to, "%-24s %10s", "", "psnr");
    if (c->pictures)
        zc_str_add_format(to, " %12s %9s %9s", "psnr_u8wrap", "ssim", "ssim_rgb");
    zc_str_add(to, "\n");
    for (size_t i = 0; i < c->count; i++)
        words_row(c, &c->rows[i], to);
    words_row(c, &c->mean, to);
}

static void json_row(const zc_comparison *c, const zc_compared *r, zc_json_writer *w)
{
    const struct { const char *key; double value; } fields[] = {
        { "psnr", r->psnr }, { "psnr_u8wrap", r->psnr_u8wrap }, { "ssim", r->ssim },
        { "ssim_rgb", r->ssim_rgb },
    };
    const size_t count = c->pictures ? ZC_COUNT(fields) : 1;

    zc_json_begin_object(w);
    zc_json_add_key(w, "name");
    zc_json_add_string(w, r->name);
    for (size_t i = 0; i < count; i++) {
        zc_json_add_key(w, fields[i].key);
        if (isfinite(fields[i].value))
            zc_json_add_f64(w, fields[i].value);
        else
            zc_json_add_string(w, isnan(fields[i].value) ? "nan" : "inf");
    }
    zc_json_end_object(w);
}

void zc_comparison_json(const zc_comparison *c, zc_str *to)
{
    zc_json_writer w = { .to = to };

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "kind");
    zc_json_add_string(&w, c->pictures ? "pictures" : "tensors");
    zc_json_add_key(&w, "frames");
    zc_json_begin_array(&w);
    for (size_t i = 0; i < c->count; i++)
        json_row(c, &c->rows[i], &w);
    zc_json_end_array(&w);
    zc_json_add_key(&w, "mean");
    json_row(c, &c->mean, &w);
    zc_json_end_object(&w);
}

zc_status zc_compare_films(zc_log *log, const char *a, const char *b, zc_str *words, zc_str *json)
{
    zc_comparison c;
    const zc_status st = zc_compare_files(&c, log, a, b);

    if (st == ZC_OK) {
        zc_comparison_words(&c, words);
        zc_comparison_json(&c, json);
        zc_comparison_fini(&c);
    }
    return st;
}
