#include "engine/encoder/batch_encoder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/device/operations.h"

namespace agora {

BatchEncoder::BatchEncoder(const EncoderWeights& weights, const EncoderShape& shape, Compute& compute, HeadOf head_of)
    : weights_(weights), shape_(shape), compute_(compute), head_of_(std::move(head_of)), mel_(compute.device()) {}

void BatchEncoder::reserve(int windows) {
    of(1);
    if (windows > 1) of(std::min(static_cast<int>(kWindows), windows));
}

Encoder& BatchEncoder::of(int windows) {
    const auto found = encoders_.find(windows);
    if (found != encoders_.end()) return *found->second;
    last_ = nullptr;
    if (windows > 1) encoders_.erase(encoders_.upper_bound(1), encoders_.end());
    auto created = std::make_unique<Encoder>(weights_, shape_, compute_, head_of_(windows), windows);
    check_operations(compute_.device(), created->graph().get());
    return *(encoders_[windows] = std::move(created));
}

void BatchEncoder::forget() {
    last_ = nullptr;
    encoders_.clear();
}

void BatchEncoder::begin(const std::vector<const float*>& spectrograms) {
    const auto length = static_cast<size_t>(shape_.mels) * LogMel::kFrames;
    auto* mel = mel_.reserve_items<float>(length * spectrograms.size());
    for (size_t i = 0; i < spectrograms.size(); ++i)
        std::memcpy(mel + i * length, spectrograms[i], length * sizeof(float));
    last_ = &of(static_cast<int>(spectrograms.size()));
    last_->begin(mel);
}

bool BatchEncoder::finish(const std::atomic<bool>* stop) {
    return last_->go_on(std::numeric_limits<double>::infinity(), stop) == Progress::Done;
}

}  // namespace agora
