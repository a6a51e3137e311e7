// Windows that wait for a batched engine, and who runs it.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace agora {

// `Window` has cancelled(). Every member may be called from any thread.
template <typename Window>
class WindowQueue {
  public:
    // True when nobody is running the engine: the caller has become the one who does.
    bool push(std::unique_ptr<Window> window) {
        const std::lock_guard<std::mutex> lock(mutex_);
        waiting_.push_back(std::move(window));
        const bool start = !running_;
        running_ = true;
        return start;
    }

    // The window that has waited longest, or null.
    std::unique_ptr<Window> take() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (waiting_.empty()) return nullptr;
        std::unique_ptr<Window> window = std::move(waiting_.front());
        waiting_.pop_front();
        return window;
    }

    // A window that was taken and cannot be worked on yet is the next one again.
    void put_back(std::unique_ptr<Window> window) {
        const std::lock_guard<std::mutex> lock(mutex_);
        waiting_.push_front(std::move(window));
    }

    size_t size() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return waiting_.size();
    }

    // Shows the windows that are next, `count` of them at most, to `visit`, which may change them; nobody else has them
    // or takes them meanwhile.
    template <typename Visit>
    void look_ahead(size_t count, const Visit& visit) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const size_t visible = std::min(count, waiting_.size());
        for (size_t i = 0; i < visible; ++i) visit(*waiting_[i]);
    }

    // Windows that need not wait any longer.
    std::vector<std::unique_ptr<Window>> take_cancelled() {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<std::unique_ptr<Window>> cancelled;
        for (auto window = waiting_.begin(); window != waiting_.end();) {
            if (!(*window)->cancelled()) {
                ++window;
                continue;
            }
            cancelled.push_back(std::move(*window));
            window = waiting_.erase(window);
        }
        return cancelled;
    }

    // False when windows have come in the meantime; else nobody is running the engine from now on.
    bool stop() {
        const std::lock_guard<std::mutex> lock(mutex_);
        running_ = !waiting_.empty();
        return !running_;
    }

  private:
    mutable std::mutex mutex_;
    std::deque<std::unique_ptr<Window>> waiting_;
    bool running_ = false;
};

}  // namespace agora
