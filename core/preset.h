/* Presets: recipes as text files that may include each other, and where each
 * value of theirs came from.
 *
 *     # what it is, in one line            the first comment is the preset's summary
 *     include = other.preset               lines of another file, as if they stood here
 *     $shot   = 010                        the default of a variable
 *     steps   = 30                         an option; what comes later wins
 *     cache.interval = 5                   an option of the row that `cache` names
 *     prompt  = a lighthouse, shot ${shot} $${ stands for ${
 *
 * A file is UTF-8 and sets no key twice. A relative path in it begins at its own folder, or, if
 * nothing is there, at the first of the search folders where something is; ".." is refused. An
 * include is a bare file name, beside the including file or in a search folder. A variable has the
 * value that the options give to its name, else the first default that was read.
 *
 * Messages name file, line, column and key, and what was expected and found.
 *
 * Thread safety: a preset belongs to one thread; the others are pure but for the files. */
#ifndef ZC_PRESET_H
#define ZC_PRESET_H

#include "core/request.h"

#define ZC_PRESET_FILE     (1u << 20)     /* bytes of a file */
#define ZC_PRESET_LINE     (68u << 10)    /* of a line, and of a value with variables filled in */
#define ZC_PRESET_DEPTH    8              /* files that include one another */
#define ZC_PRESET_FILES    32             /* in all */
#define ZC_PRESET_SETTINGS 1024           /* lines that set something, in all */
#define ZC_PRESET_NAME     64             /* bytes of a variable's name */

typedef struct zc_preset_desc {
    const char *preset;       /* a name, a path, or the text itself if it has a "=" or a newline */
    const char *options;      /* lines that count more; a key may come twice. Both may be NULL */
    const char *folders;      /* searched for names: paths with ":" between. May be NULL */
} zc_preset_desc;

typedef struct zc_preset zc_preset;

/* Reads everything and sets the request's options. */
zc_status zc_preset_open(zc_preset **out, zc_log *log, const zc_preset_desc *desc,
                         zc_request *q);
void      zc_preset_close(zc_preset **preset);

/* One more option, from `origin`: "the call". */
zc_status zc_preset_set(zc_preset *preset, zc_log *log, const char *origin, const char *key,
                        const char *value);
/* Likewise, unless it is 0. */
zc_status zc_preset_set_number(zc_preset *preset, zc_log *log, const char *origin,
                               const char *key, int64_t value);

/* zc_request_check, with the line that a message is about. */
zc_status zc_preset_check(const zc_preset *preset, zc_log *log);

/* "a.preset:3:9", or "" for what has its default. */
void zc_preset_origin(const zc_preset *preset, const char *key, zc_str *to);

/* Every option with its origin: as a preset that says the same in one file, and as JSON. */
void zc_preset_words(const zc_preset *preset, zc_str *to);
void zc_preset_json(const zc_preset *preset, zc_str *to);

/* What can be found by name. Files whose names begin with "_" are parts of others and not
 * listed; those in a folder's folders are "FOLDER/NAME". */
typedef struct zc_preset_item {
    char name[128], path[1024];
    char summary[160];                /* the first comment line, made harmless */
} zc_preset_item;

/* Calls `each` for all of them, sorted by name within a folder, until it returns false. What an
 * earlier folder has hides what later ones have. */
zc_status zc_preset_list(zc_log *log, const char *folders,
                         bool (*each)(void *user, const zc_preset_item *item), void *user);

/* All of them, a line or an object each. */
zc_status zc_presets_tell(zc_log *log, const char *folders, zc_str *words, zc_str *json);

/* The folder of installed presets: `from_library`, a path that begins at the folder of this
 * library's file, or "presets" in the folder above, as in a build; "" if neither is there. */
void zc_preset_installed(zc_str *to, const char *from_library);

#endif
