#include "engine/audio/silero_network.h"

#include <algorithm>
#include <cmath>

#include "engine/model/named_tensors.h"
#include "engine/model/vad_file.h"

namespace agora {
namespace {

constexpr size_t kSamples = SileroNetwork::kFrameSamples;
constexpr size_t kWidth = SileroNetwork::kWidth;
constexpr int kGates = 4 * SileroNetwork::kWidth;
constexpr size_t kPad = 64;         // samples that a frame is mirrored by at both ends
constexpr size_t kTransform = 256;  // samples
constexpr size_t kHop = 128;
constexpr size_t kSpectra = (kSamples + 2 * kPad - kTransform) / kHop + 1;  // of a frame
constexpr size_t kBins = kTransform / 2 + 1;
constexpr size_t kTaps = 3;
constexpr size_t kAtOnce = 32;  // frames: what is computed of them stays in the second-level cache

float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

}  // namespace

SileroNetwork::SileroNetwork(const std::string& path, const KernelSet& kernels) : kernels_(kernels) {
    const VadFile file = read_vad_file(path);
    const NamedTensors tensors(path, file.tensors);
    const auto floats = [&](const std::string& name) { return tensors.floats("_model." + name); };
    basis_ = pack_linear(floats("stft.forward_basis_buffer"), {}, kTransform, 2 * kBins);
    struct Shape {
        size_t channels, outputs, step;
    };
    constexpr Shape kShapes[] = {{kBins, 128, 1}, {128, 64, 2}, {64, 64, 2}, {64, kWidth, 1}};
    for (const Shape& shape : kShapes) {
        const std::string name = "encoder." + std::to_string(convolutions_.size()) + ".reparam_conv.";
        const std::vector<float> weights =
            channels_last(floats(name + "weight"), static_cast<int>(shape.channels), static_cast<int>(kTaps));
        convolutions_.push_back({pack_linear(weights, floats(name + "bias"), static_cast<int>(kTaps * shape.channels),
                                             static_cast<int>(shape.outputs)),
                                 shape.channels, shape.step});
    }
    std::vector<float> bias = floats("decoder.rnn.bias_ih");
    const std::vector<float> more = floats("decoder.rnn.bias_hh");
    std::transform(bias.begin(), bias.end(), more.begin(), bias.begin(), [](float a, float b) { return a + b; });
    input_ = pack_linear(floats("decoder.rnn.weight_ih"), bias, kWidth, kGates);
    recurrent_ = pack_linear(floats("decoder.rnn.weight_hh"), {}, kWidth, kGates);
    last_ = floats("decoder.decoder.2.weight");
    last_bias_ = floats("decoder.decoder.2.bias").front();
}

std::vector<float> SileroNetwork::run(const float* samples, size_t count, State& state) {
    std::vector<float> probabilities(count);
    for (size_t first = 0; first < count; first += kAtOnce) {
        run_some(samples + first * kSamples, std::min(kAtOnce, count - first), state, probabilities.data() + first);
    }
    return probabilities;
}

void SileroNetwork::run_some(const float* samples, size_t count, State& state, float* probabilities) {
    spectra(samples, count);
    size_t length = kSpectra;
    for (const Convolution& convolution : convolutions_) length = convolve(convolution, count, length);
    // One step is left of each frame.
    products_.resize(count * kGates);
    multiply_rows(kernels_, input_, signal_.data(), kWidth, static_cast<int>(count), products_.data(), kGates);
    // Read past its end by multiply_rows().
    float hidden[kWidth + kRowMargin] = {};
    std::copy(state.hidden.begin(), state.hidden.end(), hidden);
    for (size_t i = 0; i < count; ++i) {
        float* gates = products_.data() + i * kGates;
        multiply_rows(kernels_, recurrent_, hidden, kWidth, 1, gates, kGates, gates);
        kernels_.lstm_cell(gates, static_cast<int>(kWidth), state.cell.data(), hidden);
        float sum = last_bias_;
        for (size_t j = 0; j < kWidth; ++j) sum += last_[j] * std::max(hidden[j], 0.0f);
        probabilities[i] = sigmoid(sum);
    }
    std::copy_n(hidden, kWidth, state.hidden.begin());
}

// Magnitudes of `count` frames, [count][kSpectra][kBins].
void SileroNetwork::spectra(const float* samples, size_t count) {
    const size_t rows = count * kSpectra;
    rows_.resize(rows * kTransform + kRowMargin);
    std::fill_n(rows_.end() - kRowMargin, kRowMargin, 0.0f);
    float* row = rows_.data();
    for (size_t i = 0; i < count; ++i, samples += kSamples) {
        float padded[kSamples + 2 * kPad];
        std::copy_n(samples, kSamples, padded + kPad);
        for (size_t j = 1; j <= kPad; ++j) {
            padded[kPad - j] = samples[j];
            padded[kPad + kSamples - 1 + j] = samples[kSamples - 1 - j];
        }
        for (size_t t = 0; t < kSpectra; ++t, row += kTransform) std::copy_n(padded + t * kHop, kTransform, row);
    }
    constexpr size_t kParts = 2 * kBins;
    products_.resize(rows * kParts);
    multiply_rows(kernels_, basis_, rows_.data(), kTransform, static_cast<int>(rows), products_.data(), kParts);
    signal_.resize(rows * kBins);
    for (size_t i = 0; i < rows; ++i) {
        const float* real = products_.data() + i * kParts;
        const float* imaginary = real + kBins;
        float* magnitudes = signal_.data() + i * kBins;
        for (size_t bin = 0; bin < kBins; ++bin)
            magnitudes[bin] = std::sqrt(real[bin] * real[bin] + imaginary[bin] * imaginary[bin]);
    }
}

// Puts `count` signals of `length` steps each through a convolution. Returns how long they are then.
size_t SileroNetwork::convolve(const Convolution& convolution, size_t count, size_t length) {
    const size_t channels = convolution.channels;
    const size_t shorter = (length - 1) / convolution.step + 1;
    const size_t inputs = kTaps * channels;
    rows_.assign(count * shorter * inputs + kRowMargin, 0.0f);
    float* row = rows_.data();
    for (size_t i = 0; i < count; ++i) {
        const float* signal = signal_.data() + i * length * channels;
        for (size_t t = 0; t < shorter; ++t, row += inputs) {
            // The middle tap is at this step; what is before the first and after the last is zero.
            const size_t middle = t * convolution.step;
            const size_t first = middle == 0 ? 1 : 0;
            const size_t last = std::min(kTaps, length - middle + 1);
            std::copy_n(signal + (middle + first - 1) * channels, (last - first) * channels, row + first * channels);
        }
    }
    const auto outputs = static_cast<size_t>(convolution.layer.weight->outputs());
    signal_.assign(count * shorter * outputs + kRowMargin, 0.0f);
    multiply_rows(kernels_, convolution.layer, rows_.data(), inputs, static_cast<int>(count * shorter), signal_.data(),
                  outputs);
    for (float& value : signal_) value = std::max(value, 0.0f);
    return shorter;
}

}  // namespace agora
