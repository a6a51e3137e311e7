#include "engine/speakers/segmentation.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace agora {
namespace {

using Shape = SegmentationShape;

constexpr float kEpsilon = 1e-5f;
constexpr int kSincFrames = (Shape::kSamples - Shape::kSincKernel) / Shape::kSincStride + 1;
// Rows that are computed at once and pooled while they are in the cache.
constexpr int kRows = 240;
constexpr size_t kInputStride = 64;  // kChannels, filled up with zeros
constexpr size_t kOutputStride = 2 * Shape::kWidth;

Lstm lstm(const NamedTensors& tensors, const std::string& suffix, int inputs) {
    const auto part = [&](const char* name) { return tensors.floats(std::string("seg.lstm.") + name + suffix); };
    return {{part("weight_ih"), part("weight_hh"), part("bias_ih"), part("bias_hh")}, inputs, Shape::kWidth};
}

// Convolves `input`, pools by 3 and writes [frames][channels]. Returns the frames.
int convolve(const KernelSet& kernels, const PackedLinear& layer, const float* input, size_t stride, int rows,
             bool absolute, float* output, std::vector<float>& tile) {
    const auto channels = static_cast<size_t>(layer.weight->outputs());
    if (tile.size() < kRows * channels) tile.resize(kRows * channels);
    const int frames = rows / Shape::kPool;
    for (int row = 0; row < frames * Shape::kPool; row += kRows) {
        const int count = std::min(kRows, frames * Shape::kPool - row);
        multiply_rows(kernels, layer, input + static_cast<size_t>(row) * stride, stride, count, tile.data(), channels);
        if (absolute) {
            for (size_t i = 0; i < static_cast<size_t>(count) * channels; ++i) tile[i] = std::fabs(tile[i]);
        }
        for (int i = 0; i < count; i += Shape::kPool) {
            const float* three = tile.data() + static_cast<size_t>(i) * channels;
            for (size_t c = 0; c < channels; ++c)
                output[c] = std::max(std::max(three[c], three[channels + c]), three[2 * channels + c]);
            output += channels;
        }
    }
    return frames;
}

}  // namespace

Segmentation::Segmentation(const NamedTensors& tensors, const KernelSet& kernels)
    : kernels_(kernels), wave_(tensors.norm("seg.sincnet.wav_norm1d")) {
    for (size_t i = 0; i < norms_.size(); ++i) norms_[i] = tensors.norm("seg.sincnet.norm1d." + std::to_string(i));
    convolutions_[0] =
        pack_linear(tensors.floats("seg.sincnet.conv1d.0.filters"), {}, Shape::kSincKernel, Shape::kSincFilters);
    for (size_t i = 1; i < convolutions_.size(); ++i)
        convolutions_[i] = tensors.convolution("seg.sincnet.conv1d." + std::to_string(i), Storage::F32);
    for (int i = 0; i < Shape::kLayers; ++i) {
        const int inputs = i == 0 ? Shape::kChannels : 2 * Shape::kWidth;
        const std::string suffix = "_l" + std::to_string(i);
        layers_.push_back({lstm(tensors, suffix, inputs), lstm(tensors, suffix + "_reverse", inputs)});
    }
    const char* names[] = {"seg.linear.0", "seg.linear.1", "seg.classifier"};
    for (size_t i = 0; i < linears_.size(); ++i) linears_[i] = tensors.linear({names[i]}, Storage::F32);
}

// x: [frames][channels], each channel with mean 0 and variance 1 over time, then weight and bias; leaky ReLU.
static void instance_norm(float* x, int frames, size_t channels, const float* weight, const float* bias, bool leaky) {
    std::vector<double> sums(channels), squares(channels);
    for (int t = 0; t < frames; ++t) {
        const float* row = x + static_cast<size_t>(t) * channels;
        for (size_t c = 0; c < channels; ++c) {
            const double value = row[c];
            sums[c] += value;
            squares[c] += value * value;
        }
    }
    std::vector<float> factors(channels), offsets(channels);
    for (size_t c = 0; c < channels; ++c) {
        const double mean = sums[c] / frames;
        const double variance = std::max(0.0, squares[c] / frames - mean * mean);
        factors[c] = static_cast<float>(weight[c] / std::sqrt(variance + kEpsilon));
        offsets[c] = static_cast<float>(bias[c] - mean * factors[c]);
    }
    for (int t = 0; t < frames; ++t) {
        float* row = x + static_cast<size_t>(t) * channels;
        for (size_t c = 0; c < channels; ++c) row[c] = row[c] * factors[c] + offsets[c];
    }
    if (leaky) leaky_relu(x, static_cast<size_t>(frames) * channels);
}

