/* Fingerprints: SHA-256 of things that must not be confused, CRC-32C of records
 * that may be torn, and a quick 64-bit hash for tables in memory.
 *
 * Thread safety: pure but for the caller's zc_sha256. */
#ifndef ZC_HASH_H
#define ZC_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct zc_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t  block[64];
} zc_sha256;

void zc_sha256_init(zc_sha256 *h);
void zc_sha256_add(zc_sha256 *h, const void *data, size_t bytes);
void zc_sha256_finish(zc_sha256 *h, uint8_t digest[32]);        /* h is used up */

/* 64 lower-case hex digits and a NUL. */
void zc_sha256_text(char text[65], const uint8_t digest[32]);

/* Start with crc 0; feed the result back in to go on. */
uint32_t zc_crc32c(uint32_t crc, const void *data, size_t bytes);

/* FNV-1a. Not proof against somebody who looks for collisions. */
uint64_t zc_hash64(const void *data, size_t bytes);

#endif
