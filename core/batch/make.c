/* One job: what is missing is generated, written into the job's folder, and
 * published from there, so that no unfinished file is ever seen elsewhere. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/batch/about.h"
#include "core/batch/bookmark.h"
#include "core/batch/make.h"
#include "core/batch/pattern.h"

#define SEGMENT 32                    /* frames of a film that a kill can cost at most */
#define TRACE_BYTES (1u << 20)        /* of what is kept about the steps */
#define WAIT_MS 100                   /* between two looks at whether to stop */

typedef struct making {
    const zc_make_desc *d;
    zc_log     *log;
    int         frames;
    zc_sink    *sink;
    zc_notes   *notes;                /* the sink's, once anything is written */
    bool        stills, segments;
    zc_folder  *folder;
    zc_bookmark *bookmark;
    zc_job     *job;
    int         written;              /* frames that are on the disk */
    zc_str      manifest;
} making;

/* ---- Names ---- */

static zc_status target_of(const making *m, zc_str *path, int frame)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;

    zc_str_clear(path);
    if (m->stills)
        zc_pattern_frame(path, m->d->output, frame);
    else
        zc_str_add(path, m->d->output);
    ZC_CHECK(!path->failed, ZC_E_NOMEM, "out of memory");
done:
    return st;
}

static zc_status report_of(const making *m, zc_str *path)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;

    zc_str_clear(path);
    zc_pattern_stem(path, m->d->output);
    zc_str_add(path, ".json");
    ZC_CHECK(!path->failed, ZC_E_NOMEM, "out of memory");
done:
    return st;
}

/* A file in the job's folder. */
static zc_status kept_of(const making *m, zc_str *path, const char *name, int index)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    char numbered[40];

    zc_format(numbered, sizeof(numbered), index < 0 ? "%s" : "%s.%d", name, index);
    zc_str_clear(path);
    zc_folder_path(m->folder, path, numbered);
    ZC_CHECK(!path->failed, ZC_E_NOMEM, "out of memory");
done:
    return st;
}

/* The folders that the pattern itself has. */
static zc_status make_folders(const making *m)
{
    zc_log *log = m->log;
    const char *output = m->d->output, *slash = output + m->d->folder;
    zc_status st = ZC_OK;
    char *path = NULL;

    while ((slash = strchr(slash, '/'))) {
        zc_free(path);
        ZC_CHECK(path = zc_copy_text(output, (size_t)(slash - output)), ZC_E_NOMEM,
                 "out of memory");
        ZC_TRY(zc_path_mkdir(log, path));
        slash++;
    }
done:
    zc_free(path);
    return st;
}

/* ---- What is there ---- */

static bool is_input(const making *m, const zc_file_info *target)
{
    const zc_request *q = m->d->q;
    const zc_batch_desc *b = m->d->batch;
    const char *const inputs[] = { b->preset, b->rows, q->model, q->transformer, q->text_encoder,
                                   q->clip, q->vae, q->tokenizer, q->clip_tokenizer, q->noise };
    zc_file_info info;

    for (size_t i = 0; i < ZC_COUNT(inputs); i++) {
        if (inputs[i] && *inputs[i] && !strpbrk(inputs[i], "=\n") &&
            zc_path_info(&info, inputs[i]) && info.device == target->device &&
            info.inode == target->inode)
            return true;
    }
    return false;
}

/* Before anything is made: nobody's file is in the way. */
static zc_status check_target(const making *m, const char *path)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_file_info info;

    if (!zc_path_info(&info, path))
        return ZC_OK;
    ZC_CHECK(info.kind == ZC_FILE_REGULAR, ZC_E_UNSAFE, "the output '%s' is not a file",
             zc_quote_path(path).text);
    ZC_CHECK(!is_input(m, &info), ZC_E_UNSAFE, "the output '%s' is an input of this job",
             zc_quote_path(path).text);
    if (m->d->batch->existing == ZC_EXISTING_FAIL ||
        (m->d->batch->existing == ZC_EXISTING_RESUME && zc_folder_is_new(m->folder)))
        ZC_CHECK(false, ZC_E_CREATE, "'%s' exists already%s", zc_quote_path(path).text,
                 m->d->batch->existing == ZC_EXISTING_FAIL ? ""
                     : ", and this job did not make it; existing = replace would replace it");
