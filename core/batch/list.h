/* The job list of a batch: one preset, many variations.
 *
 * Rows come from a file (a prompt a line, or CSV or JSON lines with options as
 * columns) and each is rendered with every seed. Jobs are in the order of the rows, and within a
 * row in the order of the seeds. Nothing but the inputs decides what is in the list, so
 * every node of a farm makes the same one and takes its share of it by index.
 *
 * Making a list opens no model and no engine; it reads the one file. Messages name file, line,
 * column, key, what was expected and what was found.
 *
 * Thread safety: an open list is constant, for any number of threads. */
#ifndef ZC_BATCH_LIST_H
#define ZC_BATCH_LIST_H

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/request.h"

#define ZC_LIST_JOBS 100000           /* jobs at most */
#define ZC_LIST_FILE (64u << 20)      /* bytes of the file with the rows, at most */

/* Rows.
 *   .txt    one prompt a line; blank lines and those that begin with # are skipped
 *   .csv    RFC 4180: "quoted", "a ""quote""", line ends inside quotes; .tsv with tabs in place
 *           of commas. The first record names the columns.
 *   .jsonl  one object a line; values are texts, numbers or booleans
 * all in UTF-8, with or without a byte order mark and carriage returns. A column is `name`,
 * `prompt`, `seed` (a list, as below), any other option of a job, dotted ones as well, or $NAME, a
 * variable, of which the preset has a default. An empty cell, null, or a key that an object does
 * not have: as the preset says. */
typedef struct zc_list_desc {
    const zc_request *base;       /* the preset's options: what rows don't say */
    const char *rows;             /* path of the file; NULL or "": one row that says nothing */
    const char *seeds;            /* "1-100x2"; NULL or "": the row's own, or the preset's */
    const char *pattern;          /* of the outputs' names, relative to the output folder */
    bool        stills;           /* every frame is a file of its own, not a film for each job */
} zc_list_desc;

/* One job. All text is borrowed from the list. */
typedef struct zc_list_job {
    int32_t     index;            /* in the whole list, from 0 */
    int32_t     frames;           /* the row's, or the preset's */
    int64_t     seed;
    const char *name;             /* the row's; without one its number, as in "0001" */
    const char *prompt;           /* NULL: the preset's. May have several lines */
    const char *options;          /* the rest of the row, and the seed: "key = value" lines */
    const char *output;           /* the pattern filled in, but for the frame: "fox_7.####.exr" */
    const char *where;            /* of the row: "shots.csv:3"; "" without a file */
} zc_list_job;

typedef struct zc_list zc_list;

/* Two jobs with the same output, a value that the option's table does not take, a pattern that
 * leads out of its folder, and stills without a frame field are refused. */
zc_status zc_list_open(zc_list **out, zc_log *log, const zc_list_desc *desc);
void      zc_list_close(zc_list **list);

int32_t            zc_list_count(const zc_list *list);
const zc_list_job *zc_list_at(const zc_list *list, int32_t index);      /* NULL if there is none */

/* SHA-256 of everything in the list, as 64 hex digits: equal on every node, or the nodes do not
 * have the same inputs. */
void zc_list_digest(const zc_list *list, char text[65]);

/* A share of the list: `i/n` is the i-th of n, from 1. Shares are interleaved and differ in size by
 * one job at most. */
typedef struct zc_shard {
    int32_t index, count;         /* index from 0; { 0, 1 } is everything */
} zc_shard;

zc_status zc_shard_read(zc_shard *out, zc_log *log, const char *text);
bool      zc_shard_has(zc_shard shard, int32_t job);

/* Numbers as farms write them: "7", "1-100", "1-100x2" or "1-100:2" (every second), "9-1",
 * "-8--5", and lists of those with commas, in the order written; a number that comes twice is
 * refused. `what` names them in messages. Free *out with zc_free. */
zc_status zc_numbers_read(int64_t **out, size_t *count, zc_log *log, const char *what,
                          const char *text, size_t limit);

#endif
