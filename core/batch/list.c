/* The job list of a batch: rows times seeds, each with a name of its own. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/num.h"
#include "core/base/sort.h"
#include "core/batch/list.h"
#include "core/batch/pattern.h"
#include "core/batch/rows.h"

#define SEEDS_BYTES 4096          /* of a list of seeds in a cell */

struct zc_list {
    zc_rows      rows;
    zc_list_job *job;
    char       **own;             /* texts of jobs */
    size_t       count, room, owned, own_room;
};

/* What is at work while a list is made. */
typedef struct making {
    zc_list            *list;
    zc_log             *log;
    const zc_list_desc *desc;
    zc_request         *scratch;          /* values are tried in it */
    const char         *name;             /* of the file, for messages */
    int64_t            *seeds;            /* those of the description */
    size_t              seed_count;
} making;

/* A row, and what its jobs share. */
typedef struct row_jobs {
    const making *m;
    const zc_row *row;
    const char   *name, *prompt, *where;
    zc_str        options;
    int32_t       frames;
    int32_t       index;                  /* of the job at hand */
    int64_t       seed;
} row_jobs;

/* Hands a text to the list; NULL without memory. */
static const char *keep(zc_list *l, char *text)
{
    if (!text || !zc_grow(&l->own, &l->own_room, l->owned + 1, sizeof(l->own[0]))) {
        zc_free(text);
        return NULL;
    }
    return l->own[l->owned++] = text;
}

typedef struct place {
    char text[256];
} place;

/* "shots.csv:3:14: steps" */
static place place_of(const making *m, const zc_cell *c)
{
    place p = { "" };

    zc_format(p.text, sizeof(p.text), "%s:%d:%d: ", zc_quote_path(m->name).text, (int)c->line,
              (int)c->column);
    return p;
}

static bool is(const zc_cell *c, const char *key)
{
    return strlen(key) == c->key_bytes && memcmp(c->key, key, c->key_bytes) == 0;
}

static const zc_cell *cell_of(const zc_list *l, const zc_row *row, const char *key)
{
    for (int32_t i = 0; i < row->count; i++) {
        if (is(&l->rows.cell[row->first + (size_t)i], key))
            return &l->rows.cell[row->first + (size_t)i];
    }
    return NULL;
}

/* ---- Cells that are options ---- */

static zc_status unknown(const making *m, const zc_cell *c)
{
    zc_nearest near;
    char *key = zc_copy_text(c->key, c->key_bytes);

    zc_nearest_init(&near, key ? key : "");
    zc_nearest_offer(&near, "name");
    for (const zc_opt *o = zc_request_opts; o->key; o++)
        zc_nearest_offer(&near, o->key);
    zc_error(m->log, "%s%s: there is no such option%s%s%s (a variable is $NAME)",
             place_of(m, c).text, zc_quote(c->key, c->key_bytes).text,
             near.best ? "; did you mean '" : "", near.best ? near.best : "",
             near.best ? "'?" : "");
    zc_free(key);
    return ZC_E_MISSING;
}

static bool is_variable(const char *key)
{
    size_t n = 1;

    if (key[0] != '$')
        return false;
    while (key[n] == '_' || (key[n] >= 'a' && key[n] <= 'z') || (key[n] >= 'A' && key[n] <= 'Z') ||
           (n > 1 && key[n] >= '0' && key[n] <= '9'))
        n++;
    return n > 1 && key[n] == '\0';
}

/* An option of the row that the cells, or else the base, name. */
static zc_status try_row_option(const making *m, const zc_row *row, const zc_cell *c,
                                const zc_request_row *table, const char *key, const char *value)
{
    const zc_cell *named = cell_of(m->list, row, table->key);
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    void *state = NULL;
    zc_str where = { 0 };
    size_t bytes = 0;
    char *name = named ? zc_copy_text(named->text, named->bytes) : NULL;

    ZC_CHECK(!named || name, ZC_E_NOMEM, "out of memory");
    const zc_opt *opts = table->opts(name ? name : (const char *)m->desc->base + table->name,
                                     &bytes);
    if (!opts)                                /* of a sink that the output's name decides */
        goto done;
    ZC_CHECK(state = zc_alloc_zeroed(1, bytes + 1), ZC_E_NOMEM, "out of memory");
    zc_str_add_format(&where, "%s%s", place_of(m, c).text, table->prefix);
    ZC_CHECK(!where.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_opt_set(opts, state, log, zc_str_get(&where), key + strlen(table->prefix), value));
done:
    zc_free(name);
    zc_free(state);
    zc_str_fini(&where);
    return st;
}