done:
    return st;
}

static zc_status check_targets(const making *m)
{
    zc_status st = ZC_OK;
    zc_str path = { 0 };

    for (int i = 0; i < (m->stills ? m->frames : 1); i++) {
        ZC_TRY(target_of(m, &path, i));
        ZC_TRY(check_target(m, zc_str_get(&path)));
    }
    ZC_TRY(report_of(m, &path));
    ZC_TRY(check_target(m, zc_str_get(&path)));
done:
    zc_str_fini(&path);
    return st;
}

/* Whether that file is as the journal has it; one that is not is forgotten. */
static zc_status holds(making *m, zc_stored_kind kind, int index, const char *path, bool *yes)
{
    const zc_stored *s = zc_folder_stored(m->folder, kind, index);
    zc_log *log = m->log;
    zc_status st = ZC_OK;

    *yes = s && zc_stored_holds(s, path);
    if (s && !*yes) {
        zc_warning(log, "'%s' is not as it was written, and is made again",
                   zc_quote_path(path).text);
        ZC_TRY(zc_folder_lose(m->folder, log, kind, index));
    }
done:
    return st;
}

/* Counts the frames that are on the disk for good. */
static zc_status look(making *m, bool *complete)
{
    zc_status st = ZC_OK;
    zc_str path = { 0 };
    const int targets = m->stills ? m->frames : 1;
    int there = 0;
    bool yes;

    for (int i = 0; i < targets; i++) {
        ZC_TRY(target_of(m, &path, i));
        ZC_TRY(holds(m, m->stills ? ZC_STORED_FRAME : ZC_STORED_FILM, i, zc_str_get(&path), &yes));
        there += yes;
    }
    *complete = there == targets;
    m->written = m->stills ? there : 0;
done:
    zc_str_fini(&path);
    return st;
}

/* ---- Generating ---- */

/* The engine begins only when the first frame is asked for: what is left may need none. */
static zc_status frame_of(making *m, int frame, const float **pixels)
{
    const zc_make_desc *d = m->d;
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    int wait = ZC_REEL_LATE;

    if (!m->job) {
        const zc_lasting keep = { .bookmark = m->bookmark, .texts = d->batch->texts,
                               .texts_bytes = d->batch->texts_bytes };
        ZC_TRY(zc_job_start_kept(d->engine, &m->job, d->q, &keep));
        d->job(d->user, m->job);
    }
    while (wait == ZC_REEL_LATE) {
        wait = zc_reel_wait(zc_job_reel(m->job), frame, WAIT_MS);
        if (zc_cancel_requested(d->cancel))
            zc_job_cancel(m->job);
        if (m->folder)
            ZC_TRY(zc_folder_beat(m->folder, log));
    }
    ZC_CHECK(!zc_cancel_requested(d->cancel), ZC_E_CANCELLED, "cancelled");
    ZC_CHECK(wait == ZC_OK, (zc_status)wait, "%s", zc_job_error(m->job));
    *pixels = zc_reel_frame(zc_job_reel(m->job), frame);
done:
    return st;
}

/* What caching did in each step, as JSON: from an earlier start, or of the job that makes the first
 * frame. "" if every step was computed. */
