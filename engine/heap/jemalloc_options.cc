// The process's heap is jemalloc's. With the C library's, what many short-lived threads with large
// buffers leave free between the small pieces that stay was never given back: an agent grew to
// twice of what it used in an hour of restores (bench/RESULTS.md).
#include <jemalloc/jemalloc.h>

// What is free goes back to the system within a second, by a thread of jemalloc's own, instead of
// ten and only when somebody allocates; what it does not understand ends the process at its start.
// Source: jemalloc(3), "TUNING".
extern "C" {
const char* malloc_conf =
    "abort_conf:true,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
}
