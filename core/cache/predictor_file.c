/* Predictors as files. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/num.h"
#include "core/cache/predictor.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"

#define FORMAT         "zoetrope-predictor-1"
#define PAST_COMPUTED "computed"
#define PAST_ALL      "all"
#define NETWORK_LIMIT  (64u << 20)        /* numbers */

/* ---- Writing ---- */

static zc_status write_all(zc_safetensors *s, const zc_predictor *p, zc_log *log)
{
    zc_status st = ZC_OK;
    const uint64_t steps = (uint64_t)p->steps, lanes = (uint64_t)p->lanes;

    ZC_TRY(zc_safetensors_write(s, log, 0, p->rows,
                                lanes * steps * (uint64_t)(p->depth + 1) * sizeof(float)));
    ZC_TRY(zc_safetensors_write(s, log, 1, p->counts, steps * sizeof(int32_t)));
    ZC_TRY(zc_safetensors_write(s, log, 2, p->full, steps));
    ZC_TRY(zc_safetensors_write(s, log, 3, p->sigma, (steps + 1) * sizeof(float)));
    if (p->network)
        ZC_TRY(zc_safetensors_write(s, log, 4, p->network,
                                    lanes * p->network_size * sizeof(float)));
done:
    return st;
}

zc_status zc_predictor_save(const zc_predictor *p, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    zc_safetensors *s = NULL;
    char prompts[ZC_NUM_TEXT], early[ZC_NUM_TEXT], late[ZC_NUM_TEXT];
    const zc_tensor_desc tensors[] = {
        { "rows", ZK_F32, 3, { p->lanes, p->steps, p->depth + 1 } },
        { "counts", ZK_I32, 1, { p->steps } },
        { "full", ZK_U8, 1, { p->steps } },
        { "sigma", ZK_F32, 1, { p->steps + 1 } },
        { "network", ZK_F32, 2, { p->lanes, (int64_t)p->network_size } },
    };
    const zc_note notes[] = {
        { "format", FORMAT }, { "method", p->method }, { "fit", p->fit },
        { "tap", zc_tap_name(p->tap) }, { "model", p->model }, { "prompts", prompts },
        { "licence", p->licence }, { "past", p->computed ? PAST_COMPUTED : PAST_ALL },
        { "early", early }, { "late", late },
    };
    const size_t network = p->network ? 1 : 0;
    const zc_safetensors_desc desc = {
        .tensors = tensors, .count = ZC_COUNT(tensors) - 1 + network,
        .notes = notes, .note_count = ZC_COUNT(notes) - 2 + 2 * network,
    };

    zc_num_write_i64(prompts, p->prompts);
    zc_num_write_f32(early, p->early);
    zc_num_write_f32(late, p->late);
    ZC_TRY(zc_safetensors_create(&s, log, path, ZC_OUT_REPLACE, &desc));
    ZC_TRY(write_all(s, p, log));
    ZC_TRY(zc_safetensors_commit(&s, log));
done:
    zc_safetensors_abort(&s);
    return st;
}

/* ---- Reading ---- */

/* What a failure names: the file and its reader. */
struct source {
    zc_container *c;
    const char   *path;           /* quoted */
};

/* The tensor of that name, type and rank; its sizes are looked at by the caller. */
static zc_status need_tensor(const struct source *s, zc_log *log, const char *name, zk_dtype type,
                             int rank, const zc_entry **out)
{
    zc_status st = ZC_OK;
    const zc_entry *e = zc_container_find(s->c, name);

    ZC_CHECK(e, ZC_E_MISSING, "%s has no tensor '%s', which every predictor has", s->path, name);
    ZC_CHECK(e->type == type && e->rank == rank, ZC_E_FORMAT,
             "%s: %s is %s of rank %d, expected %s of rank %d", s->path, name, e->type_name,
             e->rank, zk_dtype_get(type)->name, rank);
    *out = e;
done:
    return st;
}

static zc_status need_length(const struct source *s, zc_log *log, const zc_entry *e, int length)
{
    zc_status st = ZC_OK;

    ZC_CHECK(e->dim[0] == length, ZC_E_FORMAT, "%s: %s has %lld numbers, expected %d", s->path,
             e->name, (long long)e->dim[0], length);
done:
    return st;
}

