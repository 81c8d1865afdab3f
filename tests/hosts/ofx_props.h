/* Property sets of the test host, and what it holds against effects.
 *
 * Thread safety: a set belongs to one thread; the rest is for any. */
#ifndef OFX_PROPS_H
#define OFX_PROPS_H

#include <stdbool.h>

#include "host-abi/openfx.h"

typedef struct prop_value {
    struct prop_value *next;
    char         *name;
    int           index;
    char          kind;           /* p, s, d or i */
    void         *p;
    char         *s;
    double        d;
    int           i;
} prop_value;

struct ofx_props_ {
    prop_value *first;
};

void        props_fini(ofx_props p);
prop_value *props_find(ofx_props p, const char *name, int index);    /* or NULL */
const char *props_text(ofx_props p, const char *name, int index);    /* or "" */
/* Text is copied. */
ofx_status  props_put(ofx_props p, const char *name, int index, const prop_value *with);
ofx_status  props_put_text(ofx_props p, const char *name, int index, const char *text);

extern const ofx_property_suite props_suite;

/* The effect did something wrong. */
void host_wrong(const char *what, const char *name);
/* Whether this call of a suite is to fail. */
bool host_fails(void);
bool host_is_failing(void);

#endif
