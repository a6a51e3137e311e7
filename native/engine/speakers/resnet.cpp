#include "engine/speakers/resnet.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace agora {
namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr double kPoolEpsilon = 1e-8;

void relu(float* values, size_t count) {
    for (size_t i = 0; i < count; ++i) values[i] = std::max(0.0f, values[i]);
}

}  // namespace

ResNetEncoder::Image::Image(int height, int width, int channels)
    : height(height),
      width(width),
      channels(channels),
      pitch(static_cast<size_t>(width + 2) * static_cast<size_t>(channels)),
      values(static_cast<size_t>(height) * pitch + kRowMargin, 0.0f) {}

ResNetEncoder::Convolution ResNetEncoder::convolution(const NamedTensors& tensors, const std::string& weight,
                                                      const std::string& norm, int inputs, int outputs, int stride,
                                                      int kernel) {
    const std::vector<float> weights = tensors.floats(weight + ".weight");  // [outputs][inputs][kernel][kernel]
    const std::vector<float> scale = tensors.floats(norm + ".weight");
    const std::vector<float> shift = tensors.floats(norm + ".bias");
    const std::vector<float> mean = tensors.floats(norm + ".running_mean");
    const std::vector<float> variance = tensors.floats(norm + ".running_var");
    std::vector<double> factors;
    std::vector<float> bias;
    for (size_t o = 0; o < scale.size(); ++o) {
        factors.push_back(scale[o] / std::sqrt(variance[o] + kNormEpsilon));
        bias.push_back(static_cast<float>(shift[o] - mean[o] * factors[o]));
    }
    Convolution result{{}, inputs, outputs, stride};
    for (int y = 0; y < kernel; ++y) {
        std::vector<float> part;  // [outputs][kernel][inputs]
        for (int o = 0; o < outputs; ++o) {
            for (int x = 0; x < kernel; ++x) {
                for (int i = 0; i < inputs; ++i) {
                    const int at = ((o * inputs + i) * kernel + y) * kernel + x;
                    part.push_back(static_cast<float>(static_cast<double>(weights[static_cast<size_t>(at)]) *
                                                      factors[static_cast<size_t>(o)]));
                }
            }
        }
        // The middle row is always inside the image: it brings the bias.
        result.rows.push_back(
            pack_linear(part, y == kernel / 2 ? bias : std::vector<float>(), kernel * inputs, outputs));
    }
    return result;
}

ResNetEncoder::ResNetEncoder(const SpeakerFile& file, const NamedTensors& tensors, const KernelSet& kernels)
    : kernels_(kernels),
      size_(file.embedding),
      first_(convolution(tensors, "emb.resnet.conv1", "emb.resnet.bn1", 1, file.resnet_width, 1, 3)) {
    for (const ResNetBlock& shape : resnet_blocks(file.resnet_width)) {
        const std::string name = "emb." + shape.name + ".";
        const int outputs = shape.outputs;
        Block block{convolution(tensors, name + "conv1", name + "bn1", shape.inputs, outputs, shape.stride, 3),
                    convolution(tensors, name + "conv2", name + "bn2", outputs, outputs, 1, 3), nullptr};
        if (shape.has_shortcut()) {
            block.shortcut = std::make_unique<Convolution>(
                convolution(tensors, name + "shortcut.0", name + "shortcut.1", shape.inputs, outputs, shape.stride, 1));
        }
        blocks_.push_back(std::move(block));
    }
    last_ = tensors.linear({"emb.resnet.seg_1"}, Storage::F32);
}

ResNetEncoder::Image ResNetEncoder::apply(const Convolution& convolution, const Image& input) const {
    const int stride = convolution.stride;
    Image output((input.height + stride - 1) / stride, (input.width + stride - 1) / stride, convolution.outputs);
    const int reach = static_cast<int>(convolution.rows.size()) / 2;
    const auto channels = static_cast<size_t>(input.channels);
    const auto outputs = static_cast<size_t>(output.channels);
    for (int y = 0; y < output.height; ++y) {
        float* target = output.row(y) + outputs;
        bool begun = false;
        // The middle row first.
        for (const int tap : {reach, 0, 2 * reach}) {
            const int from = y * stride + tap - reach;
            if ((begun && tap == reach) || from < 0 || from >= input.height) continue;
            const float* source = input.row(from) + (reach == 0 ? channels : 0);
            multiply_rows(kernels_, convolution.rows[static_cast<size_t>(tap)], source,
                          channels * static_cast<size_t>(stride), output.width, target, outputs,
                          begun ? target : nullptr);
            begun = true;
        }
    }
    return output;
}

