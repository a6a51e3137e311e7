#include "bindings/instance.h"

#include <algorithm>

#include "bindings/device_rounds.h"

namespace agora {

Instance::Instance(Napi::Env env) : deliveries(Deliveries::create(env)) {
    static std::atomic<uint64_t> count{0};
    number_ = ++count;
}

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

void Instance::close() {
    cancel_all();
    deliveries->close();
    drop_cancelled_windows();
}

}  // namespace agora
