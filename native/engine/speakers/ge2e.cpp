#include "engine/speakers/ge2e.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/audio/mel_filters.h"

namespace agora {
namespace {

constexpr int kFrameLength = 400;
constexpr int kHop = 160;
constexpr int kBins = kFrameLength / 2 + 1;
constexpr size_t kMelStride = 64;      // kBands, filled up with zeros
constexpr int kPartHop = 80;           // frames
constexpr int kFewestFrames = 10;      // nothing is known of a voice that is heard for less
constexpr size_t kPartsAtOnce = 8;     // through the LSTM
constexpr double kLowestLevel = 1e-3;  // mean power, -30 dB: what is quieter is raised to it

// Raises a quiet window to -30 dB, never more than a hundredfold, so that noise stays noise.
float gain(const float* samples, size_t count) {
    double power = 0;
    for (size_t i = 0; i < count; ++i) power += static_cast<double>(samples[i]) * samples[i];
    power /= static_cast<double>(std::max<size_t>(count, 1));
    if (power >= kLowestLevel || power <= 0) return 1;
    return static_cast<float>(std::min(100.0, std::sqrt(kLowestLevel / power)));
}

}  // namespace

Ge2eEncoder::Ge2eEncoder(const NamedTensors& tensors, const KernelSet& kernels)
    : kernels_(kernels),
      hann_(hann_window(kFrameLength, kFrameLength)),
      bands_(kBands, mel_filters(kBands)),
      spectrum_(kFrameLength) {
    for (int i = 0; i < 3; ++i) {
        const std::string suffix = "_l" + std::to_string(i);
        const auto part = [&](const char* name) { return tensors.floats(std::string("emb.lstm.") + name + suffix); };
        layers_.emplace_back(LstmWeights{part("weight_ih"), part("weight_hh"), part("bias_ih"), part("bias_hh")},
                             i == 0 ? kBands : kSize, kSize);
    }
    linear_ = tensors.linear({"emb.linear"}, Storage::F32);
}

std::vector<float> Ge2eEncoder::mel(const float* samples, size_t count) const {
    const size_t frames = 1 + count / kHop;
    std::vector<float> padded(kFrameLength + frames * kHop, 0.0f);
    std::copy_n(samples, count, padded.begin() + kFrameLength / 2);
    std::vector<float> output(frames * kBands);
    for (size_t t = 0; t < frames; ++t) {
        float frame[kFrameLength];
        for (size_t i = 0; i < kFrameLength; ++i) frame[i] = padded[t * kHop + i] * hann_[i];
        float power[kBins];
        spectrum_.compute(frame, power);
        for (int band = 0; band < kBands; ++band)
            output[t * kBands + static_cast<size_t>(band)] = bands_.power(band, power);
    }
    return output;
}

std::vector<float> Ge2eEncoder::embed_parts(const std::vector<const float*>& parts, int frames,
                                            std::vector<float>& scratch) const {
    const size_t count = parts.size();
    const size_t rows = static_cast<size_t>(frames) * count;
    std::vector<float> x(rows * kSize + kRowMargin, 0.0f);
    std::vector<float> y(x.size(), 0.0f);
    for (size_t t = 0; t < static_cast<size_t>(frames); ++t) {
        for (size_t i = 0; i < count; ++i)
            std::copy_n(parts[i] + t * kBands, kBands, x.data() + (t * count + i) * kMelStride);
    }
    size_t stride = kMelStride;
    for (const Lstm& layer : layers_) {
        layer.run(kernels_, x.data(), stride, frames, static_cast<int>(count), false, y.data(), kSize, scratch);
        std::swap(x, y);
        stride = kSize;
    }
    std::vector<float> output(count * kSize);
    multiply_rows(kernels_, linear_, x.data() + (rows - count) * kSize, kSize, static_cast<int>(count), output.data(),
                  kSize);
    for (size_t i = 0; i < count; ++i) {
        float* vector = output.data() + i * kSize;
        double squares = 0;
        for (size_t k = 0; k < kSize; ++k) {
            vector[k] = std::max(0.0f, vector[k]);
            squares += static_cast<double>(vector[k]) * vector[k];
        }
        const auto factor = static_cast<float>(squares > 0 ? 1 / std::sqrt(squares) : 0.0);
        for (size_t k = 0; k < kSize; ++k) vector[k] *= factor;
    }
    return output;
}

std::vector<float> Ge2eEncoder::embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks,
                                      const OnThreads& threads) {
    constexpr size_t kSamples = SegmentationShape::kSamples;
    std::vector<std::vector<float>> mels(windows.size());
    std::atomic<size_t> next{0};
    threads([&](int, int) {
        for (size_t i = next++; i < windows.size(); i = next++) {
            const float factor = gain(windows[i], kSamples);
            mels[i] = mel(windows[i], kSamples);
            for (float& value : mels[i]) value *= factor * factor;
        }
    });

    // The frames of a voice, one after another, in parts that overlap by half.
    struct Part {
        size_t mask;
        const float* rows;
        int frames;
    };
    std::vector<std::vector<float>> voices(masks.size());
    std::vector<Part> parts;
    for (size_t m = 0; m < masks.size(); ++m) {
        const std::vector<float>& all = mels[static_cast<size_t>(masks[m].window)];
        const auto frames = static_cast<int>(all.size() / kBands);
        for (int t = 0; t < frames; ++t) {
            const int middle = (t * kHop - SegmentationShape::kReceptiveField / 2 + SegmentationShape::kFrameStep / 2) /
                               SegmentationShape::kFrameStep;
            const auto at = static_cast<size_t>(std::clamp(middle, 0, SegmentationShape::kFrames - 1));
            if (masks[m].frames[at] == 0) continue;
            voices[m].insert(voices[m].end(), all.begin() + t * kBands, all.begin() + (t + 1) * kBands);
        }
        const auto heard = static_cast<int>(voices[m].size() / kBands);
        if (heard < kFewestFrames) continue;
        const int length = std::min(heard, kPartFrames);
        for (int start = 0;; start += kPartHop) {
            const int first = std::min(start, heard - length);
            parts.push_back({m, voices[m].data() + static_cast<size_t>(first) * kBands, length});
            if (first + length == heard) break;
        }
    }
    // Those of one length go through the network together.
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.frames < b.frames; });
    std::vector<std::pair<size_t, size_t>> groups;
    for (size_t first = 0; first < parts.size();) {
        size_t last = first;
        while (last < parts.size() && last - first < kPartsAtOnce && parts[last].frames == parts[first].frames) ++last;
        groups.emplace_back(first, last);
        first = last;
    }
    std::vector<float> vectors(parts.size() * kSize);
    next = 0;
    threads([&](int, int) {
        std::vector<float> scratch;
        for (size_t g = next++; g < groups.size(); g = next++) {
            const auto [first, last] = groups[g];
            std::vector<const float*> rows;
            for (size_t i = first; i < last; ++i) rows.push_back(parts[i].rows);
            const std::vector<float> part = embed_parts(rows, parts[first].frames, scratch);
            std::copy(part.begin(), part.end(), vectors.begin() + static_cast<std::ptrdiff_t>(first * kSize));
        }
    });
    std::vector<float> output(masks.size() * kSize, 0.0f);
    for (size_t i = 0; i < parts.size(); ++i) {
        for (size_t k = 0; k < kSize; ++k) output[parts[i].mask * kSize + k] += vectors[i * kSize + k];
    }
    return output;
}

}  // namespace agora
