/* The short list of ways in which anything can fail.
 *
 * A code says what kind of failure it is and travels up unchanged; the sentence
 * that helps the user is written once, into the log, where the failure is seen
 * (see ZC_CHECK in log.h).
 *
 * Thread safety: nothing here has state. */
#ifndef ZC_STATUS_H
#define ZC_STATUS_H

#include <stddef.h>

#if defined(__GNUC__)
#define ZC_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ZC_PRINTF(text, first)
#endif

#define ZC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef enum zc_status {
    ZC_OK            = 0,
    ZC_E_NOMEM       = -1,      /* no memory, or more than the budget */
    ZC_E_SHAPE       = -2,      /* tensors that don't fit each other */
    ZC_E_MISSING     = -3,      /* a tensor, a key or a name that must be there */
    ZC_E_FORMAT      = -4,      /* content that breaks the rules of its kind */
    ZC_E_UNSUPPORTED = -5,      /* valid, but not something we can do */
    ZC_E_CANCELLED   = -6,
    ZC_E_IO          = -7,      /* the system refused to read or write */
    ZC_E_DEVICE      = -8,
    ZC_E_ARGUMENT    = -9,      /* a value that the caller may not pass */
    ZC_E_TRUNCATED   = -10,     /* the file ends too early */
    ZC_E_LIMIT       = -11,     /* beyond one of our own limits */
    ZC_E_MISMATCH    = -12,     /* two good things that don't belong together */
    ZC_E_UNSAFE      = -13,     /* refused on purpose: a path that leads out, a pickle */
    ZC_E_NOT_OURS    = -14,     /* a file of another kind */
    ZC_E_TIMEOUT     = -15,     /* not there yet */
    ZC_E_NOT_FOUND   = -16,     /* a file or folder that is not there */
    ZC_E_CREATE      = -17,     /* an output that cannot be created, or no room for it */
    ZC_E_BUSY        = -18,     /* somebody else is at work on it: try again later */
} zc_status;

/* "format" for ZC_E_FORMAT, and so on; "unknown" for any other number. Static. */
const char *zc_status_name(zc_status st);

/* Forwards a failure of `call`, which has described it already. Expects a local
 * `zc_status st` and the label `done`. */
#define ZC_TRY(call)                \
    do {                            \
        st = (call);                \
        if (st != ZC_OK)            \
            goto done;              \
    } while (0)

#endif
