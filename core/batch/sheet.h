/* The contact sheet of a batch: for each job its first, middle and last frame, with
 * its name, seed and prompt below, as one PNG.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BATCH_SHEET_H
#define ZC_BATCH_SHEET_H

#include "core/base/log.h"
#include "core/sink/module.h"

#define ZC_SHEET_CELLS 400            /* jobs on a sheet, at most */

/* All text is borrowed. */
typedef struct zc_sheet_cell {
    const char *path;                 /* of a film, or a pattern of stills */
    const char *name, *prompt;
    int64_t     seed;
    int         frames;
} zc_sheet_cell;

typedef struct zc_sheet_desc {
    const char          *path;        /* of the PNG; a file that is there is replaced */
    const zc_sheet_cell *cells;       /* those behind ZC_SHEET_CELLS are left out */
    int                  count;
    const zc_note       *notes;       /* NULL: none */
} zc_sheet_desc;

/* Outputs that are not there, or cannot be read, are grey, and named in the log. */
zc_status zc_sheet_write(zc_log *log, const zc_sheet_desc *desc);

#endif
