/* Sinks and readers that need no library: what is written is read back, a film in
 * segments is the film in one, and what fails leaves nothing. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/sink/reader.h"
#include "core/sink/sequence.h"
#include "core/sink/sink.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

enum { W = 18, H = 10, FRAMES = 5, VALUES = W * H * 3 };

static bool exists(const char *name)
{
    struct stat s;

    return stat(in(name), &s) == 0;
}

/* A reel's values: smooth, with edges, and some beyond the range. */
static const float *frame(int t)
{
    static float values[VALUES];

    for (int i = 0; i < W * H; i++) {
        const int x = i % W, y = i / W;
        values[3 * i] = 2.2f * (float)x / W - 1.1f;
        values[3 * i + 1] = 1 - 2 * (float)y / H;
        values[3 * i + 2] = (float)((x + y + 3 * t) % 7) / 3 - 1;
    }
    return values;
}

/* What a reader should give: clamped, 0 .. 1. */
static float expected(int t, int i)
{
    const float v = frame(t)[i] * 0.5f + 0.5f;

    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static zc_sink_desc desc_of(const char *path, const char *options)
{
    return (zc_sink_desc){ .log = &test_log, .path = path, .options = options, .width = W,
                           .height = H, .rate = { 24, 1 }, .policy = ZC_OUT_REPLACE };
}

/* Frames from .. to - 1 as a film or a segment of one. */
static zc_status write_part(zc_sink *s, const char *path, int from, int to, bool segment,
                            zc_written *written)
{
    zc_film *f = NULL;
    zc_status st = ZC_OK;

    ZC_TRY(segment ? zc_segment_begin(&f, s, path) : zc_film_begin(&f, s, path));
    for (int t = from; t < to; t++)
        ZC_TRY(zc_film_add(f, frame(t)));
    ZC_TRY(zc_film_finish(&f, written));
done:
    zc_film_abort(&f);
    return st;
}

static zc_status write_film(const char *path, const char *options, zc_written *written)
{
    const zc_sink_desc desc = desc_of(path, options);
    zc_sink *s = NULL;
    zc_status st = zc_sink_open(&s, &desc);

    if (st == ZC_OK)
        st = write_part(s, path, 0, FRAMES, false, written);
    zc_sink_close(&s);
    return st;
}

/* Largest difference of a film to the frames; -1 if it can't be read, or has others. */
static double difference(const char *path)
{
    static float rgb[VALUES];
    zc_reader *r = NULL;
    double most = -1;
    bool more = true;

    REQUIRE_INT(zc_reader_open(&r, &test_log, path, NULL), ZC_OK);
    if (!r)
        return most;
    const zc_film_info *info = zc_reader_info(r);
    REQUIRE_INT(info->width, W);
    REQUIRE_INT(info->height, H);
    REQUIRE_INT(info->frames, FRAMES);
    for (int t = 0; t <= FRAMES; t++) {
        REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
        REQUIRE_INT(more, t < FRAMES);
        for (int i = 0; more && i < VALUES; i++)
            most = fmax(most, fabs((double)rgb[i] - (double)expected(t, i)));
    }
    zc_reader_close(&r);
    return most;
}

static void a_film_is_read_back(void)
{
    static const struct { const char *options; double most; } cases[] = {
        { "", 0.015 }, { "dither = none", 0.008 }, { "depth = 10\ndither = none", 0.002 },
        { "depth = 16", 0.00004 }, { "depth = 12\ndither = diffusion", 0.0009 },
    };
    zc_written w;

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        REQUIRE_INT(write_film(in("a.y4m"), cases[i].options, &w), ZC_OK);
        const double most = difference(in("a.y4m"));
        REQUIRE(most >= 0 && most <= cases[i].most);
        struct stat s = { 0 };
        REQUIRE_INT(stat(in("a.y4m"), &s), 0);
        REQUIRE_INT(w.bytes, s.st_size);
        REQUIRE(!exists("a.y4m.partial"));
    }
}

