/* Presets: from a name, a path or a text to a request. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/num.h"
#include "core/preset_parts.h"

/* ---- Sources ---- */

/* Adds one; *out is its number. `folder` may be NULL. */
static zc_status add_source(int *out, zc_preset *p, zc_log *log, const char *name,
                            const zc_preset_source *like)
{
    zc_status st = ZC_OK;
    zc_preset_source *s = &p->source[p->sources];

    ZC_CHECK(p->sources < ZC_PRESET_FILES, ZC_E_LIMIT, "%s: more than %d files in one preset",
             zc_quote_path(name).text, ZC_PRESET_FILES);
    *s = *like;
    ZC_CHECK(s->name = zc_copy_text(name, strlen(name)), ZC_E_NOMEM, "out of memory");
    const char *slash = strrchr(name, '/');
    if (s->file)
        ZC_CHECK(s->folder = zc_copy_text(name, slash ? (size_t)(slash + 1 - name) : 0),
                 ZC_E_NOMEM, "out of memory");
    *out = p->sources++;
done:
    if (st != ZC_OK && p->sources < ZC_PRESET_FILES) {
        zc_free(s->name);
        s->name = NULL;
    }
    return st;
}

/* That file is not one of those that are being read, and there are not too many of these. */
static zc_status check_chain(const zc_preset *p, zc_log *log, const zc_file_info *info, int source,
                             const char *where, const char *name)
{
    zc_status st = ZC_OK;
    int depth = 1;

    for (int i = source; i >= 0; i = p->source[i].parent, depth++) {
        const zc_preset_source *s = &p->source[i];
        ZC_CHECK(!s->file || s->device != info->device || s->inode != info->inode, ZC_E_FORMAT,
                 "%sinclude: '%s' includes itself", where, zc_quote_path(name).text);
    }
    ZC_CHECK(depth <= ZC_PRESET_DEPTH, ZC_E_LIMIT,
             "%sinclude: '%s' is file %d of a chain, expected at most %d", where,
             zc_quote_path(name).text, depth, ZC_PRESET_DEPTH);
done:
    return st;
}

/* Reads an open file, which it closes. */
static zc_status read_open(zc_preset *p, zc_log *log, zc_file *f, int source, int line,
                           const char *where)
{
    const zc_file_info *info = zc_file_info_get(f);
    const char *path = zc_file_path(f);
    zc_status st = ZC_OK;
    char *text = NULL;
    int number = 0;

    ZC_TRY(check_chain(p, log, info, source, where, path));
    ZC_CHECK(info->size <= ZC_PRESET_FILE, ZC_E_LIMIT,
             "%s'%s' has %llu bytes, expected at most %u", where, zc_quote_path(path).text,
             (unsigned long long)info->size, ZC_PRESET_FILE);
    ZC_CHECK(text = zc_alloc((size_t)info->size + 1), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_file_read_at(f, log, 0, text, (size_t)info->size));
    ZC_TRY(add_source(&number, p, log, path, &(zc_preset_source){
        .parent = source, .line = line, .file = true, .device = info->device,
        .inode = info->inode }));
    ZC_TRY(zc_preset_read_text(p, log, number, text, (size_t)info->size));
done:
    zc_free(text);
    zc_file_close(&f);
    return st;
}

/* ---- Finding files ---- */

static bool has_suffix(const char *name)
{
    return zc_str_ends(name, ".preset");
}

typedef struct nearest {
    zc_nearest n;
    char       best[128];
} nearest;

static bool offer(void *user, const zc_preset_item *item)
{
    nearest *n = user;
    const char *before = n->n.best;

    zc_nearest_offer(&n->n, item->name);
    if (n->n.best != before) {
        zc_format(n->best, sizeof(n->best), "%s", item->name);
        n->n.best = n->best;
    }
    return true;
}

/* No such file: says where it was looked for, and what may have been meant. */
static zc_status not_found(const zc_preset *p, zc_log *log, const char *name, const char *where)
{
    nearest n;

    zc_nearest_init(&n.n, name);
    (void)zc_preset_list(NULL, p->folders, offer, &n);
    zc_error(log, "%sthere is no preset '%s'%s%s%s; looked %sin %s", where,
             zc_quote_path(name).text, n.n.best ? "; did you mean '" : "", n.n.best ? n.best : "",
             n.n.best ? "'" : "", strchr(name, '/') ? "there and " : "",
             *p->folders ? zc_quote_path(p->folders).text : "no folder of presets");
    return ZC_E_NOT_FOUND;
}

