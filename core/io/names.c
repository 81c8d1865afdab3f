/* Finding the layout of a file, and putting its tensors under our names. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/size.h"
#include "core/base/sort.h"
#include "core/base/str.h"
#include "core/io/layouts.h"
#include "core/io/names_list.h"

#define NUMBERS 3         /* in one pattern */
#define DIGITS  4         /* of a number */

const zc_layout *const zc_layout_tables[] = { zc_layouts_hunyuan, NULL };

/* What the signs of a pattern stood for. */
struct capture {
    int         numbers[NUMBERS];
    int         count;
    const char *rest;
};

/* A tensor of the file, under our name. */
struct found {
    char     *name;               /* ours; owned until it is a zc_named's */
    uint64_t  hash;
    const zc_name_rule *rule;     /* NULL: it has no rule, and keeps its name */
    struct capture capture;
    const zc_entry *entry;
};

struct builder {
    zc_names     *n;
    zc_log       *log;
    struct found *found;
    size_t        count;
    const char   *turned;         /* pattern whose highest number is known; */
    int           highest;
};

/* ---- Patterns ---- */

/* A number without needless zeros at the cursor; -1 if there is none. */
static int read_number(const char **at)
{
    const char *p = *at;
    int n = 0, digits = 0;

    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        if (digits == DIGITS)
            return -1;
        n = n * 10 + (*p - '0');
    }
    if (digits == 0 || (digits > 1 && **at == '0'))
        return -1;
    *at = p;
    return n;
}

static bool matches(const char *pattern, const char *name, struct capture *c)
{
    *c = (struct capture){ .rest = "" };
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            c->rest = name;
            return *name != '\0';
        }
        if (*pattern == '%') {
            const int n = read_number(&name);

            if (n < 0 || c->count == NUMBERS)
                return false;
            c->numbers[c->count++] = n;
            pattern++;
        } else if (*pattern != *name++) {
            return false;
        }
    }
    return *name == '\0';
}

static void expand(zc_str *to, const char *pattern, const struct capture *c, int highest)
{
    int k = 0;

    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            zc_str_add(to, c->rest);
        } else if (*pattern == '%') {
            pattern++;
            zc_str_add_format(to, "%d", *pattern == 'r' ? highest - c->numbers[k] : c->numbers[k]);
            k++;
        } else {
            zc_str_add_bytes(to, pattern, 1);
        }
    }
}

/* The name behind the prefix, or NULL. */
static const char *inside(const char *name, const char *prefix)
{
    return zc_str_starts(name, prefix) ? name + strlen(prefix) : NULL;
}

/* The highest number that any tensor has where the pattern has its first one. */
static int highest_number(struct builder *b, const char *pattern)
{
    const size_t text = strcspn(pattern, "%");

    if (b->turned && strncmp(b->turned, pattern, text + 1) == 0)
        return b->highest;
    b->turned = pattern;
    b->highest = 0;
    for (const zc_entry *e = zc_container_next(b->n->c, NULL); e;
         e = zc_container_next(b->n->c, e)) {
        const char *name = inside(e->name, b->n->prefix);
        int number;

        if (!name || strncmp(name, pattern, text) != 0)
            continue;
        name += text;
        number = read_number(&name);
        b->highest = number > b->highest ? number : b->highest;
    }
    return b->highest;
}

/* ---- Layouts ---- */

static bool has(const zc_container *c, const char *prefix, const char *name)
{
    char text[ZC_LIMIT_NAME + 1];

    return zc_format(text, sizeof(text), "%s%s", prefix, name) < sizeof(text) &&
           zc_container_find(c, text);
}

static bool fits(const zc_container *c, const zc_layout *l, const char *prefix)
{
    for (int i = 0; l->marks[i]; i++) {
        if (!has(c, prefix, l->marks[i]))
            return false;
    }
    for (int i = 0; l->bars[i]; i++) {
        if (has(c, prefix, l->bars[i]))
            return false;
    }
    return true;
}