ResNetEncoder::Trunk ResNetEncoder::trunk(const std::vector<float>& features) const {
    const auto frames = static_cast<int>(features.size() / kResNetMels);
    Image image(kResNetMels, frames, 1);
    for (int t = 0; t < frames; ++t) {
        for (int band = 0; band < kResNetMels; ++band)
            image.row(band)[t + 1] = features[static_cast<size_t>(t * kResNetMels + band)];
    }
    const auto rectify = [](Image& x) {
        for (int y = 0; y < x.height; ++y)
            relu(x.row(y) + x.channels, static_cast<size_t>(x.width) * static_cast<size_t>(x.channels));
    };
    image = apply(first_, image);
    rectify(image);
    for (const Block& block : blocks_) {
        Image x = apply(block.first, image);
        rectify(x);
        x = apply(block.second, x);
        const Image side = block.shortcut ? apply(*block.shortcut, image) : std::move(image);
        for (size_t i = 0; i < x.values.size(); ++i) x.values[i] += side.values[i];
        rectify(x);
        image = std::move(x);
    }
    Trunk trunk{{}, image.channels * image.height, image.width};
    trunk.values.resize(static_cast<size_t>(trunk.rows) * static_cast<size_t>(trunk.frames));
    for (int c = 0; c < image.channels; ++c) {
        for (int y = 0; y < image.height; ++y) {
            float* row =
                trunk.values.data() + static_cast<size_t>(c * image.height + y) * static_cast<size_t>(trunk.frames);
            for (int t = 0; t < image.width; ++t) row[t] = image.row(y)[(t + 1) * image.channels + c];
        }
    }
    return trunk;
}

std::vector<float> ResNetEncoder::pool(const Trunk& trunk, const std::vector<uint8_t>& mask) {
    const auto frames = static_cast<size_t>(trunk.frames);
    const auto rows = static_cast<size_t>(trunk.rows);
    std::vector<double> weights(frames);
    double sum = 0;
    double squares = 0;
    for (size_t t = 0; t < frames; ++t) {
        weights[t] = mask[t * mask.size() / frames];
        sum += weights[t];
        squares += weights[t] * weights[t];
    }
    const double total = sum + kPoolEpsilon;
    std::vector<float> result(2 * rows);
    for (size_t r = 0; r < rows; ++r) {
        const float* row = trunk.values.data() + r * frames;
        double mean = 0;
        for (size_t t = 0; t < frames; ++t) mean += weights[t] * row[t];
        mean /= total;
        double variance = 0;
        for (size_t t = 0; t < frames; ++t) variance += weights[t] * (row[t] - mean) * (row[t] - mean);
        variance /= total - squares / total + kPoolEpsilon;
        result[r] = static_cast<float>(mean);
        result[rows + r] = static_cast<float>(std::sqrt(variance));
    }
    return result;
}

std::vector<float> ResNetEncoder::embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks,
                                        const OnThreads& threads) {
    std::vector<float> output(masks.size() * static_cast<size_t>(size_));
    std::atomic<size_t> next{0};
    threads([&](int, int) {
        for (size_t w = next++; w < windows.size(); w = next++) {
            const auto is_of = [&](const VoiceMask& mask) { return static_cast<size_t>(mask.window) == w; };
            if (std::none_of(masks.begin(), masks.end(), is_of)) continue;
            std::vector<float> features = features_.compute(windows[w], SegmentationShape::kSamples);
            const size_t frames = features.size() / kResNetMels;
            for (size_t band = 0; band < kResNetMels; ++band) {
                double mean = 0;
                for (size_t t = 0; t < frames; ++t) mean += static_cast<double>(features[t * kResNetMels + band]);
                const auto offset = static_cast<float>(mean / static_cast<double>(frames));
                for (size_t t = 0; t < frames; ++t) features[t * kResNetMels + band] -= offset;
            }
            const Trunk hidden = trunk(features);
            for (size_t m = 0; m < masks.size(); ++m) {
                if (!is_of(masks[m])) continue;
                std::vector<float> pooled = pool(hidden, masks[m].frames);
                const size_t inputs = pooled.size();
                pooled.resize(inputs + kRowMargin, 0.0f);
                multiply_rows(kernels_, last_, pooled.data(), inputs, 1, output.data() + m * static_cast<size_t>(size_),
                              static_cast<size_t>(size_));
            }
        }
    });
    return output;
}

}  // namespace agora