/* An included file lies beside the one that includes it, and is no link out of there. */
static zc_status open_beside(zc_file **out, zc_log *log, const char *name,
                             const zc_preset_source *by)
{
    zc_dir *dir = NULL;
    zc_str full = { 0 };
    zc_status st = ZC_OK;

    zc_str_add_format(&full, "%s%s", name, has_suffix(name) ? "" : ".preset");
    ZC_CHECK(!full.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_dir_open(&dir, log, *by->folder ? by->folder : "."));
    if (zc_dir_has(dir, zc_str_get(&full)))
        ZC_TRY(zc_file_open_in(out, log, dir, zc_str_get(&full)));
done:
    zc_str_fini(&full);
    zc_dir_close(&dir);
    return st;
}

zc_status zc_preset_read_file(zc_preset *p, zc_log *log, const char *name, int source, int line,
                              const char *where)
{
    zc_status st = ZC_OK;
    zc_file *f = NULL;
    zc_str path = { 0 };
    zc_file_info info;

    if (source >= 0)
        ZC_CHECK(zc_path_plain(name), ZC_E_UNSAFE,
                 "%sinclude: '%s' is not a plain file name", where, zc_quote_path(name).text);
    if (source >= 0 && p->source[source].file)
        ZC_TRY(open_beside(&f, log, name, &p->source[source]));
    /* The preset itself may be any path; a bare name is one only with its suffix. */
    if (source < 0 && (strchr(name, '/') || has_suffix(name)) && zc_path_info(&info, name))
        ZC_TRY(zc_file_open(&f, log, name));
    if (!f && *name != '/' && zc_preset_below(name))
        zc_preset_search(p->folders, name, has_suffix(name) ? "" : ".preset", &path);
    ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
    if (!f && path.length > 0)
        ZC_TRY(zc_file_open(&f, log, zc_str_get(&path)));
    if (!f)
        ZC_TRY(not_found(p, log, name, where));
    ZC_TRY(read_open(p, log, f, source, line, where));
done:
    zc_str_fini(&path);
    return st;
}

/* ---- Rows of other tables ---- */

const zc_preset_setting *zc_preset_find(const zc_preset *p, const char *key)
{
    for (size_t i = p->count; i-- > p->given;) {
        const zc_preset_setting *z = &p->setting[i];
        if (!z->dropped && strcmp(z->key, key) == 0)
            return z;
    }
    return NULL;
}

static void where_set(const zc_preset *p, const zc_preset_setting *z, zc_str *to)
{
    const zc_preset_source *s = &p->source[z->source];

    zc_str_add(to, zc_quote_path(s->name).text);
    if (z->line > 0)
        zc_str_add_format(to, ":%d:%d", z->line, z->column);
}

void zc_preset_origin(const zc_preset *p, const char *key, zc_str *to)
{
    const zc_preset_setting *z = zc_preset_find(p, key);

    if (z)
        where_set(p, z, to);
}

/* The option names a row that there is not. */
static zc_status no_such_row(const zc_preset *p, zc_log *log, const zc_request_row *row,
                             const char *name)
{
    zc_str where = { 0 }, known = { 0 };
    const char *summary = "", *item;
    zc_nearest near;

    zc_nearest_init(&near, name);
    for (int i = 0; (item = row->list(i, &summary)); i++) {
        zc_nearest_offer(&near, item);
        zc_str_add_format(&known, "%s%s", i > 0 ? ", " : "", item);
    }
    zc_preset_origin(p, row->key, &where);
    zc_error(log, "%s: %s: there is no '%s'%s%s%s; known: %s", zc_str_get(&where), row->key,
             zc_quote_text(name).text, near.best ? "; did you mean '" : "",
             near.best ? near.best : "", near.best ? "'" : "", zc_str_get(&known));
    zc_str_fini(&where);
    zc_str_fini(&known);
    return ZC_E_MISSING;
}

