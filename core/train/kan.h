/* LESA's network: from the time offsets of a step to one number, by three layers
 * of cubic B-splines, S + 1 -> 256 -> 256 -> 1. Without norms, biases or dropout.
 *
 * One layer of n inputs and m outputs:
 *     y[o] = sum over j of  base[o][j] silu(x[j])
 *                         + scale[o][j] sum over g of spline[o][j][g] B_g(x[j])
 * with eight splines on a fixed grid of five intervals over -3 .. 3. Beyond -6.6 .. 6.6 only the
 * first part acts.
 *
 * Parameters of a network lie in one array: for each layer base [m][n], scale [m][n],
 * spline [m][n][8]. Numbers are f32, sums are made in double; results do not
 * depend on the machine's vectors.
 *
 * Thread safety: pure functions; a zc_kan_work belongs to one caller. */
#ifndef ZC_KAN_H
#define ZC_KAN_H

#include <stddef.h>
#include <stdint.h>

#define ZC_KAN_HIDDEN 256
#define ZC_KAN_BASES  8
#define ZC_KAN_LAYERS 3

/* The splines that are not 0 at x: value[0..3] are B_first .. B_{first + 3} and slope their
 * derivatives, 0 where there is no such spline. */
typedef struct zc_kan_basis {
    int    first;             /* -3 .. 7; all values are 0 where x is beyond the grid */
    double value[4], slope[4];
} zc_kan_basis;

void zc_kan_basis_at(zc_kan_basis *b, double x);

/* Of a network with that many inputs: 788 480 for 51. */
size_t zc_kan_parameters(int inputs);

/* What forward leaves for backward. */
typedef struct zc_kan_work {
    int inputs;
    struct zc_kan_node {
        double x, silu, slope;        /* input of a layer, silu(x) and its derivative */
        zc_kan_basis basis;
    } *node[ZC_KAN_LAYERS];           /* one for each input of the layer */
    double *gradient;                 /* of a layer's inputs */
} zc_kan_work;

size_t zc_kan_work_bytes(int inputs);

/* Lays the work out over zeroed memory of that many bytes, aligned for double. */
void zc_kan_work_init(zc_kan_work *w, void *memory, int inputs);

double zc_kan_forward(zc_kan_work *w, const float *parameters, const float *x);

/* grad = factor * the gradient of the output of the last forward; every number is set. */
void zc_kan_backward(zc_kan_work *w, const float *parameters, double factor, float *grad);

/* Random, as published. zc_kan_lift then makes the last layer such that the output is 1, wherever
 * the hidden numbers are inside -3 .. 3. */
void zc_kan_init(float *parameters, int inputs, uint64_t seed, uint64_t stream);
void zc_kan_lift(float *parameters, int inputs);

#endif