/* Metadata into a field; longer text is refused. */
static zc_status need_note(const struct source *s, zc_log *log, const char *key, char *to,
                           size_t room)
{
    zc_status st = ZC_OK;
    const char *text = NULL;
    size_t bytes = 0;

    ZC_CHECK(zc_container_text(s->c, key, &text, &bytes), ZC_E_MISSING,
             "%s has no metadata '%s', which every predictor has", s->path, key);
    ZC_CHECK(bytes < room, ZC_E_FORMAT, "%s: metadata '%s' has %zu bytes, expected less than %zu",
             s->path, key, bytes, room);
    ZC_CHECK(zc_utf8_valid(text, bytes) == bytes && !memchr(text, '\0', bytes), ZC_E_FORMAT,
             "%s: metadata '%s' is not text: %s", s->path, key, zc_quote(text, bytes).text);
    memcpy(to, text, bytes);
    to[bytes] = '\0';
done:
    return st;
}

static zc_status need_number(const struct source *s, zc_log *log, const char *key, double *out)
{
    zc_status st = ZC_OK;
    char text[ZC_NUM_TEXT];
    const char *why;

    ZC_TRY(need_note(s, log, key, text, sizeof(text)));
    why = zc_num_read_f64(out, text, strlen(text));
    ZC_CHECK(!why, ZC_E_FORMAT, "%s: metadata '%s': '%s' %s", s->path, key,
             zc_quote_text(text).text, why);
done:
    return st;
}

static zc_status read_notes(const struct source *s, zc_log *log, zc_predictor *p)
{
    zc_status st = ZC_OK;
    char text[32];
    const char *past = NULL;
    size_t bytes = 0;
    double prompts = 0;

    ZC_TRY(need_note(s, log, "method", p->method, sizeof(p->method)));
    ZC_TRY(need_note(s, log, "fit", p->fit, sizeof(p->fit)));
    ZC_TRY(need_note(s, log, "model", p->model, sizeof(p->model)));
    ZC_TRY(need_note(s, log, "licence", p->licence, sizeof(p->licence)));
    ZC_TRY(need_note(s, log, "tap", text, sizeof(text)));
    p->tap = zc_tap_find(text);
    ZC_CHECK(p->tap != ZC_TAP_COUNT, ZC_E_FORMAT,
             "%s: metadata 'tap' is '%s', expected trunk, norm or output", s->path,
             zc_quote_text(text).text);
    if (zc_container_text(s->c, "past", &past, &bytes)) {
        ZC_TRY(need_note(s, log, "past", text, sizeof(text)));
        p->computed = strcmp(text, PAST_COMPUTED) == 0;
        ZC_CHECK(p->computed || strcmp(text, PAST_ALL) == 0, ZC_E_FORMAT,
                 "%s: metadata 'past' is '%s', expected computed or all", s->path,
                 zc_quote_text(text).text);
    }
    ZC_TRY(need_number(s, log, "prompts", &prompts));
    ZC_CHECK(prompts >= 0 && prompts <= 1e9, ZC_E_FORMAT,
             "%s: metadata 'prompts' is %g, expected 0 to 1e9", s->path, prompts);
    p->prompts = (int)prompts;
done:
    return st;
}

static zc_status check_values(const struct source *s, zc_log *log, const zc_predictor *p)
{
    zc_status st = ZC_OK;
    const size_t numbers = (size_t)p->lanes * (size_t)p->steps * (size_t)(p->depth + 1);

    for (size_t i = 0; i < numbers; i++)
        ZC_CHECK(isfinite(p->rows[i]), ZC_E_FORMAT, "%s: rows: number %zu is not finite", s->path,
                 i);
    for (int i = 0, before = 0; i < p->steps; before += p->computed ? p->full[i] : 1, i++) {
        ZC_CHECK(p->counts[i] >= 0 && p->counts[i] <= p->depth, ZC_E_FORMAT,
                 "%s: counts: step %d has %d, expected 0 to %d", s->path, i, p->counts[i],
                 p->depth);
        ZC_CHECK(p->full[i] <= 1, ZC_E_FORMAT, "%s: full: step %d has %d, expected 0 or 1",
                 s->path, i, p->full[i]);
        ZC_CHECK(p->full[i] || (p->counts[i] > 0 && p->counts[i] <= before), ZC_E_FORMAT,
                 "%s: step %d is predicted from %d features, expected 1 to %d", s->path, i,
                 p->counts[i], before);
    }
    for (int i = 0; i <= p->steps; i++)
        ZC_CHECK(isfinite(p->sigma[i]), ZC_E_FORMAT, "%s: sigma: number %d is not finite", s->path,
                 i);
done:
    return st;
}