/* The row has no such option. */
static zc_status no_such_option(const zc_preset *p, zc_log *log, const zc_request_row *row,
                                const zc_opt *opts, const zc_preset_setting *z)
{
    const char *key = z->key + strlen(row->prefix), *name = (const char *)p->q + row->name;
    zc_preset_setting at = *z;
    zc_str where = { 0 }, known = { 0 };
    zc_nearest near;

    zc_nearest_init(&near, key);
    for (const zc_opt *o = opts; o->key; o++) {
        zc_nearest_offer(&near, o->key);
        zc_str_add_format(&known, "%s%s%s", o == opts ? "" : ", ", row->prefix, o->key);
    }
    at.column = z->key_column;
    where_set(p, &at, &where);
    if (near.best)
        zc_error(log, "%s: %s: %s = %s has no such option; did you mean '%s%s'?",
                 zc_str_get(&where), zc_quote_text(z->key).text, row->key, name, row->prefix,
                 near.best);
    else
        zc_error(log, "%s: %s: %s = %s has no such option; known: %s", zc_str_get(&where),
                 zc_quote_text(z->key).text, row->key, name,
                 known.length > 0 ? zc_str_get(&known) : "none");
    zc_str_fini(&where);
    zc_str_fini(&known);
    return ZC_E_MISSING;
}

/* Each of the row's options is tried where it stands. */
static zc_status try_row(zc_preset *p, zc_log *log, const zc_request_row *row, const zc_opt *opts,
                         size_t bytes)
{
    void *state = zc_alloc_zeroed(1, bytes + 1);
    zc_str where = { 0 };
    zc_status st = ZC_OK;

    ZC_CHECK(state, ZC_E_NOMEM, "out of memory");
    for (size_t i = p->given; i < p->count; i++) {
        zc_preset_setting *z = &p->setting[i];
        if (z->dropped || !zc_str_starts(z->key, row->prefix))
            continue;
        const zc_opt *o = zc_opt_find(opts, z->key + strlen(row->prefix));
        if (!o) {
            st = no_such_option(p, log, row, opts, z);
            goto done;
        }
        zc_str_clear(&where);
        where_set(p, z, &where);
        zc_str_add(&where, ": ");
        if (o->kind == ZC_OPT_KIND_PATH)
            ZC_TRY(zc_preset_resolve(p, log, z->source, zc_str_get(&where), z->key, &z->value));
        zc_str_add(&where, row->prefix);
        ZC_CHECK(!where.failed, ZC_E_NOMEM, "out of memory");
        ZC_TRY(zc_opt_set(opts, state, log, zc_str_get(&where), o->key, z->value));
    }
done:
    zc_free(state);
    zc_str_fini(&where);
    return st;
}

/* The settings that count, in the order of the table, or as written if there is none. */
static void add_lines(const zc_preset *p, const zc_request_row *row, const zc_opt *opts,
                      zc_str *lines)
{
    zc_str key = { 0 };

    for (const zc_opt *o = opts; o && o->key; o++) {
        zc_str_clear(&key);
        zc_str_add_format(&key, "%s%s", row->prefix, o->key);
        const zc_preset_setting *z = zc_preset_find(p, zc_str_get(&key));
        if (z)
            zc_str_add_format(lines, "%s = %s\n", o->key, z->value);
    }
    for (size_t i = p->given; i < p->count && !opts; i++) {
        const zc_preset_setting *z = &p->setting[i];
        if (zc_str_starts(z->key, row->prefix) && zc_preset_find(p, z->key) == z)
            zc_str_add_format(lines, "%s = %s\n", z->key + strlen(row->prefix), z->value);
    }
    lines->failed = lines->failed || key.failed;
    zc_str_fini(&key);
}