/* Flat colours survive fewer samples of colour. */
static void chroma_is_shared(void)
{
    static float flat[VALUES], rgb[VALUES];
    static const char *const options[] = { "chroma = 420\ndither = none",
                                           "chroma = 422\ndither = none\ndepth = 10" };

    for (int i = 0; i < VALUES; i++)
        flat[i] = (float)(i % 3) * 0.5f - 0.6f;
    for (size_t k = 0; k < ZC_COUNT(options); k++) {
        const zc_sink_desc desc = desc_of(in("flat.y4m"), options[k]);
        zc_sink *s = NULL;
        zc_film *f = NULL;
        zc_reader *r = NULL;
        bool more = false;
        REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
        REQUIRE_INT(zc_film_begin(&f, s, in("flat.y4m")), ZC_OK);
        REQUIRE_INT(zc_film_add(f, flat), ZC_OK);
        REQUIRE_INT(zc_film_finish(&f, NULL), ZC_OK);
        zc_sink_close(&s);
        REQUIRE_INT(zc_reader_open(&r, &test_log, in("flat.y4m"), NULL), ZC_OK);
        REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
        for (int i = 0; i < VALUES; i++)
            REQUIRE_NEAR(rgb[i], flat[i] * 0.5f + 0.5f, 0.008);
        zc_reader_close(&r);
    }
}

static void raw_is_rounded_to_the_nearest(void)
{
    uint8_t bytes[VALUES];
    FILE *f;

    REQUIRE_INT(write_film(in("a.rgb"), NULL, NULL), ZC_OK);
    REQUIRE((f = fopen(in("a.rgb"), "rb")) != NULL);
    for (int t = 0; t < FRAMES; t++) {
        REQUIRE_INT(fread(bytes, 1, VALUES, f), VALUES);
        for (int i = 0; i < VALUES; i++)
            REQUIRE_INT(bytes[i], (int)rintf(expected(t, i) * 255));
    }
    REQUIRE_INT(fread(bytes, 1, 1, f), 0);
    fclose(f);
}

static void segments_join_to_the_film(void)
{
    static const char *const names[] = { "b.y4m", "b.rgb" };

    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        const zc_sink_desc desc = desc_of(in(names[i]), NULL);
        const char *const parts[] = { in("part.0"), in("part.1"), in("part.2") };
        zc_sink *s = NULL;
        zc_written whole, joined;
        REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
        REQUIRE_INT(zc_sink_kind_get(s), ZC_SINK_FILM);
        REQUIRE(zc_sink_segments(s));
        REQUIRE_INT(write_part(s, in(names[i]), 0, FRAMES, false, &whole), ZC_OK);
        REQUIRE_INT(write_part(s, parts[0], 0, 2, true, NULL), ZC_OK);
        REQUIRE_INT(write_part(s, parts[1], 2, 3, true, NULL), ZC_OK);
        REQUIRE_INT(write_part(s, parts[2], 3, FRAMES, true, NULL), ZC_OK);
        REQUIRE_INT(zc_film_join(s, in(names[i]), parts, 3, &joined), ZC_OK);
        REQUIRE_INT(joined.bytes, whole.bytes);
        REQUIRE(test_same(joined.sha256, whole.sha256, 32));
        REQUIRE_INT(truncate(parts[1], 40), 0);
        REQUIRE(zc_film_join(s, in(names[i]), parts, 3, NULL) != ZC_OK);
        REQUIRE_HAS(error(), "part.1");
        zc_sink_close(&s);
    }
}

static void what_is_wrong_is_named(void)
{
    zc_sink_desc desc = desc_of("film.y4m", "detph = 10");
    zc_sink *s = NULL;
    zc_reader *r = NULL;

    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_E_MISSING);
    REQUIRE_HAS(error(), "sink.detph");
    REQUIRE_HAS(error(), "depth");
    desc.options = "depth = 7";
    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_E_ARGUMENT);
    REQUIRE_HAS(error(), "8 to 16");
    desc.options = NULL;
    desc.name = "y4n";
    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_E_MISSING);
    REQUIRE_HAS(error(), "y4m");
    desc.name = NULL;
    desc.path = "film";
    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_E_UNSUPPORTED);
    REQUIRE_HAS(error(), "extension");
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("none.y4m"), NULL), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("none.####.y4m"), NULL), ZC_E_NOT_FOUND);
}

