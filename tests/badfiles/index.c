/* Shard indexes, and what lies beside them. */

#include "tests/badfiles/cases.h"
#include "tests/unit/memfile.h"

static blob a, b, twin, more, cut, gguf;

/* a has x and y, b has z; the others are what a shard should not be. */
void index_files(void)
{
    blob_safetensors(&a, "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                     "\"y\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2);
    blob_safetensors(&b, "{\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
    blob_safetensors(&twin, "{\"p\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                     "\"y\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2);
    blob_safetensors(&more, "{\"o\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                     "\"p\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]},"
                     "\"q\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}", 3);
    blob_safetensors(&cut, "{\"x\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", 5);
    script_add(&gguf, "v3 n1 n0 s:t w1 n4 w0 n0 p32 z16");
    memfile_put("m/a.safetensors", a.bytes, a.count);
    memfile_put("m/b.safetensors", b.bytes, b.count);
    memfile_put("m/twin.safetensors", twin.bytes, twin.count);
    memfile_put("m/more.safetensors", more.bytes, more.count);
    memfile_put("m/cut.safetensors", cut.bytes, cut.count);
    memfile_put("m/g.gguf", gguf.bytes, gguf.count);
    memfile_put("m/pickle.bin", "\x80\x02}q", 4);
    memfile_put("m/sub/a.safetensors", a.bytes, a.count);
    memfile_put("a.safetensors", a.bytes, a.count);
    memfile_put_kind("m/link.safetensors", MEMFILE_LINK);
    memfile_put_kind("m/pipe.safetensors", MEMFILE_PIPE);
}

void index_files_free(void)
{
    blob_fini(&a);
    blob_fini(&b);
    blob_fini(&twin);
    blob_fini(&more);
    blob_fini(&cut);
    blob_fini(&gguf);
}

const struct bad_case index_cases[] = {
    INDEX("index/good", ZC_OK,
      "{\"metadata\":{\"total_size\":3},\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.saf"
      "etensors\",\"z\":\"b.safetensors\"}}"),
    INDEX("index/other-keys", ZC_OK,
      "{\"q\":[[1,{\"a\":null}]],\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensor"
      "s\",\"z\":\"b.safetensors\"},\"w\":1.5e3}"),
    INDEX("index/path-parent", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"../a.safetensors\"}}"),
    INDEX("index/path-absolute", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"/m/a.safetensors\"}}"),
    INDEX("index/path-folder", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"sub/a.safetensors\"}}"),
    INDEX("index/path-backslash", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"..\\\\a.safetensors\"}}"),
    INDEX("index/path-drive", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"C:a.safetensors\"}}"),
    INDEX("index/path-unc", ZC_E_UNSAFE,
      "{\"weight_map\":{\"x\":\"\\\\\\\\host\\\\a.safetensors\"}}"),
    INDEX("index/path-dot", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\".\"}}"),
    INDEX("index/path-dot-dot", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"..\"}}"),
    INDEX("index/path-empty", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"\"}}"),
    INDEX("index/path-newline", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"a\\n.safetensors\"}}"),
    INDEX("index/path-del", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"a\\u007f\"}}"),
    INDEX("index/path-256-bytes", ZC_E_UNSAFE,
      "{\"weight_map\":{\"x\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaa\"}}"),
    INDEX("index/path-link", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"link.safetensors\"}}"),
    INDEX("index/path-pipe", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"pipe.safetensors\"}}"),
    INDEX("index/path-is-a-folder", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"sub\"}}"),
    INDEX("index/shard-missing", ZC_E_NOT_FOUND,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"w\":\"c.safetensors\"}}"),
    INDEX("index/shard-is-the-index", ZC_E_NOT_OURS,
      "{\"weight_map\":{\"x\":\"model.safetensors.index.json\"}}"),
    INDEX("index/shard-is-a-pickle", ZC_E_UNSAFE, "{\"weight_map\":{\"x\":\"pickle.bin\"}}"),
    INDEX("index/shard-is-cut", ZC_E_TRUNCATED, "{\"weight_map\":{\"x\":\"cut.safetensors\"}}"),
    INDEX("index/shard-is-gguf", ZC_OK,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"t\":\"g.gguf\"}}"),
    INDEX("index/tensor-missing", ZC_E_MISSING,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"w\":\"b.safetensors\"}}"),
    INDEX("index/tensor-in-another-shard", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"b.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\"}}"),
    INDEX("index/tensor-in-two-shards", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"p\":\"twin.safetensors\"}}"),
    INDEX("index/tensor-left-over", ZC_E_MISMATCH,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"z\":\"b.safetensors\"}}"),
    INDEX("index/tensors-left-over", ZC_E_MISMATCH,
      "{\"weight_map\":{\"z\":\"b.safetensors\",\"p\":\"more.safetensors\"}}"),
    INDEX("index/tensor-twice", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"x\":\"a.safetensors\"}}"),
    INDEX("index/tensor-twice-after-escapes", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\",\"\\u0078\":\"a.safetensors\"}}"),
    INDEX("index/map-twice", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\"},\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetens"
      "ors\"}}"),
    INDEX("index/no-map", ZC_E_NOT_OURS, "{\"metadata\":{}}"),
    INDEX("index/map-empty", ZC_E_NOT_OURS, "{\"weight_map\":{}}"),
    INDEX("index/map-is-array", ZC_E_FORMAT, "{\"weight_map\":[]}"),
    INDEX("index/map-is-string", ZC_E_FORMAT, "{\"weight_map\":\"a\"}"),
    INDEX("index/map-is-null", ZC_E_FORMAT, "{\"weight_map\":null}"),
    INDEX("index/map-is-number", ZC_E_FORMAT, "{\"weight_map\":1}"),
    INDEX("index/file-is-array", ZC_E_FORMAT, "{\"weight_map\":{\"x\":[]}}"),
    INDEX("index/file-is-object", ZC_E_FORMAT, "{\"weight_map\":{\"x\":{}}}"),
    INDEX("index/file-is-null", ZC_E_FORMAT, "{\"weight_map\":{\"x\":null}}"),
    INDEX("index/file-is-number", ZC_E_FORMAT, "{\"weight_map\":{\"x\":1}}"),
    INDEX("index/file-is-true", ZC_E_FORMAT, "{\"weight_map\":{\"x\":true}}"),
    INDEX("index/name-empty", ZC_E_FORMAT, "{\"weight_map\":{\"\":\"a.safetensors\"}}"),
    INDEX("index/name-control", ZC_E_FORMAT, "{\"weight_map\":{\"a\\u001b\":\"a.safetensors\"}}"),
    INDEX("index/name-nul", ZC_E_FORMAT, "{\"weight_map\":{\"a\\u0000\":\"a.safetensors\"}}"),
    INDEX("index/bytes-behind", ZC_E_FORMAT,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\"}} x"),
    INDEX("index/cut", ZC_E_TRUNCATED,
      "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"a.safetensors\",\"z\":\"b.safetensors"
      "\""),
    INDEX("index/cut-in-a-name", ZC_E_TRUNCATED, "{\"weight_map\":{\"x"),
    INDEX("index/empty-object", ZC_E_NOT_OURS, "{}"),
    INDEX("index/deep", ZC_E_LIMIT,
      "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
      "]}"),
    { 0 }
};
