/* Runs the table of bad inputs: each must give the code that the table has, and
 * the message that messages.txt has, leak nothing and leave nothing open.
 *
 *     badfiles MESSAGES.txt            compares
 *     badfiles --write MESSAGES.txt    writes what is said now, to be reviewed */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/io/container.h"
#include "tests/badfiles/cases.h"
#include "tests/unit/faults.h"
#include "tests/unit/memfile.h"

#define FILE_NAME  "m/file"
#define INDEX_NAME "m/model.safetensors.index.json"
#define LINE 600
#define SECONDS 15.0      /* of processor time that a case may take, even under valgrind */

static zc_log test_log;
static int passed, failed;

static void complain(const char *name, const char *what, const char *found, const char *expected)
{
    printf("%s: %s is\n    %s\nexpected\n    %s\n", name, what, found, expected);
}

static zc_status open_and_close(const char *path)
{
    zc_container *c = NULL;
    const zc_status st = zc_container_open(&c, &test_log, path);

    if (st == ZC_OK)
        zc_container_close(&c);
    return st;
}

static zc_status open_json(blob *b)
{
    const zc_json_source source = { .text = (char *)b->bytes, .bytes = b->count,
                                    .limit = 1 << 20, .name = "'document'" };
    zc_json *json = NULL;
    const zc_status st = zc_json_open(&json, &test_log, &source);

    zc_json_close(&json);
    return st;
}

static zc_status open_and_read(const struct bad_case *k, blob *b)
{
    uint8_t data[128];
    zc_container *c = NULL;
    zc_status st = zc_container_open(&c, &test_log, FILE_NAME);

    if (st != ZC_OK)
        return st;
    if (k->change)
        k->change(b);
    st = zc_entry_read(c, &test_log, zc_container_find(c, "t"), data);
    memfiles_fail(0, FAULT_ONCE, 0);
    zc_container_close(&c);
    return st;
}

static zc_status run_case(const struct bad_case *k, blob *b)
{
    switch (k->how) {
    case CASE_HEADER:
        blob_safetensors(b, k->text, k->data);
        break;
    case CASE_SCRIPT:
        script_add(b, k->text);
        break;
    case CASE_RAW:
        blob_add(b, k->text, k->data ? k->data : strlen(k->text));
        break;
    case CASE_INDEX:
        memfile_put(INDEX_NAME, k->text, strlen(k->text));
        return open_and_close(INDEX_NAME);
    case CASE_JSON:
        blob_text(b, k->text);
        return open_json(b);
    case CASE_MAKE:
    case CASE_READ:
        k->make(b);
        break;
    }
    memfile_put(FILE_NAME, b->bytes, b->count);
    return k->how == CASE_READ ? open_and_read(k, b) : open_and_close(FILE_NAME);
}

/* Messages are one line of harmless text. */
static bool is_harmless(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

/* The message that the file has for a case; "" if it has none. */
static const char *reviewed(FILE *messages, const char *name)
{
    static char line[LINE];
    const size_t n = strlen(name);

    rewind(messages);
    while (fgets(line, sizeof(line), messages)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0)
            return line + n + 2;
    }
    return "";
}

static void check_case(const struct bad_case *k, FILE *messages, bool write)
{
    char text[ZC_LOG_TEXT] = "", said[LINE];
    blob b = { 0 };
    bool ok = true;

    memfiles_clear();
    if (k->how == CASE_INDEX)
        index_files();
    zc_log_write(&test_log, ZC_LEVEL_ERROR, "nothing");
    faults_alloc(0, FAULT_ONCE);
    const clock_t start = clock();
    const zc_status st = run_case(k, &b);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    (void)faults_alloc_end();
    zc_log_last_error(&test_log, text, sizeof(text));
    snprintf(said, sizeof(said), "%s: %s", zc_status_name(st), st == ZC_OK ? "-" : text);
    if (write) {
        fprintf(messages, "%s: %s\n", k->name, said);
    } else if (strcmp(said, reviewed(messages, k->name)) != 0) {
        complain(k->name, "the message", said, reviewed(messages, k->name));
        ok = false;
    }
    if (st != k->code) {
        complain(k->name, "the code", zc_status_name(st), zc_status_name(k->code));
        ok = false;
    }
    if (!is_harmless(text) || (st != ZC_OK && strcmp(text, "nothing") == 0)) {
        complain(k->name, "the message", text, "one line of text");
        ok = false;
    }
    if (faults_live_blocks() != 0 || memfiles_open() != 0) {
        complain(k->name, "something", "still there", "given back");
        ok = false;
    }
    if (seconds > SECONDS) {
        complain(k->name, "the time", "too long", "below the limit");
        ok = false;
    }
    passed += ok;
    failed += !ok;
    index_files_free();
    blob_fini(&b);
}

int main(int argc, char **argv)
{
    static const struct bad_case *const tables[] = {
        safetensors_cases, kind_cases, gguf_cases, index_cases, json_cases, size_cases,
    };
    const bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
    FILE *messages = argc > 1 ? fopen(argv[argc - 1], write ? "w" : "r") : NULL;

    if (!messages || zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK) {
        printf("usage: badfiles [--write] MESSAGES.txt\n");
        return 64;
    }
    memfiles_begin();
    for (size_t t = 0; t < ZC_COUNT(tables); t++) {
        for (const struct bad_case *k = tables[t]; k->name; k++)
            check_case(k, messages, write);
    }
    memfiles_end();
    zc_log_fini(&test_log);
    fclose(messages);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed < 300;
}