static void bad_films_are_refused(void)
{
    static const struct { const char *text, *words; } cases[] = {
        { "YUV4MPEG2 W4 H4\n", "has 24 bytes" },
        { "YUV4MPEG2 W4\nFRAME\n", "no height" },
        { "YUV4MPEG2 W4 Hx C444\n", "'Hx'" },
        { "YUV4MPEG2 W65537 H1\n", "'W65537'" },
        { "YUV4MPEG2 W65536 H65536 C444p16\nFRAME\n", "25769803776 bytes" },
        { "YUV4MPEG2 W4 H4 C411\n", "'C411'" },
        { "YUV4MPEG2 W4 H4 C420p17\n", "'C420p17'" },
        { "YUV4MPEG2 W4 H4", "no end of line" },
        { "YUV4MPEG", "zoetrope-ffmpeg.so" },        /* not beside this program */
        { "", "is empty" },
    };

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        zc_reader *r = NULL;
        put("bad.y4m", cases[i].text);
        REQUIRE(zc_reader_open(&r, &test_log, in("bad.y4m"), NULL) != ZC_OK);
        REQUIRE_HAS(error(), cases[i].words);
    }
    zc_reader *r = NULL;
    float rgb[12];
    bool more = false;
    put("bad.y4m", "YUV4MPEG2 W2 H2 Cmono F25:1\nFRAME Ip\nabcdFRAME\nabcFRAM");
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("bad.y4m"), NULL), ZC_OK);
    REQUIRE_INT(zc_reader_info(r)->rate.num, 25);
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
    REQUIRE_NEAR(rgb[0], ('a' - 16) / 219.0, 1e-6);
    REQUIRE_NEAR(rgb[11], ('d' - 16) / 219.0, 1e-6);
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_E_FORMAT);
    zc_reader_close(&r);
}

static void a_file_that_is_there_stays(void)
{
    zc_sink_desc desc = desc_of(in("old.y4m"), NULL);
    zc_sink *s = NULL;
    zc_film *f = NULL;

    put("old.y4m", "precious");
    desc.policy = ZC_OUT_NEW;
    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
    REQUIRE_INT(zc_film_begin(&f, s, in("old.y4m")), ZC_E_ARGUMENT);
    REQUIRE_HAS(error(), "exists already");
    REQUIRE(!exists("old.y4m.partial"));
    REQUIRE_INT(zc_film_begin(&f, s, in("new.y4m")), ZC_OK);
    REQUIRE_INT(zc_film_add(f, frame(0)), ZC_OK);
    REQUIRE(exists("new.y4m.partial") && !exists("new.y4m"));
    zc_film_abort(&f);
    REQUIRE(!exists("new.y4m.partial") && !exists("new.y4m"));
    zc_sink_close(&s);
}

static void a_pipe_gets_the_same_bytes(void)
{
    zc_sink_desc desc = desc_of("-", NULL);
    zc_sink *s = NULL;
    zc_written w = { 0 }, whole = { 0 };
    int fds[2];

    REQUIRE_INT(write_film(in("c.y4m"), NULL, &whole), ZC_OK);
    REQUIRE_INT(pipe(fds), 0);
    desc.fd = fds[1];
    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
    REQUIRE_INT(write_part(s, "-", 0, FRAMES, false, &w), ZC_OK);
    zc_sink_close(&s);
    REQUIRE_INT(w.bytes, whole.bytes);
    close(fds[1]);
    FILE *a = fdopen(fds[0], "rb"), *b = fopen(in("c.y4m"), "rb");
    for (uint64_t i = 0; i < whole.bytes; i++)
        REQUIRE_INT(fgetc(a), fgetc(b));
    REQUIRE_INT(fgetc(a), EOF);
    fclose(a);
    fclose(b);
}

