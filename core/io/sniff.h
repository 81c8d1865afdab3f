/* What a file is, by its first bytes. Names and endings of names don't count.
 *
 * Thread safety: pure functions. */
#ifndef ZC_SNIFF_H
#define ZC_SNIFF_H

#include <stddef.h>

#include "core/base/status.h"

typedef enum zc_sniffed {
    ZC_SNIFF_UNKNOWN,         /* may be safetensors, which has no mark */
    ZC_SNIFF_GGUF,
    ZC_SNIFF_JSON,            /* text that begins with a brace */
    ZC_SNIFF_FOREIGN,         /* something else that we know */
} zc_sniffed;

typedef struct zc_foreign {
    const char *what;         /* "a ZIP archive" */
    const char *advice;       /* one sentence */
    zc_status   code;         /* ZC_E_NOT_OURS, or ZC_E_UNSAFE if opening it could do harm */
} zc_foreign;

/* Looks at the first `count` bytes of a file, ZC_LIMIT_SNIFF or all there are. Sets *foreign for
 * ZC_SNIFF_FOREIGN. */
zc_sniffed zc_sniff(const char *head, size_t count, zc_foreign *foreign);

#endif