static zc_status open_source(struct source *s, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    const char *text = NULL;
    size_t bytes = 0;

    ZC_TRY(zc_container_open(&s->c, log, path));
    ZC_CHECK(zc_container_text(s->c, "format", &text, &bytes) && bytes == strlen(FORMAT) &&
             memcmp(text, FORMAT, bytes) == 0, ZC_E_FORMAT,
             "%s is no predictor: its metadata 'format' is '%s', expected '%s'", s->path,
             zc_quote(text ? text : "", bytes).text, FORMAT);
done:
    return st;
}

zc_status zc_predictor_load(zc_predictor **out, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    const zc_quoted quoted = zc_quote_path(path);
    struct source s = { .path = quoted.text };
    zc_predictor *p = NULL;
    const zc_entry *rows = NULL, *counts = NULL, *full = NULL, *sigma = NULL;

    *out = NULL;
    ZC_TRY(open_source(&s, log, path));
    ZC_TRY(need_tensor(&s, log, "rows", ZK_F32, 3, &rows));
    ZC_TRY(need_tensor(&s, log, "counts", ZK_I32, 1, &counts));
    ZC_TRY(need_tensor(&s, log, "full", ZK_U8, 1, &full));
    ZC_TRY(need_tensor(&s, log, "sigma", ZK_F32, 1, &sigma));
    ZC_CHECK(rows->dim[0] >= 1 && rows->dim[0] <= ZC_PREDICTOR_LANES && rows->dim[1] >= 1 &&
             rows->dim[1] <= ZC_STEPS_MAX && rows->dim[2] >= 2 &&
             rows->dim[2] <= ZC_CACHE_DEPTH + 1, ZC_E_FORMAT,
             "%s: rows is %s, expected at most [%d, %d, %d]", s.path,
             zc_shape(rows->dim, 3).text, ZC_PREDICTOR_LANES, ZC_STEPS_MAX, ZC_CACHE_DEPTH + 1);
    ZC_TRY(zc_predictor_create(&p, log, (int)rows->dim[1], (int)rows->dim[0],
                               (int)rows->dim[2] - 1));
    ZC_TRY(need_length(&s, log, counts, p->steps));
    ZC_TRY(need_length(&s, log, full, p->steps));
    ZC_TRY(need_length(&s, log, sigma, p->steps + 1));
    ZC_TRY(zc_entry_read(s.c, log, rows, p->rows));
    ZC_TRY(zc_entry_read(s.c, log, counts, p->counts));
    ZC_TRY(zc_entry_read(s.c, log, full, p->full));
    ZC_TRY(zc_entry_read(s.c, log, sigma, p->sigma));
    ZC_TRY(read_notes(&s, log, p));
    ZC_TRY(check_values(&s, log, p));
    *out = p;
    p = NULL;
done:
    zc_predictor_destroy(&p);
    zc_container_close(&s.c);
    return st;
}

zc_status zc_predictor_load_network(zc_predictor *p, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    const zc_quoted quoted = zc_quote_path(path);
    struct source s = { .path = quoted.text };
    const zc_entry *e = NULL;
    double early = 0, late = 0;
    float *network = NULL;

    ZC_TRY(open_source(&s, log, path));
    ZC_TRY(need_tensor(&s, log, "network", ZK_F32, 2, &e));
    ZC_CHECK(e->dim[0] == p->lanes && e->dim[1] >= 1 && e->dim[1] <= (int64_t)NETWORK_LIMIT,
             ZC_E_FORMAT, "%s: network is %s, expected [%d, 1 to %u]", s.path,
             zc_shape(e->dim, 2).text, p->lanes, NETWORK_LIMIT);
    ZC_TRY(need_number(&s, log, "early", &early));
    ZC_TRY(need_number(&s, log, "late", &late));
    network = zc_alloc((size_t)e->bytes);
    ZC_CHECK(network, ZC_E_NOMEM, "%s: no memory for a network of %llu bytes", s.path,
             (unsigned long long)e->bytes);
    ZC_TRY(zc_entry_read(s.c, log, e, network));
    zc_free(p->network);
    p->network = network;
    p->network_size = (size_t)e->dim[1];
    p->early = (float)early;
    p->late = (float)late;
    network = NULL;
done:
    zc_free(network);
    zc_container_close(&s.c);
    return st;
}