static void numbers_in_names(void)
{
    static const struct { const char *pattern; int64_t number; const char *path; } cases[] = {
        { "a/b.####.exr", 7, "a/b.0007.exr" }, { "a/b.####.exr", 12345, "a/b.12345.exr" },
        { "s%03d.png", 5, "s005.png" },        { "s%d.png", 5, "s5.png" },
        { "s$F4.png", -8, "s-0008.png" },      { "s$F.png", 12, "s12.png" },
        { "s$F1x", 3, "s3x" },                 { "plain.png", 3, "plain.png" },
        { "a#/b", 3, "a#/b" },
    };
    zc_str s = { 0 };

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        int64_t number = -99;
        zc_str_clear(&s);
        zc_sequence_path(&s, cases[i].pattern, cases[i].number);
        REQUIRE_STR(zc_str_get(&s), cases[i].path);
        if (zc_sequence_is(cases[i].pattern)) {
            const char *slash = strrchr(cases[i].path, '/');
            REQUIRE(zc_sequence_match(cases[i].pattern, slash ? slash + 1 : cases[i].path,
                                      &number));
            REQUIRE_INT(number, cases[i].number);
        }
    }
    int64_t number;
    REQUIRE(!zc_sequence_match("a.####.x", "a.123.x", &number));
    REQUIRE(!zc_sequence_match("a.####.x", "a.01234.x", &number));
    REQUIRE(!zc_sequence_match("a.####.x", "a.1234.y", &number));
    REQUIRE(!zc_sequence_match("a.####.x", "b.1234.x", &number));
    REQUIRE(!zc_sequence_match("a.####.x", "a.9999999999999999999.x", &number));
    REQUIRE(!zc_sequence_match("a.x", "a.x", &number));
    zc_str_fini(&s);
}

