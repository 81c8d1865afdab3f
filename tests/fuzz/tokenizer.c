/* Any bytes as a tokenizer file, and then as a prompt. The first byte says of what
 * kind: tokenizer.json, a vocabulary and merges with a NUL between, ranks, or a
 * prompt for a tokenizer that is good. */

#include <stdint.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/text/bpe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char good[] =
    "{\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true,\"normalized\":false}],"
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},"
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},"
    "\"content\":\" \"},{\"type\":\"Lowercase\"}]},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
    "\"model\":{\"unk_token\":\"a\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";

static void use(const zc_bpe *b, const char *text, size_t bytes)
{
    zc_ids ids = { 0 };
    zc_str back = { 0 };
    const size_t literal = bytes / 2;

    if (zc_bpe_encode(b, NULL, &(zc_bpe_text){
            .text = text, .bytes = bytes, .literal_from = literal, .literal_to = bytes,
        }, &ids) == ZC_OK) {
        zc_ids_cut(&ids, 77);
        zc_bpe_decode(b, &back, ids.id, ids.count);
    }
    zc_str_fini(&back);
    zc_ids_fini(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    zc_bpe *b = NULL;

    if (bytes < 2)
        return 0;
    const char kind = (char)data[0];
    const char *rest = (const char *)data + 1;
    const size_t left = bytes - 1;
    char *text = zc_copy_text(kind == 'p' ? good : rest, kind == 'p' ? sizeof(good) - 1 : left);
    if (!text)
        return 0;
    zc_bpe_source file = { .text = text, .bytes = left, .name = "fuzz" };

    if (kind == 'p') {
        file.bytes = sizeof(good) - 1;
        zc_bpe_open_json(&b, NULL, &file);
    } else if (kind == 'j') {
        zc_bpe_open_json(&b, NULL, &file);
    } else if (kind == 'r') {
        zc_bpe_open_ranks(&b, NULL, &file, zc_bpe_style_find("llama3"));
    } else {
        const size_t first = strlen(text) < left ? strlen(text) : left;
        zc_bpe_source merges = { .text = text + first, .bytes = left - first, .name = "merges" };
        if (merges.bytes) {
            merges.text++;
            merges.bytes--;
        }
        file.bytes = first;
        zc_bpe_open_merges(&b, NULL, &file, &merges, zc_bpe_style_find("clip"));
    }
    if (b)
        use(b, rest, left);
    zc_bpe_close(&b);
    zc_free(text);
    return 0;
}
