/* LESA's own training: two phases of one update a predicted step. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/rng.h"
#include "core/cache/steps.h"
#include "core/train/kan.h"
#include "core/train/kan_fit.h"
#include "core/train/state.h"
#include "core/train/sums.h"

#define HALVING   500         /* updates, in the faithful mode */
#define CLIP      1.0
#define BETA1     0.9
#define BETA2     0.999
#define EPSILON   1e-8
#define LAST_RATE 0.01        /* of the first */
#define BLOCK     256         /* elements looked at together */
#define ADAMS     3           /* arrays: parameters, first and second moments */

static const int windows[ZC_KAN_EXPERTS] = { 4, 8, 8 };

const zc_opt zc_kan_opts[] = {
    ZC_OPT_INT(zc_kan_options, interval, 7, 1, ZC_STEPS_MAX, "steps from one computed to the next"),
    ZC_OPT_INT(zc_kan_options, first, 3, 1, ZC_STEPS_MAX, "steps computed at the start"),
    ZC_OPT_STR(zc_kan_options, full, "", "steps to compute, such as 0 1 2 9; empty: by interval"),
    ZC_OPT_INT(zc_kan_options, guided, 1, 0, 1000, "times through the prompts on true features"),
    ZC_OPT_INT(zc_kan_options, closed, 2, 0, 1000, "times through the prompts in a closed loop"),
    ZC_OPT_FLOAT(zc_kan_options, guided_rate, 1e-3, 0, 1, "learning rate on true features"),
    ZC_OPT_FLOAT(zc_kan_options, closed_rate, 1e-4, 0, 1, "learning rate in a closed loop"),
    ZC_OPT_FLOAT(zc_kan_options, network, 0.05, 0, 1,
                 "learning rate of the spline networks, over that of the weights"),
    ZC_OPT_FLOAT(zc_kan_options, decay, 1e-4, 0, 1, "weight decay"),
    ZC_OPT_FLOAT(zc_kan_options, early, 0.9, 0, 1, "noise level where the first expert ends"),
    ZC_OPT_FLOAT(zc_kan_options, late, 0.5, 0, 1, "noise level where the second expert ends"),
    ZC_OPT_BOOL(zc_kan_options, faithful, false,
                "published first numbers, and a rate of 1e-4 halved every 500 updates for good"),
    ZC_OPT_INT(zc_kan_options, seed, 1, 0, INT64_MAX, "of the first numbers"),
    ZC_OPT_BOOL(zc_kan_options, whole, true,
                "the networks go into the file; without them it is a thousandth of the size and "
                "predicts the same"),
    { 0 }
};

/* One expert: its window's weights and bias, then its network. */
struct expert {
    float  *adam[ADAMS];
    int64_t updates;
};

struct zc_kan_fit {
    zc_train_job   job;
    zc_kan_options options;
    int            prompts, steps, inputs;
    size_t         network;           /* parameters of one */
    uint8_t        full[ZC_STEPS_MAX];
    struct expert  expert[ZC_PREDICTOR_LANES][ZC_KAN_EXPERTS];
    float         *memory;            /* all of the above */
    size_t         numbers;           /* of memory */
    float         *gradient;          /* of one expert */
    void          *work_memory;
    zc_kan_work    work;
    zc_trajectory  truth, visited;
    zc_predictor  *present;           /* rows of the closed loop */
    int            at;                /* calls of next so far */
};

/* ---- Experts ---- */

static int expert_of(float sigma, float early, float late)
{
    return sigma > early ? 0 : sigma > late ? 1 : 2;
}

static size_t expert_size(int expert, size_t network)
{
    return (size_t)windows[expert] + 1 + network;
}

static void offsets(float *x, const float *sigma, int step, int inputs)
{
    for (int j = 0; j < inputs; j++)
        x[j] = sigma[step] - sigma[j];
}

/* ---- Weights as differences ---- */

/* Neighbouring features are nearly equal, so that their weights can't be told apart by small
 * steps. But for the faithful mode, what is learned are weights of differences: of the newest
 * feature, of its first difference, of its second. into[k] = sum over m of (-1)^k C(m, k) from[m],
 * both newest first; the matrix is its own inverse. */
