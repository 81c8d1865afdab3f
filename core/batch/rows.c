/* Readers of rows. Cells are slices of the text, unescaped where they stand. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/batch/list.h"
#include "core/batch/rows.h"

/* A file at some place. */
typedef struct rows_reader {
    zc_rows    *rows;
    zc_log     *log;
    const char *name;
    char       *at, *end, *line_at;       /* the present line begins there */
    int32_t     line;
    char        separator;                /* of cells */
    zc_cell    *columns;                  /* keys of the first record */
    size_t      column_count, column_room;
} rows_reader;

static int32_t column_of(const rows_reader *r, const char *at)
{
    int32_t column = 1;

    for (const char *c = r->line_at; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}

/* "name:line:column: " */
typedef struct place {
    char text[160];
} place;

static place place_of(const rows_reader *r, const char *at)
{
    place p = { "" };

    zc_format(p.text, sizeof(p.text), "%s:%d:%d: ", zc_quote_path(r->name).text, (int)r->line,
              (int)column_of(r, at));
    return p;
}

static zc_status add_row(rows_reader *r)
{
    zc_rows *rows = r->rows;
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    ZC_CHECK(rows->count < ZC_LIST_JOBS, ZC_E_LIMIT, "%smore than %d rows",
             place_of(r, r->line_at).text, ZC_LIST_JOBS);
    ZC_CHECK(zc_grow(&rows->row, &rows->row_room, rows->count + 1, sizeof(rows->row[0])),
             ZC_E_NOMEM, "out of memory");
    rows->row[rows->count++] = (zc_row){ .first = rows->cells, .line = r->line };
done:
    return st;
}

/* Adds a cell to the last row, unless it is empty. */
static zc_status add_cell(rows_reader *r, const zc_cell *key, const char *text, size_t bytes,
                          int32_t line, int32_t column)
{
    zc_rows *rows = r->rows;
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    if (bytes == 0)
        return ZC_OK;
    ZC_CHECK(zc_grow(&rows->cell, &rows->cell_room, rows->cells + 1, sizeof(rows->cell[0])),
             ZC_E_NOMEM, "out of memory");
    rows->cell[rows->cells++] = (zc_cell){ .key = key->key, .key_bytes = key->key_bytes,
                                           .text = text, .bytes = (uint32_t)bytes, .line = line,
                                           .column = column };
    rows->row[rows->count - 1].count++;
done:
    return st;
}

/* The whole file is UTF-8 without control bytes other than line ends and tabs. */
static zc_status check_text(rows_reader *r)
{
    const size_t good = zc_utf8_valid(r->at, (size_t)(r->end - r->at));
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    char *c = r->at;

    for (r->line_at = r->at, r->line = 1; c < r->at + good; c++) {
        const unsigned char code = (unsigned char)*c;
        if ((code < 0x20 && code != '\n' && code != '\r' && code != '\t') || code == 0x7f)
            break;
        if (code == '\n') {
            r->line++;
            r->line_at = c + 1;
        }
    }
    ZC_CHECK(c == r->end, ZC_E_FORMAT, "%s'%s', expected UTF-8 text", place_of(r, c).text,
             zc_quote(c, 1).text);
done:
    r->line_at = r->at;
    r->line = 1;
    return st;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(char **from, char **to)
{
    while (*from < *to && is_blank(**from))
        (*from)++;
    while (*from < *to && is_blank((*to)[-1]))
        (*to)--;
}

/* The end of the present line. */
static char *line_end(const rows_reader *r)
{
    char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));

    return newline ? newline : r->end;
}

static void next_line(rows_reader *r, char *end)
{
    r->at = end < r->end ? end + 1 : end;
    r->line_at = r->at;
    r->line++;
}

/* ---- Prompts, a line each ---- */

static zc_status read_prompts(rows_reader *r)
{
    static const zc_cell prompt = { .key = "prompt", .key_bytes = 6 };
    zc_status st = ZC_OK;

    while (r->at < r->end) {
        char *from = r->at, *to = line_end(r), *end = to;
        trim(&from, &to);
        if (from < to && *from != '#') {
            ZC_TRY(add_row(r));
            ZC_TRY(add_cell(r, &prompt, from, (size_t)(to - from), r->line, column_of(r, from)));
        }
        next_line(r, end);
    }
done:
    return st;
}

/* ---- CSV ---- */

/* A cell of a record, and what ended it: the separator, '\n', or '\0' at the end of the text. */
typedef struct field {
    char   *text;
    size_t  bytes;
    int32_t line, column;
    char    end;
} field;

