/* The tokenizer: built from parts, then text to ids and back.
 *
 * Merging keeps the symbols of a piece in a linked list and the possible merges
 * in a heap, ordered by rank and then from the left. Entries that a merge has
 * made stale are recognised when they surface. */

#include "core/text/bpe.h"

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/text/added.h"
#include "core/text/alphabet.h"
#include "core/text/bpe_parts.h"

#define NO_TOKEN (-1)

struct zc_bpe {
    char *name;
    zc_vocab model;               /* tokens that merging makes */
    zc_vocab added;               /* tokens that are found; some may be the model's too */
    zc_pattern *pattern;
    zc_added_set raw;             /* looked for in the text as it is */
    zc_added_set normalized;      /* looked for in the normalised text */
    zc_norm norm[ZC_BPE_NORMS];
    int     norms;
    int32_t head[ZC_BPE_FRAME], tail[ZC_BPE_FRAME];
    int     heads, tails;
    int32_t byte_id[256];         /* a byte inside a piece; NO_TOKEN: dropped */
    int32_t last_id[256];         /* the last byte of one */
    char    suffix[ZC_VOCAB_TEXT];
    size_t  suffix_bytes;
    bool    whole;
};

struct symbol {
    int32_t id;                   /* NO_TOKEN once it is part of its left neighbour */
    int32_t left, right;          /* indices, -1 at the ends */
};

struct candidate {
    int32_t rank, place, id;      /* place: index of the left symbol */
};

/* One call of encode. */
struct work {
    const zc_bpe *b;
    zc_log *log;
    zc_ids *ids;
    zc_cutter *cutter;
    struct symbol *symbol;
    struct candidate *heap;
    size_t symbols_room, heap_room, heap_count;
    zc_str normal[2];             /* text before and after a step */
    zc_str letters;
};

/* ---- Building ---- */

static zc_status build_bytes(zc_bpe *b, zc_log *log, const zc_bpe_parts *p)
{
    zc_status st = ZC_OK;
    int32_t unknown = NO_TOKEN;

    if (p->unk) {
        const zc_token *t = zc_vocab_find(&b->model, p->unk, strlen(p->unk));
        ZC_CHECK(t, ZC_E_FORMAT, "%s: unk_token is \"%s\", which isn't in the vocabulary", p->name,
                 zc_quote_text(p->unk).text);
        unknown = t->id;
    }
    for (int i = 0; i < 256; i++) {
        char letter[4 + ZC_VOCAB_TEXT];
        const size_t n = zc_alphabet_letter(letter, (uint8_t)i);
        const zc_token *t = zc_vocab_find(&b->model, letter, n);
        b->byte_id[i] = t ? t->id : unknown;
        memcpy(letter + n, b->suffix, b->suffix_bytes);
        t = zc_vocab_find(&b->model, letter, n + b->suffix_bytes);
        b->last_id[i] = t ? t->id : unknown;
    }
done:
    return st;
}

/* Sorts the added tokens into those looked for before and after normalising. */
static zc_status build_added(zc_bpe *b, zc_log *log, const zc_bpe_parts *p)
{
    zc_status st = ZC_OK;
    zc_str text[2] = { { 0 } };

    for (size_t i = 0; i < p->addeds; i++) {
        const zc_bpe_added *a = &p->added[i];
        zc_added_set *set = a->normalized && p->norms ? &b->normalized : &b->raw;
        zc_str_clear(&text[0]);
        zc_str_add_bytes(&text[0], a->text, a->bytes);
        for (int k = 0; set == &b->normalized && k < p->norms; k++) {
            zc_str_clear(&text[1]);
            zc_normalize(&text[1], p->norm[k], zc_str_get(&text[0]), text[0].length);
            const zc_str other = text[0];
            text[0] = text[1];
            text[1] = other;
        }
        ZC_CHECK(!text[0].failed && !text[1].failed &&
                 zc_added_add(set, zc_str_get(&text[0]), text[0].length, a->id, a->special),
                 ZC_E_NOMEM, "%s: no memory for added tokens", p->name);
    }
    zc_added_sort(&b->raw);
    zc_added_sort(&b->normalized);
done:
    zc_str_fini(&text[0]);
    zc_str_fini(&text[1]);
    return st;
}

