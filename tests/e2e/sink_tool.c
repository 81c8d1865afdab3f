/* Writes frames of a known film through any sink, and compares what is read back.
 *
 *     sink_tool write    MODULES PATH WIDTHxHEIGHT FRAMES RATE OPTIONS
 *     sink_tool segments MODULES PATH WIDTHxHEIGHT FRAMES RATE OPTIONS
 *     sink_tool faults   MODULES PATH WIDTHxHEIGHT FRAMES RATE OPTIONS
 *     sink_tool compare  MODULES PATH WIDTHxHEIGHT FRAMES
 *
 * PATH may be a pattern of numbered files; "-" is standard output. OPTIONS are lines of
 * "key = value"; the key "sink" names the row. compare prints width, height, frames,
 * rate, the least PSNR of a frame and the largest difference. faults lets each call for
 * a file and each request for memory fail in turn, and prints how many there were. Exit
 * status: 0, or 1 after a message of one line. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/measure/psnr.h"
#include "core/sink/provenance.h"
#include "core/sink/reader.h"
#include "core/sink/sequence.h"
#include "core/sink/sink.h"
#include "tests/unit/faults.h"

enum { SEGMENT = 7 };

static zc_log tool_log;
static int width, height, frames;
static float *pixels;

static void say(void *user, zc_level level, const char *text)
{
    (void)user;
    fprintf(stderr, "%d %s\n", (int)level, text);
}

/* Gradients that move, a bright spot, and hardly any noise: as a decoder would give them. */
static const float *frame(int t)
{
    uint32_t seed = (uint32_t)t * 7919 + 1;

    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const double u = (double)x / width, v = (double)y / height;
            const double disc = exp(-20 * (pow(u - 0.4 - 0.01 * t, 2) + pow(v - 0.5, 2)));
            const double rgb[3] = { u * 0.7 + 0.2 * disc, 0.5 + 0.4 * sin(6 * v + 0.2 * t),
                                    v * 0.5 + 0.4 * disc };
            for (int c = 0; c < 3; c++) {
                seed = seed * 1664525 + 1013904223;
                const double noise = ((double)(seed >> 8) / (1 << 24) - 0.5) * 0.004;
                *pixels++ = (float)(2 * (rgb[c] * 0.98 + 0.01 + noise) - 1);
            }
        }
    }
    pixels -= (size_t)width * (size_t)height * 3;
    return pixels;
}

static zc_status write_frames(zc_sink *s, const char *path)
{
    zc_status st = ZC_OK;
    zc_str name = { 0 };

    for (int t = 0; t < frames && st == ZC_OK; t++) {
        zc_str_clear(&name);
        zc_sequence_path(&name, path, t + 1);
        st = zc_sink_frame(s, zc_str_get(&name), frame(t), NULL, NULL);
    }
    zc_str_fini(&name);
    return st;
}

static zc_status add(zc_film *f, int from, int to)
{
    zc_status st = ZC_OK;

    for (int t = from; t < to && st == ZC_OK; t++)
        st = zc_film_add(f, frame(t));
    return st;
}

static zc_status write_film(zc_sink *s, const char *path)
{
    zc_film *f = NULL;
    zc_status st = ZC_OK;

    ZC_TRY(zc_film_begin(&f, s, path));
    ZC_TRY(add(f, 0, frames));
    ZC_TRY(zc_film_finish(&f, NULL));
done:
    zc_film_abort(&f);
    return st;
}

static zc_status write_segments(zc_sink *s, const char *path)
{
    char names[64][300];
    const char *list[64];
    int count = 0;
    zc_film *f = NULL;
    zc_status st = ZC_OK;

    for (int t = 0; t < frames; t += SEGMENT, count++) {
        snprintf(names[count], sizeof(names[0]), "%s.%d", path, count);
        list[count] = names[count];
        ZC_TRY(zc_segment_begin(&f, s, list[count]));
        ZC_TRY(add(f, t, t + SEGMENT < frames ? t + SEGMENT : frames));
        ZC_TRY(zc_film_finish(&f, NULL));
    }
    ZC_TRY(zc_film_join(s, path, list, count, NULL));
done:
    zc_film_abort(&f);
    for (int i = 0; i < count; i++)
        unlink(list[i]);
    return st;
}

/* The row's name out of the options. */
static const char *take_name(char *options)
{
    static char name[32];
    const char *line = strstr(options, "sink = ");

    if (!line)
        return NULL;
    const size_t n = strcspn(line + 7, "\n");
    snprintf(name, sizeof(name), "%.*s", (int)n, line + 7);
    char *at = options + (line - options);
    memmove(at, at + 7 + n, strlen(at + 7 + n) + 1);
    while (*at == '\n')
        memmove(at, at + 1, strlen(at));
    return name;
}

