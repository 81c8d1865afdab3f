/* Lines of keys and values. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/lines.h"

static const char blanks[] = " \t\r";

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    size_t length;

    text += strspn(text, blanks);
    length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        text[--length] = '\0';
    return text;
}

zc_status zc_lines_parse(zc_log *log, const char *name, const char *text, zc_line_fn line,
                         void *user)
{
    zc_status st = ZC_OK;
    char *own = zc_copy_text(text, strlen(text));
    char where[160];
    int number = 1;

    ZC_CHECK(own, ZC_E_NOMEM, "%s: out of memory", name);
    for (char *at = own; *at; number++) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end, *equals;

        *end = '\0';
        at = trim(at);
        equals = strchr(at, '=');
        zc_format(where, sizeof(where), "%s:%d: ", zc_quote_path(name).text, number);
        if (*at && *at != '#') {
            ZC_CHECK(equals && equals > at, ZC_E_FORMAT, "%sexpected 'key = value', found '%s'",
                     where, zc_quote_text(at).text);
            *equals = '\0';
            ZC_TRY(line(user, where, trim(at), trim(equals + 1)));
        }
        at = next;
    }
done:
    zc_free(own);
    return st;
}
