/* A client of ABI 1 as it was when that was fixed: it includes the frozen header
 * beside it, never the present one, and must run with every later library.
 *
 * client_1 PRESET: renders the preset's film, checks every entry of the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/abi/frozen/zoetrope_1.h"

static int failures, checks;

static void check(int ok, const char *what)
{
    checks++;
    if (!ok) {
        failures++;
        printf("FAIL %s\n", what);
    }
}

static void count_texts(void *user, const char *text)
{
    int *seen = user;

    *seen += text != NULL && *text != '\0';
}

static void remember(void *user, int32_t level, const char *text)
{
    if (level == ZT_LEVEL_ERROR)
        snprintf(user, 512, "%s", text);
}

static void check_lists(const zt_api *zt)
{
    zt_item item = { .size = sizeof(item) };
    zt_param param = { .size = sizeof(param) };
    int prompt = 0;

    check(zt->list(ZT_LIST_MODELS, 0, &item) == ZT_OK && item.name && item.summary, "a model");
    check(zt->list(ZT_LIST_SAMPLERS, 0, &item) == ZT_OK && item.name, "a sampler");
    check(zt->list(ZT_LIST_BACKENDS, 0, &item) == ZT_OK && item.name, "a backend");
    check(zt->list(ZT_LIST_BACKENDS, 1000, &item) == ZT_E_MISSING, "the end of a list");
    for (int32_t i = 0; zt->param(i, &param) == ZT_OK; i++)
        prompt |= strcmp(param.key, "prompt") == 0 && param.kind == ZT_PARAM_TEXT;
    check(prompt, "the parameter 'prompt'");
}

static void check_film(const zt_api *zt, zt_engine *engine, const zt_job_desc *desc)
{
    static const int bytes[] = { 4, 8, 8, 16 };       /* of a pixel, by format */
    zt_job *job = NULL;
    zt_job_info info = { .size = sizeof(info) };

    check(zt->job_start(engine, &job, desc) == ZT_OK, "job_start");
    if (!job)
        return;
    check(zt->job_info(job, &info) == ZT_OK && info.width == 32 && info.height == 32 &&
          info.frames == 5, "job_info");
    check(zt->job_wait(job, info.frames - 1, -1) == ZT_OK, "job_wait");
    for (int32_t format = ZT_RGBA8; format <= ZT_RGBAF; format++) {
        const size_t row = (size_t)info.width * (size_t)bytes[format];
        uint8_t *down = malloc(row * (size_t)info.height);
        uint8_t *up = malloc(row * (size_t)info.height);
        zt_frame frame = { .size = sizeof(frame), .format = format, .pitch = (int64_t)row,
                           .data = down };
        check(zt->job_frame(job, 4, &frame) == ZT_OK, "job_frame");
        frame.pitch = -(int64_t)row;
        frame.data = up + row * (size_t)(info.height - 1);
        check(zt->job_frame(job, 4, &frame) == ZT_OK, "job_frame, rows upwards");
        int same = 1;
        for (int32_t y = 0; y < info.height; y++)
            same &= memcmp(down + row * (size_t)y,
                           up + row * (size_t)(info.height - 1 - y), row) == 0;
        check(same, "rows upwards are rows downwards, turned");
        free(down);
        free(up);
    }
    check(strcmp(zt->job_error(job), "") == 0, "no error");
    zt->job_close(&job);
    check(job == NULL, "job_close");
}

static void check_refusals(const zt_api *zt, zt_engine *engine, const char *error)
{
    zt_job_desc desc = { .size = sizeof(desc), .preset = "no/such/preset", .prompt = "x" };
    zt_job *job = NULL;

    check(zt->job_start(engine, &job, &desc) != ZT_OK && !job, "a preset that is not there");
    check(strstr(error, "no/such/preset") != NULL, "its name is in the message");
    desc.preset = NULL;
    desc.options = "wdth = 32\n";
    check(zt->job_start(engine, &job, &desc) == ZT_E_MISSING && strstr(error, "width"),
          "an unknown option has a neighbour");
    desc.options = NULL;
    check(zt->job_start(engine, &job, &desc) == ZT_E_MISSING && strstr(error, "model"),
          "no model");
    check(zt->job_start(engine, &job, NULL) != ZT_OK, "no description");
    check(zt->job_start(NULL, &job, &desc) == ZT_E_ARGUMENT, "no engine");
    check(zt->job_frame(NULL, 0, NULL) == ZT_E_ARGUMENT, "no job");
    zt->job_cancel(NULL);
    zt->job_close(&job);
    zt->job_close(NULL);
    zt->engine_close(NULL);
}

int main(int argc, char **argv)
{
    const zt_api *zt = zt_get_api(1);
    char error[512] = "";
    zt_engine_desc ed = { .size = sizeof(ed), .threads = 2, .log = remember, .log_user = error };
    zt_engine *engine = NULL;
    int texts = 0;

    if (argc != 2 || !zt) {
        printf("usage: client_1 PRESET, and a library that speaks version 1\n");
        return 1;
    }
    check(zt_get_api(0) == NULL && zt_get_api(999) == NULL, "other versions");
    check(zt->size >= sizeof(*zt) && zt->abi == 1, "the table's size");
    check(zt->version() && strcmp(zt->status_name(ZT_E_TIMEOUT), "timeout") == 0, "names");
    check_lists(zt);
    check(zt->engine_open(&engine, &ed) == ZT_OK, "engine_open");
    if (engine) {
        const zt_job_desc desc = { .size = sizeof(desc), .preset = argv[1], .prompt = "a ball" };
        zt_plan plan = { .size = sizeof(plan) };
        check_film(zt, engine, &desc);
        check_refusals(zt, engine, error);
        check(zt->plan(engine, &desc, &plan, count_texts, &texts) == ZT_OK && texts == 2 &&
              plan.frames == 5, "plan");
        zt->engine_close(&engine);
        check(engine == NULL, "engine_close");
    }
    printf("%d checks, %d failures\n", checks, failures);
    return failures ? 1 : 0;
}