static void from_differences(float *into, const float *from, int window)
{
    double row[ZC_KAN_WINDOW] = { 1 };        /* binomials of m */

    for (int k = 0; k < window; k++)
        into[k] = 0;
    for (int m = 0; m < window; m++) {
        for (int k = 0; k <= m; k++)
            into[k] += (float)((k % 2 ? -row[k] : row[k]) * (double)from[m]);
        for (int k = m + 1; k > 0 && k < ZC_KAN_WINDOW; k--)
            row[k] += row[k - 1];
    }
}

/* The transposed: gradients by features to gradients by differences, in place. */
static void to_differences(double *g, int window)
{
    for (int m = window - 1; m >= 0; m--) {
        double c = 1, sum = 0;

        for (int k = 0; k <= m; k++) {
            sum += (k % 2 ? -c : c) * g[k];
            c = c * (m - k) / (k + 1);
        }
        g[m] = sum;
    }
}

/* Weights, newest first, of a window of which only `count` features are there yet: as many
 * differences as they have. */
static void shorten(float *w, int window, int count)
{
    float d[ZC_KAN_WINDOW];

    if (count >= window)
        return;
    from_differences(d, w, window);
    for (int m = count; m < window; m++)
        d[m] = 0;
    from_differences(w, d, window);
}

/* The row of a step: newest first, then the constant. Returns the window it has. */
static int make_row(float *row, const float *p, int window, int step, double alpha)
{
    const int count = window < step ? window : step;
    float w[ZC_KAN_WINDOW];

    for (int k = 0; k < window; k++)
        w[k] = p[window - 1 - k];
    shorten(w, window, count);
    for (int k = 0; k < count; k++)
        row[k] = (float)(alpha * (double)w[k] + (k == 0));
    for (int k = count; k < ZC_KAN_WINDOW; k++)
        row[k] = 0;
    row[ZC_KAN_WINDOW] = (float)(alpha * (double)p[window]);
    return count;
}

int zc_kan_row(const zc_predictor *p, int lane, int step, float *row)
{
    const int inputs = p->steps + 1, e = expert_of(p->sigma[step], p->early, p->late);
    const float *at = p->network + (size_t)(p->lanes == 1 ? 0 : lane) * p->network_size;
    void *memory = zc_alloc_zeroed(1, zc_kan_work_bytes(inputs));
    zc_kan_work work;
    float x[ZC_STEPS_MAX + 1];
    int count = 0;

    for (int i = 0; i < e; i++)
        at += expert_size(i, zc_kan_parameters(inputs));
    offsets(x, p->sigma, step, inputs);
    if (memory) {
        zc_kan_work_init(&work, memory, inputs);
        count = make_row(row, at, windows[e], step,
                         zc_kan_forward(&work, at + windows[e] + 1, x));
    }
    zc_free(memory);
    return count;
}

/* An expert's weights as the file has them, oldest first, then its bias. */
static void weights_of(float *into, const struct zc_kan_fit *f, int lane, int e)
{
    const float *p = f->expert[lane][e].adam[0];
    const int window = windows[e];
    float newest[ZC_KAN_WINDOW] = { 0 }, changed[ZC_KAN_WINDOW];

    memcpy(into, p, ((size_t)window + 1) * sizeof(*into));
    if (f->options.faithful)
        return;
    for (int k = 0; k < window; k++)
        newest[k] = p[window - 1 - k];
    from_differences(changed, newest, window);
    for (int k = 0; k < window; k++)
        into[window - 1 - k] = changed[k];
}

static void first_numbers(struct zc_kan_fit *f, int lane, int e)
{
    float *p = f->expert[lane][e].adam[0], *network = p + windows[e] + 1;
    const uint64_t stream = (uint64_t)lane * ZC_KAN_EXPERTS + (uint64_t)e;
    const uint64_t seed = (uint64_t)f->options.seed;
    const int window = windows[e];

    zc_kan_init(network, f->inputs, seed, stream + 1);
    if (f->options.faithful) {
        zc_randu(p, 0, (size_t)window + 1, seed, ~stream);
        for (int k = 0; k <= window; k++)
            p[k] = (float)((2 * (double)p[k] - 1) / sqrt(window));
    } else {
        /* The mean slope over the window. That of the newest two would be half made of the jump
         * from a prediction to the truth. */
        float slope[ZC_KAN_WINDOW] = { 0 }, changed[ZC_KAN_WINDOW];

        slope[0] = 1.0f / (float)(window - 1);
        slope[window - 1] = -slope[0];
        from_differences(changed, slope, window);
        for (int k = 0; k < window; k++)
            p[window - 1 - k] = changed[k];
        p[window] = 0;
        zc_kan_lift(network, f->inputs);
    }
}

