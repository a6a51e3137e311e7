#pragma once

#include <atomic>

#include "engine/error.h"

namespace agora {

// What a request that is cancelled sets; null for work that nobody can stop.
using Stop = const std::atomic<bool>*;

// Throws Cancelled once `stop` is set.
inline void check_stop(Stop stop) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) throw cancelled();
}

}  // namespace agora
