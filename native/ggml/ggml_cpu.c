// ggml-cpu.c, compiled in this file's place so that its barrier can be replaced (barrier.c).
//
// Declared weak, its own ggml_barrier() gives way to the one in barrier.c at link time.

#include "barrier.h"

__attribute__((weak)) void ggml_barrier(struct ggml_threadpool * tp);

#include "ggml-cpu.c"

struct agora_barrier agora_barrier_of(struct ggml_threadpool * tp) {
    return (struct agora_barrier){
        .n_threads = atomic_load_explicit(&tp->n_graph, memory_order_relaxed) & GGML_THREADPOOL_N_THREADS_MASK,
        .arrived = &tp->n_barrier,
        .passed = &tp->n_barrier_passed,
    };
}
