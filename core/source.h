/* Tensors of files as the source that weights.h asks for.
 *
 * Thread safety: as weights.h and names.h. */
#ifndef ZC_SOURCE_H
#define ZC_SOURCE_H

#include "core/io/names.h"
#include "core/weights.h"

/* Borrows the names, and their container's path. */
zc_source zc_source_of_names(zc_names *names);

#endif
