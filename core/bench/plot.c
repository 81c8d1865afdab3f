/* A plot as SVG: lines with points, axes with round numbers, names beside. */

#include <math.h>
#include <string.h>

#include "core/base/file.h"
#include "core/bench/part.h"

#define WIDTH  860
#define HEIGHT 520
#define LEFT   70
#define RIGHT  190                    /* with the names */
#define TOP    30
#define BOTTOM 60
#define TICKS  6                      /* about as many on an axis */

/* Twelve that can be told apart, also by those who see fewer colours, then again, dashed. */
static const char *const colours[] = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b",
    "#7f7f7f", "#9467bd", "#bcbd22", "#17becf",
};

struct axis {
    double least, most, step;
    double from, to;                  /* in the picture */
};

static double place(const struct axis *a, double x)
{
    return a->from + (x - a->least) / (a->most - a->least) * (a->to - a->from);
}

/* Widens the range to round numbers. */
static void round_axis(struct axis *a)
{
    static const double nice[] = { 1, 2, 5, 10 };
    const double raw = (a->most > a->least ? a->most - a->least : 1) / TICKS;
    const double unit = pow(10, floor(log10(raw)));
    int i = 0;

    while (i < 3 && nice[i] * unit < raw)
        i++;
    a->step = nice[i] * unit;
    a->least = floor(a->least / a->step) * a->step;
    a->most = ceil(a->most / a->step) * a->step;
    if (a->most <= a->least)
        a->most = a->least + a->step;
}

static bool is_drawn(const zc_bench_row *r)
{
    return r->runs > 0 && isfinite(r->psnr) && isfinite(r->flops_gain);
}

static void find_ranges(struct axis *x, struct axis *y, const zc_bench_row *rows, int count)
{
    *x = (struct axis){ .least = INFINITY, .most = -INFINITY, .from = LEFT, .to = WIDTH - RIGHT };
    *y = (struct axis){ .least = INFINITY, .most = -INFINITY, .from = HEIGHT - BOTTOM, .to = TOP };
    for (int i = 0; i < count; i++) {
        if (!is_drawn(&rows[i]))
            continue;
        x->least = fmin(x->least, rows[i].flops_gain);
        x->most = fmax(x->most, rows[i].flops_gain);
        y->least = fmin(y->least, rows[i].psnr);
        y->most = fmax(y->most, rows[i].psnr);
    }
    if (!isfinite(x->least))
        x->least = y->least = x->most = y->most = 0;
    round_axis(x);
    round_axis(y);
}

static int ticks_of(const struct axis *a)
{
    return (int)lround((a->most - a->least) / a->step);
}

static void draw_axes(zc_str *s, const struct axis *x, const struct axis *y)
{
    for (int i = 0; i <= ticks_of(x); i++) {
        const double v = x->least + i * x->step;

        zc_str_add_format(s, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
                          "stroke=\"#ddd\"/>\n", place(x, v), TOP, place(x, v), HEIGHT - BOTTOM);
        zc_str_add_format(s, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                          place(x, v), HEIGHT - BOTTOM + 20, round(v * 1e6) / 1e6);
    }
    for (int i = 0; i <= ticks_of(y); i++) {
        const double v = y->least + i * y->step;

        zc_str_add_format(s, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
                          "stroke=\"#ddd\"/>\n", LEFT, place(y, v), WIDTH - RIGHT, place(y, v));
        zc_str_add_format(s, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8,
                          place(y, v) + 4, round(v * 1e6) / 1e6);
    }
    zc_str_add_format(s, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
                      "stroke=\"#333\"/>\n", LEFT, TOP, WIDTH - LEFT - RIGHT,
                      HEIGHT - TOP - BOTTOM);
    zc_str_add_format(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">gain in operations"
                      "</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15);
    zc_str_add_format(s, "<text transform=\"translate(20 %d) rotate(-90)\" "
                      "text-anchor=\"middle\">PSNR against all steps, dB</text>\n",
                      (TOP + HEIGHT - BOTTOM) / 2);
}

/* One method: rows from `at` on that belong to it. Returns the row behind them. */
static int draw_line(zc_str *s, const struct axis *x, const struct axis *y,
                     const zc_bench_row *rows, int count, int at, int number)
{
    const zc_bench_method *m = rows[at].of->method;
    const char *colour = colours[(size_t)number % ZC_COUNT(colours)];
    const char *dash = (size_t)number < ZC_COUNT(colours) ? "" : " stroke-dasharray=\"5 3\"";
    const int name_y = TOP + 12 + 20 * number;
    int end = at;

    zc_str_add_format(s, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"",
                      colour, dash);
    for (; end < count && rows[end].of->method == m; end++) {
        if (is_drawn(&rows[end]))
            zc_str_add_format(s, "%.1f,%.1f ", place(x, rows[end].flops_gain),
                              place(y, rows[end].psnr));
    }
    zc_str_add(s, "\"/>\n");
    for (int i = at; i < end; i++) {
        if (is_drawn(&rows[i]))
            zc_str_add_format(s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n",
                              place(x, rows[i].flops_gain), place(y, rows[i].psnr), colour);
    }
    zc_str_add_format(s, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" "
                      "stroke-width=\"2\"%s/>\n<text x=\"%d\" y=\"%d\">", WIDTH - RIGHT + 15,
                      name_y - 4, WIDTH - RIGHT + 40, name_y - 4, colour, dash,
                      WIDTH - RIGHT + 48, name_y);
    for (const char *c = m->name; *c; c++)
        zc_str_add_bytes(s, *c == '<' || *c == '&' || *c == '>' ? "?" : c, 1);
    zc_str_add(s, "</text>\n");
    return end;
}

zc_status zc_bench_write_plot(const zc_bench_row *rows, int count, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    zc_out *out = NULL;
    zc_str s = { 0 };
    struct axis x, y;

    find_ranges(&x, &y, rows, count);
    zc_str_add_format(&s, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                      "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n"
                      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH, HEIGHT,
                      WIDTH, HEIGHT);
    draw_axes(&s, &x, &y);
    for (int i = 0, number = 0; i < count; number++)
        i = draw_line(&s, &x, &y, rows, count, i, number);
    zc_str_add(&s, "</svg>\n");
    ZC_CHECK(!s.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_out_create(&out, log, path, ZC_OUT_REPLACE));
    ZC_TRY(zc_out_write(out, log, zc_str_get(&s), s.length));
    ZC_TRY(zc_out_commit(&out, log));
done:
    zc_out_abort(&out);
    zc_str_fini(&s);
    return st;
}