static zc_status try_option(const making *m, const zc_row *row, const zc_cell *c, const char *key,
                            const char *value)
{
    const zc_opt *opt = zc_opt_find(zc_request_opts, key);
    zc_log *log = m->log;
    zc_status st = ZC_OK;

    if (is_variable(key))
        return ZC_OK;
    for (const zc_request_row *t = zc_request_rows; t->key; t++) {
        if (zc_str_starts(key, t->prefix))
            return try_row_option(m, row, c, t, key, value);
        size_t bytes = 0;
        ZC_CHECK(!zc_str_equal(key, t->key) || t->opts(value, &bytes) || !*value, ZC_E_MISSING,
                 "%s%s: there is no '%s'", place_of(m, c).text, key, zc_quote_text(value).text);
    }
    if (!opt)
        return unknown(m, c);
    ZC_TRY(zc_opt_set(zc_request_opts, m->scratch, log, place_of(m, c).text, key, value));
done:
    return st;
}

/* A cell as a line of the options. */
static zc_status add_option(const making *m, row_jobs *j, const zc_cell *c)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    char *key = zc_copy_text(c->key, c->key_bytes), *value = zc_copy_text(c->text, c->bytes);

    ZC_CHECK(key && value, ZC_E_NOMEM, "out of memory");
    for (const char *v = value; *v; v++)
        ZC_CHECK((unsigned char)*v >= 0x20 && *v != 0x7f, ZC_E_FORMAT,
                 "%s%s: a control byte '%s', expected one line of text", place_of(m, c).text,
                 zc_quote_text(key).text, zc_quote(v, 1).text);
    ZC_TRY(try_option(m, j->row, c, key, value));
    zc_str_add_format(&j->options, "%s = %s\n", key, value);
    ZC_CHECK(!j->options.failed, ZC_E_NOMEM, "out of memory");
done:
    zc_free(key);
    zc_free(value);
    return st;
}

/* ---- Names ---- */

static bool add_option_text(const zc_request *q, const char *key, zc_str *to)
{
    const zc_opt *opt = zc_opt_find(zc_request_opts, key);

    if (opt)
        zc_opt_print(opt, q, to);
    return opt != NULL;
}

/* The value of {KEY}: the job's own, the row's, the preset's. */
static bool value_of(const void *user, const char *key, zc_str *to)
{
    const row_jobs *j = user;
    const zc_list *l = j->m->list;

    if (zc_str_equal(key, "index"))
        zc_str_add_format(to, "%04d", (int)j->index + 1);
    else if (zc_str_equal(key, "seed"))
        zc_str_add_format(to, "%lld", (long long)j->seed);
    else if (zc_str_equal(key, "name"))
        zc_str_add(to, j->name);
    else {
        const zc_cell *c = cell_of(l, j->row, key);
        for (int32_t i = 0; !c && i < j->row->count; i++) {        /* $NAME is {NAME} as well */
            const zc_cell *v = &l->rows.cell[j->row->first + (size_t)i];
            if (*v->key == '$' && v->key_bytes == strlen(key) + 1 &&
                memcmp(v->key + 1, key, v->key_bytes - 1) == 0)
                c = v;
        }
        if (!c)
            return add_option_text(j->m->desc->base, key, to);
        zc_str_add_bytes(to, c->text, c->bytes);
    }
    return true;
}

/* The frames fit into the pattern. */
static zc_status check_frames(const making *m, const row_jobs *j)
{
    const char *pattern = m->desc->pattern;
    const int digits = zc_pattern_digits(pattern);
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    int64_t most = 1;

    for (int i = 0; i < digits; i++)
        most *= 10;
    ZC_CHECK(m->desc->stills || digits == 0, ZC_E_ARGUMENT, "output '%s': a frame's number in the "
             "name of a film, expected none", zc_quote_path(pattern).text);
    ZC_CHECK(!m->desc->stills || j->frames == 1 || digits > 0, ZC_E_ARGUMENT,
             "output '%s': one file for %d frames, expected #### for a frame's number",
             zc_quote_path(pattern).text, (int)j->frames);
    ZC_CHECK(digits == 0 || j->frames < most, ZC_E_ARGUMENT,
             "output '%s': %d digits for %d frames, expected more", zc_quote_path(pattern).text,
             digits, (int)j->frames);
done:
    return st;
}

/* ---- Jobs ---- */

