/* The table of file kinds that people meet under the name of a model. */

#include <stdbool.h>
#include <string.h>

#include "core/io/sniff.h"

#define PICKLE "Python would run it as a program, so it is never opened: convert it to safetensors"
#define UNPACK "unpack it and give the model inside"
#define IMAGE  "give the model, not a picture of what it makes"
#define ERROR_PAGE "the download failed and saved the server's answer: fetch the file again"

/* Bytes at a place. */
static const struct mark {
    size_t at, count;
    const char *bytes;
    zc_foreign is;
} marks[] = {
    { 0, 4, "PK\3\4",            { "a ZIP archive", UNPACK, ZC_E_NOT_OURS } },
    { 0, 4, "PK\5\6",            { "an empty ZIP archive", UNPACK, ZC_E_NOT_OURS } },
    { 0, 6, "7z\xbc\xaf\x27\x1c", { "a 7z archive", UNPACK, ZC_E_UNSAFE } },
    { 257, 5, "ustar",           { "a TAR archive", UNPACK, ZC_E_UNSAFE } },
    { 0, 3, "\x1f\x8b\x08",      { "gzip data", UNPACK, ZC_E_NOT_OURS } },
    { 0, 4, "\x28\xb5\x2f\xfd",  { "zstd data", UNPACK, ZC_E_NOT_OURS } },
    { 0, 6, "\xfd" "7zXZ\0",     { "xz data", UNPACK, ZC_E_NOT_OURS } },
    { 0, 4, "Rar!",              { "a RAR archive", UNPACK, ZC_E_NOT_OURS } },
    { 0, 8, "\x89PNG\r\n\x1a\n", { "a PNG picture", IMAGE, ZC_E_NOT_OURS } },
    { 0, 3, "\xff\xd8\xff",      { "a JPEG picture", IMAGE, ZC_E_NOT_OURS } },
    { 0, 6, "GIF89a",            { "a GIF picture", IMAGE, ZC_E_NOT_OURS } },
    { 8, 4, "WEBP",              { "a WebP picture", IMAGE, ZC_E_NOT_OURS } },
    { 4, 4, "ftyp",              { "an MP4 film", "give the model, not a film it makes",
                                   ZC_E_NOT_OURS } },
    { 0, 8, "\x89HDF\r\n\x1a\n", { "an HDF5 file", "convert it to safetensors", ZC_E_NOT_OURS } },
    { 0, 4, "tjgg",              { "a GGML file of before GGUF", "convert it to GGUF",
                                   ZC_E_NOT_OURS } },
    { 0, 4, "lmgg",              { "a GGML file of before GGUF", "convert it to GGUF",
                                   ZC_E_NOT_OURS } },
    { 0, 4, "fmgg",              { "a GGML file of before GGUF", "convert it to GGUF",
                                   ZC_E_NOT_OURS } },
    { 0, 5, "%PDF-",             { "a PDF document", "give the model, not its paper",
                                   ZC_E_NOT_OURS } },
    { 0, 4, "\x7f" "ELF",        { "a program", "give the model, not a program", ZC_E_NOT_OURS } },
};

/* Text at the start, after blanks, in any case. */
static const struct text {
    const char *start;
    zc_foreign is;
} texts[] = {
    { "version https://git-lfs", { "a Git LFS pointer", "run git lfs pull, or download the file",
                                   ZC_E_NOT_OURS } },
    { "<!doctype",               { "a web page", ERROR_PAGE, ZC_E_NOT_OURS } },
    { "<html",                   { "a web page", ERROR_PAGE, ZC_E_NOT_OURS } },
    { "<?xml",                   { "XML text", ERROR_PAGE, ZC_E_NOT_OURS } },
    { "<error",                  { "XML text", ERROR_PAGE, ZC_E_NOT_OURS } },
};

static const zc_foreign pickle = { "a Python pickle", PICKLE, ZC_E_UNSAFE };
static const zc_foreign zipped_pickle = { "a PyTorch checkpoint: a ZIP archive with a pickle",
                                          PICKLE, ZC_E_UNSAFE };
static const zc_foreign escaping_zip = { "a ZIP archive that writes outside its folder",
                                         "don't unpack it", ZC_E_UNSAFE };

static bool holds(const char *head, size_t count, const char *part)
{
    const size_t n = strlen(part);

    for (size_t i = 0; i + n <= count; i++) {
        if (memcmp(head + i, part, n) == 0)
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Behind blanks and a byte order mark. */
static size_t text_start(const char *head, size_t count)
{
    size_t i = count >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (i < count && is_blank(head[i]))
        i++;
    return i;
}

static bool begins(const char *head, size_t count, const char *start)
{
    for (size_t i = 0; start[i]; i++) {
        if (i >= count || lower(head[i]) != start[i])
            return false;
    }
    return true;
}

/* A protocol from 2 to 5, and an instruction: in a safetensors file the third byte of a length
 * that begins like this is rarely more than 0. */
static bool is_pickle(const char *head, size_t count)
{
    return count >= 3 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5 && head[2] != 0;
}

/* The import at the head of a pickle in text form: c MODULE \n NAME \n. */
static bool is_text_pickle(const char *head, size_t count)
{
    size_t i = 0, lines = 0;

    if (count > 0 && head[0] == '(')
        i++;
    if (count <= i || head[i] != 'c')
        return begins(head, count, "(dp") || begins(head, count, "(lp");
    for (i++; i < count && lines < 2; i++) {
        const char c = lower(head[i]);

        if (c == '\n')
            lines++;
        else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
            return false;
    }
    return lines == 2;
}

/* safetensors begins with a length below 2^32, and a brace. */
static bool is_safetensors(const char *head, size_t count)
{
    return count > 8 && memcmp(head + 4, "\0\0\0\0", 4) == 0 && head[8] == '{';
}

zc_sniffed zc_sniff(const char *head, size_t count, zc_foreign *foreign)
{
    const size_t start = text_start(head, count);

    if (count >= 4 && memcmp(head, "GGUF", 4) == 0)
        return ZC_SNIFF_GGUF;
    if (is_safetensors(head, count))
        return ZC_SNIFF_UNKNOWN;
    if (start < count && head[start] == '{')
        return ZC_SNIFF_JSON;
    if (count >= 2 && head[0] == 'P' && head[1] == 'K' && holds(head, count, ".pkl")) {
        *foreign = zipped_pickle;
        return ZC_SNIFF_FOREIGN;
    }
    if (count >= 2 && head[0] == 'P' && head[1] == 'K' && holds(head, count, "../")) {
        *foreign = escaping_zip;
        return ZC_SNIFF_FOREIGN;
    }
    if (is_pickle(head, count) || is_text_pickle(head, count)) {
        *foreign = pickle;
        return ZC_SNIFF_FOREIGN;
    }
    for (size_t i = 0; i < ZC_COUNT(marks); i++) {
        const struct mark *m = &marks[i];

        if (count >= m->at + m->count && memcmp(head + m->at, m->bytes, m->count) == 0) {
            *foreign = m->is;
            return ZC_SNIFF_FOREIGN;
        }
    }
    for (size_t i = 0; i < ZC_COUNT(texts); i++) {
        if (begins(head + start, count - start, texts[i].start)) {
            *foreign = texts[i].is;
            return ZC_SNIFF_FOREIGN;
        }
    }
    return ZC_SNIFF_UNKNOWN;
}
