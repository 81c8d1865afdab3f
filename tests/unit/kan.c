/* The spline network: its splines, size, gradient and first numbers. */

#include <math.h>
#include <stdlib.h>

#include "core/train/kan.h"
#include "tests/unit/test.h"

static void splines_add_up_to_one_inside_the_grid(void)
{
    for (int i = 0; i <= 6000; i++) {
        const double x = -3 + i / 1000.0;
        double sum = 0, slope = 0;
        zc_kan_basis b;

        zc_kan_basis_at(&b, x - (i == 6000 ? 1e-12 : 0));
        for (int k = 0; k < 4; k++) {
            REQUIRE(b.value[k] >= 0);
            sum += b.value[k];
            slope += b.slope[k];
        }
        REQUIRE_NEAR(sum, 1, 1e-12);
        REQUIRE_NEAR(slope, 0, 1e-12);
    }
}

static double spline_at(int g, double x, bool slope)
{
    zc_kan_basis b;

    zc_kan_basis_at(&b, x);
    for (int k = 0; k < 4; k++) {
        if (b.first + k == g)
            return slope ? b.slope[k] : b.value[k];
    }
    return 0;
}

static void splines_are_the_cubic_ones(void)
{
    /* At its middle knot a cubic B-spline is 2/3, beside it 1/6, two away 0. */
    for (int g = 0; g < ZC_KAN_BASES; g++) {
        const double middle = -6.6 + 1.2 * (g + 2) + 1e-9;

        REQUIRE_NEAR(spline_at(g, middle, false), 2.0 / 3, 1e-8);
        REQUIRE_NEAR(spline_at(g, middle + 1.2, false), 1.0 / 6, 1e-8);
        REQUIRE_NEAR(spline_at(g, middle - 1.2, false), 1.0 / 6, 1e-8);
        for (int i = -40; i <= 40; i++) {
            const double x = middle + i * 0.0593;
            const double numeric = (spline_at(g, x + 1e-5, false) - spline_at(g, x - 1e-5, false)) /
                2e-5;

            REQUIRE_NEAR(spline_at(g, x, true), numeric, 1e-5);
        }
    }
    REQUIRE_F64(spline_at(0, -6.7, false), 0);
    REQUIRE_F64(spline_at(7, 6.7, false), 0);
}

static void networks_have_the_published_size(void)
{
    REQUIRE_INT(zc_kan_parameters(51), 788480);
    REQUIRE_INT(3 * zc_kan_parameters(51) + 5 + 9 + 9, 2365463);
    REQUIRE_INT(3 * zc_kan_parameters(9) + 5 + 9 + 9, 2042903);
    REQUIRE_INT(3 * zc_kan_parameters(5) + 5 + 9 + 9, 2012183);
}

/* A network with its work, for `inputs` numbers. */
struct net {
    float *p, *g;
    void *memory;
    zc_kan_work work;
    float x[64];
};

static void make_net(struct net *n, int inputs, float spread)
{
    n->p = calloc(zc_kan_parameters(inputs), sizeof(float));
    n->g = calloc(zc_kan_parameters(inputs), sizeof(float));
    n->memory = calloc(1, zc_kan_work_bytes(inputs));
    zc_kan_work_init(&n->work, n->memory, inputs);
    zc_kan_init(n->p, inputs, 7, 0);
    for (int j = 0; j < inputs; j++)
        n->x[j] = spread * (float)sin(1 + 3.7 * j);
}

static void drop_net(struct net *n)
{
    free(n->p);
    free(n->g);
    free(n->memory);
}

static void the_gradient_is_that_of_the_output(void)
{
    enum { INPUTS = 9 };
    const size_t count = zc_kan_parameters(INPUTS);
    /* Some of each kind in each layer: base, scale and splines. */
    size_t at[60];
    struct net n;
    int seen = 0;

    make_net(&n, INPUTS, 2.5f);
    for (size_t i = 0; i < count; i++)
        n.p[i] *= 1 + (i % 3 == 0);
    zc_kan_forward(&n.work, n.p, n.x);
    zc_kan_backward(&n.work, n.p, 1, n.g);
    for (size_t i = 0; i < count && seen < 60; i += count / 480 + 1) {
        if (fabsf(n.g[i]) > 1e-6f)
            at[seen++] = i;
    }
    REQUIRE(seen > 40);
    for (int i = 0; i < seen; i++) {
        const float was = n.p[at[i]], by = 1e-2f;
        double up, down;

        /* f32 parameters: what was really added counts. */
        n.p[at[i]] = was + by;
        const double high = (double)n.p[at[i]];
        up = zc_kan_forward(&n.work, n.p, n.x);
        n.p[at[i]] = was - by;
        const double low = (double)n.p[at[i]];
        down = zc_kan_forward(&n.work, n.p, n.x);
        n.p[at[i]] = was;
        REQUIRE_NEAR((double)n.g[at[i]], (up - down) / (high - low),
                     2e-4 * fabs((double)n.g[at[i]]) + 2e-6);
    }
    drop_net(&n);
}

static void first_numbers_are_in_the_published_ranges(void)
{
    enum { INPUTS = 51, EDGES = INPUTS * ZC_KAN_HIDDEN };
    struct net n;
    float most[3] = { 0 };
    double squares = 0;

    make_net(&n, INPUTS, 0.5f);
    for (int i = 0; i < EDGES; i++) {
        most[0] = fmaxf(most[0], fabsf(n.p[i]));
        most[1] = fmaxf(most[1], fabsf(n.p[EDGES + i]));
    }
    for (int i = 0; i < EDGES * ZC_KAN_BASES; i++) {
        most[2] = fmaxf(most[2], fabsf(n.p[2 * EDGES + i]));
        squares += (double)n.p[2 * EDGES + i] * (double)n.p[2 * EDGES + i];
    }
    REQUIRE_NEAR((double)most[0], 1 / sqrt(51), 1e-3);
    REQUIRE_NEAR((double)most[1], sqrt(5 / 51.0), 1e-3);
    REQUIRE(most[2] < 0.02f);
    REQUIRE_NEAR(sqrt(squares / (EDGES * ZC_KAN_BASES)), 0.002, 0.001);
    drop_net(&n);
}

static void lifting_makes_the_output_one(void)
{
    struct net n;

    make_net(&n, 51, 0.5f);
    zc_kan_lift(n.p, 51);
    REQUIRE_NEAR(zc_kan_forward(&n.work, n.p, n.x), 1, 1e-5);
    drop_net(&n);
}

int main(void)
{
    TEST(splines_add_up_to_one_inside_the_grid);
    TEST(splines_are_the_cubic_ones);
    TEST(networks_have_the_published_size);
    TEST(the_gradient_is_that_of_the_output);
    TEST(first_numbers_are_in_the_published_ranges);
    TEST(lifting_makes_the_output_one);
    return test_end();
}
