/* Every prefix of good files, and every single bit of their headers turned: each
 * opens, and then reads without leaving the file, or is refused with a message,
 * and nothing is left behind. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/io/container.h"
#include "core/io/names.h"
#include "tests/badfiles/cases.h"
#include "tests/unit/faults.h"
#include "tests/unit/memfile.h"

#define FILE_NAME  "m/file"

static zc_log test_log;
static long tried, opened, refused, wrong;

/* A good file: its bytes, and how many of them are header. */
struct seed {
    const char *name;
    blob file;
    size_t header;
};

static void seed_single(struct seed *s)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"who\":\"a \\u0042\"},"
        "\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"b\\/bias\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]},"
        "\"none\":{\"dtype\":\"I64\",\"shape\":[0,4],\"data_offsets\":[16,16]},"
        "\"half\":{\"dtype\":\"F4\",\"shape\":[2,4],\"data_offsets\":[16,20]}}   ";

    s->name = "safetensors";
    blob_safetensors(&s->file, header, 20);
    s->header = s->file.count - 20;
}

static void seed_layers(struct seed *s)
{
    static const char *const parts[] = { "q", "k", "v" };
    blob header = { 0 };
    char text[200];
    int at = 0;

    blob_text(&header, "{");
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "%s\"b.0.%s.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],"
                 "\"data_offsets\":[%d,%d]},\"b.0.%s.scale_weight\":{\"dtype\":\"F32\",\"shape\":[1],"
                 "\"data_offsets\":[%d,%d]}", i ? "," : "", parts[i], at, at + 4, parts[i], at + 4,
                 at + 8);
        blob_text(&header, text);
        at += 8;
    }
    blob_text(&header, "}");
    s->name = "safetensors with scales";
    blob_int(&s->file, header.count, 8);
    blob_add(&s->file, header.bytes, header.count);
    s->header = s->file.count;
    blob_fill(&s->file, 60, (size_t)at);
    blob_fini(&header);
}

static void seed_gguf(struct seed *s)
{
    s->name = "GGUF 3";
    script_add(&s->file, "v3 n3 n7 s:general.architecture w8 s:hyvid s:general.alignment w4 w32 "
               "s:yes w7 b1 s:words w9 w8 n2 s:one s:two s:numbers w9 w6 n2 w1 w2 "
               "s:heads w4 w2 s:comfy.gguf.orig_shape.c w9 w5 n2 w2 w2 "
               "s:a w2 n32 n2 w8 n0 s:woven w2 n2 n8 w1 n96 s:c w1 n4 w0 n128 p32");
    s->header = s->file.count;
    blob_fill(&s->file, 7, 144);
}

static void seed_gguf_2(struct seed *s)
{
    s->name = "GGUF 2";
    script_add(&s->file, "v2 n1 n2 s:general.alignment w4 w8 s:k w12 n5 "
               "s:img_in.proj.weight w5 n2 n2 n1 n3 n4 w30 n0 p8");
    s->header = s->file.count;
    blob_fill(&s->file, 1, 96);
}

static void seed_index(struct seed *s)
{
    s->name = "index";
    blob_text(&s->file, "{\"metadata\":{\"total_size\":3},\"weight_map\":{\"x\":\"a.safetensors\","
              "\"y\":\"a.safetensors\",\"z\":\"b.safetensors\"}}\n");
    s->header = s->file.count;
}

static void seed_gguf_text(struct seed *s)
{
    s->name = "GGUF without tensors";
    script_add(&s->file, "v3 n0 n3 s:tokenizer.ggml.tokens w9 w8 n4 s:a s: s:bcd s:e "
               "s:tokenizer.ggml.scores w9 w6 n4 w0 w1 w2 w3 s:n w11 n-5 p32");
    s->header = s->file.count;
}

/* Rules with which parts are joined and rows put in order. */
static const zc_name_rule rules[] = {
    { "b.%d.q.*", "b.%d.qkv.*", 0, 3, ZC_NAME_SAME, NULL },
    { "b.%d.k.*", "b.%d.qkv.*", 1, 3, ZC_NAME_SAME, NULL },
    { "b.%d.v.*", "b.%d.qkv.*", 2, 3, ZC_NAME_SAME, NULL },
    { "woven", "w", 0, 0, ZC_NAME_UNWEAVE, "heads" },
    { "a.*", "h.*", 0, 0, ZC_NAME_SWAP, NULL },
    { NULL, NULL, 0, 0, 0, NULL },
};
static const zc_layout layout = { "test", "test model", NULL, NULL, NULL, rules };

