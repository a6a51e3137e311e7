#include "plain_whisper.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "support.h"

namespace {

constexpr size_t kFrames = 3000;
constexpr size_t kHead = 64;

// In four sums, so that additions need not wait for each other. `count` is a multiple of 4 in every Whisper model.
template <typename Weight>
double dot(const Weight* a, const double* b, size_t count) {
    double sums[4] = {};
    for (size_t i = 0; i < count; i += 4) {
        for (size_t j = 0; j < 4; ++j) sums[j] += a[i + j] * b[i + j];
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

template <typename Value>
void add(std::vector<double>& x, const std::vector<Value>& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

}  // namespace

PlainWhisper::PlainWhisper(const std::string& path, Gelu gelu) : gelu_(gelu) {
    const agora::WhisperFile file = agora::read_whisper_file(path);
    hparams_ = file.hparams;
    width_ = static_cast<size_t>(hparams_.n_audio_state);
    const Bytes bytes = read_file(path);
    for (const agora::TensorEntry& entry : file.tensors) {
        int64_t count = 1;
        for (const int64_t n : entry.ne) count *= n;
        std::vector<float> values(static_cast<size_t>(count));
        // In the file they lie at any address.
        std::vector<float> aligned((entry.bytes + sizeof(float) - 1) / sizeof(float));
        std::memcpy(aligned.data(), bytes.data() + entry.offset, entry.bytes);
        if (entry.type == GGML_TYPE_F32) {
            values = std::move(aligned);
        } else {
            ggml_get_type_traits(static_cast<ggml_type>(entry.type))->to_float(aligned.data(), values.data(), count);
        }
        tensors_[entry.name] = std::move(values);
    }
}

PlainWhisper::Values PlainWhisper::linear(const std::string& name, const Values& x, size_t inputs,
                                          size_t outputs) const {
    const std::vector<float>& weight = tensor(name + ".weight");
    const auto bias = tensors_.find(name + ".bias");
    Values y(x.size() / inputs * outputs);
    for (size_t row = 0; row < x.size() / inputs; ++row) {
        for (size_t i = 0; i < outputs; ++i) {
            y[row * outputs + i] = dot(weight.data() + i * inputs, x.data() + row * inputs, inputs) +
                                   (bias == tensors_.end() ? 0 : bias->second[i]);
        }
    }
    return y;
}

// A kernel of 3 over time, with a frame of zeros on either side. x: [frames][channels]; weights: [D][channels][3].
PlainWhisper::Values PlainWhisper::convolution(const std::string& name, const Values& x, size_t channels,
                                               size_t stride) const {
    const std::vector<float>& bias = tensor(name + ".bias");
    const size_t frames = x.size() / channels;
    Values y(frames / stride * width_);
    Values seen(3 * channels);
    for (size_t frame = 0; frame < frames / stride; ++frame) {
        for (size_t channel = 0; channel < channels; ++channel) {
            for (size_t tap = 0; tap < 3; ++tap) {
                const size_t source = frame * stride + tap;  // one frame later than the frame that is meant
                const bool inside = source >= 1 && source <= frames;
                seen[channel * 3 + tap] = inside ? x[(source - 1) * channels + channel] : 0;
            }
        }
        for (size_t i = 0; i < width_; ++i) {
            const float* weight = tensor(name + ".weight").data() + i * seen.size();
            y[frame * width_ + i] = dot(weight, seen.data(), seen.size()) + bias[i];
        }
    }
    return y;
}

PlainWhisper::Values PlainWhisper::norm(const std::string& name, const Values& x) const {
    const std::vector<float>& weight = tensor(name + ".weight");
    const std::vector<float>& bias = tensor(name + ".bias");
    const auto width = static_cast<double>(width_);
    Values y(x.size());
    for (size_t first = 0; first < x.size(); first += width_) {
        double mean = 0;
        for (size_t i = 0; i < width_; ++i) mean += x[first + i] / width;
        double variance = 0;
        for (size_t i = 0; i < width_; ++i) variance += (x[first + i] - mean) * (x[first + i] - mean) / width;
        for (size_t i = 0; i < width_; ++i)
            y[first + i] = (x[first + i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
    }
    return y;
}

// Queries from x, keys and values from `seen`. Causal: a row sees the rows up to its own.
PlainWhisper::Values PlainWhisper::attention(const std::string& name, const Values& x, const Values& seen,
                                             bool causal) const {
    const Values query = linear(name + ".query", x, width_, width_);
    const Values key = linear(name + ".key", seen, width_, width_);
    const Values value = linear(name + ".value", seen, width_, width_);
    const size_t rows = x.size() / width_;
    Values result(x.size(), 0);
    for (size_t row = 0; row < rows; ++row) {
        const size_t count = causal ? row + 1 : seen.size() / width_;
        Values scores(count);
        for (size_t head = 0; head < width_; head += kHead) {
            for (size_t i = 0; i < count; ++i) {
                scores[i] =
                    dot(query.data() + row * width_ + head, key.data() + i * width_ + head, kHead) / std::sqrt(kHead);
            }
            const double highest = *std::max_element(scores.begin(), scores.end());
            double sum = 0;
            for (double& score : scores) {
                score = std::exp(score - highest);
                sum += score;
            }
            for (size_t i = 0; i < count; ++i) {
                for (size_t j = 0; j < kHead; ++j)
                    result[row * width_ + head + j] += scores[i] / sum * value[i * width_ + head + j];
            }
        }
    }
    return linear(name + ".out", result, width_, width_);
}

void PlainWhisper::activate(Values& x) const {
    for (double& value : x) {
        const double tail = gelu_ == Gelu::Erf
                                ? std::erf(value * std::sqrt(0.5))
                                : std::tanh(std::sqrt(2 / M_PI) * (value + 0.044715 * value * value * value));
        value *= 0.5 * (1 + tail);
    }
}

// `encoded`: what a block of the decoder looks at; null in the encoder.
PlainWhisper::Values PlainWhisper::block(const std::string& prefix, Values x, const Values* encoded) const {
    const Values normed = norm(prefix + "attn_ln", x);
    add(x, attention(prefix + "attn", normed, normed, encoded != nullptr));
    if (encoded != nullptr)
        add(x, attention(prefix + "cross_attn", norm(prefix + "cross_attn_ln", x), *encoded, false));
    Values hidden = linear(prefix + "mlp.0", norm(prefix + "mlp_ln", x), width_, 4 * width_);
    activate(hidden);
    add(x, linear(prefix + "mlp.2", hidden, 4 * width_, width_));
    return x;
}

std::vector<double> PlainWhisper::encode(const std::vector<float>& mel) const {
    const auto bands = static_cast<size_t>(hparams_.n_mels);
    Values frames(mel.size());
    for (size_t frame = 0; frame < kFrames; ++frame) {
        for (size_t band = 0; band < bands; ++band) frames[frame * bands + band] = mel[band * kFrames + frame];
    }
    Values x = convolution("encoder.conv1", frames, bands, 1);
    activate(x);
    x = convolution("encoder.conv2", x, width_, 2);
    activate(x);
    add(x, tensor("encoder.positional_embedding"));
    for (int i = 0; i < hparams_.n_audio_layer; ++i)
        x = block("encoder.blocks." + std::to_string(i) + ".", std::move(x), nullptr);
    return norm("encoder.ln_post", x);
}

std::vector<double> PlainWhisper::logits(const std::vector<double>& encoded, const std::vector<int>& tokens) const {
    const std::vector<float>& embedding = tensor("decoder.token_embedding.weight");
    const std::vector<float>& position = tensor("decoder.positional_embedding");
    Values x(tokens.size() * width_);
    for (size_t i = 0; i < x.size(); ++i)
        x[i] =
            static_cast<double>(embedding[static_cast<size_t>(tokens[i / width_]) * width_ + i % width_]) + position[i];
    for (int i = 0; i < hparams_.n_text_layer; ++i)
        x = block("decoder.blocks." + std::to_string(i) + ".", std::move(x), &encoded);
    x.erase(x.begin(), x.end() - static_cast<std::ptrdiff_t>(width_));
    return linear("decoder.token_embedding", norm("decoder.ln", x), width_, static_cast<size_t>(hparams_.n_vocab));
}
