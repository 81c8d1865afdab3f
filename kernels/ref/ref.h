/* The reference kernels, which are also what a backend uses for an operation
 * that it has no faster version of. They take every element type that dtype.h
 * can convert, work in f32 on one thread, need no scratch memory and ignore the
 * queue.
 *
 * Thread safety: pure functions of their arguments. */
#ifndef ZK_REF_H
#define ZK_REF_H

#include "kernels/kernels.h"

#define ZK_REF_SLOT(slot, args) zk_status zk_ref_##slot(zk_queue *, const struct args *);
ZK_OPS(ZK_REF_SLOT)
#undef ZK_REF_SLOT

/* What every backend in host memory asks first: shapes, types, pointers and
 * numbers of an op's arguments, without looking at a single element. After ZK_OK
 * the op touches nothing outside of its tensors. Packed weights pass; whether the
 * packing is its own is for the backend to say. */
#define ZK_CHECK_SLOT(slot, args) zk_status zk_check_##slot(const struct args *);
ZK_OPS(ZK_CHECK_SLOT)
#undef ZK_CHECK_SLOT

float zk_act_f32(zk_act act, float x);

#endif