/* Reads all that an open container has, under both kinds of names. */
static void read_everything(const zc_container *c)
{
    static uint8_t dst[1 << 16];
    zc_names *n = NULL;
    zc_meta_value v;

    for (const zc_entry *e = zc_container_next(c, NULL); e; e = zc_container_next(c, e)) {
        if (e->bytes > sizeof(dst) || zc_entry_read(c, &test_log, e, dst) != ZC_OK ||
            zc_container_find(c, e->name) != e)
            wrong++;
    }
    for (size_t i = 0; i < zc_container_meta_count(c); i++) {
        zc_meta_walk walk = { .meta = zc_container_meta_at(c, i) };

        while (zc_meta_next(&walk, &v))
            dst[0] ^= v.bytes > 0 ? (uint8_t)v.text[v.bytes - 1] : 0;
    }
    if (zc_names_open(&n, &test_log, c, &layout, "") != ZC_OK)
        return;
    for (size_t i = 0; i < zc_names_count(n); i++) {
        const zc_named *t = zc_names_at(n, i);
        int64_t count = 1;

        for (int k = 0; k < t->rank; k++)
            count = count > 4096 ? count : count * t->dim[k];
        if (count <= 4096)
            (void)zc_names_read(n, &test_log, t, 0, count, dst, NULL);
    }
    zc_names_close(&n);
}

/* Opens the file as it is now. Returns whether it was right. */
static void try_file(const char *name, const char *what, size_t at)
{
    char text[ZC_LOG_TEXT];
    zc_container *c = NULL;
    zc_status st;

    zc_log_write(&test_log, ZC_LEVEL_ERROR, "nothing");
    faults_alloc(0, FAULT_ONCE);
    st = zc_container_open(&c, &test_log, FILE_NAME);
    zc_log_last_error(&test_log, text, sizeof(text));
    tried++;
    if (st == ZC_OK) {
        opened++;
        read_everything(c);
        zc_container_close(&c);
    } else {
        refused++;
    }
    (void)faults_alloc_end();
    if ((st != ZC_OK && strcmp(text, "nothing") == 0) || faults_live_blocks() != 0 ||
        memfiles_open() != 0) {
        printf("%s, %s %zu: %s, \"%s\", %d blocks and %d files left\n", name, what, at,
               zc_status_name(st), text, faults_live_blocks(), memfiles_open());
        wrong++;
    }
}

static void damage(struct seed *s)
{
    uint8_t *copy;

    memfiles_clear();
    index_files();
    memfile_put(FILE_NAME, s->file.bytes, s->file.count);
    const long before = opened;
    try_file(s->name, "whole", 0);
    if (opened == before) {
        printf("%s: the undamaged file is refused\n", s->name);
        wrong++;
    }
    for (size_t n = 0; n < s->file.count; n++) {
        /* A copy of exactly that size, so that a read past its end is seen. */
        copy = malloc(n + 1);
        if (!copy)
            abort();
        memcpy(copy + 1, s->file.bytes, n);
        memfile_put(FILE_NAME, copy + 1, n);
        try_file(s->name, "prefix", n);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * s->header; bit++) {
        s->file.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        memfile_put(FILE_NAME, s->file.bytes, s->file.count);
        try_file(s->name, "bit", bit);
        s->file.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    index_files_free();
    blob_fini(&s->file);
}

int main(void)
{
    static void (*const make[])(struct seed *s) = {
        seed_single, seed_layers, seed_gguf, seed_gguf_2, seed_index, seed_gguf_text,
    };

    if (zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK)
        return 1;
    memfiles_begin();
    for (size_t i = 0; i < ZC_COUNT(make); i++) {
        struct seed s = { 0 };

        make[i](&s);
        damage(&s);
    }
    memfiles_end();
    zc_log_fini(&test_log);
    printf("%ld opened, %ld refused\n%ld passed, %ld failed\n", opened, refused, tried - wrong,
           wrong);
    return wrong > 0;
}