void Segmentation::features(const float* samples, float* output, size_t frame_stride,
                            std::vector<float>& scratch) const {
    constexpr size_t kFirst = static_cast<size_t>(kSincFrames / Shape::kPool) * Shape::kSincFilters + kRowMargin;
    constexpr size_t kWave = Shape::kSamples + kRowMargin;
    scratch.resize(std::max(scratch.size(), kWave + 2 * kFirst));
    float* wave = scratch.data();
    float* first = wave + kWave;
    float* second = first + kFirst;
    std::copy_n(samples, Shape::kSamples, wave);
    std::fill_n(wave + Shape::kSamples, kRowMargin, 0.0f);
    instance_norm(wave, Shape::kSamples, 1, wave_.weight.data(), wave_.bias.data(), false);

    std::vector<float> tile;
    const auto normalise = [&](float* x, int frames, size_t channels, size_t index) {
        instance_norm(x, frames, channels, norms_[index].weight.data(), norms_[index].bias.data(), true);
        std::fill_n(x + static_cast<size_t>(frames) * channels, kRowMargin, 0.0f);
    };
    int frames = convolve(kernels_, convolutions_[0], wave, Shape::kSincStride, kSincFrames, true, first, tile);
    normalise(first, frames, Shape::kSincFilters, 0);
    const int lost = Shape::kKernel - 1;
    frames = convolve(kernels_, convolutions_[1], first, Shape::kSincFilters, frames - lost, false, second, tile);
    normalise(second, frames, Shape::kChannels, 1);
    frames = convolve(kernels_, convolutions_[2], second, Shape::kChannels, frames - lost, false, first, tile);
    normalise(first, frames, Shape::kChannels, 2);
    for (int t = 0; t < Shape::kFrames; ++t) {
        float* row = output + static_cast<size_t>(t) * frame_stride;
        std::copy_n(first + t * Shape::kChannels, Shape::kChannels, row);
        std::fill(row + Shape::kChannels, row + kInputStride, 0.0f);
    }
}

// [count] rows of the last LSTM to log-probabilities.
void Segmentation::classify(const float* rows, int count, float* output, std::vector<float>& scratch) const {
    constexpr size_t kWidth = Shape::kWidth;
    const auto all = static_cast<size_t>(count) * kWidth;
    scratch.resize(std::max(scratch.size(), 2 * (all + kRowMargin)));
    float* first = scratch.data();
    float* second = first + all + kRowMargin;
    multiply_rows(kernels_, linears_[0], rows, kOutputStride, count, first, kWidth);
    leaky_relu(first, all);
    multiply_rows(kernels_, linears_[1], first, kWidth, count, second, kWidth);
    leaky_relu(second, all);
    multiply_rows(kernels_, linears_[2], second, kWidth, count, output, Shape::kClasses);
    for (int i = 0; i < count; ++i, output += Shape::kClasses) {
        const float most = *std::max_element(output, output + Shape::kClasses);
        float sum = 0;
        for (int c = 0; c < Shape::kClasses; ++c) sum += std::exp(output[c] - most);
        const float total = most + std::log(sum);
        for (int c = 0; c < Shape::kClasses; ++c) output[c] -= total;
    }
}

void Segmentation::run(const std::vector<const float*>& windows, const OnThreads& threads, float* log_probabilities) {
    const int count = static_cast<int>(windows.size());
    const int groups = (count + kGroup - 1) / kGroup;
    constexpr size_t kFrames = Shape::kFrames;
    // Group by group [frames][windows of the group][values].
    const size_t group_size = kFrames * kGroup * kOutputStride;
    input_.resize(std::max(input_.size(), static_cast<size_t>(groups) * group_size + kRowMargin));
    output_.resize(input_.size());
    const auto members = [&](int group) { return std::min(kGroup, count - group * kGroup); };

    const auto each = [&](int items, const std::function<void(int item, std::vector<float>& scratch)>& work) {
        std::atomic<int> next{0};
        threads([&](int thread, int all) {
            if (static_cast<size_t>(thread) >= scratch_.size() || all <= 0) return;
            for (int item = next++; item < items; item = next++) work(item, scratch_[static_cast<size_t>(thread)]);
        });
    };
    if (scratch_.empty()) {
        std::atomic<int> most{1};
        threads([&](int, int all) { most = all; });
        scratch_.resize(static_cast<size_t>(most));
    }
    each(count, [&](int window, std::vector<float>& scratch) {
        const int group = window / kGroup;
        float* rows = input_.data() + static_cast<size_t>(group) * group_size;
        features(windows[static_cast<size_t>(window)], rows + static_cast<size_t>(window % kGroup) * kInputStride,
                 static_cast<size_t>(members(group)) * kInputStride, scratch);
    });
    size_t stride = kInputStride;
    for (const auto& layer : layers_) {
        each(2 * groups, [&](int item, std::vector<float>& scratch) {
            const auto group = static_cast<size_t>(item / 2);
            const auto side = static_cast<size_t>(item % 2);
            layer[side].run(kernels_, input_.data() + group * group_size, stride, Shape::kFrames, members(item / 2),
                            side == 1, output_.data() + group * group_size + side * Shape::kWidth, kOutputStride,
                            scratch);
        });
        std::swap(input_, output_);
        stride = kOutputStride;
    }
    each(groups, [&](int group, std::vector<float>& scratch) {
        const auto size = static_cast<size_t>(members(group));
        std::vector<float> rows(kFrames * size * Shape::kClasses);
        classify(input_.data() + static_cast<size_t>(group) * group_size, Shape::kFrames * members(group), rows.data(),
                 scratch);
        for (size_t frame = 0; frame < kFrames; ++frame) {
            for (size_t i = 0; i < size; ++i) {
                const size_t window = static_cast<size_t>(group) * kGroup + i;
                std::copy_n(rows.data() + (frame * size + i) * Shape::kClasses, Shape::kClasses,
                            log_probabilities + (window * kFrames + frame) * Shape::kClasses);
            }
        }
    });
}

uint8_t powerset_speakers(const float* log_probabilities) {
    static constexpr uint8_t kSpeakers[Shape::kClasses] = {0, 1, 2, 4, 1 | 2, 1 | 4, 2 | 4};
    return kSpeakers[std::max_element(log_probabilities, log_probabilities + Shape::kClasses) - log_probabilities];
}

}  // namespace agora
