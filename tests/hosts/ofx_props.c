/* Properties that know their types, and faults on request. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hosts/ofx_host.h"
#include "tests/hosts/ofx_props.h"

static atomic_int errors;
static _Thread_local int fail_every, calls;

void host_wrong(const char *what, const char *name)
{
    errors++;
    printf("FAIL the effect: %s '%s'\n", what, name ? name : "(null)");
}

bool host_fails(void)
{
    return fail_every > 0 && ++calls % fail_every == 0;
}

void props_fini(ofx_props p)
{
    while (p->first) {
        prop_value *v = p->first;
        p->first = v->next;
        free(v->name);
        free(v->s);
        free(v);
    }
}

prop_value *props_find(ofx_props p, const char *name, int index)
{
    for (prop_value *v = p->first; v; v = v->next) {
        if (v->index == index && strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

ofx_status props_put(ofx_props p, const char *name, int index, const prop_value *with)
{
    if (!p || !name || index < 0) {
        host_wrong("sets a property of nothing", name);
        return OFX_ERR_BAD_HANDLE;
    }
    prop_value *v = props_find(p, name, index);
    if (!v) {
        v = calloc(1, sizeof(*v));
        v->next = p->first;
        v->name = strdup(name);
        v->index = index;
        p->first = v;
    } else if (v->kind != with->kind) {
        host_wrong("changes the type of", name);
    }
    v->kind = with->kind;
    v->p = with->p;
    v->d = with->d;
    v->i = with->i;
    char *text = with->s ? strdup(with->s) : NULL;
    free(v->s);
    v->s = text;
    return OFX_OK;
}

ofx_status props_put_text(ofx_props p, const char *name, int index, const char *text)
{
    return props_put(p, name, index,
                     &(prop_value){ .kind = 's', .s = (char *)(uintptr_t)text });
}

static prop_value *get(ofx_props p, const char *name, int index, char kind)
{
    if (!p || !name) {
        host_wrong("asks a property of nothing", name);
        return NULL;
    }
    prop_value *v = props_find(p, name, index);
    return v && v->kind == kind ? v : NULL;
}

static ofx_status set_pointer(ofx_props p, const char *name, int index, void *x)
{
    return host_fails() ? OFX_FAILED
                        : props_put(p, name, index, &(prop_value){ .kind = 'p', .p = x });
}

static ofx_status set_string(ofx_props p, const char *name, int index, const char *x)
{
    return host_fails() ? OFX_FAILED : props_put_text(p, name, index, x);
}

static ofx_status set_double(ofx_props p, const char *name, int index, double x)
{
    return host_fails() ? OFX_FAILED
                        : props_put(p, name, index, &(prop_value){ .kind = 'd', .d = x });
}

static ofx_status set_int(ofx_props p, const char *name, int index, int x)
{
    return host_fails() ? OFX_FAILED
                        : props_put(p, name, index, &(prop_value){ .kind = 'i', .i = x });
}

static ofx_status get_pointer(ofx_props p, const char *name, int index, void **x)
{
    const prop_value *v = host_fails() ? NULL : get(p, name, index, 'p');

    if (v)
        *x = v->p;
    return v ? OFX_OK : OFX_ERR_UNKNOWN;
}

static ofx_status get_string(ofx_props p, const char *name, int index, char **x)
{
    const prop_value *v = host_fails() ? NULL : get(p, name, index, 's');

    if (v)
        *x = v->s;
    return v ? OFX_OK : OFX_ERR_UNKNOWN;
}

static ofx_status get_double(ofx_props p, const char *name, int index, double *x)
{
    const prop_value *v = host_fails() ? NULL : get(p, name, index, 'd');

    if (v)
        *x = v->d;
    return v ? OFX_OK : OFX_ERR_UNKNOWN;
}

static ofx_status get_int(ofx_props p, const char *name, int index, int *x)
{
    const prop_value *v = host_fails() ? NULL : get(p, name, index, 'i');

    if (v)
        *x = v->i;
    return v ? OFX_OK : OFX_ERR_UNKNOWN;
}

static ofx_status dimension(ofx_props p, const char *name, int *count)
{
    *count = 0;
    while (props_find(p, name, *count))
        (*count)++;
    return OFX_OK;
}

const ofx_property_suite props_suite = {
    .set_pointer = set_pointer, .set_string = set_string, .set_double = set_double,
    .set_int = set_int, .get_pointer = get_pointer, .get_string = get_string,
    .get_double = get_double, .get_int = get_int, .dimension = dimension,
};

const char *props_text(ofx_props p, const char *name, int index)
{
    const prop_value *v = props_find(p, name, index);

    return v && v->kind == 's' && v->s ? v->s : "";
}

void host_fail_every(int n)
{
    fail_every = n;
}

int host_errors(void)
{
    return errors;
}

bool host_is_failing(void)
{
    return fail_every != 0;
}
