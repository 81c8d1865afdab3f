/* PCRE2 runs the expressions, interpreted: prompts are short, and no host has to
 * allow us writable code. White space is spelled out as Unicode's White_Space,
 * because PCRE2's \s differs from it by one character. */

#include "core/text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "core/base/alloc.h"

/* Far above what 64 KiB of any text need; a bug would end here and not hang. */
#define MATCH_LIMIT    4000000u
#define HEAP_LIMIT_KIB 32768u

#define SPACES "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}" \
               "\\x{205F}\\x{3000}"
#define WHITE "[" SPACES "]"
#define BLACK "[^" SPACES "]"
#define OTHER "[^" SPACES "\\p{L}\\p{N}]"       /* neither white, nor letter, nor digit */

static const zc_pattern_row rows[] = {
    {
        .name = "gpt2",
        .byte_regex = true,
        .regex = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?" OTHER "+|"
                 WHITE "+(?!" BLACK ")|" WHITE "+",
    },
    {
        .name = "llama3",
        .split = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                 " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .regex = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                 " ?" OTHER "+[\\r\\n]*|" WHITE "*[\\r\\n]+|" WHITE "+(?!" BLACK ")|" WHITE "+",
    },
    {
        .name = "qwen2",
        .split = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                 " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .regex = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                 " ?" OTHER "+[\\r\\n]*|" WHITE "*[\\r\\n]+|" WHITE "+(?!" BLACK ")|" WHITE "+",
    },
    /* No piece of these is cut again by the byte level's own expression but the
     * names of the special tokens, into the pieces that they have without their
     * alternatives. */
    {
        .name = "clip",
        .split = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
        .matches_only = true,
        .byte_regex = true,
        .regex = "'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|" OTHER "+",
    },
    {
        .name = "clip-named",
        .split = "<\\|startoftext\\|>|<\\|endoftext\\|>|"
                 "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
        .matches_only = true,
        .byte_regex = true,
        .regex = "'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|" OTHER "+",
    },
};

struct zc_pattern {
    const zc_pattern_row *row;
    pcre2_general_context *memory;
    pcre2_code *code;
};

struct zc_cutter {
    const zc_pattern *pattern;
    pcre2_match_context *limits;
    pcre2_match_data *match;
    const char *text;
    size_t bytes, at;         /* up to `at`, all pieces have been handed out */
    size_t begin, end;        /* the last match */
};

const zc_pattern_row *zc_pattern_find(const char *name)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

const zc_pattern_row *zc_pattern_match(const char *split, bool matches_only, bool byte_regex)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const zc_pattern_row *r = &rows[i];
        const bool same = split && r->split ? strcmp(split, r->split) == 0 : !split && !r->split;
        if (same && r->matches_only == matches_only && r->byte_regex == byte_regex)
            return r;
    }
    return NULL;
}

void zc_pattern_list(zc_str *out)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++)
        zc_str_add_format(out, "%s%s", i ? ", " : "", rows[i].name);
}

static void *memory_alloc(size_t bytes, void *user)
{
    (void)user;
    return zc_alloc(bytes);
}

static void memory_free(void *mem, void *user)
{
    (void)user;
    zc_free(mem);
}

zc_status zc_pattern_open(zc_pattern **out, zc_log *log, const zc_pattern_row *row)
{
    zc_status st = ZC_OK;
    zc_pattern *p = NULL;
    int error = 0;
    PCRE2_SIZE offset = 0;

    ZC_CHECK(p = zc_new(zc_pattern), ZC_E_NOMEM, "no memory for a pattern");
    p->row = row;
    p->memory = pcre2_general_context_create(memory_alloc, memory_free, NULL);
    ZC_CHECK(p->memory, ZC_E_NOMEM, "no memory for a pattern");

    pcre2_compile_context *context = pcre2_compile_context_create(p->memory);
    ZC_CHECK(context, ZC_E_NOMEM, "no memory for a pattern");
    p->code = pcre2_compile((PCRE2_SPTR)row->regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error,
                            &offset, context);
    pcre2_compile_context_free(context);
    ZC_CHECK(p->code || error != PCRE2_ERROR_HEAP_FAILED, ZC_E_NOMEM, "no memory for a pattern");
    ZC_CHECK(p->code, ZC_E_UNSUPPORTED, "pattern %s: PCRE2 says %d at %zu (is it built with "
             "Unicode?)", row->name, error, (size_t)offset);
    *out = p;
    p = NULL;
done:
    zc_pattern_close(&p);
    return st;
}

void zc_pattern_close(zc_pattern **p)
{
    if (!*p)
        return;
    pcre2_code_free((*p)->code);
    pcre2_general_context_free((*p)->memory);
    zc_free(*p);
    *p = NULL;
}

zc_status zc_cutter_open(zc_cutter **out, zc_log *log, const zc_pattern *p)
{
    zc_status st = ZC_OK;
    zc_cutter *c = NULL;

    ZC_CHECK(c = zc_new(zc_cutter), ZC_E_NOMEM, "no memory to cut text");
    c->pattern = p;
    c->limits = pcre2_match_context_create(p->memory);
    c->match = pcre2_match_data_create(1, p->memory);
    ZC_CHECK(c->limits && c->match, ZC_E_NOMEM, "no memory to cut text");
    pcre2_set_match_limit(c->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(c->limits, HEAP_LIMIT_KIB);
    *out = c;
    c = NULL;
done:
    zc_cutter_close(&c);
    return st;
}

void zc_cutter_close(zc_cutter **c)
{
    if (!*c)
        return;
    pcre2_match_context_free((*c)->limits);
    pcre2_match_data_free((*c)->match);
    zc_free(*c);
    *c = NULL;
}

void zc_cutter_start(zc_cutter *c, const char *text, size_t bytes)
{
    c->text = text;
    c->bytes = bytes;
    c->at = c->begin = c->end = 0;
}

zc_status zc_cutter_next(zc_cutter *c, zc_log *log, const char **piece, size_t *bytes)
{
    zc_status st = ZC_OK;

    if (c->at >= c->end) {                      /* the last match has been handed out */
        const int n = pcre2_match(c->pattern->code, (PCRE2_SPTR)c->text, c->bytes, c->at,
                                  PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, c->match, c->limits);
        ZC_CHECK(n != PCRE2_ERROR_NOMEMORY, ZC_E_NOMEM, "no memory to cut text");
        ZC_CHECK(n >= 0 || n == PCRE2_ERROR_NOMATCH, ZC_E_LIMIT, "pattern %s gives up at byte %zu "
                 "of %zu: PCRE2 says %d", c->pattern->row->name, c->at, c->bytes, n);
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(c->match);
        c->begin = n >= 0 ? found[0] : c->bytes;
        c->end = n >= 0 ? found[1] : c->bytes;
        if (c->pattern->row->matches_only)
            c->at = c->begin;
    }
    const size_t to = c->at < c->begin ? c->begin : c->end;
    *piece = c->at < to ? c->text + c->at : NULL;
    *bytes = to - c->at;
    c->at = to;
done:
    return st;
}
