/* Percent signs, overrides, rates and names. */

#include <stdlib.h>
#include <string.h>

#include "plugin/frei0r_text.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes [from, end) to `to`, and returns where it ends there. */
static char *decode(char *to, const char *from, const char *end)
{
    while (from < end) {
        const int high = *from == '%' && end - from > 2 ? hex(from[1]) : -1;
        const int low = high >= 0 ? hex(from[2]) : -1;
        if (low >= 0 && high + low > 0) {
            *to++ = (char)(high * 16 + low);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    return to;
}

char *fr_decode(const char *text)
{
    char *out = malloc(strlen(text) + 1);

    if (out)
        *decode(out, text, text + strlen(text)) = '\0';
    return out;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One "key value" in [from, end); nothing for an empty one. */
static char *add_option(char *to, const char *from, const char *end)
{
    static const char separator[] = " = ";

    while (from < end && is_blank(*from))
        from++;
    while (end > from && is_blank(end[-1]))
        end--;
    if (from == end)
        return to;
    const char *value = from;
    while (value < end && !is_blank(*value) && *value != '=' && *value != ':')
        *to++ = *value++;
    while (value < end && is_blank(*value))
        value++;
    if (value < end && (*value == '=' || *value == ':'))
        value++;
    while (value < end && is_blank(*value))
        value++;
    memcpy(to, separator, 3);
    to += 3;
    memcpy(to, value, (size_t)(end - value));
    to += end - value;
    *to++ = '\n';
    return to;
}

char *fr_options(const char *text)
{
    /* At worst "k;" becomes "k = \n". */
    char *out = malloc(4 * strlen(text) + 8), *to = out;
    char *item = malloc(strlen(text) + 1);

    while (out && item) {
        const char *end = text + strcspn(text, ";\n");
        to = add_option(to, item, decode(item, text, end));
        if (!*end)
            break;
        text = end + 1;
    }
    if (out)
        *to = '\0';
    if (!item) {
        free(out);
        out = NULL;
    }
    free(item);
    return out;
}

char *fr_preset(const char *text)
{
    if (strpbrk(text, ";\n"))
        return fr_options(text);
    return fr_decode(text);
}

/* Digits, with a point if that is allowed. Moves *text behind them. */
static bool number(double *value, const char **text, bool point)
{
    double scale = 0.0, sum = 0.0;
    int digits = 0;

    for (;; (*text)++) {
        if (**text == '.' && point && scale == 0.0) {
            scale = 1.0;
            continue;
        }
        if (**text < '0' || **text > '9')
            break;
        sum = sum * 10.0 + (**text - '0');
        scale *= 10.0;
        if (++digits > 15)
            return false;
    }
    *value = scale > 0.0 ? sum / scale : sum;
    return digits > 0;
}

bool fr_rate_read(double *rate, const char *text)
{
    double frames = 0.0, seconds = 1.0;

    if (!number(&frames, &text, true))
        return false;
    if (*text == '/') {
        text++;
        if (!number(&seconds, &text, false))
            return false;
    }
    if (*text || !(frames > 0.0) || !(seconds > 0.0) || frames / seconds > 1000.0 ||
        frames / seconds < 1e-3)
        return false;
    *rate = frames / seconds;
    return true;
}

bool fr_is_text(const char *text)
{
    int follow = 0;               /* bytes that the present character still has */

    if (strlen(text) > 6)
        return true;
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if ((c & 0xc0) == 0x80 ? follow == 0 : follow > 0)
            return false;
        if (follow > 0)
            follow--;
        else if (c >= 0xc2 && c <= 0xf4)
            follow = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        else if (c < ' ' || c >= 127)
            return false;
    }
    return follow == 0;
}

int fr_index(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0)
            return i;
    }
    return -1;
}
