#include "engine/audio/vad.h"

namespace agora {

VoiceActivityDetector::VoiceActivityDetector(const std::string& path, const KernelSet& kernels)
    : network_(path, kernels) {}

std::vector<float> VoiceActivityDetector::push(const float* samples, size_t count) {
    pending_.insert(pending_.end(), samples, samples + count);
    const size_t frames = pending_.size() / kFrameSamples;
    std::vector<float> probabilities = network_.run(pending_.data(), frames, state_);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(frames * kFrameSamples));
    return probabilities;
}

std::vector<float> VoiceActivityDetector::flush() {
    if (!pending_.empty()) pending_.resize(kFrameSamples, 0.0f);
    std::vector<float> probabilities = network_.run(pending_.data(), pending_.size() / kFrameSamples, state_);
    pending_.clear();
    state_ = {};
    return probabilities;
}

}  // namespace agora