static zc_status set_row(zc_preset *p, zc_log *log, const zc_request_row *row)
{
    const char *name = (const char *)p->q + row->name;
    size_t bytes = 0;
    const zc_opt *opts = row->opts(name, &bytes);
    zc_str lines = { 0 };
    zc_status st = ZC_OK;

    if (!opts && *name)
        return no_such_row(p, log, row, name);
    if (opts)
        ZC_TRY(try_row(p, log, row, opts, bytes));
    if (row->text_size == 0)
        goto done;
    add_lines(p, row, opts, &lines);
    ZC_CHECK(!lines.failed, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(lines.length < row->text_size, ZC_E_LIMIT,
             "%sKEY: %zu bytes of such options, expected at most %zu", row->prefix, lines.length,
             row->text_size - 1);
    memcpy((char *)p->q + row->text, zc_str_get(&lines), lines.length + 1);
done:
    zc_str_fini(&lines);
    return st;
}

static zc_status set_rows(zc_preset *p, zc_log *log)
{
    zc_status st = ZC_OK;

    for (const zc_request_row *row = zc_request_rows; row->key; row++)
        ZC_TRY(set_row(p, log, row));
done:
    return st;
}

/* ---- The whole ---- */

zc_status zc_preset_open(zc_preset **out, zc_log *log, const zc_preset_desc *desc, zc_request *q)
{
    const zc_preset_source text = { .parent = -1 }, over = { .parent = -1, .over = true };
    zc_status st = ZC_OK;
    zc_preset *p = zc_new(zc_preset);
    int number = 0, options = 0;

    *out = NULL;
    ZC_CHECK(p, ZC_E_NOMEM, "out of memory");
    p->q = q;
    const char *folders = desc->folders ? desc->folders : "";
    ZC_CHECK(p->folders = zc_copy_text(folders, strlen(folders)), ZC_E_NOMEM, "out of memory");
    if (desc->options) {
        ZC_TRY(add_source(&options, p, log, "options", &over));
        ZC_TRY(zc_preset_read_given(p, log, options, desc->options));
    }
    if (desc->preset && strpbrk(desc->preset, "=\n")) {
        ZC_TRY(add_source(&number, p, log, "preset", &text));
        ZC_TRY(zc_preset_read_text(p, log, number, desc->preset, strlen(desc->preset)));
    } else if (desc->preset && *desc->preset) {
        ZC_TRY(zc_preset_read_file(p, log, desc->preset, -1, 0, ""));
    }
    if (desc->options)
        ZC_TRY(zc_preset_read_text(p, log, options, desc->options, strlen(desc->options)));
    ZC_TRY(set_rows(p, log));
    *out = p;
    p = NULL;
done:
    zc_preset_close(&p);
    return st;
}

zc_status zc_preset_set(zc_preset *p, zc_log *log, const char *origin, const char *key,
                        const char *value)
{
    zc_status st = ZC_OK;
    zc_str where = { 0 };
    zc_preset_setting z = { .key = zc_copy_text(key, strlen(key)),
                            .value = zc_copy_text(value, strlen(value)) };

    zc_str_add_format(&where, "%s: ", origin);
    ZC_CHECK(z.key && z.value && !where.failed &&
                 zc_grow(&p->setting, &p->capacity, p->count + 1, sizeof(p->setting[0])),
             ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_opt_set(zc_request_opts, p->q, log, zc_str_get(&where), key, value));
    ZC_TRY(add_source(&z.source, p, log, origin, &(zc_preset_source){ .parent = -1 }));
    p->setting[p->count++] = z;
    z = (zc_preset_setting){ .key = NULL };
done:
    zc_free(z.key);
    zc_free(z.value);
    zc_str_fini(&where);
    return st;
}

zc_status zc_preset_set_number(zc_preset *p, zc_log *log, const char *origin, const char *key,
                               int64_t value)
{
    char text[ZC_NUM_TEXT];

    zc_num_write_i64(text, value);
    return value ? zc_preset_set(p, log, origin, key, text) : ZC_OK;
}

zc_status zc_preset_check(const zc_preset *p, zc_log *log)
{
    zc_str why = { 0 }, where = { 0 };
    const char *key = zc_request_fault(p->q, &why);

    if (key) {
        zc_preset_origin(p, key, &where);
        zc_error(log, "%s%s%s", zc_str_get(&where), where.length > 0 ? ": " : "",
                 zc_str_get(&why));
    }
    zc_str_fini(&why);
    zc_str_fini(&where);
    return key ? ZC_E_ARGUMENT : ZC_OK;
}

void zc_preset_close(zc_preset **preset)
{
    zc_preset *p = *preset;

    *preset = NULL;
    if (!p)
        return;
    for (int i = 0; i < p->sources; i++) {
        zc_free(p->source[i].name);
        zc_free(p->source[i].folder);
    }
    for (size_t i = 0; i < p->count; i++) {
        zc_free(p->setting[i].key);
        zc_free(p->setting[i].value);
    }
    zc_free(p->setting);
    zc_free(p->folders);
    zc_free(p);
}