const zc_layout *zc_layout_find(const zc_container *c, const char *kind, const char **prefix)
{
    for (int t = 0; zc_layout_tables[t]; t++) {
        for (const zc_layout *l = zc_layout_tables[t]; l->kind; l++) {
            if (kind && !zc_str_equal(kind, l->kind))
                continue;
            for (int p = 0; l->prefixes[p]; p++) {
                if (fits(c, l, l->prefixes[p])) {
                    *prefix = l->prefixes[p];
                    return l;
                }
            }
        }
    }
    return NULL;
}

/* ---- Building ---- */

static const zc_name_rule *rule_for(const zc_layout *l, const char *name, struct capture *c)
{
    for (const zc_name_rule *r = l->rules; r->theirs; r++) {
        if (matches(r->theirs, name, c))
            return r;
    }
    return NULL;
}

/* Adds what a tensor of the file is to us: nothing, perhaps. */
static zc_status find_entry(struct builder *b, const zc_entry *e)
{
    const char *name = inside(e->name, b->n->prefix);
    zc_log *log = b->log;
    zc_status st = ZC_OK;
    struct found *f = &b->found[b->count];
    zc_str ours = { 0 };
    size_t of;

    if (!name || zc_quant_is_note(name, &of))
        return ZC_OK;
    f->rule = rule_for(b->n->layout, name, &f->capture);
    if (f->rule && !f->rule->ours)
        return ZC_OK;
    if (f->rule)
        expand(&ours, f->rule->ours, &f->capture,
               strstr(f->rule->ours, "%r") ? highest_number(b, f->rule->theirs) : 0);
    else
        zc_str_add(&ours, name);
    f->entry = e;
    ZC_CHECK(f->name = zc_str_release(&ours), ZC_E_NOMEM, "out of memory");
    f->hash = zc_hash64(f->name, strlen(f->name));
    b->count++;
done:
    zc_str_fini(&ours);
    return st;
}

static int part_of(const struct found *f)
{
    return f->rule ? f->rule->part : 0;
}

static int compare_found(const void *a, const void *b, const void *context)
{
    const struct found *found = context;
    const struct found *x = &found[*(const uint32_t *)a], *y = &found[*(const uint32_t *)b];
    int order;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    order = strcmp(x->name, y->name);
    return order ? order : part_of(x) - part_of(y);
}

/* Rows are the first axis; a single value is one row. */
static int64_t rows_of(const zc_entry *e)
{
    return e->rank > 0 ? e->dim[0] : 1;
}