static zc_status trace_of(making *m, char **trace)
{
    static const char name[] = "trace";
    zc_log *log = m->log;
    const float *pixels;
    zc_status st = ZC_OK;
    zc_out *out = NULL;
    zc_str path = { 0 };
    zc_file_info info;
    size_t bytes;

    if (m->folder) {
        ZC_TRY(kept_of(m, &path, name, -1));
        if (zc_path_info(&info, zc_str_get(&path))) {
            ZC_TRY(zc_file_load(trace, &bytes, log, zc_str_get(&path), TRACE_BYTES));
            goto done;
        }
    }
    ZC_TRY(frame_of(m, 0, &pixels));
    bytes = strlen(zc_job_trace(m->job));
    ZC_CHECK(*trace = zc_copy_text(zc_job_trace(m->job), bytes), ZC_E_NOMEM, "out of memory");
    if (m->folder) {
        ZC_TRY(zc_out_create(&out, log, zc_str_get(&path), ZC_OUT_REPLACE));
        ZC_TRY(zc_out_write(out, log, *trace, bytes));
        ZC_TRY(zc_out_commit(&out, log));
    }
done:
    zc_out_abort(&out);
    zc_str_fini(&path);
    return st;
}

/* What the files will say about themselves. */
static zc_status take_notes(making *m)
{
    zc_status st = ZC_OK;
    char *trace = NULL;

    ZC_TRY(trace_of(m, &trace));
    ZC_TRY(zc_about_notes(&m->notes, m->log, m->d, zc_str_get(&m->manifest), trace));
    zc_sink_set_notes(m->sink, zc_notes_get(m->notes));
done:
    zc_free(trace);
    return st;
}

static void count_frames(making *m, int frames)
{
    m->written += frames;
    m->d->written(m->d->user, m->written);
}

static zc_status write_stills(making *m)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_str kept = { 0 }, target = { 0 };
    const float *pixels = NULL;
    zc_stored s;

    for (int i = 0; i < m->frames; i++) {
        if (zc_folder_stored(m->folder, ZC_STORED_FRAME, i))
            continue;
        ZC_TRY(frame_of(m, i, &pixels));
        ZC_TRY(kept_of(m, &kept, "frame", i));
        ZC_TRY(target_of(m, &target, i));
        ZC_TRY(zc_sink_frame(m->sink, zc_str_get(&kept), pixels, NULL, NULL));
        ZC_TRY(zc_publish(&s, log, zc_str_get(&kept), zc_str_get(&target),
                          m->d->batch->existing));
        ZC_TRY(zc_folder_add(m->folder, log, ZC_STORED_FRAME, i, &s));
        count_frames(m, 1);
    }
done:
    zc_str_fini(&kept);
    zc_str_fini(&target);
    return st;
}

/* Frames [first, first + count) as a file of their own. */
static zc_status write_piece(making *m, const char *path, int first, int count, bool whole)
{
    zc_status st = ZC_OK;
    const float *pixels = NULL;
    zc_film *film = NULL;

    ZC_TRY(frame_of(m, first, &pixels));
    ZC_TRY(whole ? zc_film_begin(&film, m->sink, path) : zc_segment_begin(&film, m->sink, path));
    for (int i = first; i < first + count; i++) {
        ZC_TRY(frame_of(m, i, &pixels));
        ZC_TRY(zc_film_add(film, pixels));
    }
    st = zc_film_finish(&film, NULL);
done:
    zc_film_abort(&film);
    return st;
}

static zc_status write_segments(making *m, char **paths, int count)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_str path = { 0 };
    zc_stored s;
    bool yes;

    for (int i = 0; i < count; i++) {
        const int first = i * SEGMENT;
        const int frames = m->frames - first < SEGMENT ? m->frames - first : SEGMENT;

        ZC_TRY(kept_of(m, &path, "segment", i));
        ZC_TRY(holds(m, ZC_STORED_SEGMENT, i, zc_str_get(&path), &yes));
        if (!yes) {
            ZC_TRY(write_piece(m, zc_str_get(&path), first, frames, false));
            ZC_TRY(zc_stored_of(&s, log, zc_str_get(&path)));
            ZC_TRY(zc_folder_add(m->folder, log, ZC_STORED_SEGMENT, i, &s));
        }
        count_frames(m, frames);
        ZC_CHECK(paths[i] = zc_str_release(&path), ZC_E_NOMEM, "out of memory");
    }
done:
    zc_str_fini(&path);
    return st;
}