/* ---- Opening ---- */

static zc_status take_memory(struct zc_kan_fit *f, zc_log *log)
{
    zc_status st = ZC_OK;
    float *at;

    for (int e = 0; e < ZC_KAN_EXPERTS; e++)
        f->numbers += ADAMS * (size_t)f->job.lanes * expert_size(e, f->network);
    f->memory = zc_new_array(float, f->numbers);
    f->gradient = zc_new_array(float, expert_size(ZC_KAN_EXPERTS - 1, f->network));
    f->work_memory = zc_alloc_zeroed(1, zc_kan_work_bytes(f->inputs));
    ZC_CHECK(f->memory && f->gradient && f->work_memory, ZC_E_NOMEM,
             "no memory to train %zu numbers", f->numbers);
    zc_kan_work_init(&f->work, f->work_memory, f->inputs);
    at = f->memory;
    for (int a = 0; a < ADAMS; a++) {
        for (int lane = 0; lane < f->job.lanes; lane++) {
            for (int e = 0; e < ZC_KAN_EXPERTS; e++) {
                f->expert[lane][e].adam[a] = at;
                at += expert_size(e, f->network);
            }
        }
    }
    ZC_TRY(zc_trajectory_init(&f->truth, log, f->job.lanes, f->steps, f->job.count));
    ZC_TRY(zc_trajectory_init(&f->visited, log, f->job.lanes, f->steps, f->job.count));
done:
    return st;
}

zc_status zc_kan_fit_open(zc_kan_fit **out, const zc_train_job *job, const zc_kan_options *o,
                          int prompts)
{
    zc_log *log = job->log;
    zc_status st = ZC_OK;
    zc_kan_fit *f = zc_new(zc_kan_fit);

    *out = NULL;
    ZC_CHECK(f, ZC_E_NOMEM, "out of memory");
    f->job = *job;
    f->options = *o;
    f->prompts = prompts;
    f->steps = job->schedule->steps;
    f->inputs = f->steps + 1;
    f->network = zc_kan_parameters(f->inputs);
    if (o->full[0])
        ZC_TRY(zc_steps_parse(f->full, f->steps, log, o->full));
    else
        zc_steps_lesa(f->full, f->steps, o->first, o->interval);
    ZC_TRY(take_memory(f, log));
    for (int lane = 0; lane < job->lanes; lane++) {
        for (int e = 0; e < ZC_KAN_EXPERTS; e++)
            first_numbers(f, lane, e);
    }
    ZC_TRY(zc_train_predictor(&f->present, job, "lesa", "kan", ZC_KAN_WINDOW, prompts));
    memcpy(f->present->full, f->full, (size_t)f->steps);
    *out = f;
    f = NULL;
done:
    zc_kan_fit_close(&f);
    return st;
}

void zc_kan_fit_close(zc_kan_fit **fit)
{
    zc_kan_fit *f = *fit;

    if (!f)
        return;
    zc_free(f->memory);
    zc_free(f->gradient);
    zc_free(f->work_memory);
    zc_trajectory_fini(&f->truth);
    zc_trajectory_fini(&f->visited);
    zc_predictor_destroy(&f->present);
    zc_free(f);
    *fit = NULL;
}

int zc_kan_fit_total(const zc_kan_fit *f)
{
    return (f->options.guided + f->options.closed) * f->prompts;
}

int zc_kan_fit_at(const zc_kan_fit *f)
{
    return f->at;
}

bool zc_kan_fit_done(const zc_kan_fit *f)
{
    return f->at >= zc_kan_fit_total(f);
}

bool zc_kan_fit_again(const zc_kan_fit *f, int prompt)
{
    return prompt < f->prompts && zc_kan_fit_total(f) > f->prompts;
}

size_t zc_kan_fit_bytes(const zc_kan_fit *f)
{
    const size_t values = (size_t)f->job.lanes * (size_t)f->steps * f->job.count;

    return (f->numbers + expert_size(ZC_KAN_EXPERTS - 1, f->network) + 2 * values) *
        sizeof(float) + zc_kan_work_bytes(f->inputs);
}

