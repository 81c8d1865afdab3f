/* The inside of a zc_names, for the files that fill and read it.
 *
 * Thread safety: as names.h. */
#ifndef ZC_NAMES_LIST_H
#define ZC_NAMES_LIST_H

#include "core/io/names.h"

struct zc_names {
    const zc_container *c;
    const zc_layout    *layout;
    const char         *prefix;
    zc_named           *list;             /* sorted by hash, then by name */
    size_t              count;
    zc_piece           *pieces;
    size_t              piece_count;
};

#endif
