#include "engine/speakers/nemotron/speaker_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace agora {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kAlways = std::numeric_limits<float>::infinity();
constexpr float kSpeaks = 0.5f;
const float kHalf = std::log(0.5f);

// Indices of the `count` greatest values, in order. Of equal ones the first come first: a row that is in the cache for
// two speakers is there twice with equal scores, and the choice must not depend on how it is sorted.
std::vector<int> greatest(const std::vector<float>& values, size_t count) {
    std::vector<int> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&](int a, int b) {
        const float left = values[static_cast<size_t>(a)];
        const float right = values[static_cast<size_t>(b)];
        return left != right ? left > right : a < b;
    };
    count = std::min(count, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), before);
    order.resize(count);
    return order;
}

size_t share_of(int rows, float share) {
    return static_cast<size_t>(std::floor(static_cast<float>(rows) * share));
}

void append(std::vector<float>& to, const float* from, size_t count) {
    to.insert(to.end(), from, from + count);
}

}  // namespace

SpeakerMemory::SpeakerMemory(int speakers, const SpeakerCacheRules& rules, const StepSizes& sizes,
                             std::vector<float> silence)
    : width_(silence.size()),
      speakers_(static_cast<size_t>(speakers)),
      rules_(rules),
      sizes_(sizes),
      silence_(std::move(silence)) {}

void SpeakerMemory::copy_to(float* rows) const {
    std::copy(queue_.begin(), queue_.end(), std::copy(cache_.begin(), cache_.end(), rows));
}

void SpeakerMemory::update(const float* chunk, int count, const float* probabilities) {
    const auto before = static_cast<size_t>(cached());
    append(queue_, chunk, static_cast<size_t>(count) * width_);
    const int surplus = queued() - sizes_.queue;
    if (surplus <= 0) return;
    const auto leaving = static_cast<size_t>(std::min(queued(), std::max(sizes_.update, surplus)));
    append(cache_, queue_.data(), leaving * width_);
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(leaving * width_));
    if (compressed_) append(probabilities_, probabilities + before * speakers_, leaving * speakers_);
    if (cached() <= rules_.rows) return;
    if (!compressed_) probabilities_.assign(probabilities, probabilities + (before + leaving) * speakers_);
    compress();
}

// [speakers][rows]
std::vector<float> SpeakerMemory::scores() const {
    const auto rows = static_cast<size_t>(cached());
    const int share = rules_.rows / static_cast<int>(speakers_) - rules_.silence;
    std::vector<float> result(speakers_ * rows);
    std::vector<size_t> positive(speakers_, 0);
    for (size_t row = 0; row < rows; ++row) {
        const float* p = probabilities_.data() + row * speakers_;
        float others = 0;
        for (size_t s = 0; s < speakers_; ++s) others += std::log(std::max(1 - p[s], rules_.threshold));
        for (size_t s = 0; s < speakers_; ++s) {
            const float score = std::log(std::max(p[s], rules_.threshold)) -
                                std::log(std::max(1 - p[s], rules_.threshold)) + others - kHalf;
            result[s * rows + row] = p[s] > kSpeaks ? score : kNever;
            positive[s] += p[s] > kSpeaks && score > 0 ? 1 : 0;
        }
    }
    for (size_t s = 0; s < speakers_; ++s) {
        float* own = result.data() + s * rows;
        // Where others speak, too, a speaker with frames enough is not remembered.
        if (positive[s] >= share_of(share, rules_.positive_share)) {
            for (size_t row = 0; row < rows; ++row) own[row] = own[row] > 0 ? own[row] : kNever;
        }
        for (auto row = static_cast<size_t>(rules_.rows); row < rows; ++row) own[row] += rules_.newest;
        // Everybody's best first, so that nobody is crowded out.
        for (const auto& [part, factor] : {std::pair{rules_.strong_share, 2.0f}, {rules_.weak_share, 1.0f}}) {
            const std::vector<float> copy(own, own + rows);
            for (const int row : greatest(copy, share_of(share, part))) own[row] -= factor * kHalf;
        }
    }
    return result;
}

void SpeakerMemory::compress() {
    const auto rows = static_cast<size_t>(cached());
    const size_t slots = rows + static_cast<size_t>(rules_.silence);
    const std::vector<float> own = scores();
    std::vector<float> all(speakers_ * slots, kAlways);
    for (size_t s = 0; s < speakers_; ++s)
        std::copy_n(own.begin() + static_cast<std::ptrdiff_t>(s * rows), rows,
                    all.begin() + static_cast<std::ptrdiff_t>(s * slots));
    std::vector<int> chosen = greatest(all, static_cast<size_t>(rules_.rows));
    const auto is_nobody = [&](int slot) { return all[static_cast<size_t>(slot)] == kNever; };
    // By speaker and time; what was taken to fill up comes last.
    const auto nobody = std::stable_partition(chosen.begin(), chosen.end(), [&](int slot) { return !is_nobody(slot); });
    std::sort(chosen.begin(), nobody);
    std::vector<float> cache, probabilities;
    cache.reserve(chosen.size() * width_);
    picks_.clear();
    for (const int slot : chosen) {
        const size_t row = static_cast<size_t>(slot) % slots;
        const bool silent = is_nobody(slot) || row >= rows;
        picks_.push_back(static_cast<int>(silent ? rows : row));
        append(cache, silent ? silence_.data() : cache_.data() + row * width_, width_);
        if (silent) {
            probabilities.resize(probabilities.size() + speakers_, 0.0f);
        } else {
            append(probabilities, probabilities_.data() + row * speakers_, speakers_);
        }
    }
    cache_ = std::move(cache);
    probabilities_ = std::move(probabilities);
    compressed_ = true;
}

}  // namespace agora