/* ---- Learning ---- */

/* Updates of one lane in one time through a prompt. */
static int64_t updates_per_prompt(const zc_kan_fit *f)
{
    return f->steps - zc_steps_count(f->full, f->steps);
}

/* The rate of update number `done` of this prompt. */
static double rate_at(const zc_kan_fit *f, int64_t done)
{
    const int64_t each = updates_per_prompt(f), guided = (int64_t)f->options.guided * f->prompts;
    const bool closed = f->at >= guided;
    const int64_t start = closed ? guided : 0;
    const int64_t length = (int64_t)(closed ? f->options.closed : f->options.guided) * f->prompts;
    const double first = (double)(closed ? f->options.closed_rate : f->options.guided_rate);
    const double way = (double)((f->at - start) * each + done) / (double)(length * each);

    if (f->options.faithful)
        return 1e-4 * pow(0.5, floor((double)(f->at * each + done) / HALVING));
    return first * (LAST_RATE + (1 - LAST_RATE) * (1 + cos(3.14159265358979323846 * way)) / 2);
}

/* Moves numbers [from, to) of an expert. */
static void adam_step(struct expert *x, size_t from, size_t to, const float *gradient, double clip,
                      double rate, double decay)
{
    const double t = (double)x->updates;
    const float keep = (float)(1 - rate * decay), g1 = (float)((1 - BETA1) * clip);
    const float b1 = (float)BETA1, b2 = (float)BETA2, g2 = (float)((1 - BETA2) * clip * clip);
    const float step = (float)(rate / (1 - pow(BETA1, t)));
    const float root = (float)(1 / sqrt(1 - pow(BETA2, t))), eps = (float)EPSILON;
    float *restrict p = x->adam[0], *restrict m = x->adam[1], *restrict v = x->adam[2];

    for (size_t i = from; i < to; i++) {
        m[i] = b1 * m[i] + g1 * gradient[i];
        v[i] = b2 * v[i] + g2 * gradient[i] * gradient[i];
        p[i] = keep * p[i] - step * m[i] / (sqrtf(v[i]) * root + eps);
    }
}

/* What the elements say: the loss, and its derivatives by the row's alpha, weights and bias. */
struct slopes {
    double loss, alpha, bias, weight[ZC_KAN_WINDOW];      /* weight: newest first */
};

/* What a prediction weighs: newest first. */
struct window {
    float w[ZC_KAN_WINDOW], bias;
    int   count;
};

/* Adds what n elements say; h is their window, newest first. */
static void measure_block(struct slopes *s, const float *const h[], const float *truth,
                          const struct window *p, double alpha, size_t n)
{
    float z[BLOCK], d[BLOCK], sign[BLOCK];

    for (size_t i = 0; i < n; i++)
        z[i] = p->bias;
    for (int k = 0; k < p->count; k++) {
        const float w = p->w[k], *feature = h[k];

        for (size_t i = 0; i < n; i++)
            z[i] += w * feature[i];
    }
    for (size_t i = 0; i < n; i++) {
        d[i] = h[0][i] + (float)alpha * z[i] - truth[i];
        sign[i] = d[i] > 0 ? 1.0f : d[i] < 0 ? -1.0f : 0.0f;
    }
    s->loss += zc_dot(sign, d, n);
    s->alpha += zc_dot(sign, z, n);
    s->bias += zc_total(sign, n);
    for (int k = 0; k < p->count; k++)
        s->weight[k] += zc_dot(sign, h[k], n);
}

static void measure(struct slopes *s, const zc_kan_fit *f, int lane, int step,
                    const zc_trajectory *from, const struct window *p, double alpha)
{
    const double share = 1.0 / (double)f->job.count;

    *s = (struct slopes){ .loss = 0 };
    for (size_t at = 0; at < f->job.count; at += BLOCK) {
        const size_t left = f->job.count - at, n = left < BLOCK ? left : BLOCK;
        const float *h[ZC_KAN_WINDOW];

        h[0] = zc_trajectory_at(from, lane, step - 1) + at;
        for (int k = 1; k < p->count; k++)
            h[k] = zc_trajectory_at(from, lane, step - 1 - k) + at;
        measure_block(s, h, zc_trajectory_at(&f->truth, lane, step) + at, p, alpha, n);
    }
    s->loss *= share;
    s->alpha *= share;
    s->bias *= alpha * share;
    for (int k = 0; k < p->count; k++)
        s->weight[k] *= alpha * share;
}

