/* The zlib format (RFC 1950, 1951), as far as PNG needs it: packing with the fixed
 * codes, unpacking of anything.
 *
 * Thread safety: pure functions. */
#ifndef ZC_ZLIB_H
#define ZC_ZLIB_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Bytes that packing may give at most. */
size_t zc_zlib_bound(size_t bytes);

/* Room for the packer's table of earlier places. */
#define ZC_ZLIB_PLACES 32768

/* Packs into dst, which has zc_zlib_bound(bytes) bytes, and returns how many there are. The same
 * input gives the same bytes. Below 2 GiB. */
size_t zc_zlib_pack(uint8_t *dst, const uint8_t *src, size_t bytes,
                    int32_t places[ZC_ZLIB_PLACES]);

/* Unpacks exactly `room` bytes. ZC_E_TRUNCATED if the source ends early, ZC_E_FORMAT if it breaks
 * the rules, has more or fewer bytes, or another checksum. Says nothing. */
zc_status zc_zlib_unpack(uint8_t *dst, size_t room, const uint8_t *src, size_t bytes);

uint32_t zc_adler32(const uint8_t *src, size_t bytes);

#endif
