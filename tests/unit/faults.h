/* Makes the heap, the file system and the threads of core/base fail on demand,
 * and counts what was not given back.
 *
 *     for (int n = 1, calls = n; calls >= n - 1; n++) {
 *         faults_alloc(n, FAULT_ONCE);
 *         st = zc_thing_open(&thing, path);
 *         zc_thing_close(&thing);
 *         calls = faults_alloc_end();
 *         REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
 *         REQUIRE_INT(faults_live_blocks(), 0);
 *     }
 *
 * The calls may come from any thread; begin and end from one, while nothing else
 * runs. */
#ifndef ZC_FAULTS_H
#define ZC_FAULTS_H

#include <stddef.h>

enum fault_mode {
    FAULT_ONCE,           /* only call number n fails */
    FAULT_ONWARDS,        /* it and all later ones */
};

/* Requests that would hand out memory; n counts from 1, 0 makes none fail. */
void faults_alloc(int n, enum fault_mode mode);
int  faults_alloc_end(void);              /* back to the system's heap; the number of requests */
int  faults_live_blocks(void);            /* of the last or the present begin */
size_t faults_peak_bytes(void);

/* Calls that may fail in file.h's table: all but close. `err` is the errno they fail with. */
void faults_file(int n, enum fault_mode mode, int err);
/* Reads and writes move at most `most` bytes a call, and every second call is
 * interrupted. Call after faults_file. */
void faults_file_stutter(size_t most);
int  faults_file_end(void);
int  faults_open_files(void);             /* descriptors opened and not closed */

/* Creations of threads, mutexes and conditions. */
void faults_thread(int n, enum fault_mode mode);
int  faults_thread_end(void);

#endif
