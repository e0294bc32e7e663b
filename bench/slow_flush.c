/* Preloaded into a server: every flush to the disk takes SLOW_FLUSH_MS milliseconds more, and is counted in the
   file SLOW_FLUSH_COUNT (eight bytes), which forked processes share. Built and used by bench/flushing.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct timespec more;
static uint64_t *count;

__attribute__((constructor)) static void prepare(void) {
    const char *ms = getenv("SLOW_FLUSH_MS"), *path = getenv("SLOW_FLUSH_COUNT");
    long wait = ms ? atol(ms) : 0;
    int file = path ? open(path, O_RDWR) : -1;
    more.tv_sec = wait / 1000;
    more.tv_nsec = wait % 1000 * 1000000L;
    if (file >= 0) {
        void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        count = map == MAP_FAILED ? NULL : map;
        close(file);
    }
}

static int flush_slowly(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (count)
        __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    if (more.tv_sec || more.tv_nsec)
        nanosleep(&more, NULL);
    return real(file);
}

int fsync(int file) { return flush_slowly("fsync", file); }
int fdatasync(int file) { return flush_slowly("fdatasync", file); }
