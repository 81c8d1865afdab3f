/* The tolerances of the parity tests, as data. */
#ifndef TESTS_TOLERANCE_H
#define TESTS_TOLERANCE_H

typedef struct tolerance {
    const char *component, *precision;
    double      relative_rms;
} tolerance;

/* NULL if there is no row: then the comparison fails. */
const tolerance *tolerance_find(const char *component, const char *precision);

#endif