/* Forward for the row; the work then stands ready for update's backward. */
static double alpha_of(zc_kan_fit *f, int lane, int e, int step)
{
    float x[ZC_STEPS_MAX + 1];

    offsets(x, f->job.schedule->sigma, step, f->inputs);
    return zc_kan_forward(&f->work, f->expert[lane][e].adam[0] + windows[e] + 1, x);
}

/* One update from one predicted step, whose window is in `from`. Returns the loss. */
static double update(zc_kan_fit *f, int lane, int step, const zc_trajectory *from, double rate)
{
    const int e = expert_of(f->job.schedule->sigma[step], f->options.early, f->options.late);
    struct expert *x = &f->expert[lane][e];
    const int length = windows[e], count = length < step ? length : step;
    const size_t size = expert_size(e, f->network);
    const double alpha = alpha_of(f, lane, e, step);
    float *g = f->gradient;
    const double network = f->options.faithful ? 1 : (double)f->options.network;
    struct window used = { .count = count };
    float weights[ZC_KAN_WINDOW + 1];
    struct slopes s;
    double norm, clip;

    weights_of(weights, f, lane, e);
    for (int k = 0; k < length; k++)
        used.w[k] = weights[length - 1 - k];
    used.bias = weights[length];
    shorten(used.w, length, count);
    measure(&s, f, lane, step, from, &used, alpha);
    to_differences(s.weight, length);
    for (int m = count; m < length; m++)
        s.weight[m] = 0;
    if (f->options.faithful)
        to_differences(s.weight, length);
    for (int k = 0; k < length; k++)
        g[length - 1 - k] = (float)s.weight[k];
    g[length] = (float)s.bias;
    zc_kan_backward(&f->work, x->adam[0] + length + 1, s.alpha, g + length + 1);
    norm = sqrt(zc_dot(g, g, size));
    clip = norm > CLIP ? CLIP / norm : 1;
    x->updates++;
    adam_step(x, 0, (size_t)length + 1, g, clip, rate, (double)f->options.decay);
    adam_step(x, (size_t)length + 1, size, g, clip, rate * network, (double)f->options.decay);
    return s.loss;
}

/* Windows are true features: the model is not needed. */
static double guided_prompt(zc_kan_fit *f)
{
    double sum = 0;
    int64_t done = 0;

    for (int i = 0; i < f->steps; i++) {
        for (int lane = 0; lane < f->job.lanes && !f->full[i]; lane++)
            sum += update(f, lane, i, &f->truth, rate_at(f, done));
        done += !f->full[i];
    }
    return sum;
}

/* One run of the model while it is learned from. */
struct loop {
    zc_kan_fit *f;
    int64_t     done;             /* predicted steps so far */
    double      sum;              /* of their losses */
};

/* Makes the row of a step: what is passed on is the prediction from before the update. */
static void prepare_row(zc_kan_fit *f, int step)
{
    const int e = expert_of(f->job.schedule->sigma[step], f->options.early, f->options.late);

    for (int lane = 0; lane < f->job.lanes && !f->full[step]; lane++) {
        float weights[ZC_KAN_WINDOW + 1];

        weights_of(weights, f, lane, e);
        f->present->counts[step] = make_row(zc_predictor_row(f->present, lane, step), weights,
                                            windows[e], step, alpha_of(f, lane, e, step));
    }
}

static void after_step(void *user, int step)
{
    struct loop *l = user;
    zc_kan_fit *f = l->f;

    for (int lane = 0; lane < f->job.lanes && !f->full[step]; lane++)
        l->sum += update(f, lane, step, &f->visited, rate_at(f, l->done));
    l->done += !f->full[step];
    if (step + 1 < f->steps)
        prepare_row(f, step + 1);
}

static zc_status closed_prompt(zc_kan_fit *f, const zc_train_source *source, int prompt,
                               double *sum)
{
    struct loop l = { .f = f };
    const zc_status st = source->run(source->user, prompt, f->present, &f->visited, after_step, &l);

    *sum = l.sum;
    return st;
}

