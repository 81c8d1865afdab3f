/* Prints the tables of options as the tables of presets/README.md. */

#include <stdio.h>
#include <string.h>

#include "core/core.h"

/* Text for a cell of Markdown. */
static void print_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

static void print_row(const char *prefix, const zc_opt *o)
{
    static char state[1 << 20];
    zc_str value = { 0 }, range = { 0 };
    const zc_opt one[] = { *o, { 0 } };

    zc_opt_defaults(one, state);
    zc_opt_print(o, state, &value);
    zc_opt_print_range(o, &range);
    if (o->kind == ZC_OPT_KIND_PATH) {
        zc_str_clear(&range);
        zc_str_add(&range, "a path");
    }
    printf("| `%s%s` | %s%s%s | ", prefix, o->key, value.length ? "`" : "", zc_str_get(&value),
           value.length ? "`" : "");
    print_cell(zc_str_get(&range));
    printf(" | ");
    print_cell(o->help);
    printf(" |\n");
    zc_str_fini(&value);
    zc_str_fini(&range);
}

static void print_table(const char *prefix, const zc_opt *opts)
{
    printf("| key | default | values | meaning |\n|---|---|---|---|\n");
    for (const zc_opt *o = opts; o->key; o++)
        print_row(prefix, o);
}

int main(void)
{
    const char *name, *summary = "";
    size_t bytes = 0;

    print_table("", zc_request_opts);
    for (const zc_request_row *row = zc_request_rows; row->key; row++) {
        for (int i = 0; row->text_size > 0 && (name = row->list(i, &summary)); i++) {
            printf("\n### %s = %s\n\n%s.\n\n", row->key, name, summary);
            if (row->opts(name, &bytes)->key)
                print_table(row->prefix, row->opts(name, &bytes));
        }
    }
    return 0;
}
