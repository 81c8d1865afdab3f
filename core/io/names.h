/* Tensors under the names that our models know, whatever names the file has.
 *
 * A layout is a table of rules: the file's name, our name, and which part of ours
 * it is. So q, k and v that a file keeps apart are one tensor here, halves that it
 * has in the other order are put right, and an 8-bit weight finds its scale. What
 * no rule matches keeps its name. Which layout a file has, its tensors' names say.
 *
 * Thread safety: layouts are constant. find marks what was asked for, so a
 * zc_names belongs to one thread at a time; read may run on many. */
#ifndef ZC_NAMES_H
#define ZC_NAMES_H

#include "core/io/container.h"

/* What a tensor of the file undergoes to become ours. */
enum zc_name_how {
    ZC_NAME_SAME,
    ZC_NAME_SWAP,             /* the two halves of its rows change places */
    ZC_NAME_UNWEAVE,          /* rows of the two halves of each head alternate in the file */
};

/* Patterns: %d stands for a number and %r for the same one counted from the other end, 0 becoming
 * the highest that the file has in that place; only the first number can be turned. A * at the end
 * stands for all the rest. */
typedef struct zc_name_rule {
    const char *theirs;
    const char *ours;         /* NULL: known and not needed */
    uint8_t     part, parts;  /* rows of ours are these parts, one below the other; 0, 0: all */
    uint8_t     how;          /* enum zc_name_how */
    const char *heads;        /* ZC_NAME_UNWEAVE: metadata with the number of heads */
} zc_name_rule;

typedef struct zc_layout {
    const char *kind;                 /* of model: "hunyuan.dit"; NULL ends the table */
    const char *what;                 /* "HunyuanVideo transformer, original names" */
    const char *const *prefixes;      /* that all names may have; the last is NULL */
    const char *const *marks;         /* names that must be there, without prefix */
    const char *const *bars;          /* names that must not */
    const zc_name_rule *rules;        /* the first that matches counts; theirs NULL ends them */
} zc_layout;

/* Tables of layouts; both kinds of table end in NULL. */
extern const zc_layout *const zc_layout_tables[];

/* The first layout of that kind (of any, if kind is NULL) that fits, and the prefix that all names
 * have; NULL if there is none. */
const zc_layout *zc_layout_find(const zc_container *c, const char *kind, const char **prefix);

/* Rows of a tensor of the file. */
typedef struct zc_piece {
    const zc_entry *entry;
    int64_t first, rows;
    int64_t head;             /* ZC_NAME_UNWEAVE: rows of a head; else 0 */
    float   scale;            /* all values are to be multiplied by it */
    float  *row_scale;        /* or one for each row of the entry; private */
} zc_piece;

typedef struct zc_named {
    const char *name;         /* ours */
    zk_dtype    type;         /* that read delivers: F32 if the pieces differ in type or scale */
    float       scale;        /* of what read delivers */
    int32_t     rank;
    int64_t     dim[ZC_LIMIT_RANK];
    uint32_t    first_piece, pieces;
    bool        converted;    /* read delivers F32 with the scales applied */
    bool        used;         /* private */
    uint64_t    hash;         /* private */
} zc_named;

typedef struct zc_names zc_names;

/* Borrows the container. ZC_E_MISSING if a part is missing, ZC_E_SHAPE if parts don't fit together,
 * ZC_E_UNSUPPORTED for ways of quantising that we don't know; the message has the tensor. */
zc_status zc_names_open(zc_names **out, zc_log *log, const zc_container *c,
                        const zc_layout *layout, const char *prefix);
void zc_names_close(zc_names **n);

const char *zc_names_path(const zc_names *n);             /* of the container */

/* Scales that are in a file of their own: tensors of one value, named like the weight without its
 * ".weight". All must have their weight. */
zc_status zc_names_add_scales(zc_names *n, zc_log *log, const zc_container *scales);

/* NULL if there is no such tensor. It counts as used from now on. */
const zc_named *zc_names_find(zc_names *n, const char *name);
size_t zc_names_count(const zc_names *n);
const zc_named *zc_names_at(const zc_names *n, size_t i);           /* in no useful order */
const zc_piece *zc_names_piece(const zc_names *n, const zc_named *t, uint32_t i);

/* Whatever begins with that counts as used: a model can do without it. */
void zc_names_forgo(zc_names *n, const char *start);

/* ZC_E_MISMATCH if there are tensors that nobody asked for: how many, and the first three. */
zc_status zc_names_left_over(const zc_names *n, zc_log *log);

/* Elements [from, from + count) of t to dst, as t->type: whole blocks, and whole heads where rows
 * are put in order. pool may be NULL. */
zc_status zc_names_read(const zc_names *n, zc_log *log, const zc_named *t, int64_t from,
                        int64_t count, void *dst, zc_pool *pool);

#endif