zc_status zc_kan_fit_next(zc_kan_fit *f, const zc_train_source *source, double *loss)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    const int prompt = f->at % f->prompts;
    const double updates = (double)(updates_per_prompt(f) * f->job.lanes);
    double sum = 0;

    ZC_CHECK(!f->job.cancel || !zc_cancel_requested(f->job.cancel), ZC_E_CANCELLED,
             "training was cancelled");
    ZC_TRY(source->truth(source->user, prompt, &f->truth));
    if (f->at < f->options.guided * f->prompts)
        sum = guided_prompt(f);
    else
        ZC_TRY(closed_prompt(f, source, prompt, &sum));
    f->at++;
    if (loss)
        *loss = updates > 0 ? sum / updates : 0;
done:
    return st;
}

zc_status zc_kan_fit_predictor(const zc_kan_fit *f, zc_predictor **out)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    zc_predictor *p = NULL;

    ZC_TRY(zc_train_predictor(&p, &f->job, "lesa", "kan", ZC_KAN_WINDOW, f->prompts));
    for (int e = 0; e < ZC_KAN_EXPERTS; e++)
        p->network_size += expert_size(e, f->network);
    p->network = zc_new_array(float, (size_t)p->lanes * p->network_size);
    ZC_CHECK(p->network, ZC_E_NOMEM, "no memory for the network");
    /* Parameters of all lanes and experts come first, in the file's order. */
    memcpy(p->network, f->memory, (size_t)p->lanes * p->network_size * sizeof(float));
    for (int lane = 0; lane < p->lanes; lane++) {
        for (int e = 0; e < ZC_KAN_EXPERTS; e++)
            weights_of(p->network + (f->expert[lane][e].adam[0] - f->memory), f, lane, e);
    }
    p->early = f->options.early;
    p->late = f->options.late;
    memcpy(p->full, f->full, (size_t)f->steps);
    for (int lane = 0; lane < p->lanes; lane++) {
        for (int i = 1; i < p->steps; i++) {
            p->counts[i] = zc_kan_row(p, lane, i, zc_predictor_row(p, lane, i));
            ZC_CHECK(p->counts[i] > 0, ZC_E_NOMEM, "no memory for the network");
        }
    }
    if (!f->options.whole) {
        zc_free(p->network);
        p->network = NULL;
        p->network_size = 0;
    }
    *out = p;
    p = NULL;
done:
    zc_predictor_destroy(&p);
    return st;
}

/* ---- State ---- */

/* counters: prompts done, then the updates of each expert of each lane */
_Static_assert(1 + ZC_PREDICTOR_LANES * ZC_KAN_EXPERTS <= ZC_STATE_COUNTERS, "room for all");

zc_status zc_kan_fit_save(const zc_kan_fit *f, const char *path)
{
    const zc_state_array array = { "numbers", ZK_F32, f->memory, f->numbers };
    const zc_state s = { .job = &f->job, .options = zc_kan_opts, .values = &f->options,
                         .prompts = f->prompts, .arrays = &array, .count = 1 };
    int64_t counters[ZC_STATE_COUNTERS] = { f->at };

    for (int lane = 0; lane < f->job.lanes; lane++) {
        for (int e = 0; e < ZC_KAN_EXPERTS; e++)
            counters[1 + lane * ZC_KAN_EXPERTS + e] = f->expert[lane][e].updates;
    }
    return zc_state_save(&s, path, counters);
}

zc_status zc_kan_fit_load(zc_kan_fit *f, const char *path)
{
    zc_status st = ZC_OK;
    const zc_state_array array = { "numbers", ZK_F32, f->memory, f->numbers };
    const zc_state s = { .job = &f->job, .options = zc_kan_opts, .values = &f->options,
                         .prompts = f->prompts, .arrays = &array, .count = 1,
                         .total = zc_kan_fit_total(f) };
    int64_t counters[ZC_STATE_COUNTERS];

    ZC_TRY(zc_state_load(&s, path, counters));
    f->at = (int)counters[0];
    for (int lane = 0; lane < f->job.lanes; lane++) {
        for (int e = 0; e < ZC_KAN_EXPERTS; e++)
            f->expert[lane][e].updates = counters[1 + lane * ZC_KAN_EXPERTS + e];
    }
done:
    return st;
}
