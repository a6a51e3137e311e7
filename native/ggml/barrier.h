#pragma once

#include <stdatomic.h>

struct ggml_threadpool;

// The counters of a thread pool's barrier.
struct agora_barrier {
    int n_threads;
    atomic_int* arrived;
    atomic_int* passed;
};

struct agora_barrier agora_barrier_of(struct ggml_threadpool* tp);