static zc_status add_job(making *m, row_jobs *j, int64_t seed)
{
    zc_list *l = m->list;
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_str output = { 0 }, options = { 0 };

    ZC_CHECK(l->count < ZC_LIST_JOBS, ZC_E_LIMIT, "more than %d jobs", ZC_LIST_JOBS);
    ZC_CHECK(zc_grow(&l->job, &l->room, l->count + 1, sizeof(l->job[0])), ZC_E_NOMEM,
             "out of memory");
    j->index = (int32_t)l->count;
    j->seed = seed;
    ZC_TRY(zc_pattern_fill(&output, log, m->desc->pattern, value_of, j));
    zc_str_add_format(&options, "%sseed = %lld\n", zc_str_get(&j->options), (long long)seed);
    zc_list_job job = { .index = j->index, .frames = j->frames, .seed = seed, .name = j->name,
                        .prompt = j->prompt, .where = j->where };
    ZC_CHECK(job.output = keep(l, zc_str_release(&output)), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(job.options = keep(l, zc_str_release(&options)), ZC_E_NOMEM, "out of memory");
    l->job[l->count++] = job;
done:
    zc_str_fini(&output);
    zc_str_fini(&options);
    return st;
}

/* A list of seeds in a cell. */
static zc_status row_seeds(const making *m, const zc_cell *c, int64_t **seeds, size_t *count)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    place what = place_of(m, c);
    char *text = zc_copy_text(c->text, c->bytes);

    ZC_CHECK(text, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(!m->seeds, ZC_E_ARGUMENT, "%sseed: there is a list of seeds for all rows too; "
             "expected one of the two", what.text);
    ZC_CHECK(c->bytes <= SEEDS_BYTES, ZC_E_LIMIT, "%sseed: %u bytes, expected at most %d",
             what.text, c->bytes, SEEDS_BYTES);
    zc_format(what.text + strlen(what.text), sizeof(what.text) - strlen(what.text), "seed");
    ZC_TRY(zc_numbers_read(seeds, count, log, what.text, text, ZC_LIST_JOBS));
done:
    zc_free(text);
    return st;
}

static zc_status check_prompt(const making *m, const zc_cell *c)
{
    const size_t most = sizeof(m->scratch->prompt) - 1;
    zc_log *log = m->log;
    zc_status st = ZC_OK;

    ZC_CHECK(c->bytes <= most, ZC_E_LIMIT, "%sprompt: %u bytes, expected at most %zu",
             place_of(m, c).text, c->bytes, most);
done:
    return st;
}

/* The preset's numbers again, for the next row. */
static void restore(const making *m)
{
    for (const zc_opt *o = zc_request_opts; o->key; o++) {
        if (o->kind != ZC_OPT_KIND_STR && o->kind != ZC_OPT_KIND_PATH)
            memcpy((char *)m->scratch + o->offset, (const char *)m->desc->base + o->offset,
                   o->size);
    }
}

/* The row's options fit each other, and the preset's. */
static zc_status check_together(const making *m, const zc_row *row)
{
    zc_str why = { 0 };
    const char *key = zc_request_fault(m->scratch, &why);
    const zc_cell *c = key ? cell_of(m->list, row, key) : NULL;

    if (key)
        zc_error(m->log, "%s%s", c ? place_of(m, c).text : "", zc_str_get(&why));
    zc_str_fini(&why);
    return key ? ZC_E_ARGUMENT : ZC_OK;
}

/* What all jobs of a row share. */
static zc_status begin_row(making *m, row_jobs *j, size_t number)
{
    zc_list *l = m->list;
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    const zc_cell *name = cell_of(l, j->row, "name"), *prompt = cell_of(l, j->row, "prompt");
    char text[160] = "";

    zc_format(text, sizeof(text), "%04zu", number);
    j->name = keep(l, name ? zc_copy_text(name->text, name->bytes)
                           : zc_copy_text(text, strlen(text)));
    if (prompt) {
        ZC_TRY(check_prompt(m, prompt));
        ZC_CHECK(j->prompt = keep(l, zc_copy_text(prompt->text, prompt->bytes)), ZC_E_NOMEM,
                 "out of memory");
    }
    if (m->name)
        zc_format(text, sizeof(text), "%s:%d", zc_quote_path(m->name).text, (int)j->row->line);
    j->where = m->name ? keep(l, zc_copy_text(text, strlen(text))) : "";
    ZC_CHECK(j->name && j->where, ZC_E_NOMEM, "out of memory");
    restore(m);
    for (int32_t i = 0; i < j->row->count; i++) {
        const zc_cell *c = &l->rows.cell[j->row->first + (size_t)i];
        if (!is(c, "name") && !is(c, "prompt") && !is(c, "seed"))
            ZC_TRY(add_option(m, j, c));
    }
    j->frames = m->scratch->frames;
    ZC_TRY(check_together(m, j->row));
    ZC_TRY(check_frames(m, j));
done:
    return st;
}

static zc_status add_row(making *m, const zc_row *row, size_t number)
{
    zc_list *l = m->list;
    row_jobs j = { .m = m, .row = row };
    const zc_cell *seed = cell_of(l, row, "seed");
    const int64_t *seeds = m->seeds ? m->seeds : &m->desc->base->seed;
    size_t count = m->seeds ? m->seed_count : 1;
    int64_t *own = NULL;
    zc_status st = ZC_OK;

    ZC_TRY(begin_row(m, &j, number));
    if (seed)
        ZC_TRY(row_seeds(m, seed, &own, &count));
    if (own)
        seeds = own;
    for (size_t i = 0; i < count; i++)
        ZC_TRY(add_job(m, &j, seeds[i]));
done:
    zc_free(own);
    zc_str_fini(&j.options);
    return st;
}

static int by_output(const void *a, const void *b, const void *context)
{
    const zc_list_job *job = context;
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    const int order = strcmp(job[x].output, job[y].output);

    return order ? order : x < y ? -1 : x > y;
}

/* Each job has an output of its own. */
static zc_status check_outputs(const zc_list *l, zc_log *log)
{
    zc_status st = ZC_OK;
    int32_t *sorted = zc_new_array(int32_t, l->count);

    ZC_CHECK(sorted, ZC_E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->count; i++)
        sorted[i] = (int32_t)i;
    zc_sort(sorted, l->count, sizeof(sorted[0]), by_output, l->job);
    for (size_t i = 1; i < l->count; i++) {
        const zc_list_job *a = &l->job[sorted[i - 1]], *b = &l->job[sorted[i]];
        ZC_CHECK(strcmp(a->output, b->output) != 0, ZC_E_ARGUMENT,
                 "job %d (%s%sseed %lld) and job %d (%s%sseed %lld) have the same output '%s'",
                 (int)a->index + 1, a->where, *a->where ? ", " : "", (long long)a->seed,
                 (int)b->index + 1, b->where, *b->where ? ", " : "", (long long)b->seed,
                 zc_quote_path(a->output).text);
    }
done:
    zc_free(sorted);
    return st;
}

static zc_status add_rows(making *m)
{
    static const zc_row nothing = { .count = 0 };
    zc_list *l = m->list;
    zc_status st = ZC_OK;

    if (!m->name)
        return add_row(m, &nothing, 1);
    ZC_TRY(zc_rows_load(&l->rows, m->log, m->name));
    for (size_t i = 0; i < l->rows.count; i++)
        ZC_TRY(add_row(m, &l->rows.row[i], i + 1));
done:
    return st;
}

zc_status zc_list_open(zc_list **out, zc_log *log, const zc_list_desc *desc)
{
    zc_status st = ZC_OK;
    making m = { .log = log, .desc = desc,
                 .name = desc->rows && *desc->rows ? desc->rows : NULL };

    *out = NULL;
    ZC_CHECK(m.list = zc_new(zc_list), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(m.scratch = zc_request_new(), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_pattern_check(log, desc->pattern));
    if (desc->seeds && *desc->seeds)
        ZC_TRY(zc_numbers_read(&m.seeds, &m.seed_count, log, "seeds", desc->seeds, ZC_LIST_JOBS));
    ZC_TRY(add_rows(&m));
    ZC_TRY(check_outputs(m.list, log));
    *out = m.list;
    m.list = NULL;
done:
    zc_free(m.seeds);
    zc_request_free(m.scratch);
    zc_list_close(&m.list);
    return st;
}

void zc_list_close(zc_list **list)
{
    zc_list *l = *list;

    *list = NULL;
    if (!l)
        return;
    for (size_t i = 0; i < l->owned; i++)
        zc_free(l->own[i]);
    zc_free(l->own);
    zc_free(l->job);
    zc_rows_fini(&l->rows);
    zc_free(l);
}

int32_t zc_list_count(const zc_list *list)
{
    return (int32_t)list->count;
}

const zc_list_job *zc_list_at(const zc_list *list, int32_t index)
{
    return index >= 0 && (size_t)index < list->count ? &list->job[index] : NULL;
}

void zc_list_digest(const zc_list *list, char text[65])
{
    uint8_t digest[32];
    zc_sha256 h;

    zc_sha256_init(&h);
    for (size_t i = 0; i < list->count; i++) {
        const zc_list_job *j = &list->job[i];
        const char *const texts[] = { j->name, j->prompt ? j->prompt : "", j->options, j->output };
        for (size_t k = 0; k < ZC_COUNT(texts); k++)
            zc_sha256_add(&h, texts[k], strlen(texts[k]) + 1);
    }
    zc_sha256_finish(&h, digest);
    zc_sha256_text(text, digest);
}
