/* Names of outputs, from a pattern such as "{name}_{seed}.####.exr".
 *
 * {KEY} is replaced by a value: name, prompt, seed, index (of the job, from 1), a variable, or any
 * option of the job. Letters, digits, ".", "-", "_" and what is beyond ASCII stay as they are; the
 * rest becomes "_", and 96 bytes are kept, so that no value makes a folder, hides a file or leads
 * anywhere else. #### is the number of a frame, with as many digits as there are #; %04d says the
 * same. {{ and }} are the braces themselves. Folders may be written in the pattern itself.
 *
 * Thread safety: pure functions. */
#ifndef ZC_BATCH_PATTERN_H
#define ZC_BATCH_PATTERN_H

#include "core/base/log.h"
#include "core/base/str.h"

/* The value of a key, added to `to`; false if there is no such key. */
typedef bool (*zc_pattern_value)(const void *user, const char *key, zc_str *to);

/* Refuses what can lead out of the folder (absolute, "..", backslashes, control bytes), two
 * frame fields or a {KEY} behind one, and other uses of %. */
zc_status zc_pattern_check(zc_log *log, const char *pattern);

/* A pattern that has passed check, filled in but for the frame, whose field is #s
 * now: "fox_7.####.exr". Unknown keys, and components of over 200 bytes, fail. */
zc_status zc_pattern_fill(zc_str *to, zc_log *log, const char *pattern, zc_pattern_value value,
                          const void *user);

/* Of a pattern or of what fill has made. Digits: 0 if there is no frame field. */
int  zc_pattern_digits(const char *pattern);
/* "fox_7.0012.exr" for frame 12; without a field the output as it is. */
void zc_pattern_frame(zc_str *to, const char *output, int frame);
/* "fox_7": without the frame field, the "." or "_" before it, and the suffix. */
void zc_pattern_stem(zc_str *to, const char *output);

/* How much of a path is its folder: all before the first component with a field, or before the
 * last one. "/renders/{name}/a.exr" gives 9, "a.exr" gives 0. */
size_t zc_pattern_folder(const char *path);

#endif
