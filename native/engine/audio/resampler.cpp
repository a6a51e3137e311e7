#include "engine/audio/resampler.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace agora {

Resampler::Resampler(std::shared_ptr<const SincTable> table) : table_(std::move(table)) {
    // Silence before the first sample.
    first_ = -table_->half() + 1;
    buffer_.assign(static_cast<size_t>(table_->half() - 1), 0.0f);
}

void Resampler::produce(int64_t end, std::vector<float>& output) {
    const int64_t up = table_->up();
    const int64_t down = table_->down();
    const int64_t half = table_->half();
    for (;;) {
        const int64_t position = produced_ * down;
        const int64_t index = position / up;
        if (index + half >= end) break;
        output.push_back(table_->at(buffer_.data() + (index - half + 1 - first_), position % up));
        ++produced_;
    }
    const int64_t needed = produced_ * down / up - half + 1;
    const int64_t unneeded = std::clamp<int64_t>(needed - first_, 0, static_cast<int64_t>(buffer_.size()));
    buffer_.erase(buffer_.begin(), buffer_.begin() + unneeded);
    first_ += unneeded;
}

std::vector<float> Resampler::process(const float* samples, size_t count) {
    if (flushed_) throw Error(ErrorCode::InvalidArgument, "The resampler was flushed: its input has ended");
    std::vector<float> output;
    output.reserve(count * static_cast<size_t>(table_->up()) / static_cast<size_t>(table_->down()) + 2);
    buffer_.insert(buffer_.end(), samples, samples + count);
    received_ += static_cast<int64_t>(count);
    produce(received_, output);
    return output;
}

std::vector<float> Resampler::flush() {
    std::vector<float> output;
    if (flushed_) return output;
    flushed_ = true;
    const int64_t up = table_->up();
    const int64_t down = table_->down();
    const int64_t silence = table_->half() + 1 + down / up;
    const int64_t total = (received_ * up + down / 2) / down;
    buffer_.insert(buffer_.end(), static_cast<size_t>(silence), 0.0f);
    produce(received_ + silence, output);
    const int64_t surplus = std::max<int64_t>(produced_ - total, 0);
    output.resize(output.size() - static_cast<size_t>(std::min<int64_t>(surplus, static_cast<int64_t>(output.size()))));
    produced_ = total;
    return output;
}

}  // namespace agora