static zc_status write_all(char **argv, bool segments)
{
    const zc_provenance about = {
        .program = "zoetrope test", .preset = "tiny", .model = "small",
        .prompt = "a red ball; 100 %",
        .negative = "ugly", .model_fingerprint = "0123456789abcdef", .sampler = "flow-euler",
        .cache = "lesa", .predictor_fingerprint = "fedcba9876543210", .seed = 7, .steps = 50,
        .computed = 10, .guidance = 6, .cfg = 1, .shift = 7, .width = width, .height = height,
        .frames = frames,
    };
    zc_notes *notes = NULL;
    zc_sink *s = NULL;
    zc_status st = ZC_OK;
    zc_rate rate = { 24, 1 };

    sscanf(argv[4], "%d/%d", &rate.num, &rate.den);
    const char *name = take_name(argv[5]);
    ZC_TRY(zc_notes_create(&notes, &tool_log, &about));
    ZC_TRY(zc_sink_open(&s, &(zc_sink_desc){
        .log = &tool_log, .name = name, .options = argv[5], .path = argv[1], .fd = 1,
        .width = width, .height = height, .rate = rate, .policy = ZC_OUT_REPLACE,
        .notes = zc_notes_get(notes), .modules = argv[0] }));
    if (zc_sink_kind_get(s) == ZC_SINK_FRAMES)
        ZC_TRY(write_frames(s, argv[1]));
    else
        ZC_TRY(segments ? write_segments(s, argv[1]) : write_film(s, argv[1]));
done:
    zc_sink_close(&s);
    zc_notes_destroy(&notes);
    return st;
}

/* What is left of a file that could not be written: nothing. */
static bool is_clean(const char *path)
{
    char partial[300];

    snprintf(partial, sizeof(partial), "%s.partial", path);
    const bool clean = access(partial, F_OK) != 0;
    unlink(partial);
    return clean && faults_open_files() == 0;
}

static zc_status fail_in_turn(char **argv)
{
    char options[2000];
    int files = 0, blocks = 0;

    zc_log_set_level(&tool_log, ZC_LEVEL_ERROR);
    for (int n = 1; n - 1 <= files; n++) {
        unlink(argv[1]);
        snprintf(options, sizeof(options), "%s", argv[5]);
        char *args[] = { argv[0], argv[1], argv[2], argv[3], argv[4], options };
        faults_file(n, FAULT_ONWARDS, ENOSPC);
        const zc_status st = write_all(args, false);
        files = faults_file_end();
        /* Removing fails too from here on, so only the first failure is looked at. */
        if ((st == ZC_OK) != (files < n) || faults_open_files() != 0) {
            fprintf(stderr, "call %d of %d for a file: status %d\n", n, files, (int)st);
            return ZC_E_IO;
        }
        is_clean(argv[1]);
    }
    for (int n = 1; n - 1 <= blocks; n++) {
        unlink(argv[1]);
        snprintf(options, sizeof(options), "%s", argv[5]);
        char *args[] = { argv[0], argv[1], argv[2], argv[3], argv[4], options };
        faults_file(0, FAULT_ONCE, 0);
        faults_alloc(n, FAULT_ONCE);
        const zc_status st = write_all(args, false);
        blocks = faults_alloc_end();
        faults_file_end();
        if ((st == ZC_OK) != (blocks < n) || faults_live_blocks() != 0 || !is_clean(argv[1])) {
            fprintf(stderr, "request %d of %d for memory: status %d, %d are left\n", n, blocks,
                    (int)st, faults_live_blocks());
            return ZC_E_NOMEM;
        }
    }
    printf("%d %d\n", files, blocks);
    return ZC_OK;
}

static zc_status compare(char **argv)
{
    const size_t values = (size_t)width * (size_t)height * 3;
    float *rgb = zc_alloc(values * sizeof(float));
    double least = INFINITY, most = 0;
    zc_reader *r = NULL;
    bool more = true;
    zc_status st = ZC_OK;
    int t = 0;

    ZC_TRY(zc_reader_open(&r, &tool_log, argv[1], argv[0]));
    const zc_film_info *info = zc_reader_info(r);
    if (info->width != width || info->height != height)
        st = ZC_E_SHAPE;
    for (; st == ZC_OK; t++) {
        ZC_TRY(zc_reader_next(r, rgb, &more));
        if (!more)
            break;
        const float *wanted = frame(t);
        for (size_t i = 0; i < values; i++) {
            rgb[i] = 2 * rgb[i] - 1;
            most = fmax(most, fabs((double)rgb[i] - (double)wanted[i]) / 2);
        }
        least = fmin(least, zc_psnr_f32(rgb, wanted, values, 2));
    }
    printf("%d %d %d %d/%d %.3f %.7f %d\n", info->width, info->height, t, info->rate.num,
           info->rate.den, least, most, info->depth);
done:
    zc_reader_close(&r);
    zc_free(rgb);
    return st;
}

int main(int argc, char **argv)
{
    zc_status st = ZC_E_ARGUMENT;

    if (argc < 6 || sscanf(argv[4], "%dx%d", &width, &height) != 2 ||
        zc_log_init(&tool_log, ZC_LEVEL_INFO, say, NULL) != ZC_OK)
        return 64;
    frames = atoi(argv[5]);
    pixels = malloc((size_t)width * (size_t)height * 3 * sizeof(float));
    char *rest[6] = { argv[2], argv[3], argv[4], argv[5], argc > 6 ? argv[6] : NULL,
                      argc > 7 ? argv[7] : NULL };
    if (strcmp(argv[1], "compare") == 0)
        st = compare(rest);
    else if (argc == 8 && strcmp(argv[1], "faults") == 0)
        st = fail_in_turn(rest);
    else if (argc == 8)
        st = write_all(rest, strcmp(argv[1], "segments") == 0);
    free(pixels);
    zc_log_fini(&tool_log);
    return st != ZC_OK;
}
