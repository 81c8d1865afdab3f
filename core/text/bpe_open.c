/* Opening a tokenizer: which file it is, and what the forms without options of
 * their own leave unsaid. */

#include "core/text/bpe.h"

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/num.h"
#include "core/text/alphabet.h"
#include "core/text/bpe_parts.h"

#define SPECIALS 259              /* the most that a style has */
#define SPECIAL_NAME 40           /* room for the name of a numbered one */

struct special {
    int place;                    /* its id less the first special one's */
    const char *text;             /* NULL: end of the list */
};

struct zc_bpe_style {
    const char *name, *pattern;
    zc_norm norm[ZC_BPE_NORMS];
    int norms;
    const char *suffix, *unk;
    bool whole;
    const struct special *special;
    int specials;                 /* places; those not listed have numbered names */
    const char *normalized;       /* the special token that is looked for after normalising */
    const char *begin, *end;      /* around every text; NULL: none */
};

static const struct special clip_special[] = {
    { 0, "<|startoftext|>" },
    { 1, "<|endoftext|>" },
    { 0, NULL },
};

/* The last three are additions of the model that HunyuanVideo took its encoder from. */
static const struct special llama3_special[] = {
    { 0, "<|begin_of_text|>" },   { 1, "<|end_of_text|>" }, { 6, "<|start_header_id|>" },
    { 7, "<|end_header_id|>" },   { 9, "<|eot_id|>" },      { 256, "<unk>" },
    { 257, "<image>" },           { 258, "<pad>" },         { 0, NULL },
};

static const zc_bpe_style styles[] = {
    {
        .name = "clip",
        .pattern = "clip",
        .norm = { ZC_NORM_NFC, ZC_NORM_SPACES, ZC_NORM_LOWER },
        .norms = 3,
        .suffix = "</w>",
        .unk = "<|endoftext|>",
        .special = clip_special,
        .specials = 2,
        .normalized = "<|startoftext|>",
        .begin = "<|startoftext|>",
        .end = "<|endoftext|>",
    },
    {
        .name = "llama3",
        .pattern = "llama3",
        .whole = true,
        .special = llama3_special,
        .specials = SPECIALS,
        .begin = "<|begin_of_text|>",
    },
};

const zc_bpe_style *zc_bpe_style_find(const char *name)
{
    for (size_t i = 0; i < ZC_COUNT(styles); i++) {
        if (strcmp(styles[i].name, name) == 0)
            return &styles[i];
    }
    return NULL;
}

/* ---- What a style says ---- */

static const zc_token *find_token(const zc_bpe_parts *p, const char *text)
{
    const size_t bytes = strlen(text);

    for (size_t i = 0; i < p->tokens; i++) {
        if (p->token[i].bytes == bytes && memcmp(p->token[i].text, text, bytes) == 0)
            return &p->token[i];
    }
    return NULL;
}

static const char *special_text(const zc_bpe_style *style, int place)
{
    for (const struct special *s = style->special; s->text; s++) {
        if (s->place == place)
            return s->text;
    }
    return NULL;
}

/* Special tokens have the ids behind the vocabulary, unless it holds the first of
 * them: then it holds all that there are. */
static zc_status add_specials(zc_bpe_parts *p, zc_log *log, const zc_bpe_style *style,
                              char (*made)[SPECIAL_NAME])
{
    zc_status st = ZC_OK;
    const bool complete = find_token(p, style->special[0].text) != NULL;
    int32_t base = 0;

    for (size_t i = 0; i < p->tokens; i++)
        base = p->token[i].id >= base ? p->token[i].id + 1 : base;

    for (int i = 0, number = 0; i < style->specials; i++) {
        const char *text = special_text(style, i);
        if (!text) {
            zc_format(made[i], SPECIAL_NAME, "<|reserved_special_token_%d|>", number++);
            text = made[i];
        }
        const zc_token *t = complete ? find_token(p, text) : NULL;
        if (complete && !t)
            continue;
        ZC_TRY(zc_bpe_add_added(p, log, &(zc_bpe_added){
            .text = text, .bytes = strlen(text), .id = t ? t->id : base + i, .special = true,
            .normalized = style->normalized && strcmp(style->normalized, text) == 0,
        }));
    }
done:
    return st;
}

static int32_t added_id(const zc_bpe_parts *p, const char *text)
{
    for (size_t i = 0; i < p->addeds; i++) {
        if (strcmp(p->added[i].text, text) == 0)
            return p->added[i].id;
    }
    return -1;
}

static zc_status frame(int32_t *list, int *count, zc_log *log, const zc_bpe_parts *p,
                       const char *text)
{
    zc_status st = ZC_OK;

    if (!text)
        return ZC_OK;
    const int32_t id = added_id(p, text);
    ZC_CHECK(id >= 0, ZC_E_MISSING, "%s: the vocabulary has no \"%s\"", p->name, text);
    list[(*count)++] = id;
done:
    return st;
}