/* Every request for memory and every call for a file fails once. */
static void nothing_is_left_by_failures(void)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/fault.y4m", folder);
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_alloc(n, FAULT_ONCE);
        const zc_status st = write_film(path, "depth = 10", NULL);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
        REQUIRE(!exists("fault.y4m.partial"));
        REQUIRE(exists("fault.y4m") || st != ZC_OK);
        unlink(path);
    }
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_file(n, FAULT_ONCE, ENOSPC);
        const zc_status st = write_film(path, NULL, NULL);
        calls = faults_file_end();
        REQUIRE_INT(faults_open_files(), 0);
        REQUIRE(st == ZC_OK || calls >= n);
        REQUIRE(exists("fault.y4m") || st != ZC_OK);
        unlink(path);
        unlink(in("fault.y4m.partial"));          /* it may be unlink that failed */
    }
    REQUIRE_INT(write_film(path, NULL, NULL), ZC_OK);
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_reader *r = NULL;
        faults_alloc(n, FAULT_ONCE);
        const zc_status st = zc_reader_open(&r, &test_log, in("fault.####.y4m"), NULL);
        zc_reader_close(&r);
        const zc_status other = zc_reader_open(&r, &test_log, path, NULL);
        zc_reader_close(&r);
        calls = faults_alloc_end();
        REQUIRE(calls >= n ? st == ZC_E_NOMEM || other == ZC_E_NOMEM : other == ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

static void write_picture(const char *path, const char *options, const zc_note *notes, int t)
{
    const zc_sink_desc desc = desc_of(path, options);
    zc_sink *s = NULL;

    REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
    REQUIRE_INT(zc_sink_kind_get(s), ZC_SINK_FRAMES);
    REQUIRE(!zc_sink_segments(s));
    REQUIRE_INT(zc_sink_frame(s, path, frame(t), notes, NULL), ZC_OK);
    zc_sink_close(&s);
}

static void pictures_are_exact(void)
{
    static const struct { const char *options; float most; } cases[] = {
        { "depth = 8", 255 }, { "depth = 16", 65535 },
    };
    static const zc_note notes[] = { { "comment", "a red ball" }, { "xmp", "<x/>" },
                                     { "title", "\xc3\xa9" }, { NULL, NULL } };
    static float rgb[VALUES];

    for (size_t k = 0; k < ZC_COUNT(cases); k++) {
        zc_reader *r = NULL;
        bool more = false;
        for (int t = 0; t < FRAMES; t++) {
            char name[32];
            snprintf(name, sizeof(name), "p.%04d.png", t);
            write_picture(in(name), cases[k].options, notes, t);
        }
        REQUIRE_INT(zc_reader_open(&r, &test_log, in("p.####.png"), NULL), ZC_OK);
        REQUIRE_INT(zc_reader_info(r)->depth, k ? 16 : 8);
        for (int t = 0; t < FRAMES; t++) {
            REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
            REQUIRE(more);
            for (int i = 0; i < VALUES; i++)
                REQUIRE_F64(rgb[i], rintf(expected(t, i) * cases[k].most) / cases[k].most);
        }
        REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
        REQUIRE(!more);
        zc_reader_close(&r);
    }
}

/* Every prefix of a picture, and every changed byte of it, is refused or read without harm. */
static void damaged_pictures_do_no_harm(void)
{
    static uint8_t bytes[20000];
    static float rgb[VALUES];
    FILE *f;

    write_picture(in("whole.png"), NULL, NULL, 1);
    REQUIRE((f = fopen(in("whole.png"), "rb")) != NULL);
    const size_t count = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    REQUIRE(count > 100 && count < sizeof(bytes));
    for (size_t i = 0; i < 2 * count; i++) {
        zc_reader *r = NULL;
        bool more = false;
        const bool cut = i < count;
        bytes[i % count] ^= cut ? 0 : 0x55;
        REQUIRE((f = fopen(in("hurt.png"), "wb")) != NULL);
        fwrite(bytes, 1, cut ? i : count, f);
        fclose(f);
        bytes[i % count] ^= cut ? 0 : 0x55;
        zc_status st = zc_reader_open(&r, &test_log, in("hurt.png"), NULL);
        if (st == ZC_OK)
            st = zc_reader_next(r, rgb, &more);
        zc_reader_close(&r);
        REQUIRE(st != ZC_OK);
        REQUIRE(*error());
    }
}

static void folders_are_read_in_order(void)
{
    zc_reader *r = NULL;
    float rgb[VALUES];
    bool more = true;

    REQUIRE_INT(mkdir(in("seq"), 0777), 0);
    for (int t = 0; t < 3; t++) {
        char name[32];
        const zc_sink_desc desc = desc_of("x.y4m", "depth = 16");
        zc_sink *s = NULL;
        snprintf(name, sizeof(name), "seq/f.%d.y4m", 8 + t);
        REQUIRE_INT(zc_sink_open(&s, &desc), ZC_OK);
        REQUIRE_INT(write_part(s, in(name), t, t + 1, false, NULL), ZC_OK);
        zc_sink_close(&s);
    }
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("seq/f.%d.y4m"), NULL), ZC_OK);
    REQUIRE_INT(zc_reader_info(r)->frames, 3);
    for (int t = 0; t < 3; t++) {
        REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
        REQUIRE(more);
        REQUIRE_NEAR(rgb[2], expected(t, 2), 0.0001);
    }
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
    REQUIRE(!more);
    zc_reader_close(&r);
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("seq"), NULL), ZC_OK);
    REQUIRE_INT(zc_reader_info(r)->frames, 3);
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
    REQUIRE_NEAR(rgb[2], expected(2, 2), 0.0001);          /* f.10 before f.8 */
    put("seq/g.y4m", "YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcd");
    zc_reader_close(&r);
    REQUIRE_INT(zc_reader_open(&r, &test_log, in("seq"), NULL), ZC_OK);
    for (int t = 0; t < 3; t++)
        REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_OK);
    REQUIRE_INT(zc_reader_next(r, rgb, &more), ZC_E_SHAPE);
    REQUIRE_HAS(error(), "2 by 2, expected 18 by 10");
    zc_reader_close(&r);
}

int main(void)
{
    if (!scratch_begin("/tmp/zc-sink-XXXXXX"))
        return 1;
    TEST(a_film_is_read_back);
    TEST(chroma_is_shared);
    TEST(raw_is_rounded_to_the_nearest);
    TEST(segments_join_to_the_film);
    TEST(what_is_wrong_is_named);
    TEST(bad_films_are_refused);
    TEST(a_file_that_is_there_stays);
    TEST(a_pipe_gets_the_same_bytes);
    TEST(numbers_in_names);
    TEST(nothing_is_left_by_failures);
    TEST(pictures_are_exact);
    TEST(damaged_pictures_do_no_harm);
    TEST(folders_are_read_in_order);
    scratch_end();
    return test_end();
}
