/* States of fits as safetensors files. */

#include <string.h>

#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"
#include "core/train/state.h"

#define COUNTERS "counters"

static zc_status key_of(const zc_state *s, char key[65])
{
    zc_log *log = s->job->log;
    zc_status st = ZC_OK;
    uint8_t digest[32];
    zc_str text = { 0 };
    zc_sha256 h;

    for (const zc_opt *o = s->options; o->key; o++) {
        zc_str_add_format(&text, "%s ", o->key);
        zc_opt_print(o, s->values, &text);
        zc_str_add(&text, "\n");
    }
    zc_str_add_format(&text, "%d %d %zu %s %s", s->job->lanes, s->prompts, s->job->count,
                      zc_tap_name(s->job->tap), s->job->model);
    zc_str_add_format(&text, "\n%s", s->job->recipe ? s->job->recipe : "");
    ZC_CHECK(!text.failed, ZC_E_NOMEM, "out of memory");
    zc_sha256_init(&h);
    zc_sha256_add(&h, zc_str_get(&text), text.length);
    zc_sha256_add(&h, s->job->schedule->sigma,
                  ((size_t)s->job->schedule->steps + 1) * sizeof(float));
    zc_sha256_finish(&h, digest);
    zc_sha256_text(key, digest);
done:
    zc_str_fini(&text);
    return st;
}

zc_status zc_state_save(const zc_state *s, const char *path,
                        const int64_t counters[ZC_STATE_COUNTERS])
{
    zc_log *log = s->job->log;
    zc_status st = ZC_OK;
    zc_safetensors *out = NULL;
    char key[65];
    zc_tensor_desc tensors[1 + ZC_STATE_ARRAYS] = {
        { COUNTERS, ZK_I64, 1, { ZC_STATE_COUNTERS } },
    };
    const zc_note note = { "key", key };
    const zc_safetensors_desc desc = { .tensors = tensors, .count = 1 + (size_t)s->count,
                                       .notes = &note, .note_count = 1 };

    for (int i = 0; i < s->count; i++)
        tensors[1 + i] = (zc_tensor_desc){ s->arrays[i].name, s->arrays[i].type, 1,
                                           { (int64_t)s->arrays[i].count } };
    ZC_TRY(key_of(s, key));
    ZC_TRY(zc_safetensors_create(&out, log, path, ZC_OUT_REPLACE, &desc));
    ZC_TRY(zc_safetensors_write(out, log, 0, counters, ZC_STATE_COUNTERS * sizeof(*counters)));
    for (int i = 0; i < s->count; i++) {
        uint64_t bytes = 0;

        zk_dtype_size(s->arrays[i].type, s->arrays[i].count, &bytes);
        ZC_TRY(zc_safetensors_write(out, log, 1 + (size_t)i, s->arrays[i].data, bytes));
    }
    ZC_TRY(zc_safetensors_commit(&out, log));
done:
    zc_safetensors_abort(&out);
    return st;
}

static zc_status read_array(const zc_container *c, zc_log *log, const char *path,
                            const zc_state_array *a)
{
    zc_status st = ZC_OK;
    const zc_entry *e = zc_container_find(c, a->name);

    ZC_CHECK(e && e->type == a->type && e->rank == 1 && e->dim[0] == (int64_t)a->count,
             ZC_E_FORMAT, "%s: %s is %s, expected %s [%llu]", zc_quote_path(path).text, a->name,
             e ? zc_shape(e->dim, e->rank).text : "missing", zk_dtype_get(a->type)->name,
             (unsigned long long)a->count);
    ZC_TRY(zc_entry_read(c, log, e, a->data));
done:
    return st;
}

zc_status zc_state_load(const zc_state *s, const char *path, int64_t counters[ZC_STATE_COUNTERS])
{
    zc_log *log = s->job->log;
    zc_status st = ZC_OK;
    zc_container *c = NULL;
    const zc_state_array first = { COUNTERS, ZK_I64, counters, ZC_STATE_COUNTERS };
    const char *found = "";
    char key[65];
    size_t bytes = 0;

    ZC_TRY(zc_container_open(&c, log, path));
    ZC_TRY(key_of(s, key));
    zc_container_text(c, "key", &found, &bytes);
    ZC_CHECK(bytes == 64 && memcmp(found, key, 64) == 0, ZC_E_MISMATCH,
             "%s is the state of another training: '%s', expected '%s'", zc_quote_path(path).text,
             zc_quote(found, bytes).text, key);
    ZC_TRY(read_array(c, log, path, &first));
    ZC_CHECK(counters[0] >= 0 && counters[0] <= s->total, ZC_E_FORMAT,
             "%s: %lld prompts done, expected 0 to %d", zc_quote_path(path).text,
             (long long)counters[0], s->total);
    for (int i = 0; i < s->count; i++)
        ZC_TRY(read_array(c, log, path, &s->arrays[i]));
done:
    zc_container_close(&c);
    return st;
}