static zc_status write_film(making *m)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    const int count = (m->frames + SEGMENT - 1) / SEGMENT;
    char **paths = zc_new_array(char *, (size_t)count);
    zc_str kept = { 0 };
    zc_stored s;

    ZC_CHECK(paths, ZC_E_NOMEM, "out of memory");
    ZC_TRY(kept_of(m, &kept, "film", -1));
    if (m->segments) {
        ZC_TRY(write_segments(m, paths, count));
        ZC_TRY(zc_film_join(m->sink, zc_str_get(&kept), (const char *const *)paths, count, NULL));
    } else {
        ZC_TRY(write_piece(m, zc_str_get(&kept), 0, m->frames, true));
        count_frames(m, m->frames);
    }
    ZC_TRY(zc_publish(&s, log, zc_str_get(&kept), m->d->output, m->d->batch->existing));
    ZC_TRY(zc_folder_add(m->folder, log, ZC_STORED_FILM, 0, &s));
done:
    for (int i = 0; paths && i < count; i++)
        zc_free(paths[i]);
    zc_free(paths);
    zc_str_fini(&kept);
    return st;
}

/* What was made, of what, and how long it took, beside the output. */
static zc_status write_report(making *m)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_str text = { 0 }, path = { 0 };
    zc_json_writer w = { .to = &text };
    zc_out *out = NULL;
    char digest[65];

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "job");
    zc_json_add_json(&w, zc_str_get(&m->manifest));
    zc_json_add_key(&w, "files");
    zc_json_begin_array(&w);
    for (int i = 0; i < (m->stills ? m->frames : 1); i++) {
        const zc_stored *s = zc_folder_stored(m->folder, m->stills ? ZC_STORED_FRAME
                                                                   : ZC_STORED_FILM, i);
        ZC_TRY(target_of(m, &path, i));
        const char *slash = strrchr(zc_str_get(&path), '/');
        zc_sha256_text(digest, s->digest);
        zc_json_begin_object(&w);
        zc_json_add_key(&w, "name");
        zc_json_add_string(&w, slash ? slash + 1 : zc_str_get(&path));
        zc_json_add_key(&w, "bytes");
        zc_json_add_u64(&w, s->size);
        zc_json_add_key(&w, "sha256");
        zc_json_add_string(&w, digest);
        zc_json_end_object(&w);
    }
    zc_json_end_array(&w);
    zc_json_add_key(&w, "run");
    if (m->job && *zc_job_report(m->job))
        zc_json_add_json(&w, zc_job_report(m->job));
    else
        zc_json_add_null(&w);
    zc_json_end_object(&w);
    zc_str_add(&text, "\n");
    ZC_CHECK(!text.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(report_of(m, &path));
    ZC_TRY(zc_out_create(&out, log, zc_str_get(&path), ZC_OUT_REPLACE));
    ZC_TRY(zc_out_write(out, log, text.text, text.length));
    ZC_TRY(zc_out_commit(&out, log));
done:
    zc_out_abort(&out);
    zc_str_fini(&text);
    zc_str_fini(&path);
    return st;
}

/* ---- The whole ---- */

/* 23.976 and its like are 24000 / 1001; other rates are taken to a thousandth. */
static zc_rate rate_of(double fps)
{
    const int32_t whole = (int32_t)(fps * 1.001 + 0.5), thousandths = (int32_t)(fps * 1000 + 0.5);
    const double off = fps * 1.001 - whole;

    if (thousandths % 1000 == 0)
        return (zc_rate){ thousandths / 1000, 1 };
    return off < 0.002 && off > -0.002 ? (zc_rate){ whole * 1000, 1001 }
                                       : (zc_rate){ thousandths, 1000 };
}

zc_status zc_make_sink(zc_sink **out, zc_log *log, const zc_request *q, const char *output, int fd)
{
    return zc_sink_open(out, &(zc_sink_desc){
        .log = log, .name = q->sink, .options = q->sink_options, .path = output, .fd = fd,
        .width = q->width, .height = q->height, .rate = rate_of((double)q->fps),
        .policy = ZC_OUT_REPLACE });
}