/* Behind the opening quote: unescapes to where it stands. */
static zc_status read_quoted(rows_reader *r, field *f)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    const place begin = place_of(r, r->at - 1);
    char *to = r->at;

    f->text = to;
    for (;; r->at++) {
        ZC_CHECK(r->at < r->end, ZC_E_FORMAT, "%sa quote that is not closed", begin.text);
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"')
                break;
            r->at++;
        }
        if (*r->at == '\n') {
            r->line++;
            r->line_at = r->at + 1;
        }
        if (*r->at != '\r' || r->at[1] != '\n')
            *to++ = *r->at;
    }
    f->bytes = (size_t)(to - f->text);
    r->at++;
    if (r->at < r->end && *r->at == '\r' && (r->at + 1 == r->end || r->at[1] == '\n'))
        r->at++;
    ZC_CHECK(r->at == r->end || *r->at == r->separator || *r->at == '\n', ZC_E_FORMAT,
             "%s'%s' behind a closing quote, expected '%s'", place_of(r, r->at).text,
             zc_quote(r->at, 1).text, zc_quote(&r->separator, 1).text);
done:
    return st;
}

static zc_status read_field(rows_reader *r, field *f)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    *f = (field){ .line = r->line, .column = column_of(r, r->at) };
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        ZC_TRY(read_quoted(r, f));
    } else {
        char *to;
        f->text = r->at;
        while (r->at < r->end && *r->at != r->separator && *r->at != '\n') {
            ZC_CHECK(*r->at != '"', ZC_E_FORMAT, "%sa quote inside a cell; expected the whole cell "
                     "in quotes, and \"\" for one", place_of(r, r->at).text);
            r->at++;
        }
        to = r->at;
        trim(&f->text, &to);
        f->bytes = (size_t)(to - f->text);
    }
    f->end = r->at < r->end ? *r->at : '\0';
    if (f->end == '\n')
        next_line(r, r->at);
    else if (f->end)
        r->at++;
done:
    return st;
}

/* The first record. Keys stay where they are in the text. */
static zc_status read_header(rows_reader *r)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    field f = { .end = r->separator };

    while (f.end == r->separator) {
        ZC_TRY(read_field(r, &f));
        const zc_quoted key = zc_quote(f.text, f.bytes);
        const char *name = zc_quote_path(r->name).text;
        char where[160];
        zc_format(where, sizeof(where), "%s:%d:%d: ", name, (int)f.line, (int)f.column);
        ZC_CHECK(f.bytes > 0, ZC_E_FORMAT, "%sa column without a key", where);
        for (size_t i = 0; i < r->column_count; i++)
            ZC_CHECK(r->columns[i].key_bytes != f.bytes ||
                         memcmp(r->columns[i].key, f.text, f.bytes) != 0,
                     ZC_E_FORMAT, "%stwo columns '%s'", where, key.text);
        ZC_CHECK(r->column_count < ZC_ROWS_COLUMNS, ZC_E_LIMIT, "%smore than %d columns", where,
                 ZC_ROWS_COLUMNS);
        ZC_CHECK(r->separator != ',' || !memchr(f.text, ';', f.bytes), ZC_E_FORMAT,
                 "%s'%s': columns divided by ';', expected ','", where, key.text);
        ZC_CHECK(zc_grow(&r->columns, &r->column_room, r->column_count + 1,
                         sizeof(r->columns[0])), ZC_E_NOMEM, "out of memory");
        r->columns[r->column_count++] = (zc_cell){ .key = f.text, .key_bytes = (uint32_t)f.bytes,
                                                   .line = f.line, .column = f.column };
    }
done:
    return st;
}

static zc_status read_record(rows_reader *r)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    field f = { .end = r->separator };
    size_t count = 0;
    const int32_t line = r->line;

    ZC_TRY(add_row(r));
    while (f.end == r->separator) {
        ZC_TRY(read_field(r, &f));
        if (count < r->column_count)
            ZC_TRY(add_cell(r, &r->columns[count], f.text, f.bytes, f.line, f.column));
        count++;
    }
    ZC_CHECK(count == r->column_count, ZC_E_FORMAT, "%s:%d: %zu cells, expected %zu as in line 1",
             zc_quote_path(r->name).text, (int)line, count, r->column_count);
done:
    return st;
}

static zc_status read_csv(rows_reader *r)
{
    zc_status st = ZC_OK;

    ZC_TRY(read_header(r));
    while (r->at < r->end) {
        char *from = r->at, *to = line_end(r), *end = to;
        while (from < to && (*from == '\r' || *from == ' '))
            from++;
        if (from == to)                       /* a blank line */
            next_line(r, end);
        else
            ZC_TRY(read_record(r));
    }
done:
    zc_free(r->columns);
    r->columns = NULL;
    return st;
}

/* ---- JSON lines ---- */

static const char *value_text(const zc_json_event *e, size_t *bytes)
{
    static const char *const words[] = { [ZC_JSON_FALSE] = "false", [ZC_JSON_TRUE] = "true" };

    if (e->kind == ZC_JSON_FALSE || e->kind == ZC_JSON_TRUE) {
        *bytes = strlen(words[e->kind]);
        return words[e->kind];
    }
    *bytes = e->kind == ZC_JSON_NULL ? 0 : e->bytes;
    return e->text;
}

