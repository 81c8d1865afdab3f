/* Names of numbered files. */

#include <string.h>

#include "core/base/num.h"
#include "core/sink/sequence.h"

/* The place of the number: bytes [at, at + length) of the pattern, so many digits. */
struct place {
    size_t at, length;
    int    digits;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Length of the place that begins at s, or 0. */
static size_t place_at(const char *s, int *digits)
{
    size_t n = 0;

    *digits = 1;
    if (s[0] == '#') {
        while (s[n] == '#')
            n++;
        *digits = n < 18 ? (int)n : 18;
        return n;
    }
    if (s[0] == '$' && s[1] == 'F') {
        if (s[2] >= '1' && s[2] <= '9')
            *digits = s[2] - '0';
        return *digits > 1 || s[2] == '1' ? 3 : 2;
    }
    if (s[0] != '%')
        return 0;
    n = 1;
    if (s[1] == '0' && is_digit(s[2])) {
        *digits = s[2] - '0';
        n = 3;
    }
    return s[n] == 'd' ? n + 1 : 0;
}

static bool find(const char *pattern, struct place *p)
{
    for (size_t i = name_of(pattern); pattern[i]; i++) {
        p->length = place_at(pattern + i, &p->digits);
        p->at = i;
        if (p->length)
            return true;
    }
    return false;
}

bool zc_sequence_is(const char *pattern)
{
    struct place p;

    return find(pattern, &p);
}

void zc_sequence_path(zc_str *to, const char *pattern, int64_t number)
{
    struct place p;

    if (!find(pattern, &p)) {
        zc_str_add(to, pattern);
        return;
    }
    zc_str_add_bytes(to, pattern, p.at);
    zc_str_add_format(to, "%0*lld", p.digits + (number < 0), (long long)number);
    zc_str_add(to, pattern + p.at + p.length);
}

bool zc_sequence_match(const char *pattern, const char *name, int64_t *number)
{
    struct place p;
    size_t digits = 0;

    if (!find(pattern, &p))
        return false;
    const size_t head = p.at - name_of(pattern);
    if (strncmp(pattern + name_of(pattern), name, head) != 0)
        return false;
    name += head;
    const size_t sign = *name == '-';
    while (is_digit(name[sign + digits]))
        digits++;
    return digits >= (size_t)p.digits && digits <= 18 &&
           (digits == (size_t)p.digits || name[sign] != '0') &&
           strcmp(name + sign + digits, pattern + p.at + p.length) == 0 &&
           zc_num_read_i64(number, name, sign + digits) == NULL;
}
