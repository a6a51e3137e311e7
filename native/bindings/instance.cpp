#include "bindings/instance.h"

#include <algorithm>

namespace agora {

void Instance::add(const std::shared_ptr<std::atomic<bool>>& flag) {
    const std::lock_guard<std::mutex> lock(mutex_);
    flags_.erase(std::remove_if(flags_.begin(), flags_.end(), [](const auto& f) { return f.expired(); }), flags_.end());
    flags_.push_back(flag);
}

void Instance::cancel_all() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& weak : flags_) {
        if (const auto flag = weak.lock()) flag->store(true, std::memory_order_relaxed);
    }
}

}  // namespace agora
