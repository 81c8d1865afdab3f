/* The films of this process, shared by all instances of a frei0r module: each is
 * generated once for its description, by whoever asks first, while others wait.
 *
 * The engine is opened for the first film and closed when no user is left; then
 * only the film that was used last stays, for hosts that destroy their instances
 * and make new ones when the size of pictures changes.
 *
 * Thread safety: every function from any thread. */
#ifndef FREI0R_FILM_H
#define FREI0R_FILM_H

#include <stdint.h>

/* What a film is of: as in zt_job_desc, NULL for the default. */
typedef struct fr_film_desc {
    const char *preset, *prompt, *options;
} fr_film_desc;

typedef struct fr_film {
    int32_t  width, height;
    int32_t  frames;              /* 0: it failed */
    uint8_t *pixels;              /* frames * height * width * RGBA, no gaps */
    char     error[512];          /* "" unless it failed */
} fr_film;

/* An instance has come, or gone. */
void fr_films_enter(void);
void fr_films_leave(void);

/* Returns when the film is ready or has failed; NULL only without memory. It stays
 * until it is given to fr_film_drop. Between enter and leave only. */
const fr_film *fr_film_take(const fr_film_desc *desc);

/* Sets *film to NULL, which it also accepts. */
void fr_film_drop(const fr_film **film);

/* One line on the host's standard error. */
void fr_say(const char *kind, const char *text);

#endif