static zc_status read_object(rows_reader *r, zc_json_reader *json, const char *name)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    zc_json_event key, value;
    size_t bytes = 0;

    ZC_TRY(zc_json_reader_next(json, log, &key));
    ZC_CHECK(key.kind == ZC_JSON_OBJECT, ZC_E_FORMAT, "%s: found %s, expected an object in each "
             "line", name, zc_json_kind_name(key.kind));
    ZC_TRY(add_row(r));
    for (;;) {
        ZC_TRY(zc_json_reader_next(json, log, &key));
        if (key.kind != ZC_JSON_KEY)
            break;
        ZC_TRY(zc_json_reader_next(json, log, &value));
        ZC_CHECK(value.kind != ZC_JSON_ARRAY && value.kind != ZC_JSON_OBJECT, ZC_E_FORMAT,
                 "%s:%llu: %s: found %s, expected a text, a number or a boolean", name,
                 (unsigned long long)value.offset + 1, zc_quote(key.text, key.bytes).text,
                 zc_json_kind_name(value.kind));
        const char *text = value_text(&value, &bytes);
        ZC_TRY(add_cell(r, &(zc_cell){ .key = key.text, .key_bytes = (uint32_t)key.bytes }, text,
                        bytes, r->line, (int32_t)value.offset + 1));
    }
    ZC_TRY(zc_json_reader_next(json, log, &key));
done:
    return st;
}

/* A copy of the line is the reader's to change, and stays. */
static zc_status read_json_line(rows_reader *r, const char *from, size_t bytes)
{
    zc_rows *rows = r->rows;
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    zc_json_reader *json = NULL;
    char name[160];

    zc_format(name, sizeof(name), "%s:%d", zc_quote_path(r->name).text, (int)r->line);
    ZC_CHECK(zc_grow(&rows->line, &rows->line_room, rows->lines + 1, sizeof(rows->line[0])),
             ZC_E_NOMEM, "out of memory");
    char *line = zc_copy_text(from, bytes);
    ZC_CHECK(line, ZC_E_NOMEM, "out of memory");
    rows->line[rows->lines++] = line;
    ZC_TRY(zc_json_reader_open(&json, log, &(zc_json_source){
        .text = line, .bytes = bytes, .limit = ZC_LIST_FILE, .name = name }));
    ZC_TRY(read_object(r, json, name));
done:
    zc_json_reader_close(&json);
    return st;
}

static zc_status read_jsonl(rows_reader *r)
{
    zc_status st = ZC_OK;

    while (r->at < r->end) {
        char *from = r->at, *to = line_end(r), *end = to;
        trim(&from, &to);
        if (from < to)
            ZC_TRY(read_json_line(r, from, (size_t)(to - from)));
        next_line(r, end);
    }
done:
    return st;
}

/* ---- The whole ---- */

static zc_status parse(rows_reader *r)
{
    static const struct { const char *suffix; char separator; zc_status (*read)(rows_reader *); }
    kinds[] = {
        { ".txt", 0, read_prompts }, { ".csv", ',', read_csv }, { ".tsv", '\t', read_csv },
        { ".jsonl", 0, read_jsonl },
    };
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    if (r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
        r->at += 3;
    ZC_TRY(check_text(r));
    for (size_t i = 0; i < ZC_COUNT(kinds); i++) {
        if (!zc_str_ends(r->name, kinds[i].suffix))
            continue;
        r->separator = kinds[i].separator;
        ZC_TRY(kinds[i].read(r));
        ZC_CHECK(r->rows->count > 0, ZC_E_FORMAT, "%s: no rows", zc_quote_path(r->name).text);
        goto done;
    }
    ZC_CHECK(false, ZC_E_UNSUPPORTED, "%s: expected a name that ends in .txt, .csv, .tsv or .jsonl",
             zc_quote_path(r->name).text);
done:
    return st;
}

zc_status zc_rows_parse(zc_rows *rows, zc_log *log, const char *name, char *text, size_t bytes)
{
    *rows = (zc_rows){ .text = text };
    rows_reader r = { .rows = rows, .log = log, .name = name, .at = text, .end = text + bytes,
                      .line_at = text, .line = 1 };
    const zc_status st = parse(&r);

    if (st != ZC_OK)
        zc_rows_fini(rows);
    return st;
}

zc_status zc_rows_load(zc_rows *rows, zc_log *log, const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    const zc_status st = zc_file_load(&text, &bytes, log, path, ZC_LIST_FILE);

    *rows = (zc_rows){ .text = NULL };
    return st == ZC_OK ? zc_rows_parse(rows, log, path, text, bytes) : st;
}

void zc_rows_fini(zc_rows *rows)
{
    for (size_t i = 0; i < rows->lines; i++)
        zc_free(rows->line[i]);
    zc_free(rows->line);
    zc_free(rows->cell);
    zc_free(rows->row);
    zc_free(rows->text);
    *rows = (zc_rows){ .text = NULL };
}