/* Completes tokens and merges by the style and builds. */
static zc_status build_style(zc_bpe **out, zc_log *log, zc_bpe_parts *p, const zc_bpe_style *style)
{
    zc_status st = ZC_OK;
    char (*made)[SPECIAL_NAME] = zc_alloc((size_t)SPECIALS * SPECIAL_NAME);

    ZC_CHECK(made, ZC_E_NOMEM, "%s: no memory for special tokens", p->name);
    ZC_CHECK(style, ZC_E_ARGUMENT, "%s: only a tokenizer.json says how text is cut and which "
             "tokens are special; the kind of this one is not known", p->name);
    p->pattern = zc_pattern_find(style->pattern);
    memcpy(p->norm, style->norm, sizeof(p->norm));
    p->norms = style->norms;
    p->suffix = style->suffix;
    p->whole = style->whole;
    ZC_TRY(add_specials(p, log, style, made));
    p->unk = style->unk && find_token(p, style->unk) ? style->unk : NULL;
    ZC_TRY(frame(p->head, &p->heads, log, p, style->begin));
    ZC_TRY(frame(p->tail, &p->tails, log, p, style->end));
    st = zc_bpe_build(out, log, p);
done:
    zc_free(made);
    return st;
}

/* ---- Forms ---- */

zc_status zc_bpe_open_json(zc_bpe **out, zc_log *log, const zc_bpe_source *json)
{
    zc_bpe_parts p = { .name = json->name };
    zc_status st = zc_bpe_read_json(&p, log, json);

    if (!st)
        st = zc_bpe_build(out, log, &p);
    zc_bpe_parts_fini(&p);
    return st;
}

/* The next line of [*at, end), without its end; NULL after the last. */
static const char *next_line(const char **at, const char *end, size_t *bytes)
{
    const char *line = *at;

    if (line >= end)
        return NULL;
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    *at = stop ? stop + 1 : end;
    *bytes = (size_t)((stop ? stop : end) - line);
    *bytes -= *bytes && line[*bytes - 1] == '\r';
    return line;
}

/* Lines of two tokens with a blank between; the first may be a header. */
static zc_status read_merges(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *merges)
{
    static const char header[] = "#version";
    zc_status st = ZC_OK;
    const char *at = merges->text, *end = at + merges->bytes, *line;
    size_t bytes = 0, number = 0;

    ZC_CHECK(zc_utf8_valid(at, merges->bytes) == merges->bytes, ZC_E_FORMAT, "%s: byte %zu isn't "
             "UTF-8", merges->name, zc_utf8_valid(at, merges->bytes));
    while ((line = next_line(&at, end, &bytes))) {
        number++;
        if (bytes == 0 || (number == 1 && bytes >= sizeof(header) - 1 &&
                           memcmp(line, header, sizeof(header) - 1) == 0))
            continue;
        const char *blank = memchr(line, ' ', bytes);
        const size_t left = blank ? (size_t)(blank - line) : bytes;
        ZC_CHECK(blank && !memchr(blank + 1, ' ', bytes - left - 1), ZC_E_FORMAT,
                 "%s: line %zu is \"%s\", expected two tokens with a blank between", merges->name,
                 number, zc_quote(line, bytes).text);
        ZC_TRY(zc_bpe_add_merge(p, log, line, left, blank + 1, bytes - left - 1));
    }
done:
    return st;
}

