/* What a path to a model holds: a file, a shard index, a pipeline folder of
 * diffusers, or a folder with files. Every set of tensors in it is opened (headers
 * only), and recognised by the names of its tensors, never by those of its files.
 *
 * Thread safety: an open folder is constant. */
#ifndef ZC_MODELFOLDER_H
#define ZC_MODELFOLDER_H

#include "core/base/json.h"
#include "core/io/names.h"

typedef struct zc_component {
    char            *name;            /* of the file, below the folder; "" for a single file */
    zc_container    *tensors;
    zc_json         *config;          /* config.json beside the tensors, or NULL */
    char            *config_path, *config_text;       /* which it borrows */
    const zc_layout *layout;          /* NULL: nothing that we know */
    const char      *prefix;          /* of the tensors' names */
    uint64_t         bytes;           /* of all tensors */
    zk_dtype         type;            /* that most of these bytes have */
    const char      *type_name;       /* the same, as the file calls it; "" without tensors */
} zc_component;

typedef struct zc_modelfolder zc_modelfolder;

/* ZC_E_MISSING if there is nothing with tensors; ZC_E_UNSAFE if there are only pickles. A file
 * that can't be read is an error, not passed over. */
zc_status zc_modelfolder_open(zc_modelfolder **out, zc_log *log, const char *path);
void zc_modelfolder_close(zc_modelfolder **f);

const char *zc_modelfolder_path(const zc_modelfolder *f);
size_t zc_modelfolder_count(const zc_modelfolder *f);
const zc_component *zc_modelfolder_at(const zc_modelfolder *f, size_t i);     /* by name */

/* The only component of a kind (see names.h): ZC_E_MISSING with a list of what there is, or
 * ZC_E_MISMATCH if there are two of them. */
zc_status zc_modelfolder_find(const zc_modelfolder *f, zc_log *log, const char *kind,
                              const zc_component **out);

/* Opens its tensors under our names, with scales from another component if there are such. */
zc_status zc_modelfolder_names(const zc_modelfolder *f, zc_log *log, const char *kind,
                               zc_names **out);

#endif
