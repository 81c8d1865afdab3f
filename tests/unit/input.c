/* Frames that a job starts from: formats, rows upwards, and what is refused by name. */

#include <math.h>

#include "core/base/alloc.h"
#include "core/input.h"
#include "kernels/dtype.h"
#include "tests/unit/test.h"

enum { W = 2, H = 2 };

static zc_log log_;

static const char *error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&log_, text, sizeof(text));
    return text;
}

static zc_status copy(zc_input **out, const void *const *data, int format, int64_t pitch,
                      int frames)
{
    return zc_input_copy(out, &log_, &(zc_input_desc){ .width = W, .height = H, .frames = frames,
                                                       .format = format, .pitch = pitch,
                                                       .data = data }, W, H, 5);
}

static void every_format_means_the_same(void)
{
    static const uint8_t bytes[16] = { 255, 0, 51, 7, 0, 255, 102, 7, 51, 51, 51, 7, 0, 0, 0, 7 };
    uint16_t words[16], halves[16];
    float floats[16];
    const void *const data[4] = { bytes, words, halves, floats };
    static const int sizes[4] = { 1, 2, 2, 4 };

    for (int i = 0; i < 16; i++) {
        words[i] = (uint16_t)(bytes[i] * 257);
        floats[i] = (float)bytes[i] / 255.0f;
        halves[i] = zk_f16_from_f32(floats[i]);
    }
    for (int f = 0; f < 4; f++) {
        zc_input *in = NULL;
        REQUIRE_INT(copy(&in, &data[f], f, (int64_t)W * 4 * sizes[f], 1), ZC_OK);
        REQUIRE(in->width == W && in->height == H && in->frames == 1);
        for (int i = 0; i < W * H; i++) {
            for (int c = 0; c < 3; c++)
                REQUIRE_NEAR(in->pixels[i * 3 + c], floats[i * 4 + c] * 2 - 1, 2e-3);
        }
        zc_free(in);
    }
}

static void rows_may_go_upwards_and_frames_follow_each_other(void)
{
    uint8_t a[W * H * 4], b[W * H * 4];
    const void *const data[2] = { a + W * 4, b + W * 4 };
    zc_input *in = NULL;

    for (int i = 0; i < W * H * 4; i++) {
        a[i] = (uint8_t)i;
        b[i] = (uint8_t)(100 + i);
    }
    REQUIRE_INT(copy(&in, data, 0, -W * 4, 2), ZC_OK);
    REQUIRE_NEAR(in->pixels[0], 8 / 127.5 - 1, 1e-6);             /* the second row of a */
    REQUIRE_NEAR(in->pixels[W * 3], 0 / 127.5 - 1, 1e-6);
    REQUIRE_NEAR(in->pixels[W * H * 3], 108 / 127.5 - 1, 1e-6);
    zc_free(in);
}

static void what_does_not_fit_is_named(void)
{
    float pixels[W * H * 4] = { 0 };
    const void *data[2] = { pixels, NULL };
    zc_input *in = NULL;
    zc_input_desc d = { .width = 3, .height = H, .frames = 1, .format = 3, .pitch = 48,
                        .data = data };

    REQUIRE_INT(zc_input_copy(&in, &log_, &d, W, H, 5), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: frames of 3 by 2, expected those of the job, 2 by 2");
    REQUIRE_INT(copy(&in, data, 4, 32, 1), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: format 4, expected 0 to 3");
    REQUIRE_INT(copy(&in, data, 3, 32, 6), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: 6 frames, expected 1 to the job's 5");
    REQUIRE_INT(copy(&in, data, 3, 32, 0), ZC_E_ARGUMENT);
    REQUIRE_INT(copy(&in, data, 3, 31, 1), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: a pitch of 31 bytes, expected 32 to 2147483647, or its negative");
    REQUIRE_INT(copy(&in, data, 3, INT64_MIN, 1), ZC_E_ARGUMENT);
    REQUIRE_INT(copy(&in, data, 3, INT64_MAX, 1), ZC_E_ARGUMENT);
    REQUIRE_INT(copy(&in, NULL, 3, 32, 1), ZC_E_ARGUMENT);
    REQUIRE_INT(copy(&in, data, 3, 32, 2), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: frame 1 has no data");
    pixels[9] = NAN;
    REQUIRE_INT(copy(&in, data, 3, 32, 1), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "input: frame 0 at 0, 1: a value is no finite number");
    pixels[9] = -7.5f;
    REQUIRE_INT(copy(&in, data, 3, 32, 1), ZC_OK);
    REQUIRE_NEAR(in->pixels[7], -16.0, 0);
    zc_free(in);
}

int main(void)
{
    REQUIRE_INT(zc_log_init(&log_, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    TEST(every_format_means_the_same);
    TEST(rows_may_go_upwards_and_frames_follow_each_other);
    TEST(what_does_not_fit_is_named);
    zc_log_fini(&log_);
    return test_end();
}