zc_status zc_bpe_open_merges(zc_bpe **out, zc_log *log, const zc_bpe_source *vocab,
                             const zc_bpe_source *merges, const zc_bpe_style *style)
{
    zc_status st = ZC_OK;
    zc_bpe_parts p = { .name = vocab->name };

    ZC_TRY(zc_bpe_read_vocab(&p, log, vocab));
    ZC_TRY(read_merges(&p, log, merges));
    st = build_style(out, log, &p, style);
done:
    zc_bpe_parts_fini(&p);
    return st;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Appends letters of the bytes that base64 text stands for; false if it is none. */
static bool add_base64(zc_str *out, const char *text, size_t bytes)
{
    uint32_t bits = 0;
    int held = 0;

    if (bytes % 4 != 0)
        return false;
    for (int pad = 0; pad < 2 && bytes && text[bytes - 1] == '='; pad++)
        bytes--;
    for (size_t i = 0; i < bytes; i++) {
        const int digit = base64_digit(text[i]);
        char letter[4];
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        zc_str_add_bytes(out, letter, zc_alphabet_letter(letter, (uint8_t)(bits >> held)));
    }
    return (bits & ((1u << held) - 1)) == 0;
}

/* Lines of base64, a blank, and the rank. Texts go to `letters`, where they may still
 * move: until all are read, tokens only know their lengths. */
static zc_status read_ranks(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *ranks,
                            zc_str *letters)
{
    zc_status st = ZC_OK;
    const char *at = ranks->text, *end = at + ranks->bytes, *line;
    size_t bytes = 0, number = 0;

    while ((line = next_line(&at, end, &bytes))) {
        const char *blank = memchr(line, ' ', bytes);
        const size_t start = letters->length, left = blank ? (size_t)(blank - line) : bytes;
        uint64_t rank = 0;
        number++;
        if (bytes == 0)
            continue;
        ZC_CHECK(blank && add_base64(letters, line, left) &&
                 !zc_num_read_u64(&rank, blank + 1, bytes - left - 1), ZC_E_FORMAT,
                 "%s: line %zu is \"%s\", expected base64, a blank and a rank", ranks->name, number,
                 zc_quote(line, bytes).text);
        ZC_CHECK(!letters->failed, ZC_E_NOMEM, "%s: no memory for tokens", ranks->name);
        ZC_TRY(zc_bpe_add_token(p, log, zc_str_get(letters) + start, letters->length - start,
                                rank));
    }
    const char *text = zc_str_get(letters);
    for (size_t i = 0; i < p->tokens; i++) {
        p->token[i].text = text;
        text += p->token[i].bytes;
    }
done:
    return st;
}

zc_status zc_bpe_open_ranks(zc_bpe **out, zc_log *log, const zc_bpe_source *ranks,
                            const zc_bpe_style *style)
{
    zc_status st = ZC_OK;
    zc_bpe_parts p = { .name = ranks->name, .ranked = true };
    zc_str letters = { 0 };

    ZC_TRY(read_ranks(&p, log, ranks, &letters));
    st = build_style(out, log, &p, style);
done:
    zc_bpe_parts_fini(&p);
    zc_str_fini(&letters);
    return st;
}

/* ---- Files ---- */

static zc_status load(zc_bpe_source *source, zc_log *log, const char *path)
{
    source->name = path;
    return zc_file_load(&source->text, &source->bytes, log, path, ZC_BPE_FILE);
}

static zc_status open_file(zc_bpe **out, zc_log *log, const char *path, const zc_bpe_style *style)
{
    zc_status st = ZC_OK;
    zc_bpe_source file = { 0 };

    ZC_TRY(load(&file, log, path));
    st = zc_str_ends(path, ".model") ? zc_bpe_open_ranks(out, log, &file, style)
                                     : zc_bpe_open_json(out, log, &file);
done:
    zc_free(file.text);
    return st;
}

static zc_status open_two_files(zc_bpe **out, zc_log *log, const char *vocab_path,
                                const char *merges_path, const zc_bpe_style *style)
{
    zc_status st = ZC_OK;
    zc_bpe_source vocab = { 0 }, merges = { 0 };

    ZC_TRY(load(&vocab, log, vocab_path));
    ZC_TRY(load(&merges, log, merges_path));
    st = zc_bpe_open_merges(out, log, &vocab, &merges, style);
done:
    zc_free(vocab.text);
    zc_free(merges.text);
    return st;
}

zc_status zc_bpe_open(zc_bpe **out, zc_log *log, const char *path, const zc_bpe_style *style)
{
    static const char *const names[] = {
        "tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model",
    };
    enum { JSON, VOCAB, MERGES, MODEL };
    zc_status st = ZC_OK;
    zc_str file[ZC_COUNT(names)] = { { 0 } };
    bool there[ZC_COUNT(names)];
    zc_file_info info;

    if (!zc_path_info(&info, path) || info.kind != ZC_FILE_FOLDER)
        return open_file(out, log, path, style);
    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        zc_str_add_format(&file[i], "%s/%s", path, names[i]);
        ZC_CHECK(!file[i].failed, ZC_E_NOMEM, "%s: no memory for a path", path);
        there[i] = zc_path_info(&info, file[i].text);
    }
    if (there[JSON])
        st = open_file(out, log, file[JSON].text, style);
    else if (there[VOCAB] && there[MERGES])
        st = open_two_files(out, log, file[VOCAB].text, file[MERGES].text, style);
    else if (there[MODEL])
        st = open_file(out, log, file[MODEL].text, style);
    else
        ZC_CHECK(false, ZC_E_MISSING, "%s: the folder has no tokenizer.json, no vocab.json with "
                 "merges.txt, and no tokenizer.model", path);
done:
    for (size_t i = 0; i < ZC_COUNT(names); i++)
        zc_str_fini(&file[i]);
    return st;
}
