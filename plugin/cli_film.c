/* Films as Y4M: 4:4:4, bt709, limited range, 8 bit. */

#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"

struct cli_film {
    FILE    *file;
    uint8_t *planes;
    size_t   pixels;
    bool     failed;
};

cli_film *cli_film_open(const char *path, int width, int height, int fps)
{
    cli_film *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->pixels = (size_t)width * (size_t)height;
    f->planes = malloc(3 * f->pixels);
    f->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    if (!f->planes || !f->file) {
        free(f->planes);
        free(f);
        return NULL;
    }
    f->failed = fprintf(f->file, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\n",
                        width, height, fps) < 0;
    return f;
}

/* Rounded, and within what a byte of limited range may be. */
static uint8_t clamp(double x, double most)
{
    return (uint8_t)(x < 16 ? 16 : x > most ? most : x + 0.5);
}

bool cli_film_add(cli_film *f, const uint8_t *rgba)
{
    uint8_t *y = f->planes, *u = y + f->pixels, *v = u + f->pixels;

    for (size_t i = 0; i < f->pixels; i++, rgba += 4) {
        const double r = rgba[0] / 255.0, g = rgba[1] / 255.0, b = rgba[2] / 255.0;
        const double luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        y[i] = clamp(16 + 219 * luma, 235);
        u[i] = clamp(128 + 224 * (b - luma) / 1.8556, 240);
        v[i] = clamp(128 + 224 * (r - luma) / 1.5748, 240);
    }
    if (fputs("FRAME\n", f->file) < 0 ||
        fwrite(f->planes, 1, 3 * f->pixels, f->file) != 3 * f->pixels)
        f->failed = true;
    return !f->failed;
}

bool cli_film_close(cli_film **film)
{
    cli_film *f = *film;

    if (!f)
        return true;
    bool ok = !f->failed && fflush(f->file) == 0;
    if (f->file != stdout)
        ok = fclose(f->file) == 0 && ok;
    free(f->planes);
    free(f);
    *film = NULL;
    return ok;
}
