/* Texts of hosts: percent signs, overrides without '=', rates and names.
 *
 * Hosts cut texts at '=' (MLT), '|', ':' and others (FFmpeg), so %3D stands for '=',
 * %7C for '|' and so on wherever a text comes from a host.
 *
 * Thread safety: no state. What is returned is the caller's, to be freed; NULL
 * means that there is no memory. */
#ifndef FREI0R_TEXT_H
#define FREI0R_TEXT_H

#include <stdbool.h>

/* %XX decoded; a '%' before anything else stays, and so does %00. */
char *fr_decode(const char *text);

/* "key value; key: value; key=value" or lines of them, as lines "key = value". A
 * percent-encoded ';' is part of its value. */
char *fr_options(const char *text);

/* A preset: text if it has a ';', a '=' or several lines, else a path. */
char *fr_preset(const char *text);

/* Frames a second: "24", "23.976" or "24000/1001", from 0.001 to 1000. False for
 * anything else. */
bool fr_rate_read(double *rate, const char *text);

/* Whether this is a text and no pointer: longer than the bytes of a pointer that are not
 * zero, or printable UTF-8. */
bool fr_is_text(const char *text);

/* Index in a list that ends in NULL, or -1. */
int fr_index(const char *const *names, const char *text);

#endif
