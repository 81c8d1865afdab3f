/* What a picture was made with, for whoever finds it: as the line of parameters that
 * other programs read, as JSON, and as the XMP that marks media made by an algorithm.
 *
 * Thread safety: pure functions; zc_notes belong to one thread. */
#ifndef ZC_PROVENANCE_H
#define ZC_PROVENANCE_H

#include "core/base/json.h"
#include "core/sink/module.h"

/* Texts are borrowed; NULL or "" is not known, or private. */
typedef struct zc_provenance {
    const char *program;                  /* "zoetrope 0.1.0" */
    const char *preset, *model;           /* names, not paths */
    const char *prompt, *negative;
    const char *model_fingerprint, *predictor_fingerprint;
    const char *sampler, *cache;
    const char *cache_trace;              /* JSON: which steps were predicted, how far off */
    int64_t     seed;
    int         steps, computed;          /* computed: of those, not predicted; 0: all */
    float       guidance, cfg, shift;
    int         width, height, frames;
} zc_provenance;

/* "PROMPT\nNegative prompt: ...\nSteps: 50, Sampler: ..., Seed: 7, Size: 640x480, ..." */
void zc_provenance_parameters(const zc_provenance *p, zc_str *to);

/* An object with every field that is known. */
void zc_provenance_json(const zc_provenance *p, zc_json_writer *w);

/* An XMP packet: the tool, the seed, the prompt, and IPTC's digital source type. */
void zc_provenance_xmp(const zc_provenance *p, zc_str *to);

/* All of these as notes: "software", "title" (the prompt's first line), "comment" (the
 * parameters), "zoetrope" (the JSON), "digitalsourcetype", "xmp". Texts that are not UTF-8 lose
 * their bad bytes. */
typedef struct zc_notes zc_notes;
zc_status      zc_notes_create(zc_notes **out, zc_log *log, const zc_provenance *p);
const zc_note *zc_notes_get(const zc_notes *notes);       /* borrowed; NULL for NULL */
void           zc_notes_destroy(zc_notes **notes);

#endif
