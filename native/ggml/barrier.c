// A barrier that sleeps when the wait is long.
//
// ggml's threads meet at a barrier after each node of a graph, several hundred times per step, and spin until the last
// one is there. When other work holds the cores, a thread spins through the very time slice that the thread it waits
// for would need: beside two busy processes on two cores, a window that takes 0.25 s took 6 to 23 s. Here a thread
// spins for some ten microseconds, about what even work differs by, and then waits in the kernel.

#include "barrier.h"

#include <linux/futex.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kSpins = 1000 };

// Threads asleep in any barrier of the process: only then is a system call needed to go on.
static atomic_int sleepers;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

void ggml_barrier(struct ggml_threadpool * tp) {
    const struct agora_barrier barrier = agora_barrier_of(tp);
    if (barrier.n_threads == 1) return;

    const int round = atomic_load_explicit(barrier.passed, memory_order_relaxed);
    if (atomic_fetch_add_explicit(barrier.arrived, 1, memory_order_seq_cst) == barrier.n_threads - 1) {
        atomic_store_explicit(barrier.arrived, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(barrier.passed, 1, memory_order_seq_cst);
        if (atomic_load_explicit(&sleepers, memory_order_seq_cst) > 0) {
            syscall(SYS_futex, barrier.passed, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        }
        return;
    }
    for (int i = 0; i < kSpins; ++i) {
        if (atomic_load_explicit(barrier.passed, memory_order_acquire) != round) return;
        relax();
    }
    atomic_fetch_add_explicit(&sleepers, 1, memory_order_seq_cst);
    // The kernel compares again before it sleeps, so a wake-up in between is not lost.
    while (atomic_load_explicit(barrier.passed, memory_order_seq_cst) == round) {
        syscall(SYS_futex, barrier.passed, FUTEX_WAIT_PRIVATE, round, NULL, NULL, 0);
    }
    atomic_fetch_sub_explicit(&sleepers, 1, memory_order_relaxed);
}
