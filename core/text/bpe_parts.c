/* Lists that grow within limits. */

#include "core/text/bpe_parts.h"

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"

void zc_bpe_parts_fini(zc_bpe_parts *p)
{
    zc_free(p->token);
    zc_free(p->merge);
    zc_free(p->added);
    *p = (zc_bpe_parts){ 0 };
}

static zc_status check_token(const char *document, zc_log *log, const char *text, size_t bytes,
                             uint64_t id, size_t before)
{
    zc_status st = ZC_OK;

    ZC_CHECK(bytes > 0, ZC_E_FORMAT, "%s: the token with id %llu is empty", document,
             (unsigned long long)id);
    ZC_CHECK(bytes <= ZC_VOCAB_TEXT, ZC_E_LIMIT, "%s: the token \"%s\" has %zu bytes, at most %d "
             "are possible", document, zc_quote(text, bytes).text, bytes, ZC_VOCAB_TEXT);
    ZC_CHECK(id < ZC_VOCAB_ID, ZC_E_LIMIT, "%s: the token \"%s\" has id %llu, ids must be below %d",
             document, zc_quote(text, bytes).text, (unsigned long long)id, ZC_VOCAB_ID);
    ZC_CHECK(before < ZC_VOCAB_TOKENS, ZC_E_LIMIT, "%s: there are more than %d tokens", document,
             ZC_VOCAB_TOKENS);
done:
    return st;
}

zc_status zc_bpe_add_token(zc_bpe_parts *p, zc_log *log, const char *text, size_t bytes,
                           uint64_t id)
{
    zc_status st = ZC_OK;

    ZC_TRY(check_token(p->name, log, text, bytes, id, p->tokens));
    ZC_CHECK(zc_grow(&p->token, &p->token_room, p->tokens + 1, sizeof(*p->token)), ZC_E_NOMEM,
             "%s: no memory for tokens", p->name);
    p->token[p->tokens++] = (zc_token){
        .text = text, .bytes = (uint32_t)bytes, .id = (int32_t)id,
    };
done:
    return st;
}

zc_status zc_bpe_add_merge(zc_bpe_parts *p, zc_log *log, const char *left, size_t left_bytes,
                           const char *right, size_t right_bytes)
{
    zc_status st = ZC_OK;
    const size_t longest = left_bytes > right_bytes ? left_bytes : right_bytes;

    ZC_CHECK(left_bytes && right_bytes, ZC_E_FORMAT, "%s: merge %zu has an empty half", p->name,
             p->merges);
    ZC_CHECK(longest <= ZC_VOCAB_TEXT, ZC_E_LIMIT, "%s: merge %zu has a half of %zu bytes, at most "
             "%d are possible", p->name, p->merges, longest, ZC_VOCAB_TEXT);
    ZC_CHECK(p->merges < ZC_VOCAB_MERGES, ZC_E_LIMIT, "%s: there are more than %d merges", p->name,
             ZC_VOCAB_MERGES);
    ZC_CHECK(zc_grow(&p->merge, &p->merge_room, p->merges + 1, sizeof(*p->merge)), ZC_E_NOMEM,
             "%s: no memory for merges", p->name);
    p->merge[p->merges++] = (zc_merge){
        .left = left, .left_bytes = (uint16_t)left_bytes,
        .right = right, .right_bytes = (uint16_t)right_bytes,
    };
done:
    return st;
}

zc_status zc_bpe_add_added(zc_bpe_parts *p, zc_log *log, const zc_bpe_added *added)
{
    zc_status st = ZC_OK;

    ZC_TRY(check_token(p->name, log, added->text, added->bytes, (uint64_t)added->id, p->addeds));
    ZC_CHECK(zc_grow(&p->added, &p->added_room, p->addeds + 1, sizeof(*p->added)), ZC_E_NOMEM,
             "%s: no memory for added tokens", p->name);
    p->added[p->addeds++] = *added;
done:
    return st;
}