/* Added tokens that the model has too keep its id; the others need one of their own. */
static zc_status build_vocabs(zc_bpe *b, zc_log *log, const zc_bpe_parts *p)
{
    zc_status st = ZC_OK;
    zc_token *added = zc_new_array(zc_token, p->addeds);

    ZC_CHECK(added, ZC_E_NOMEM, "%s: no memory for %zu added tokens", p->name, p->addeds);
    ZC_TRY(zc_vocab_init(&b->model, log, p->name, p->token, p->tokens));
    for (size_t i = 0; i < p->addeds; i++) {
        const zc_bpe_added *a = &p->added[i];
        const zc_token *same = zc_vocab_find(&b->model, a->text, a->bytes);
        const zc_token *owner = zc_vocab_at(&b->model, a->id);
        ZC_CHECK(!same || same->id == a->id, ZC_E_FORMAT, "%s: the added token \"%s\" has id %d, "
                 "but the vocabulary gives it %d", p->name, zc_quote(a->text, a->bytes).text,
                 (int)a->id, (int)same->id);
        ZC_CHECK(same || !owner, ZC_E_FORMAT, "%s: the added token \"%s\" has id %d, which is "
                 "\"%s\" in the vocabulary", p->name, zc_quote(a->text, a->bytes).text,
                 (int)a->id, zc_quote(owner->text, owner->bytes).text);
        added[i] = (zc_token){ .text = a->text, .bytes = (uint32_t)a->bytes, .id = a->id };
    }
    ZC_TRY(zc_vocab_init(&b->added, log, p->name, added, p->addeds));
done:
    zc_free(added);
    return st;
}

static const zc_token *token_at(const zc_bpe *b, int32_t id)
{
    const zc_token *t = zc_vocab_at(&b->added, id);

    return t ? t : zc_vocab_at(&b->model, id);
}

static zc_status build_frame(int32_t *dst, zc_log *log, const zc_bpe *b, const int32_t *id,
                             int count)
{
    zc_status st = ZC_OK;

    for (int i = 0; i < count; i++) {
        ZC_CHECK(token_at(b, id[i]), ZC_E_FORMAT, "%s: post_processor puts id %d around "
                 "a text, but no token has it", b->name, (int)id[i]);
        dst[i] = id[i];
    }
done:
    return st;
}

zc_status zc_bpe_build(zc_bpe **out, zc_log *log, const zc_bpe_parts *p)
{
    zc_status st = ZC_OK;
    zc_bpe *b = NULL;

    ZC_CHECK(b = zc_new(zc_bpe), ZC_E_NOMEM, "%s: no memory for a tokenizer", p->name);
    ZC_CHECK(b->name = zc_copy_text(p->name, strlen(p->name)), ZC_E_NOMEM,
             "%s: no memory for a tokenizer", p->name);
    ZC_CHECK(p->tokens > 0, ZC_E_FORMAT, "%s: the vocabulary has no tokens", p->name);
    b->norms = p->norms;
    memcpy(b->norm, p->norm, sizeof(b->norm));
    b->whole = p->whole;
    b->suffix_bytes = p->suffix ? strlen(p->suffix) : 0;
    ZC_CHECK(b->suffix_bytes < sizeof(b->suffix), ZC_E_LIMIT, "%s: end_of_word_suffix has %zu "
             "bytes, at most %zu are possible", p->name, b->suffix_bytes, sizeof(b->suffix) - 1);
    memcpy(b->suffix, p->suffix ? p->suffix : "", b->suffix_bytes);

    ZC_TRY(build_vocabs(b, log, p));
    if (p->ranked)
        ZC_TRY(zc_vocab_derive_merges(&b->model, log, p->name));
    else
        ZC_TRY(zc_vocab_set_merges(&b->model, log, p->name, p->merge, p->merges));
    ZC_TRY(build_bytes(b, log, p));
    ZC_TRY(build_added(b, log, p));
    ZC_TRY(build_frame(b->head, log, b, p->head, p->heads));
    ZC_TRY(build_frame(b->tail, log, b, p->tail, p->tails));
    b->heads = p->heads;
    b->tails = p->tails;
    ZC_TRY(zc_pattern_open(&b->pattern, log, p->pattern));
    *out = b;
    b = NULL;
done:
    zc_bpe_close(&b);
    return st;
}

