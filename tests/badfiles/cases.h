/* The bad inputs as tables, and some odd ones that must pass. */
#ifndef ZC_BADFILES_CASES_H
#define ZC_BADFILES_CASES_H

#include "core/base/status.h"
#include "tests/unit/blob.h"

enum case_how {
    CASE_HEADER,      /* a safetensors file: this header, its length in front, `data` bytes behind */
    CASE_SCRIPT,      /* see script.c */
    CASE_RAW,         /* these bytes: up to the NUL, or `data` if that isn't 0 */
    CASE_INDEX,       /* a shard index in the folder that index.c describes */
    CASE_JSON,        /* a JSON document */
    CASE_MAKE,        /* a file that a function makes */
    CASE_READ,        /* the same, and then its tensors are read, while `change` comes between */
};

struct bad_case {
    const char *name;         /* of the group, a slash, and what is wrong */
    zc_status code;
    enum case_how how;
    const char *text;
    size_t data;
    void (*make)(blob *b);
    void (*change)(blob *b);
};

#define HEADER(name, code, text, data) { name, code, CASE_HEADER, text, data, NULL, NULL }
#define SCRIPT(name, code, text)       { name, code, CASE_SCRIPT, text, 0, NULL, NULL }
#define RAW(name, code, text, bytes)   { name, code, CASE_RAW, text, bytes, NULL, NULL }
#define INDEX(name, code, text)        { name, code, CASE_INDEX, text, 0, NULL, NULL }
#define JSON(name, code, text)         { name, code, CASE_JSON, text, 0, NULL, NULL }

/* Each ends with a row without a name. */
extern const struct bad_case safetensors_cases[], gguf_cases[], index_cases[], kind_cases[],
    json_cases[], size_cases[];

/* The files that index_cases find beside their index. */
void index_files(void);
void index_files_free(void);

/* Appends what a script describes: words, separated by blanks.
 *     v3       the magic of GGUF and a version
 *     b w n    a number of 1, 4 or 8 bytes: b7 w-1 n0x100000000
 *     s:text   its length in 8 bytes, and the text; r:text the text alone
 *     z100     zero bytes; p32 zeros up to the next multiple */
void script_add(blob *b, const char *script);

#endif
