/* The films of this process: each is generated once for its description, and shared
 * by all instances that ask for the same.
 *
 * The engine is opened for the first film and closed when the plugin is unloaded and
 * no instance is left. A film that no instance wants any more is kept if it was used
 * last: hosts make and destroy an instance for each frame, and people undo.
 *
 * Thread safety: every function from any thread. No host function is called. */
#ifndef OPENFX_FILM_H
#define OPENFX_FILM_H

#include <stdbool.h>
#include <stdint.h>

#include "host-abi/zoetrope.h"

/* What a film is of: as in zt_job_desc. No pointer is NULL. */
typedef struct fx_desc {
    const char *preset, *prompt, *options;
} fx_desc;

typedef struct fx_film fx_film;

/* The plugin is loaded; may be repeated. */
void fx_films_load(void);
/* Frees all that no instance uses. */
void fx_films_unload(void);
void fx_films_purge(void);

/* An instance has come, or gone. */
void fx_films_enter(void);
void fx_films_leave(void);

/* Makes *slot, which is an instance's, the film of this description: found or
 * started, never waited for. Another one in it is let go, and cancelled if no other
 * instance wants it. Returns the film, to be given to fx_film_let; NULL with the
 * reason in `error` if it cannot be started. threads: at most so many; 0 for all. */
fx_film *fx_slot_use(fx_film **slot, const fx_desc *desc, int threads, char *error, size_t size);
/* Lets go and cancels what is in *slot, if it is of another description. */
void fx_slot_update(fx_film **slot, const fx_desc *desc);
/* Empties *slot: its film is kept, as long as it is the last one used. */
void fx_slot_clear(fx_film **slot);
/* What is in *slot, to be given to fx_film_let; or NULL. */
fx_film *fx_slot_hold(fx_film **slot);
void fx_film_let(fx_film **film);

/* Cancels it if it is not complete, for everybody: whoever asks again starts anew. */
void fx_film_forget(fx_film *film);
/* As job_wait, job_info, job_frame and job_error, of a film that is held. */
int32_t     fx_film_wait(fx_film *film, int32_t frame, int32_t timeout_ms);
zt_job_info fx_film_info(fx_film *film);
int32_t     fx_film_frame(fx_film *film, int32_t frame, const zt_frame *into);
const char *fx_film_error(fx_film *film);

/* Frames that such a film would have, without making it; 0 if that cannot be told. */
int32_t fx_films_plan(const fx_desc *desc, int threads);

/* The engine's table; NULL if it does not speak our version. */
const zt_api *fx_api(void);

#endif
