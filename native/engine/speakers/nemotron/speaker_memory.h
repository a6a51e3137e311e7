// What Nemotron-3-Diarization remembers of a recording while it goes through it: the newest frames, first in first
// out, and of all before them the frames that tell the speakers best.
#pragma once

#include <vector>

#include "engine/speakers/nemotron/nemotron_file.h"

namespace agora {

// How a recording is cut into steps, in frames of 80 ms.
struct StepSizes {
    int chunk = 340;
    int ahead = 40;    // behind the chunk that are heard with it
    int queue = 40;    // newest frames that are kept as they are
    int update = 300;  // that leave the queue for the cache at least, when it overflows
};

// The arrival-order speaker cache (Medennikov et al., 2025, Streaming Sortformer: speaker cache-based online speaker
// diarization with arrival-time ordering). Source: transformers, modeling_nemotron3_diarization.py.
class SpeakerMemory {
  public:
    // `silence`: [width], what stands for a frame in which nobody speaks.
    SpeakerMemory(int speakers, const SpeakerCacheRules& rules, const StepSizes& sizes, std::vector<float> silence);

    int cached() const { return static_cast<int>(cache_.size() / width_); }
    int queued() const { return static_cast<int>(queue_.size() / width_); }
    int rows() const { return cached() + queued(); }
    // Whether the cache's rows go into probabilities that update() reads: until some had to leave it.
    bool reads_cache() const { return !compressed_; }
    // [rows()][width], the cache, then the queue.
    void copy_to(float* rows) const;

    // Takes the chunk of a step, [count][width], and the step's probabilities of cache, queue and chunk,
    // [rows() + count][speakers]; those of the cache are read only where reads_cache() says so.
    void update(const float* chunk, int count, const float* probabilities);

    const std::vector<float>& cache() const { return cache_; }
    const std::vector<float>& queue() const { return queue_; }
    const std::vector<float>& cache_probabilities() const { return probabilities_; }
    // Of the last compression: the row that each row of the cache was, or the number of rows where it is silence.
    const std::vector<int>& picks() const { return picks_; }

  private:
    void compress();
    std::vector<float> scores() const;

    size_t width_;
    size_t speakers_;
    SpeakerCacheRules rules_;
    StepSizes sizes_;
    std::vector<float> silence_;
    std::vector<float> cache_;          // [cached][width]
    std::vector<float> probabilities_;  // [cached][speakers], once it was compressed
    std::vector<float> queue_;          // [queued][width]
    bool compressed_ = false;
    std::vector<int> picks_;
};

}  // namespace agora