static zc_status open_sink(making *m)
{
    zc_status st = ZC_OK;

    ZC_TRY(zc_make_sink(&m->sink, m->log, m->d->q, m->d->output, m->d->batch->fd));
    m->stills = zc_sink_kind_get(m->sink) == ZC_SINK_FRAMES;
    m->segments = zc_sink_segments(m->sink);
done:
    return st;
}

/* A stream: nothing of it is kept. */
static zc_status stream(making *m)
{
    zc_status st = ZC_OK;

    ZC_TRY(zc_manifest_of(&m->manifest, m->d, SEGMENT));
    ZC_TRY(take_notes(m));
    ZC_TRY(write_piece(m, "-", 0, m->frames, true));
    count_frames(m, m->frames);
done:
    return st;
}

static zc_status open_folder(making *m)
{
    const zc_make_desc *d = m->d;
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    zc_str root = { 0 };
    const char *slash = strrchr(d->output, '/');

    ZC_TRY(make_folders(m));
    if (d->batch->jobs)
        zc_str_add(&root, d->batch->jobs);
    else
        zc_str_add_format(&root, "%.*s.zoetrope", slash ? (int)(slash - d->output) + 1 : 0,
                          d->output);
    ZC_CHECK(!root.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_manifest_of(&m->manifest, d, SEGMENT));
    ZC_TRY(zc_folder_open(&m->folder, log, &(zc_folder_desc){
        .root = zc_str_get(&root), .manifest = zc_str_get(&m->manifest),
        .beat_ms = d->batch->beat_ms, .cancel = d->cancel }));
    zc_str_clear(&root);
    zc_folder_path(m->folder, &root, ".");
    ZC_CHECK(!root.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_bookmark_open(&m->bookmark, log, zc_str_get(&root), zc_folder_digest(m->folder),
                            d->batch->checkpoint_seconds));
done:
    zc_str_fini(&root);
    return st;
}

static zc_status make_files(making *m, bool *skipped)
{
    zc_log *log = m->log;
    zc_status st = ZC_OK;
    bool complete;

    ZC_TRY(look(m, &complete));
    *skipped = complete && zc_folder_is_done(m->folder) &&
               m->d->batch->existing != ZC_EXISTING_FAIL;
    if (*skipped) {
        st = zc_folder_tidy(m->folder, log);          /* the last run may have been killed here */
        goto done;
    }
    ZC_TRY(check_targets(m));
    if (zc_folder_is_new(m->folder))
        ZC_TRY(zc_folder_begin(m->folder, log));
    m->d->written(m->d->user, m->written);
    if (!complete) {
        ZC_TRY(take_notes(m));
        ZC_TRY(m->stills ? write_stills(m) : write_film(m));
    }
    ZC_TRY(write_report(m));
    ZC_TRY(zc_folder_finish(m->folder, log));
    ZC_TRY(zc_folder_tidy(m->folder, log));
done:
    return st;
}

zc_status zc_make(const zc_make_desc *d, bool *skipped)
{
    making m = { .d = d, .log = d->log, .frames = d->q->frames };
    zc_status st = ZC_OK;

    *skipped = false;
    ZC_TRY(open_sink(&m));
    if (strcmp(d->output, "-") == 0) {
        ZC_TRY(stream(&m));
        goto done;
    }
    ZC_TRY(open_folder(&m));
    ZC_TRY(make_files(&m, skipped));
done:
    if (st != ZC_OK && m.folder && !zc_folder_is_new(m.folder))
        (void)zc_folder_fail(m.folder, NULL, st);         /* the first failure is the one to tell */
    d->job(d->user, NULL);
    zc_job_close(&m.job);
    zc_bookmark_close(&m.bookmark);
    zc_sink_close(&m.sink);
    zc_notes_destroy(&m.notes);
    zc_folder_close(&m.folder);
    zc_str_fini(&m.manifest);
    return st;
}
