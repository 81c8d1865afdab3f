/* Provenance, from a job's request and its manifest. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/batch/about.h"
#include "core/checkpoint.h"

/* The last component of a path, in `text`; "" for none, and for a preset that is text itself. */
static const char *name_of(char *text, size_t size, const char *path)
{
    size_t end = path && !strpbrk(path, "=\n") ? strlen(path) : 0;

    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t from = end;
    while (from > 0 && path[from - 1] != '/')
        from--;
    zc_format(text, size, "%.*s", (int)(end - from), path ? path + from : "");
    return text;
}

static zc_status parse(zc_json **doc, char **text, zc_log *log, const char *json, const char *name)
{
    const size_t bytes = strlen(json);
    zc_status st = ZC_OK;

    ZC_CHECK(*text = zc_copy_text(json, bytes), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_json_open(doc, log, &(zc_json_source){ .text = *text, .bytes = bytes,
                                                     .limit = SIZE_MAX, .name = name }));
done:
    return st;
}

/* The predictor is the last of the manifest's files, if there is one. */
static const char *predictor_of(const zc_json *doc, const zc_request *q)
{
    const zc_json_value *files = zc_json_find(doc, zc_json_root(doc), "files");
    const char *last = NULL;

    if (!files || !strstr(q->cache_options, "predictor = "))
        return NULL;
    for (const zc_json_value *v = zc_json_first(files); v; v = zc_json_after(files, v))
        last = v->text;
    return last;
}

/* Steps that a report of the cache says were computed; all of them if it is "". */
static zc_status computed_of(int *out, zc_log *log, const char *report, int steps)
{
    zc_json *doc = NULL;
    char *text = NULL;
    int64_t computed = steps;
    zc_status st = ZC_OK;

    *out = steps;
    if (!*report)
        return ZC_OK;
    ZC_TRY(parse(&doc, &text, log, report, "report of the cache"));
    ZC_TRY(zc_json_need_i64(doc, log, zc_json_root(doc), "computed", 0, steps, &computed));
    *out = (int)computed;
done:
    zc_json_close(&doc);
    zc_free(text);
    return st;
}

zc_status zc_about_notes(zc_notes **out, zc_log *log, const zc_make_desc *d, const char *manifest,
                         const char *trace)
{
    const zc_request *q = d->q;
    char preset[256], model[256], program[64], *text = NULL;
    const zc_json_value *print = NULL;
    zc_json *doc = NULL;
    zc_status st = ZC_OK;
    int computed = 0;

    *out = NULL;
    ZC_TRY(computed_of(&computed, log, trace, q->steps));
    ZC_TRY(parse(&doc, &text, log, manifest, "manifest"));
    const zc_json_value *models = zc_json_find(doc, zc_json_root(doc), "models");
    ZC_TRY(zc_json_need(doc, log, models, zc_component_names[ZC_COMPONENT_MODEL], ZC_JSON_STRING,
                        &print));
    zc_format(program, sizeof(program), "zoetrope %s", d->batch->version ? d->batch->version : "");
    ZC_TRY(zc_notes_create(out, log, &(zc_provenance){
        .program = program,
        .preset = name_of(preset, sizeof(preset), d->batch->preset),
        .model = name_of(model, sizeof(model), *q->model ? q->model : q->transformer),
        .prompt = q->private ? NULL : q->prompt,
        .negative = q->private || q->cfg == 1.0f ? NULL : q->negative,
        .model_fingerprint = print->text, .predictor_fingerprint = predictor_of(doc, q),
        .sampler = q->sampler, .cache = q->cache, .cache_trace = trace, .seed = q->seed,
        .steps = q->steps, .computed = computed, .guidance = q->guidance, .cfg = q->cfg,
        .shift = q->shift, .width = q->width, .height = q->height, .frames = q->frames }));
done:
    zc_json_close(&doc);
    zc_free(text);
    return st;
}
