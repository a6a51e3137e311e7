#include "engine/speakers/nemotron/nemotron_network.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/encoder/graph.h"
#include "engine/error.h"
#include "engine/kernels/dense.h"
#include "engine/kernels/encoder_attention.h"

namespace agora {
namespace {

using Shape = NemotronShape;

constexpr int kStackedBands = Shape::kBands * Shape::kStacked;
// Rows that go through the head at once, while they are in the cache.
constexpr int kHeadRows = 24;

void relu(std::vector<float>& values, size_t count) {
    for (size_t i = 0; i < count; ++i) values[i] = std::max(values[i], 0.0f);
}

}  // namespace

NemotronNetwork::NemotronNetwork(const NemotronFile& file, ComputeType type, const KernelSet& kernels,
                                 CpuCompute& compute)
    : shape_(file.shape),
      precision_(choose_precision(type, false, kernels)),
      kernels_(kernels),
      compute_(compute),
      parallel_(compute),
      weights_(file, precision_, parallel_),
      angles_(file.shape.rope_base, Shape::kHead / 2, kMostRows),
      nodes_(kernels, compute),
      last_nodes_(kernels, compute) {
    const size_t nodes = 32 + 16 * static_cast<size_t>(shape_.layers);
    graph_ = std::make_unique<Graph>(compute.backend(), nodes, [&](ggml_context* context) { return build(context); });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for a step of the diarization model");
    parts_ = std::make_unique<GraphParts>(graph_->get());
}

NemotronNetwork::~NemotronNetwork() = default;

std::vector<ggml_tensor*> NemotronNetwork::build(ggml_context* context) {
    input_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, shape_.width, kMostRows);
    ggml_set_input(input_);
    const Arithmetic format = precision_.encoder;
    ggml_tensor* x = nodes_.norm(context, weights_.embed_norm, input_, Arithmetic::F32);
    for (const NemotronLayer& layer : weights_.layers) {
        ggml_tensor* normed = nodes_.norm(context, layer.attention_norm, x, format);
        ggml_tensor* turned = rotate(context, nodes_.product(context, layer.query_key_value, normed, {}));
        const bool is_last = &layer == &weights_.layers.back();
        // Of the last layer only what the head looks at is needed.
        KernelNodes& nodes = is_last ? last_nodes_ : nodes_;
        if (is_last) x = looked_at(context, x);
        x = feed_forward(context, nodes, layer, x, attend(context, turned, is_last));
    }
    encoded_ = last_nodes_.norm(context, weights_.final_norm, x, Arithmetic::F32);
    logits_ = classify(context, project(context, encoded_));
    return {encoded_, logits_};
}

// The rest of a layer, from what attention has gathered: x + out(attended), and from there + down(gelu(up(norm))).
ggml_tensor* NemotronNetwork::feed_forward(ggml_context* context, KernelNodes& nodes, const NemotronLayer& layer,
                                           ggml_tensor* x, ggml_tensor* attended) {
    ProductNode residual, hidden;
    hidden.format = precision_.encoder;
    hidden.activation = precision_.gelu();
    residual.residual = x;
    x = nodes.product(context, layer.out, attended, residual);
    ggml_tensor* normed = nodes.norm(context, layer.feed_forward_norm, x, precision_.encoder);
    residual.residual = x;
    return nodes.product(context, layer.down, nodes.product(context, layer.up, normed, hidden), residual);
}

// Rows [begin_, end_) alone.
ggml_tensor* NemotronNetwork::looked_at(ggml_context* context, ggml_tensor* x) {
    return nodes_.rows(context, Arithmetic::F32, shape_.width, kMostRows, {x},
                       [this](ggml_tensor* result, int thread, int threads) {
                           const int rows = end_ - begin_;
                           for (int i = rows * thread / threads; i < rows * (thread + 1) / threads; ++i)
                               std::memcpy(row(result, i), row(result->src[0], begin_ + i), result->nb[1]);
                       });
}

// Queries and keys turned by their positions, values as they are, one behind the other as they come, in the format that
// attention reads.
ggml_tensor* NemotronNetwork::rotate(ggml_context* context, ggml_tensor* projected) {
    const Arithmetic format = attention_rows(precision_.attention);
    return nodes_.rows(
        context, format, 3 * shape_.width, kMostRows, {projected},
        [this, format](ggml_tensor* result, int thread, int threads) {
            const auto width = static_cast<size_t>(shape_.width);
            std::vector<float> turned(2 * width);
            for (int i = count_ * thread / threads; i < count_ * (thread + 1) / threads; ++i) {
                const float* source = float_row(result->src[0], i);
                uint8_t* target = row(result, i);
                float* output = format == Arithmetic::F32 ? reinterpret_cast<float*>(target) : turned.data();
                for (size_t head = 0; head < 2 * width; head += Shape::kHead)
                    kernels_.rotate(source + head, angles_.cosines(i), angles_.sines(i), angles_.half(), output + head);
                const auto values = static_cast<int>(width);
                if (format != Arithmetic::F32) kernels_.narrow(turned.data(), 2 * values, format, target);
                kernels_.narrow(source + 2 * width, values, format, target + row_bytes(format, 2 * values));
            }
        });
}

