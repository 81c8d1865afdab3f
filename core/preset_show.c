/* A preset told again: every option, and where its value came from. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/preset_parts.h"

/* Told of an option and its value. */
typedef void (*tell_fn)(const zc_preset *p, const char *key, const zc_str *value, void *user);

static void tell_option(const zc_preset *p, const char *prefix, const zc_opt *opt,
                        const void *state, tell_fn tell, void *user)
{
    zc_str key = { 0 }, value = { 0 };

    zc_str_add_format(&key, "%s%s", prefix, opt->key);
    zc_opt_print(opt, state, &value);
    value.failed = value.failed || key.failed;
    tell(p, zc_str_get(&key), &value, user);
    zc_str_fini(&key);
    zc_str_fini(&value);
}

/* Options of a row that is not known yet. */
static void tell_remembered(const zc_preset *p, const zc_request_row *row, tell_fn tell,
                            void *user)
{
    zc_str value = { 0 };

    for (size_t i = p->given; i < p->count; i++) {
        const zc_preset_setting *z = &p->setting[i];
        if (!zc_str_starts(z->key, row->prefix) || zc_preset_find(p, z->key) != z)
            continue;
        zc_str_clear(&value);
        zc_str_add(&value, z->value);
        tell(p, z->key, &value, user);
    }
    zc_str_fini(&value);
}

/* Every option of a job, then those of the rows that it names. */
static void each_option(const zc_preset *p, tell_fn tell, void *user)
{
    for (const zc_opt *o = zc_request_opts; o->key; o++)
        tell_option(p, "", o, p->q, tell, user);
    for (const zc_request_row *row = zc_request_rows; row->key; row++) {
        size_t bytes = 0;
        const zc_opt *opts = row->opts((const char *)p->q + row->name, &bytes);
        void *state = zc_alloc_zeroed(1, bytes + 1);
        if (state && opts && row->text_size > 0) {
            zc_opt_defaults(opts, state);
            (void)zc_request_row_options((const char *)p->q + row->text, "", NULL, opts, state);
            for (const zc_opt *o = opts; o->key; o++)
                tell_option(p, row->prefix, o, state, tell, user);
        } else if (!opts) {
            tell_remembered(p, row, tell, user);
        }
        zc_free(state);
    }
}

/* A value as a preset has it: what could be a variable is not one, and lines are one line. */
static void add_value(const zc_str *value, zc_str *to)
{
    for (const char *c = zc_str_get(value); *c; c++) {
        if (c[0] == '$' && c[1] == '{')
            zc_str_add(to, "$");
        zc_str_add_bytes(to, *c == '\n' ? " " : c, 1);
    }
    to->failed = to->failed || value->failed;
}

static void tell_set(const zc_preset *p, const char *key, const zc_str *value, void *user)
{
    zc_str *to = user, origin = { 0 };

    zc_preset_origin(p, key, &origin);
    if (origin.length > 0) {
        zc_str_add_format(to, "\n# %s\n%s = ", zc_str_get(&origin), key);
        add_value(value, to);
    }
    to->failed = to->failed || origin.failed;
    zc_str_fini(&origin);
}

static void tell_default(const zc_preset *p, const char *key, const zc_str *value, void *user)
{
    zc_str *to = user;

    if (!zc_preset_find(p, key)) {
        zc_str_add_format(to, "\n%s = ", key);
        add_value(value, to);
    }
}

void zc_preset_words(const zc_preset *p, zc_str *to)
{
    zc_str_add(to, "# What is set, and where");
    each_option(p, tell_set, to);
    zc_str_add(to, "\n\n# Defaults");
    each_option(p, tell_default, to);
}

static void tell_json(const zc_preset *p, const char *key, const zc_str *value, void *user)
{
    const zc_preset_setting *z = zc_preset_find(p, key);
    zc_json_writer *w = user;

    zc_json_begin_object(w);
    zc_json_add_key(w, "key");
    zc_json_add_string(w, key);
    zc_json_add_key(w, "value");
    zc_json_add_bytes(w, zc_str_get(value), value->length);
    if (z) {
        zc_json_add_key(w, "source");
        zc_json_add_string(w, p->source[z->source].name);
    }
    if (z && z->line > 0) {
        zc_json_add_key(w, "line");
        zc_json_add_i64(w, z->line);
        zc_json_add_key(w, "column");
        zc_json_add_i64(w, z->column);
    }
    zc_json_end_object(w);
    w->to->failed = w->to->failed || value->failed;
}

void zc_preset_json(const zc_preset *p, zc_str *to)
{
    zc_json_writer w = { .to = to };

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "files");
    zc_json_begin_array(&w);
    for (int i = 0; i < p->sources; i++) {
        if (p->source[i].file)
            zc_json_add_string(&w, p->source[i].name);
    }
    zc_json_end_array(&w);
    zc_json_add_key(&w, "options");
    zc_json_begin_array(&w);
    each_option(p, tell_json, &w);
    zc_json_end_array(&w);
    zc_json_end_object(&w);
}

/* ---- Lists ---- */

typedef struct told {
    zc_str        *words;
    zc_json_writer json;
} told;

static bool tell_item(void *user, const zc_preset_item *item)
{
    told *t = user;

    zc_str_add_format(t->words, "%s%-32s %s", t->words->length > 0 ? "\n" : "", item->name,
                      item->summary);
    zc_json_begin_object(&t->json);
    zc_json_add_key(&t->json, "name");
    zc_json_add_string(&t->json, item->name);
    zc_json_add_key(&t->json, "path");
    zc_json_add_string(&t->json, item->path);
    zc_json_add_key(&t->json, "summary");
    zc_json_add_string(&t->json, item->summary);
    zc_json_end_object(&t->json);
    return true;
}

zc_status zc_presets_tell(zc_log *log, const char *folders, zc_str *words, zc_str *json)
{
    told t = { .words = words, .json = { .to = json } };

    zc_json_begin_array(&t.json);
    const zc_status st = zc_preset_list(log, folders, tell_item, &t);
    zc_json_end_array(&t.json);
    return st;
}
