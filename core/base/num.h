/* Numbers to text and back, without the locale.
 *
 * Reading accepts the whole text or nothing, and answers with NULL, or with the
 * reason as the end of a sentence ("is too large"). Decimal numbers are rounded
 * correctly, half to even, however many digits they have. Writing gives the
 * shortest text that reads back as the same number.
 *
 * Thread safety: pure functions. */
#ifndef ZC_NUM_H
#define ZC_NUM_H

#include <stddef.h>
#include <stdint.h>

#define ZC_NUM_TEXT 32      /* room for any number that is written here, with its NUL */

/* [+-]digits. Nothing else: no blanks, no point, no exponent. */
const char *zc_num_read_i64(int64_t *out, const char *text, size_t bytes);
const char *zc_num_read_u64(uint64_t *out, const char *text, size_t bytes);

/* [+-]digits[.digits][e[+-]digits], at least one digit before the e. Finite
 * numbers only; what is too small becomes a subnormal or zero. */
const char *zc_num_read_f64(double *out, const char *text, size_t bytes);
const char *zc_num_read_f32(float *out, const char *text, size_t bytes);

/* Write at most ZC_NUM_TEXT bytes with the NUL and return the length. Not finite
 * ones print as nan, inf and -inf. */
size_t zc_num_write_i64(char *dst, int64_t value);
size_t zc_num_write_u64(char *dst, uint64_t value);
size_t zc_num_write_f64(char *dst, double value);
size_t zc_num_write_f32(char *dst, float value);

/* The exact decimal value of a finite, not negative double: *point digits stand
 * before the decimal point (it may be negative or beyond the end). Returns the
 * count; no leading or trailing zeros; zero has no digits and its point is 0. */
#define ZC_NUM_DIGITS 800      /* room for them, at `digits` */
int zc_num_digits(char *digits, int *point, double value);

/* Rounds such digits to `keep` of them, half to even; keep may be negative, zero or more than
 * there are. Returns the new count, again without trailing zeros; *point may move by one. */
int zc_num_round(char *digits, int count, int *point, int keep);

#endif
