/* zoetrope compare: how far two results are apart. */

#include "plugin/cli.h"

static int compare(cli *c)
{
    cli_texts t = { .wanted = 0 };
    int code = cli_parse(c, NULL);

    if (code == CLI_OK && c->argc != 2)
        code = cli_fail(c, CLI_USAGE, "compare: expected two paths, found %d arguments", c->argc);
    if (code == CLI_OK)
        code = cli_open(c);
    if (code != CLI_OK)
        return code;
    t.wanted = c->json;
    return cli_exit_of(c->zt->compare(c->engine, c->argv[0], c->argv[1], cli_print_text, &t));
}

const cli_command cli_compare = {
    .name = "compare",
    .usage = "A B [--json]",
    .summary = "how far two films, pictures or latents are apart",
    .about =
        "A and B are films, pictures, numbered pictures (shot.%04d.png), folders of pictures,\n"
        "or safetensors files with latents. For each frame and on average:\n\n"
        "  psnr         peak signal to noise ratio in dB, of 8-bit values; of latents, the\n"
        "               peak is the range of A\n"
        "  psnr_u8wrap  the same with squares that wrap at 256, as some papers' tables have\n"
        "               it: never far below 27.9, to be compared with those tables only\n"
        "  ssim         structural similarity of the grey picture, 7 by 7 windows\n"
        "  ssim_rgb     mean of that of red, green and blue\n",
    .run = compare,
};