void zc_bpe_close(zc_bpe **b)
{
    if (!*b)
        return;
    zc_free((*b)->name);
    zc_vocab_fini(&(*b)->model);
    zc_vocab_fini(&(*b)->added);
    zc_pattern_close(&(*b)->pattern);
    zc_added_fini(&(*b)->raw);
    zc_added_fini(&(*b)->normalized);
    zc_free(*b);
    *b = NULL;
}

int32_t zc_bpe_rows(const zc_bpe *b)
{
    const zc_vocab *v[] = { &b->model, &b->added };
    int32_t rows = 0;

    for (int i = 0; i < 2; i++) {
        const size_t n = v[i]->tokens;
        if (n && v[i]->token[v[i]->by_id[n - 1]].id >= rows)
            rows = v[i]->token[v[i]->by_id[n - 1]].id + 1;
    }
    return rows;
}

const char *zc_bpe_name(const zc_bpe *b)
{
    return b->name;
}

int32_t zc_bpe_find(const zc_bpe *b, const char *text)
{
    const zc_token *t = zc_vocab_find(&b->added, text, strlen(text));

    return t ? t->id : -1;
}

/* ---- Merging ---- */

static bool before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->place < b->place;
}

static void heap_push(struct work *w, struct candidate c)
{
    size_t i = w->heap_count++;

    for (; i > 0 && before(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
}

static struct candidate heap_pop(struct work *w)
{
    const struct candidate top = w->heap[0], last = w->heap[--w->heap_count];
    size_t i = 0;

    for (size_t child; (child = 2 * i + 1) < w->heap_count; i = child) {
        if (child + 1 < w->heap_count && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

/* Notes that the symbol at `place` can merge with its right neighbour, if it can. */
static void consider(struct work *w, int32_t place)
{
    const int32_t right = place >= 0 ? w->symbol[place].right : -1;

    if (right < 0)
        return;
    const zc_pair *p = zc_vocab_pair(&w->b->model, w->symbol[place].id, w->symbol[right].id);
    if (p)
        heap_push(w, (struct candidate){ .rank = p->rank, .place = place, .id = p->id });
}

static void merge_all(struct work *w, int32_t count)
{
    for (int32_t i = 0; i + 1 < count; i++)
        consider(w, i);

    while (w->heap_count > 0) {
        const struct candidate c = heap_pop(w);
        struct symbol *left = &w->symbol[c.place];
        if (left->id == NO_TOKEN || left->right < 0)
            continue;
        struct symbol *right = &w->symbol[left->right];
        const zc_pair *now = zc_vocab_pair(&w->b->model, left->id, right->id);
        if (!now || now->id != c.id)
            continue;
        left->id = c.id;
        left->right = right->right;
        right->id = NO_TOKEN;
        if (left->right >= 0)
            w->symbol[left->right].left = c.place;
        consider(w, left->left);
        consider(w, c.place);
    }
}

static zc_status add_id(struct work *w, int32_t id)
{
    zc_status st = ZC_OK;
    zc_log *log = w->log;

    ZC_CHECK(zc_grow(&w->ids->id, &w->ids->room, w->ids->count + 1, sizeof(*w->ids->id)),
             ZC_E_NOMEM, "no memory for token ids");
    w->ids->id[w->ids->count++] = id;
done:
    return st;
}

/* The token that a whole piece is, or NULL. */
static const zc_token *whole_piece(struct work *w, const char *piece, size_t bytes)
{
    if (!w->b->whole || bytes > ZC_VOCAB_TEXT)
        return NULL;
    zc_str_clear(&w->letters);
    for (size_t i = 0; i < bytes; i++) {
        char letter[4];
        zc_str_add_bytes(&w->letters, letter, zc_alphabet_letter(letter, (uint8_t)piece[i]));
    }
    return zc_vocab_find(&w->b->model, zc_str_get(&w->letters), w->letters.length);
}

static zc_status encode_piece(struct work *w, const char *piece, size_t bytes)
{
    zc_status st = ZC_OK;
    zc_log *log = w->log;
    const zc_token *t = whole_piece(w, piece, bytes);
    int32_t count = 0;

    ZC_CHECK(!w->letters.failed, ZC_E_NOMEM, "no memory for a piece of %zu bytes", bytes);
    if (t)
        return add_id(w, t->id);

    /* Each merge takes one symbol away and adds two candidates at most. */
    ZC_CHECK(zc_grow(&w->symbol, &w->symbols_room, bytes, sizeof(*w->symbol)) &&
             zc_grow(&w->heap, &w->heap_room, 3 * bytes, sizeof(*w->heap)),
             ZC_E_NOMEM, "no memory for a piece of %zu bytes", bytes);
    w->heap_count = 0;
    for (size_t i = 0; i < bytes; i++) {
        const int32_t *ids = i + 1 < bytes ? w->b->byte_id : w->b->last_id;
        const int32_t id = ids[(uint8_t)piece[i]];
        if (id == NO_TOKEN)
            continue;
        w->symbol[count] = (struct symbol){ .id = id, .left = count - 1, .right = count + 1 };
        count++;
    }
    if (count == 0)
        return ZC_OK;
    w->symbol[count - 1].right = -1;
    merge_all(w, count);
    for (int32_t i = 0; i >= 0; i = w->symbol[i].right)
        ZC_TRY(add_id(w, w->symbol[i].id));
done:
    return st;
}

/* ---- Encoding ---- */

/* Bytes of a text in which special tokens mean nothing. */
struct range {
    size_t from, to;
};

typedef zc_status (*part_fn)(struct work *w, const char *text, size_t bytes, struct range literal);

/* Part of a range that falls into [from, to), counted from there. */
static struct range clip(struct range r, size_t from, size_t to)
{
    const size_t low = r.from > from ? r.from : from, high = r.to < to ? r.to : to;

    return low < high ? (struct range){ low - from, high - from } : (struct range){ 0, 0 };
}

/* Emits the tokens of `set` in a text and gives what lies between them to `rest`. */
static zc_status split(struct work *w, const zc_added_set *set, const char *text, size_t bytes,
                       struct range literal, part_fn rest)
{
    zc_status st = ZC_OK;
    size_t from = 0;

    for (size_t at = 0; set->count && at < bytes;) {
        const zc_added_item *item = zc_added_at(set, text + at, bytes - at);
        if (item && item->special && at < literal.to && at + item->bytes > literal.from)
            item = NULL;
        if (!item) {
            at++;
            continue;
        }
        if (from < at)
            ZC_TRY(rest(w, text + from, at - from, clip(literal, from, at)));
        ZC_TRY(add_id(w, item->id));
        at = from = at + item->bytes;
    }
    if (from < bytes)
        ZC_TRY(rest(w, text + from, bytes - from, clip(literal, from, bytes)));
done:
    return st;
}

static zc_status encode_pieces(struct work *w, const char *text, size_t bytes, struct range literal)
{
    zc_status st = ZC_OK;
    const char *piece = NULL;
    size_t size = 0;

    (void)literal;
    zc_cutter_start(w->cutter, text, bytes);
    for (;;) {
        ZC_TRY(zc_cutter_next(w->cutter, w->log, &piece, &size));
        if (!piece)
            break;
        ZC_TRY(encode_piece(w, piece, size));
    }
done:
    return st;
}

/* Normalising moves bytes about, so a part that is literal in places is so in all. */
static zc_status encode_normalized(struct work *w, const char *text, size_t bytes,
                                   struct range literal)
{
    zc_status st = ZC_OK;
    zc_log *log = w->log;
    const zc_bpe *b = w->b;

    if (b->norms == 0)
        return encode_pieces(w, text, bytes, literal);
    for (int i = 0; i < b->norms; i++) {
        zc_str *to = &w->normal[i % 2];
        zc_str_clear(to);
        zc_normalize(to, b->norm[i], text, bytes);
        ZC_CHECK(!to->failed, ZC_E_NOMEM, "no memory to normalise %zu bytes of text", bytes);
        text = zc_str_get(to);
        bytes = to->length;
    }
    literal.from = 0;
    literal.to = literal.to ? bytes : 0;
    st = split(w, &b->normalized, text, bytes, literal, encode_pieces);
done:
    return st;
}

/* Valid text: the given one, or a repaired copy of it, with its literal range. */
static zc_status repair(zc_str *copy, zc_log *log, const zc_bpe_text *text, zc_bpe_text *out,
                        size_t *replaced)
{
    zc_status st = ZC_OK;

    *out = *text;
    *replaced = 0;
    if (zc_utf8_valid(text->text, text->bytes) == text->bytes)
        return ZC_OK;
    const size_t from = text->literal_from, to = text->literal_to;
    *replaced += zc_text_repair(copy, text->text, from);
    out->literal_from = copy->length;
    *replaced += zc_text_repair(copy, text->text + from, to - from);
    out->literal_to = copy->length;
    *replaced += zc_text_repair(copy, text->text + to, text->bytes - to);
    out->text = zc_str_get(copy);
    out->bytes = copy->length;
    ZC_CHECK(!copy->failed, ZC_E_NOMEM, "no memory for %zu bytes of text", text->bytes);
done:
    return st;
}

void zc_ids_fini(zc_ids *ids)
{
    zc_free(ids->id);
    *ids = (zc_ids){ 0 };
}

void zc_ids_cut(zc_ids *ids, size_t limit)
{
    const size_t text = ids->count - ids->heads - ids->tails;
    const size_t over = ids->count > limit ? ids->count - limit : 0;
    const size_t cut = over < text ? over : text;
    int32_t *tail = ids->id + ids->count - ids->tails;

    if (cut == 0)
        return;
    memmove(tail - cut, tail, ids->tails * sizeof(*tail));
    ids->count -= cut;
    ids->cut += cut;
}

zc_status zc_bpe_encode(const zc_bpe *b, zc_log *log, const zc_bpe_text *text, zc_ids *ids)
{
    zc_status st = ZC_OK;
    struct work w = { .b = b, .log = log, .ids = ids };
    zc_str copy = { 0 };
    zc_bpe_text valid;

    zc_ids_fini(ids);
    ids->heads = (size_t)b->heads;
    ids->tails = (size_t)b->tails;
    ZC_CHECK(text->bytes <= ZC_BPE_TEXT, ZC_E_LIMIT, "a text of %zu bytes is too long for the "
             "tokenizer: at most %u", text->bytes, ZC_BPE_TEXT);
    ZC_CHECK(text->literal_from <= text->literal_to && text->literal_to <= text->bytes,
             ZC_E_ARGUMENT, "bytes %zu to %zu of a text of %zu cannot be literal",
             text->literal_from, text->literal_to, text->bytes);
    ZC_TRY(repair(&copy, log, text, &valid, &ids->replaced));
    ZC_TRY(zc_cutter_open(&w.cutter, log, b->pattern));

    for (int i = 0; i < b->heads; i++)
        ZC_TRY(add_id(&w, b->head[i]));
    ZC_TRY(split(&w, &b->raw, valid.text, valid.bytes,
                 (struct range){ valid.literal_from, valid.literal_to }, encode_normalized));
    for (int i = 0; i < b->tails; i++)
        ZC_TRY(add_id(&w, b->tail[i]));
done:
    if (st)
        zc_ids_fini(ids);
    zc_cutter_close(&w.cutter);
    zc_free(w.symbol);
    zc_free(w.heap);
    zc_str_fini(&w.normal[0]);
    zc_str_fini(&w.normal[1]);
    zc_str_fini(&w.letters);
    zc_str_fini(&copy);
    return st;
}

/* ---- Decoding ---- */

static void decode_token(const zc_bpe *b, zc_str *out, const zc_token *t)
{
    size_t bytes = t->bytes;
    const bool ends = b->suffix_bytes && bytes >= b->suffix_bytes &&
                      memcmp(t->text + bytes - b->suffix_bytes, b->suffix, b->suffix_bytes) == 0;
    uint32_t letter = 0;

    bytes -= ends ? b->suffix_bytes : 0;
    for (size_t i = 0, size; i < bytes; i += size) {
        size = zc_utf8_decode(&letter, t->text + i, bytes - i);
        if (size == 0)
            break;
        const int byte = zc_alphabet_byte(letter);
        const char raw = (char)byte;
        zc_str_add_bytes(out, byte < 0 ? t->text + i : &raw, byte < 0 ? size : 1);
    }
    if (ends)
        zc_str_add(out, " ");
}

void zc_bpe_decode(const zc_bpe *b, zc_str *out, const int32_t *id, size_t count)
{
    zc_str raw = { 0 };

    for (size_t i = 0; i < count; i++) {
        const zc_token *t = zc_vocab_at(&b->added, id[i]);
        if (t)
            zc_str_add_bytes(&raw, t->text, t->bytes);
        else if ((t = zc_vocab_at(&b->model, id[i])))
            decode_token(b, &raw, t);
        else
            zc_str_add(&raw, "\xEF\xBF\xBD");
    }
    zc_text_repair(out, zc_str_get(&raw), raw.length);
    out->failed = out->failed || raw.failed;
    zc_str_fini(&raw);
}
