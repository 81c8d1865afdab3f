/* Runs from one start to the next, and their means. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/bench/part.h"

/* A record is a run and the CRC of its bytes. What a kill has torn off is cut. */
struct record {
    zc_bench_run run;
    uint64_t     crc;
};

static uint64_t sum_of(const zc_bench_run *run)
{
    return zc_crc32c(0, run, sizeof(*run));
}

static zc_status keep(zc_bench_journal *j, zc_log *log, const zc_bench_run *run)
{
    zc_status st = ZC_OK;

    ZC_CHECK(zc_grow(&j->runs, &j->room, j->count + 1, sizeof(*j->runs)), ZC_E_NOMEM,
             "out of memory");
    j->runs[j->count++] = *run;
done:
    return st;
}

zc_status zc_bench_journal_open(zc_bench_journal *j, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    struct record r;
    uint64_t at = 0;

    *j = (zc_bench_journal){ .count = 0 };
    ZC_TRY(zc_own_open(&j->file, log, path));
    for (; at + sizeof(r) <= zc_own_size(j->file); at += sizeof(r)) {
        ZC_TRY(zc_own_read(j->file, log, at, &r, sizeof(r)));
        if (r.crc != sum_of(&r.run))
            break;
        ZC_TRY(keep(j, log, &r.run));
    }
    if (at < zc_own_size(j->file))
        ZC_TRY(zc_own_cut(j->file, log, at));
done:
    if (st != ZC_OK)
        zc_bench_journal_close(j);
    return st;
}

void zc_bench_journal_close(zc_bench_journal *j)
{
    zc_own_close(&j->file);
    zc_free(j->runs);
    *j = (zc_bench_journal){ .count = 0 };
}

const zc_bench_run *zc_bench_journal_find(const zc_bench_journal *j, uint64_t key, int prompt)
{
    for (size_t i = 0; i < j->count; i++) {
        if (j->runs[i].key == key && j->runs[i].prompt == prompt)
            return &j->runs[i];
    }
    return NULL;
}

zc_status zc_bench_journal_add(zc_bench_journal *j, zc_log *log, const zc_bench_run *run)
{
    zc_status st = ZC_OK;
    struct record r;

    memset(&r, 0, sizeof(r));
    r.run = *run;
    r.crc = sum_of(&r.run);
    ZC_TRY(zc_own_write(j->file, log, zc_own_size(j->file), &r, sizeof(r)));
    ZC_TRY(keep(j, log, run));
done:
    return st;
}

void zc_bench_row_make(zc_bench_row *row, const zc_bench_journal *j, const zc_bench_case *c,
                       int prompts)
{
    double flops_whole = 0, seconds[2] = { 0 }, work[2] = { 0 };

    *row = (zc_bench_row){ .of = c };
    for (int i = 0; i < prompts; i++) {
        const zc_bench_run *r = zc_bench_journal_find(j, c->key, i);

        if (!r)
            continue;
        row->runs++;
        row->full += r->computed;
        row->flops += r->flops;
        row->predicted += r->predicted;
        row->psnr += r->psnr;
        row->psnr_u8wrap += r->psnr_u8wrap;
        row->psnr_f32 += r->psnr_f32;
        row->ssim += r->ssim;
        row->psnr_latent += r->psnr_latent;
        flops_whole += r->flops_whole;
        seconds[0] += r->seconds;
        seconds[1] += r->seconds_whole;
        work[0] += r->work;
        work[1] += r->work_whole;
    }
    if (row->runs == 0)
        return;
    row->flops_gain = flops_whole / row->flops;
    row->seconds_gain = seconds[1] / seconds[0];
    row->work_gain = work[1] / work[0];
    double *const means[] = { &row->full, &row->flops, &row->predicted, &row->psnr,
                              &row->psnr_u8wrap, &row->psnr_f32, &row->ssim, &row->psnr_latent };
    for (size_t i = 0; i < ZC_COUNT(means); i++)
        *means[i] /= row->runs;
}

/* "key = value" lines as one field. */
static void add_options(zc_str *to, const char *lines)
{
    zc_str_add(to, "\"");
    for (const char *c = lines; *c; c++) {
        if (*c == '\n')
            zc_str_add(to, c[1] ? "; " : "");
        else
            zc_str_add_bytes(to, *c == '"' ? "'" : c, 1);
    }
    zc_str_add(to, "\"\n");
}

zc_status zc_bench_write_csv(const zc_bench_row *rows, int count, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    zc_out *out = NULL;
    zc_str text = { 0 };

    zc_str_add(&text, "method,full_steps,runs,flops,flops_gain,wall_gain,work_gain,"
               "predicted_step,psnr,psnr_u8wrap,psnr_f32,ssim,psnr_latent,cache_bytes,options\n");
    for (int i = 0; i < count; i++) {
        const zc_bench_row *r = &rows[i];

        if (r->runs == 0)
            continue;
        zc_str_add_format(&text, "%s,%.2f,%d,%.6e,%.4f,%.4f,%.4f,%.5f,", r->of->method->name,
                          r->full, r->runs, r->flops, r->flops_gain, r->seconds_gain,
                          r->work_gain, r->predicted);
        zc_str_add_format(&text, "%.4f,%.4f,%.4f,%.5f,%.4f,%llu,", r->psnr, r->psnr_u8wrap,
                          r->psnr_f32, r->ssim, r->psnr_latent,
                          (unsigned long long)r->of->bytes);
        add_options(&text, r->of->options);
    }
    ZC_CHECK(!text.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_out_create(&out, log, path, ZC_OUT_REPLACE));
    ZC_TRY(zc_out_write(out, log, zc_str_get(&text), text.length));
    ZC_TRY(zc_out_commit(&out, log));
done:
    zc_out_abort(&out);
    zc_str_fini(&text);
    return st;
}
