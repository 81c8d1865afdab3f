/* Turns scripts into bytes, and lists into files. */

#include <stdlib.h>
#include <string.h>

#include "tests/badfiles/cases.h"

static void add_text(blob *b, const char *text, size_t n, int with_length)
{
    if (with_length)
        blob_int(b, n, 8);
    blob_add(b, text, n);
}

void script_add(blob *b, const char *script)
{
    while (*script) {
        const size_t n = strcspn(script, " ");
        const char kind = script[0];

        if (kind == 's' || kind == 'r') {
            add_text(b, script + 2, n - 2, kind == 's');
        } else {
            const uint64_t value = script[1] == '-' ? (uint64_t)strtoll(script + 1, NULL, 0)
                                                    : strtoull(script + 1, NULL, 0);

            if (kind == 'v')
                blob_text(b, "GGUF");
            if (kind == 'v' || kind == 'w')
                blob_int(b, value, 4);
            else if (kind == 'n')
                blob_int(b, value, 8);
            else if (kind == 'b')
                blob_int(b, value, 1);
            else if (kind == 'z')
                blob_fill(b, 0, (size_t)value);
            else if (kind == 'p')
                blob_pad(b, (size_t)value);
            else
                abort();
        }
        script += n;
        script += strspn(script, " ");
    }
}
