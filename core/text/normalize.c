/* Normal forms by utf8proc, without its allocating functions.
 *
 * Marks are put in canonical order here and not by utf8proc, which takes
 * quadratic time for a long run of them. */

#include "core/text/normalize.h"

#include <utf8proc.h>

#include "core/base/alloc.h"
#include "core/base/sort.h"

#define EXPANSION 4           /* characters that one character decomposes into, at most */
#define DOTTED_I 0x130        /* the one letter whose lower case is two characters */

struct mark {
    int32_t  code;
    uint32_t key;             /* combining class, then place */
};

static int by_key(const void *a, const void *b, const void *context)
{
    const uint32_t x = ((const struct mark *)a)->key, y = ((const struct mark *)b)->key;

    (void)context;
    return (x > y) - (x < y);
}

static int class_of(int32_t code)
{
    return utf8proc_get_property(code)->combining_class;
}

/* Sorts each run of marks by class; those of the same class keep their order. */
static bool order_marks(int32_t *code, size_t count)
{
    struct mark *run = NULL;
    size_t room = 0;
    bool ok = true;

    for (size_t begin = 0, end; ok && begin < count; begin = end) {
        bool sorted = true;
        for (end = begin; end < count && class_of(code[end]) != 0; end++)
            sorted = sorted && (end == begin || class_of(code[end - 1]) <= class_of(code[end]));
        if (!sorted && (ok = zc_grow(&run, &room, end - begin, sizeof(*run)))) {
            for (size_t i = begin; i < end; i++) {
                run[i - begin].code = code[i];
                run[i - begin].key = (uint32_t)class_of(code[i]) << 24 | (uint32_t)(i - begin);
            }
            zc_sort(run, end - begin, sizeof(*run), by_key, NULL);
            for (size_t i = begin; i < end; i++)
                code[i] = run[i - begin].code;
        }
        end += end == begin;
    }
    zc_free(run);
    return ok;
}

static void compose(zc_str *out, const char *text, size_t bytes)
{
    size_t room = 0, count = 0, size = 0;
    int32_t *code = NULL;
    uint32_t c = 0;

    for (size_t i = 0; i < bytes; i += size) {
        int last_class = 0;
        size = zc_utf8_decode(&c, text + i, bytes - i);
        if (!zc_grow(&code, &room, count + EXPANSION, sizeof(*code)))
            goto done;
        const utf8proc_ssize_t n = utf8proc_decompose_char((int32_t)c, code + count, EXPANSION,
                                                           UTF8PROC_DECOMPOSE | UTF8PROC_STABLE,
                                                           &last_class);
        count += n > 0 ? (size_t)n : 0;
    }
    if (count == 0)
        return;
    if (!order_marks(code, count))
        goto done;

    const utf8proc_ssize_t left = utf8proc_normalize_utf32(code, (utf8proc_ssize_t)count,
                                                           UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < left; i++) {
        char letter[4];
        zc_str_add_bytes(out, letter, zc_utf8_encode(letter, (uint32_t)code[i]));
    }
    zc_free(code);
    return;
done:
    out->failed = true;
    zc_free(code);
}

static void join_spaces(zc_str *out, const char *text, size_t bytes)
{
    uint32_t c = 0;
    bool after = false;

    for (size_t i = 0, size; i < bytes; i += size) {
        size = zc_utf8_decode(&c, text + i, bytes - i);
        if (!zc_is_space(c))
            zc_str_add_bytes(out, text + i, size);
        else if (!after)
            zc_str_add_bytes(out, " ", 1);
        after = zc_is_space(c);
    }
}

static void lower(zc_str *out, const char *text, size_t bytes)
{
    uint32_t c = 0;

    for (size_t i = 0, size; i < bytes; i += size) {
        char letter[4];
        size = zc_utf8_decode(&c, text + i, bytes - i);
        if (c == DOTTED_I)
            zc_str_add(out, "i\xCC\x87");
        else
            zc_str_add_bytes(out, letter,
                             zc_utf8_encode(letter, (uint32_t)utf8proc_tolower((int32_t)c)));
    }
}

void zc_normalize(zc_str *out, zc_norm norm, const char *text, size_t bytes)
{
    static void (*const steps[])(zc_str *, const char *, size_t) = {
        [ZC_NORM_NFC] = compose,
        [ZC_NORM_SPACES] = join_spaces,
        [ZC_NORM_LOWER] = lower,
    };

    steps[norm](out, text, bytes);
}

size_t zc_text_repair(zc_str *out, const char *text, size_t bytes)
{
    size_t replaced = 0;

    for (size_t i = 0; i < bytes; i++) {
        const size_t good = zc_utf8_valid(text + i, bytes - i);
        zc_str_add_bytes(out, text + i, good);
        i += good;
        if (i < bytes) {
            zc_str_add(out, "\xEF\xBF\xBD");
            replaced++;
        }
    }
    return replaced;
}

bool zc_is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static bool strips(uint32_t code)
{
    return zc_is_space(code) || (code >= 0x1C && code <= 0x1F);
}

void zc_text_strip(const char **text, size_t *bytes)
{
    uint32_t c = 0;
    size_t size;

    while ((size = zc_utf8_decode(&c, *text, *bytes)) > 0 && strips(c)) {
        *text += size;
        *bytes -= size;
    }
    for (size = 1; *bytes >= size && size <= 3;) {          /* no white space is longer */
        if (zc_utf8_decode(&c, *text + *bytes - size, size) == size && strips(c)) {
            *bytes -= size;
            size = 1;
        } else {
            size++;
        }
    }
}
