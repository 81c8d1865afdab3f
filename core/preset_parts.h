/* What the files of core/preset.h share.
 *
 * Thread safety: as there. */
#ifndef ZC_PRESET_PARTS_H
#define ZC_PRESET_PARTS_H

#include "core/base/file.h"
#include "core/preset.h"

/* A file or a text that was read. */
typedef struct zc_preset_source {
    char    *name;                    /* as messages have it */
    char    *folder;                  /* where relative paths begin; NULL: as they stand */
    int      parent, line;            /* who includes it; -1: nobody */
    bool     file, over;              /* a file; options over the preset */
    uint64_t device, inode;           /* of a file */
} zc_preset_source;

/* A line that set something. */
typedef struct zc_preset_setting {
    char *key, *value;
    int   source, line, column;       /* of the value, from 1; line 0: no text */
    int   key_column;
    bool  dropped;                    /* an option of a row that another one has replaced */
    bool  used;                       /* a variable that was asked for */
} zc_preset_setting;

struct zc_preset {
    zc_request        *q;             /* borrowed */
    char              *folders;       /* "": none */
    zc_preset_source   source[ZC_PRESET_FILES];
    zc_preset_setting *setting;       /* first the options as they were given, for variables */
    size_t             given, count, capacity;
    int                sources, expansions;
};

/* Obeys the lines of a source. */
zc_status zc_preset_read_text(zc_preset *p, zc_log *log, int source, const char *text,
                              size_t bytes);

/* Only remembers them, before anything else is read. */
zc_status zc_preset_read_given(zc_preset *p, zc_log *log, int source, const char *text);

/* Reads `name` as a file that `source` includes in that line, or as the preset itself if it is
 * -1. `where` stands before messages. */
zc_status zc_preset_read_file(zc_preset *p, zc_log *log, const char *name, int source, int line,
                              const char *where);

/* The setting that counts; NULL if it has its default. */
const zc_preset_setting *zc_preset_find(const zc_preset *p, const char *key);

/* A path from a file, now from its folder on, or from the search folder that has it. Replaces
 * *value; other sources' paths stay. */
zc_status zc_preset_resolve(const zc_preset *p, zc_log *log, int source, const char *where,
                            const char *key, char **value);

bool zc_preset_below(const char *path);           /* has no ".." */

/* Adds a path in one of the search folders, where something is; nothing if there is none. */
void zc_preset_search(const char *folders, const char *name, const char *suffix, zc_str *to);

/* The first of the folders, from *at on, which moves behind it; false behind the last. */
bool zc_preset_next_folder(const char **at, zc_str *to);

#endif