// For all rows, or for rows [begin_, end_) alone.
ggml_tensor* NemotronNetwork::attend(ggml_context* context, ggml_tensor* rotated, bool is_last) {
    return nodes_.rows(context, precision_.encoder, shape_.width, kMostRows, {rotated},
                       [this, is_last](ggml_tensor* result, int thread, int threads) {
                           const ggml_tensor* source = result->src[0];
                           const size_t part = source->nb[1] / 3;
                           EncoderAttention attention;
                           attention.arithmetic = precision_.attention;
                           attention.query = row(source, is_last ? begin_ : 0);
                           attention.queries = is_last ? end_ - begin_ : count_;
                           attention.key = row(source, 0) + part;
                           attention.value = attention.key + part;
                           attention.row_stride = source->nb[1];
                           attention.frames = heard_;
                           attention.heads = shape_.heads;
                           attention.format = precision_.encoder;
                           attention.output = row(result, 0);
                           attention.output_stride = result->nb[1];
                           attend_all(kernels_, attention, thread, threads);
                       });
}

// Rows [first - 1, last + 1) for the head, behind each other; rows of nothing where there are none.
ggml_tensor* NemotronNetwork::project(ggml_context* context, ggml_tensor* encoded) {
    // Behind the last, what a product reads beyond its rows.
    constexpr int kSpare = 3;
    return nodes_.rows(context, Arithmetic::F32, shape_.head_width, kMostRows + 2 + kSpare, {encoded},
                       [this](ggml_tensor* result, int thread, int threads) {
                           const int count = end_ - begin_;
                           const int offset = begin_ - (first_ - 1);
                           const int rows = last_ - first_ + 2 + kSpare;
                           if (thread == 0) {
                               for (int i = 0; i < rows; ++i) {
                                   if (i < offset || i >= offset + count) std::memset(row(result, i), 0, result->nb[1]);
                               }
                           }
                           Product product;
                           product.weights = weights_.projection.weight.get();
                           product.bias = weights_.projection.bias.data();
                           product.rows = row(result->src[0], 0);
                           product.row_stride = result->src[0]->nb[1];
                           product.count = count;
                           product.output = row(result, offset);
                           product.output_stride = result->nb[1];
                           multiply(kernels_, product, thread, threads);
                       });
}

// A convolution over three rows makes 8 of each; what follows takes those one by one.
ggml_tensor* NemotronNetwork::classify(ggml_context* context, ggml_tensor* projected) {
    return nodes_.rows(context, Arithmetic::F32, Shape::kStacked * shape_.speakers, kMostRows, {projected},
                       [this](ggml_tensor* result, int thread, int threads) {
                           const auto width = static_cast<size_t>(shape_.head_width);
                           const auto speakers = static_cast<size_t>(shape_.speakers);
                           const size_t room = static_cast<size_t>(kHeadRows) * Shape::kStacked * width;
                           std::vector<float> upsampled(room + kRowMargin, 0.0f);
                           std::vector<float> hidden(room + kRowMargin, 0.0f);
                           const int rows = last_ - first_;
                           const int blocks = (rows + kHeadRows - 1) / kHeadRows;
                           for (int block = thread; block < blocks; block += threads) {
                               const int start = block * kHeadRows;
                               const int count = std::min(kHeadRows, rows - start);
                               const int frames = count * Shape::kStacked;
                               const size_t values = static_cast<size_t>(frames) * width;
                               multiply_rows(kernels_, weights_.upsample, float_row(result->src[0], start), width,
                                             count, upsampled.data(), Shape::kStacked * width);
                               relu(upsampled, values);
                               multiply_rows(kernels_, weights_.dense, upsampled.data(), width, frames, hidden.data(),
                                             width);
                               relu(hidden, values);
                               multiply_rows(kernels_, weights_.classifier, hidden.data(), width, frames,
                                             float_row(result, start), speakers);
                           }
                       });
}

void NemotronNetwork::features(const float* samples, int frames, float* output) {
    parallel_.run([&](int thread, int threads) {
        for (int i = thread; i < frames; i += threads)
            features_.frame(samples + static_cast<size_t>(i) * LogMelFeatures::kHop,
                            output + static_cast<size_t>(i) * Shape::kBands);
    });
}

void NemotronNetwork::embed(const float* samples, int frames, int count, float* output) {
    stacked_.assign(static_cast<size_t>(count) * kStackedBands + kRowMargin, 0.0f);
    features(samples, frames, stacked_.data());
    Product product;
    product.weights = weights_.stack.weight.get();
    product.rows = reinterpret_cast<const uint8_t*>(stacked_.data());
    product.row_stride = kStackedBands * sizeof(float);
    product.count = count;
    product.output = reinterpret_cast<uint8_t*>(output);
    product.output_stride = static_cast<size_t>(shape_.width) * sizeof(float);
    parallel_.run([&](int thread, int threads) { multiply(kernels_, product, thread, threads); });
}

float* NemotronNetwork::rows() {
    return float_row(input_, 0);
}

void NemotronNetwork::begin(int count, int heard, int first, int last) {
    count_ = count;
    heard_ = heard;
    first_ = first;
    last_ = last;
    begin_ = std::max(0, first - 1);
    end_ = std::min(count, last + 1);
    nodes_.set_count(count);
    last_nodes_.set_count(end_ - begin_);
    parts_->begin(static_cast<double>(count) / kMostRows);
}

Progress NemotronNetwork::go_on(double seconds, Stop stop) {
    return parts_->go_on(compute_, seconds, stop);
}

bool NemotronNetwork::run(int count, int heard, int first, int last, Stop stop) {
    begin(count, heard, first, last);
    return go_on(std::numeric_limits<double>::infinity(), stop) == Progress::Done;
}

const float* NemotronNetwork::logits() const {
    return float_row(logits_, 0);
}

const float* NemotronNetwork::encoded() const {
    return float_row(encoded_, 0);
}

}  // namespace agora
