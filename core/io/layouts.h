/* The tables of layouts, one file for each family of models; and what names.c
 * shares with the file that knows quantised layers.
 *
 * Thread safety: as names.h. */
#ifndef ZC_LAYOUTS_H
#define ZC_LAYOUTS_H

#include "core/io/names.h"

extern const zc_layout zc_layouts_hunyuan[];

/* True for tensors that say how another one is quantised: scales, descriptions,
 * markers. *of has the length of the layer's name in front: "x" of "x.scale_weight". */
bool zc_quant_is_note(const char *name, size_t *of);

/* ZC_E_UNSUPPORTED if the metadata names a way of quantising that we don't know. */
zc_status zc_quant_check_metadata(zc_log *log, const zc_container *c);

/* Finds and reads the scale of a piece, whose entry is a weight of the container. */
zc_status zc_quant_find(zc_piece *piece, zc_log *log, const zc_container *c);

#endif