static zc_status refuse_missing(const struct builder *b, const struct found *some, int part)
{
    zc_log *log = b->log;
    const char *theirs = some->rule->theirs;
    zc_status st = ZC_OK;
    zc_str name = { 0 };

    for (const zc_name_rule *r = b->n->layout->rules; r->theirs; r++) {
        if (r->part == part && r->parts > 0 && zc_str_equal(r->ours, some->rule->ours))
            theirs = r->theirs;
    }
    zc_str_add(&name, b->n->prefix);
    expand(&name, theirs, &some->capture, 0);
    ZC_CHECK(!name.failed, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(false, ZC_E_MISSING, "'%s': tensor '%s' is missing, but '%s' is there",
             zc_quote_path(zc_container_path(b->n->c)).text, zc_quote_text(zc_str_get(&name)).text,
             zc_quote_text(some->entry->name).text);
done:
    zc_str_fini(&name);
    return st;
}

/* The parts of one tensor of ours are all there, once each, and fit together. */
static zc_status check_parts(const struct builder *b, const uint32_t *order, size_t count)
{
    const struct found *first = &b->found[order[0]];
    const int parts = first->rule && first->rule->parts ? first->rule->parts : 1;
    zc_log *log = b->log;
    zc_status st = ZC_OK;

    for (size_t i = 0; i < count; i++) {
        const struct found *f = &b->found[order[i]];
        const zc_entry *e = f->entry, *a = first->entry;

        ZC_CHECK(i == 0 || part_of(f) != part_of(&b->found[order[i - 1]]), ZC_E_FORMAT,
                 "'%s': tensors '%s' and '%s' are the same to us",
                 zc_quote_path(zc_container_path(b->n->c)).text,
                 zc_quote_text(b->found[order[i - 1]].entry->name).text,
                 zc_quote_text(e->name).text);
        if (part_of(f) != (int)i)
            return refuse_missing(b, f, (int)i);
        ZC_CHECK(i == 0 ||
                     (e->rank == a->rank && e->rank > 0 &&
                      memcmp(e->dim + 1, a->dim + 1, sizeof(e->dim) - sizeof(e->dim[0])) == 0),
                 ZC_E_SHAPE, "'%s': tensor '%s' is %s, which doesn't fit below '%s', which is %s",
                 zc_quote_path(zc_container_path(b->n->c)).text,
                 zc_quote_text(e->name).text, zc_shape(e->dim, e->rank).text,
                 zc_quote_text(a->name).text, zc_shape(a->dim, a->rank).text);
    }
    if (count < (size_t)parts)
        return refuse_missing(b, first, (int)count);
done:
    return st;
}

/* The rows of a head, from the metadata. */
static zc_status find_head(const struct builder *b, const struct found *f, int64_t *head)
{
    const int64_t rows = rows_of(f->entry);
    zc_log *log = b->log;
    zc_status st = ZC_OK;
    uint64_t heads = 0;

    ZC_CHECK(zc_container_u64(b->n->c, f->rule->heads, &heads), ZC_E_MISSING,
             "'%s': the metadata has no '%s'", zc_quote_path(zc_container_path(b->n->c)).text,
             f->rule->heads);
    ZC_CHECK(heads > 0 && heads <= (uint64_t)rows && (uint64_t)rows % heads == 0 &&
                 (uint64_t)rows / heads % 2 == 0, ZC_E_SHAPE,
             "'%s': tensor '%s' has %lld rows, which are no %llu heads",
             zc_quote_path(zc_container_path(b->n->c)).text, zc_quote_text(f->entry->name).text,
             (long long)rows, (unsigned long long)heads);
    *head = rows / (int64_t)heads;
done:
    return st;
}

static zc_status add_pieces(struct builder *b, const struct found *f)
{
    const int64_t rows = rows_of(f->entry), half = rows / 2;
    zc_piece *p = &b->n->pieces[b->n->piece_count];
    zc_log *log = b->log;
    zc_status st = ZC_OK;

    *p = (zc_piece){ .entry = f->entry, .rows = rows, .scale = 1.0f };
    b->n->piece_count++;
    ZC_TRY(zc_quant_find(p, log, b->n->c));
    if (f->rule && f->rule->how == ZC_NAME_UNWEAVE)
        ZC_TRY(find_head(b, f, &p->head));
    if (f->rule && f->rule->how == ZC_NAME_SWAP) {
        ZC_CHECK(rows % 2 == 0 && !p->row_scale, ZC_E_SHAPE,
                 "'%s': tensor '%s' has %lld rows, which are no two halves",
                 zc_quote_path(zc_container_path(b->n->c)).text,
                 zc_quote_text(f->entry->name).text, (long long)rows);
        p[1] = p[0];
        p[0].first = p[0].rows = p[1].rows = half;
        b->n->piece_count++;
    }
done:
    return st;
}

/* What reading delivers, after the pieces are known. */
static void set_type(const zc_names *n, zc_named *t)
{
    const zc_piece *p = &n->pieces[t->first_piece];

    t->type = p->entry->type;
    t->scale = p->scale;
    t->converted = p->row_scale != NULL;
    for (uint32_t i = 1; i < t->pieces; i++)
        t->converted = t->converted || p[i].row_scale || p[i].entry->type != t->type ||
                       p[i].scale != t->scale;
    if (t->converted) {
        t->type = ZK_F32;
        t->scale = 1.0f;
    }
}

/* Makes a tensor of ours of `count` found ones. */
static zc_status add_named(struct builder *b, const uint32_t *order, size_t count)
{
    struct found *first = &b->found[order[0]];
    zc_named *t = &b->n->list[b->n->count];
    const zc_entry *e = first->entry;
    zc_log *log = b->log;
    zc_status st = ZC_OK;
    int64_t rows = 0;

    ZC_TRY(check_parts(b, order, count));
    *t = (zc_named){ .name = first->name, .hash = first->hash, .rank = e->rank,
                     .first_piece = (uint32_t)b->n->piece_count };
    memcpy(t->dim, e->dim, sizeof(t->dim));
    first->name = NULL;
    b->n->count++;
    for (size_t i = 0; i < count; i++) {
        const struct found *f = &b->found[order[i]];

        ZC_TRY(add_pieces(b, f));
        ZC_CHECK(rows <= INT64_MAX - rows_of(f->entry), ZC_E_LIMIT, "'%s' has too many rows",
                 zc_quote_text(t->name).text);
        rows += rows_of(f->entry);
    }
    if (t->rank > 0)
        t->dim[0] = rows;
    t->pieces = (uint32_t)b->n->piece_count - t->first_piece;
    set_type(b->n, t);
done:
    return st;
}

/* Scales and descriptions without a weight are a sign of a broken file. */
static zc_status check_notes(const zc_names *n, zc_log *log)
{
    zc_status st = ZC_OK;
    char name[ZC_LIMIT_NAME + 16];
    size_t of;

    for (const zc_entry *e = zc_container_next(n->c, NULL); e; e = zc_container_next(n->c, e)) {
        const char *own = inside(e->name, n->prefix);

        if (!own || !zc_quant_is_note(own, &of) || of == 0)
            continue;
        zc_format(name, sizeof(name), "%s%.*s.weight", n->prefix, (int)of, own);
        ZC_CHECK(zc_container_find(n->c, name), ZC_E_MISSING,
                 "'%s': tensor '%s' is there, but '%s' is missing",
                 zc_quote_path(zc_container_path(n->c)).text, zc_quote_text(e->name).text,
                 zc_quote_text(name).text);
    }
done:
    return st;
}

static zc_status build(struct builder *b, uint32_t *order)
{
    zc_status st = ZC_OK;
    size_t n;

    for (const zc_entry *e = zc_container_next(b->n->c, NULL); e;
         e = zc_container_next(b->n->c, e))
        ZC_TRY(find_entry(b, e));
    for (size_t i = 0; i < b->count; i++)
        order[i] = (uint32_t)i;
    zc_sort(order, b->count, sizeof(order[0]), compare_found, b->found);
    for (size_t i = 0; i < b->count; i += n) {
        for (n = 1; i + n < b->count; n++) {
            if (strcmp(b->found[order[i]].name, b->found[order[i + n]].name) != 0)
                break;
        }
        ZC_TRY(add_named(b, order + i, n));
    }
    ZC_TRY(check_notes(b->n, b->log));
done:
    return st;
}

zc_status zc_names_open(zc_names **out, zc_log *log, const zc_container *c,
                        const zc_layout *layout, const char *prefix)
{
    const size_t most = zc_container_count(c);
    struct builder b = { .log = log };
    zc_status st = ZC_OK;
    uint32_t *order = NULL;

    ZC_TRY(zc_quant_check_metadata(log, c));
    ZC_CHECK(b.n = zc_new(zc_names), ZC_E_NOMEM, "out of memory");
    b.n->c = c;
    b.n->layout = layout;
    b.n->prefix = prefix;
    ZC_CHECK(b.n->list = zc_new_array(zc_named, most), ZC_E_NOMEM, "out of memory");
    /* Two pieces where halves change places. */
    ZC_CHECK(b.n->pieces = zc_new_array(zc_piece, 2 * most), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(b.found = zc_new_array(struct found, most), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(order = zc_new_array(uint32_t, most), ZC_E_NOMEM, "out of memory");
    ZC_TRY(build(&b, order));
    *out = b.n;
    b.n = NULL;
done:
    for (size_t i = 0; i < b.count; i++)
        zc_free(b.found[i].name);
    zc_free(b.found);
    zc_free(order);
    zc_names_close(&b.n);
    return st;
}

void zc_names_close(zc_names **names)
{
    zc_names *n = *names;

    *names = NULL;
    if (!n)
        return;
    for (size_t i = 0; i < n->count; i++)
        zc_free((char *)n->list[i].name);
    for (size_t i = 0; i < n->piece_count; i++)
        zc_free(n->pieces[i].row_scale);
    zc_free(n->list);
    zc_free(n->pieces);
    zc_free(n);
}

/* ---- Asking ---- */

static zc_named *look_up(const zc_names *n, const char *name)
{
    const uint64_t hash = zc_hash64(name, strlen(name));
    size_t low = 0, high = n->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        int order = hash < n->list[middle].hash ? -1 : hash > n->list[middle].hash;

        if (order == 0)
            order = strcmp(name, n->list[middle].name);
        if (order == 0)
            return &n->list[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const zc_named *zc_names_find(zc_names *n, const char *name)
{
    zc_named *t = look_up(n, name);

    if (t)
        t->used = true;
    return t;
}

const char *zc_names_path(const zc_names *n)
{
    return zc_container_path(n->c);
}

size_t zc_names_count(const zc_names *n)
{
    return n->count;
}

const zc_named *zc_names_at(const zc_names *n, size_t i)
{
    return &n->list[i];
}

const zc_piece *zc_names_piece(const zc_names *n, const zc_named *t, uint32_t i)
{
    return &n->pieces[t->first_piece + i];
}

void zc_names_forgo(zc_names *n, const char *start)
{
    for (size_t i = 0; i < n->count; i++) {
        if (zc_str_starts(n->list[i].name, start))
            n->list[i].used = true;
    }
}

/* The first of the unused names in the order of bytes, after `after` if that isn't NULL. */
static const char *next_unused(const zc_names *n, const char *after)
{
    const char *best = NULL;

    for (size_t i = 0; i < n->count; i++) {
        const zc_named *t = &n->list[i];

        if (!t->used && (!after || strcmp(t->name, after) > 0) &&
            (!best || strcmp(t->name, best) < 0))
            best = t->name;
    }
    return best;
}

zc_status zc_names_left_over(const zc_names *n, zc_log *log)
{
    zc_status st = ZC_OK;
    const char *a, *b, *c;
    size_t left = 0;

    for (size_t i = 0; i < n->count; i++)
        left += !n->list[i].used;
    a = next_unused(n, NULL);
    b = a ? next_unused(n, a) : NULL;
    c = b ? next_unused(n, b) : NULL;
    ZC_CHECK(left == 0, ZC_E_MISMATCH, "'%s': %zu tensors are no part of a %s: '%s'%s%s%s%s%s%s",
             zc_quote_path(zc_container_path(n->c)).text, left, n->layout->what,
             zc_quote_text(a ? a : "").text, b ? ", '" : "", b ? zc_quote_text(b).text : "",
             b ? "'" : "", c ? ", '" : "", c ? zc_quote_text(c).text : "", c ? "'" : "");
done:
    return st;
}

zc_status zc_names_add_scales(zc_names *n, zc_log *log, const zc_container *scales)
{
    zc_status st = ZC_OK;
    char name[ZC_LIMIT_NAME + 16];
    float value;

    for (const zc_entry *e = zc_container_next(scales, NULL); e;
         e = zc_container_next(scales, e)) {
        const char *path = zc_container_path(scales);
        zc_named *t;

        zc_format(name, sizeof(name), "%s.weight", e->name);
        t = look_up(n, name);
        ZC_CHECK(t, ZC_E_MISMATCH, "'%s': tensor '%s' is the scale of '%s', which is not in '%s'",
                 zc_quote_path(path).text, zc_quote_text(e->name).text,
                 zc_quote_text(name).text, zc_quote_path(zc_container_path(n->c)).text);
        ZC_CHECK(e->type == ZK_F32 && e->bytes == sizeof(value), ZC_E_UNSUPPORTED,
                 "'%s': tensor '%s' of %s is %s, expected one value of F32",
                 zc_quote_path(path).text, zc_quote_text(e->name).text, e->type_name,
                 zc_shape(e->dim, e->rank).text);
        ZC_TRY(zc_entry_read(scales, log, e, &value));
        for (uint32_t i = 0; i < t->pieces; i++)
            n->pieces[t->first_piece + i].scale = value;
        set_type(n, t);
    }
done:
    return st;
}
