/* Hashes against published answers. */

#include "core/base/alloc.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "tests/unit/test.h"

static void sha256_of(char text[65], const void *data, size_t bytes, size_t piece)
{
    const char *p = data;
    uint8_t digest[32];
    zc_sha256 h;

    zc_sha256_init(&h);
    for (size_t i = 0; i < bytes; i += piece)
        zc_sha256_add(&h, p + i, piece < bytes - i ? piece : bytes - i);
    zc_sha256_finish(&h, digest);
    zc_sha256_text(text, digest);
}

static void sha256_gives_the_published_digests(void)
{
    static const struct {
        const char *message, *digest;
    } rows[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
          "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
    };
    char text[65];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        for (size_t piece = 1; piece < 70; piece += 9) {
            sha256_of(text, rows[i].message, strlen(rows[i].message), piece);
            REQUIRE_STR(text, rows[i].digest);
        }
    }
}

static void sha256_of_a_million_letters(void)
{
    char *million = zc_alloc(1000000), text[65];

    REQUIRE(million);
    memset(million, 'a', 1000000);
    sha256_of(text, million, 1000000, 1000000);
    REQUIRE_STR(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sha256_of(text, million, 1000000, 777);
    REQUIRE_STR(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    zc_free(million);
}

/* RFC 3720, appendix B.4. */
static void crc32c_gives_the_published_sums(void)
{
    uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];

    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    REQUIRE_INT(zc_crc32c(0, "123456789", 9), 0xe3069283);
    REQUIRE_INT(zc_crc32c(0, zeros, 32), 0x8a9136aa);
    REQUIRE_INT(zc_crc32c(0, ones, 32), 0x62a8ab43);
    REQUIRE_INT(zc_crc32c(0, up, 32), 0x46dd794e);
    REQUIRE_INT(zc_crc32c(0, down, 32), 0x113fdb5c);
    REQUIRE_INT(zc_crc32c(zc_crc32c(0, up, 13), up + 13, 19), 0x46dd794e);
    REQUIRE_INT(zc_crc32c(0, "", 0), 0);
}

static void hash64_is_fnv1a(void)
{
    REQUIRE(zc_hash64("", 0) == 0xcbf29ce484222325u);
    REQUIRE(zc_hash64("a", 1) == 0xaf63dc4c8601ec8cu);
    REQUIRE(zc_hash64("foobar", 6) == 0x85944171f73967e8u);
}

int main(void)
{
    TEST(sha256_gives_the_published_digests);
    TEST(sha256_of_a_million_letters);
    TEST(crc32c_gives_the_published_sums);
    TEST(hash64_is_fnv1a);
    return test_end();
}
