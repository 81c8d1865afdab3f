/* Layouts of the present header against the frozen one: every field of version 1 is
 * still where it was, structs and the table have only grown at their ends, and
 * numbers mean what they meant. */
#include <stddef.h>
#include <stdint.h>

#include "host-abi/zoetrope.h"
#include "tests/unit/test.h"

typedef struct field {
    const char *name;
    size_t      now, then;
} field;

#define AT(type, member, then) { #type "." #member, offsetof(type, member), then }

static const field fields[] = {
    AT(zt_engine_desc, size, 0), AT(zt_engine_desc, threads, 4), AT(zt_engine_desc, max_memory, 8),
    AT(zt_engine_desc, device, 16), AT(zt_engine_desc, log, 24), AT(zt_engine_desc, log_user, 32),
    AT(zt_engine_desc, log_level, 40), AT(zt_engine_desc, reserved, 44),
    AT(zt_item, size, 0), AT(zt_item, name, 8), AT(zt_item, summary, 16),
    AT(zt_param, size, 0), AT(zt_param, kind, 4), AT(zt_param, key, 8), AT(zt_param, help, 16),
    AT(zt_param, text, 24), AT(zt_param, choices, 32), AT(zt_param, value, 40),
    AT(zt_param, least, 48), AT(zt_param, most, 56),
    AT(zt_job_desc, size, 0), AT(zt_job_desc, width, 4), AT(zt_job_desc, height, 8),
    AT(zt_job_desc, frames, 12), AT(zt_job_desc, seed, 16), AT(zt_job_desc, preset, 24),
    AT(zt_job_desc, prompt, 32), AT(zt_job_desc, options, 40),
    AT(zt_job_desc, input, 48),
    AT(zt_input, size, 0), AT(zt_input, width, 4), AT(zt_input, height, 8),
    AT(zt_input, frames, 12), AT(zt_input, format, 16), AT(zt_input, reserved, 20),
    AT(zt_input, pitch, 24), AT(zt_input, data, 32),
    AT(zt_job_info, size, 0), AT(zt_job_info, width, 4), AT(zt_job_info, height, 8),
    AT(zt_job_info, frames, 12), AT(zt_job_info, phase, 16), AT(zt_job_info, step, 20),
    AT(zt_job_info, steps, 24), AT(zt_job_info, frames_done, 28), AT(zt_job_info, status, 32),
    AT(zt_job_info, seconds, 36), AT(zt_job_info, seconds_left, 40),
    AT(zt_frame, size, 0), AT(zt_frame, format, 4), AT(zt_frame, pitch, 8), AT(zt_frame, data, 16),
    AT(zt_plan, size, 0), AT(zt_plan, width, 4), AT(zt_plan, height, 8), AT(zt_plan, frames, 12),
    AT(zt_plan, steps, 16), AT(zt_plan, image_tokens, 20), AT(zt_plan, text_tokens, 24),
    AT(zt_plan, reserved, 28),
    AT(zt_plan, flops_step, 32), AT(zt_plan, flops, 40), AT(zt_plan, weights, 48),
    AT(zt_plan, resident, 56), AT(zt_plan, scratch, 64), AT(zt_plan, cache, 72),
    AT(zt_api, size, 0), AT(zt_api, abi, 4), AT(zt_api, version, 8), AT(zt_api, status_name, 16),
    AT(zt_api, engine_open, 24), AT(zt_api, engine_close, 32), AT(zt_api, list, 40),
    AT(zt_api, param, 48), AT(zt_api, job_start, 56), AT(zt_api, job_info, 64),
    AT(zt_api, job_wait, 72), AT(zt_api, job_frame, 80), AT(zt_api, job_cancel, 88),
    AT(zt_api, job_error, 96), AT(zt_api, job_report, 104), AT(zt_api, job_close, 112),
    AT(zt_api, plan, 120), AT(zt_api, inspect, 128),
};

#define SIZE(type, then) { #type, sizeof(type), then }

static const field sizes[] = {
    SIZE(zt_engine_desc, 48), SIZE(zt_item, 24), SIZE(zt_param, 64),
    SIZE(zt_job_desc, 56), SIZE(zt_input, 40),
    SIZE(zt_job_info, 44), SIZE(zt_frame, 24), SIZE(zt_plan, 80), SIZE(zt_api, 136),
};

static void fields_stay_where_they_were(void)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].now != fields[i].then)
            printf("%s: ", fields[i].name);
        REQUIRE_INT(fields[i].now, fields[i].then);
    }
}

static void structs_only_grow(void)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i].now < sizes[i].then)
            printf("%s: ", sizes[i].name);
        REQUIRE(sizes[i].now >= sizes[i].then);
    }
}

static void numbers_keep_their_meaning(void)
{
    static const int32_t statuses[] = {
        ZT_OK, ZT_E_NOMEM, ZT_E_SHAPE, ZT_E_MISSING, ZT_E_FORMAT, ZT_E_UNSUPPORTED, ZT_E_CANCELLED,
        ZT_E_IO, ZT_E_DEVICE, ZT_E_ARGUMENT, ZT_E_TRUNCATED, ZT_E_LIMIT, ZT_E_MISMATCH,
        ZT_E_UNSAFE, ZT_E_NOT_OURS, ZT_E_TIMEOUT, ZT_E_NOT_FOUND, ZT_E_CREATE, ZT_E_BUSY,
    };
    static const int32_t counted[][6] = {
        { ZT_LEVEL_ERROR, ZT_LEVEL_WARNING, ZT_LEVEL_INFO, ZT_LEVEL_DEBUG, ZT_LEVEL_TRACE, 5 },
        { ZT_PARAM_INT, ZT_PARAM_FLOAT, ZT_PARAM_BOOL, ZT_PARAM_TEXT, ZT_PARAM_CHOICE, 5 },
        { ZT_PHASE_WAITING, ZT_PHASE_LOADING, ZT_PHASE_TEXT, ZT_PHASE_DENOISE, ZT_PHASE_DECODE,
          ZT_PHASE_DONE },
        { ZT_RGBA8, ZT_RGBA16, ZT_RGBAH, ZT_RGBAF, 4, 5 },
        { ZT_LIST_MODELS, ZT_LIST_SAMPLERS, ZT_LIST_BACKENDS, ZT_LIST_CACHES, ZT_LIST_PRESETS, 5 },
    };

    for (int i = 0; i < (int)(sizeof(statuses) / sizeof(statuses[0])); i++)
        REQUIRE_INT(statuses[i], -i);
    for (size_t k = 0; k < sizeof(counted) / sizeof(counted[0]); k++) {
        for (int i = 0; i < 6; i++)
            REQUIRE_INT(counted[k][i], i);
    }
    REQUIRE_INT(ZT_ABI, 1);
}

int main(void)
{
    TEST(fields_stay_where_they_were);
    TEST(structs_only_grow);
    TEST(numbers_keep_their_meaning);
    return test_end();
}
