/* frei0r.h: the binary interface of frei0r 1.2, as far as our plugins use it.
 *
 * Our own declarations of public names, numbers and layouts; README.md beside this
 * file says where each comes from. A host opens the module, calls f0r_init, and
 * asks for information; it constructs instances of a size, sets parameters, and
 * calls f0r_update for every picture.
 *
 * Thread safety: f0r_init and f0r_deinit are called by one thread at a time; the
 * other functions from any, those of one instance by one thread at a time. */
#ifndef ZT_FREI0R_H
#define ZT_FREI0R_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define F0R_EXPORT __attribute__((visibility("default")))
#else
#define F0R_EXPORT
#endif

#define FREI0R_MAJOR_VERSION 1

/* Kinds of plugins. */
#define F0R_PLUGIN_TYPE_FILTER 0
#define F0R_PLUGIN_TYPE_SOURCE 1

/* Pixels: bytes R, G, B, A from the lowest address on, not premultiplied. */
#define F0R_COLOR_MODEL_RGBA8888 1

/* Kinds of parameters, and what f0r_set_param_value finds behind its pointer:
 * a double, 0 to 1 by agreement; or a pointer to text that ends in a NUL. */
#define F0R_PARAM_DOUBLE 1
#define F0R_PARAM_STRING 4

typedef struct f0r_plugin_info {
    const char *name;
    const char *author;
    int         plugin_type;
    int         color_model;
    int         frei0r_version;   /* FREI0R_MAJOR_VERSION */
    int         major_version, minor_version;         /* of the plugin */
    int         num_params;
    const char *explanation;
} f0r_plugin_info_t;

typedef struct f0r_param_info {
    const char *name;
    int         type;
    const char *explanation;
} f0r_param_info_t;

typedef void *f0r_instance_t;
typedef void *f0r_param_t;

/* 1: ready. Hosts disagree about other values. */
F0R_EXPORT int  f0r_init(void);
F0R_EXPORT void f0r_deinit(void);

/* Texts are borrowed from the module. */
F0R_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info);
F0R_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index);

F0R_EXPORT f0r_instance_t f0r_construct(unsigned int width, unsigned int height);
F0R_EXPORT void           f0r_destruct(f0r_instance_t instance);

/* The value is copied. */
F0R_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index);
/* A text is borrowed until it is set anew or the instance goes. */
F0R_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index);

/* width * height pixels without gaps, top row first; in is NULL for a source. */
F0R_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in,
                           uint32_t *out);

#ifdef __cplusplus
}
#endif

#endif
