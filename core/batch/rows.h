/* Rows of a file: prompts a line each, CSV, TSV or JSON lines, all as cells with a
 * key. What the formats are, list.h says.
 *
 * Thread safety: rows that were read are constant. */
#ifndef ZC_BATCH_ROWS_H
#define ZC_BATCH_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"

#define ZC_ROWS_COLUMNS 256

/* What stands in one column of one row; nothing empty. Text is borrowed from the rows and has no
 * NUL in or behind it. */
typedef struct zc_cell {
    const char *key, *text;
    uint32_t    key_bytes, bytes;
    int32_t     line, column;         /* where the cell begins, from 1 */
} zc_cell;

typedef struct zc_row {
    size_t  first;                    /* of its cells */
    int32_t count, line;
} zc_row;

typedef struct zc_rows {
    char    *text;                    /* the file; owned */
    char   **line;                    /* JSON lines, each as the reader left it; owned */
    zc_cell *cell;
    zc_row  *row;
    size_t   lines, line_room, cells, cell_room, count, row_room;
} zc_rows;

/* By the end of the path: .txt, .csv, .tsv, .jsonl. */
zc_status zc_rows_load(zc_rows *rows, zc_log *log, const char *path);

/* Takes `text`, from zc_alloc with a NUL behind it; `name` decides and stands in messages. */
zc_status zc_rows_parse(zc_rows *rows, zc_log *log, const char *name, char *text, size_t bytes);

void zc_rows_fini(zc_rows *rows);

#endif
