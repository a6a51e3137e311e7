#include "engine/borealis/packed_language_network.h"

#include <algorithm>
#include <cstring>

#include "engine/error.h"

namespace agora {
namespace {

// Rows of a pass: nearly all that one window brings. The graph's memory is made for so many, and taken by as many as
// there are.
constexpr int kPassRows = 512;
constexpr int kBlock = PackedMatrix::kBlock;

// Those of `count` rows that are `thread`'s.
template <typename Work>
void each_row(int count, int thread, int threads, const Work& work) {
    for (int i = count * thread / threads; i < count * (thread + 1) / threads; ++i) work(i);
}

LanguageMemory::Shape memory_shape(const LanguageFile& file) {
    const bool exact = file.weight_type == ggml_type_name(GGML_TYPE_F32);
    return {exact ? Storage::F32 : Storage::F16, static_cast<int>(file.layers), static_cast<int>(file.kv_heads),
            static_cast<int>(file.head_width)};
}

}  // namespace

bool PackedLanguageNetwork::takes(const LanguageFile& file) {
    return file.width % kBlock == 0 && file.heads * file.head_width % kBlock == 0 && file.feed_forward % kBlock == 0 &&
           file.kv_heads * file.head_width % PackedMatrix::kStrip == 0;
}

PackedLanguageNetwork::PackedLanguageNetwork(const std::string& path, const LanguageFile& file,
                                             const KernelSet& kernels, CpuCompute& compute, int sequences, int capacity)
    : file_(file),
      kernels_(kernels),
      compute_(compute),
      parallel_(compute),
      weights_(path, file, parallel_),
      capacity_(capacity),
      angles_(file.rope_base, static_cast<int>(file.head_width / 2), capacity),
      nodes_(kernels, compute) {
    for (int i = 0; i < sequences; ++i) memories_.emplace_back(memory_shape(file));
    const size_t nodes = 16 + 24 * static_cast<size_t>(file.layers);
    graph_ = std::make_unique<Graph>(compute.backend(), nodes, [&](ggml_context* context) { return build(context); });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for a step of the language model");
}

Arithmetic PackedLanguageNetwork::arithmetic(const PackedLinear& layer) const {
    const Storage storage = layer.weight->storage();
    const Arithmetic wanted = storage == Storage::Int8   ? Arithmetic::Int8
                              : storage == Storage::BF16 ? Arithmetic::BF16
                                                         : Arithmetic::F32;
    return kernels_.multiplies(wanted) ? wanted : Arithmetic::F32;
}

// A node for rows of a pass. Its work goes by count_: the tensor has room for the most.
ggml_tensor* PackedLanguageNetwork::rows(ggml_context* context, Arithmetic format, int64_t width,
                                         const std::vector<ggml_tensor*>& inputs, KernelNodes::Work work) {
    return nodes_.rows(context, format, static_cast<int>(width), kPassRows, inputs, std::move(work));
}

// RMS norm, in the format of the matrix that reads it.
ggml_tensor* PackedLanguageNetwork::norm(ggml_context* context, const std::vector<float>& weight, ggml_tensor* x,
                                         const PackedLinear& reader) {
    const Arithmetic format = arithmetic(reader);
    return rows(context, format, file_.width, {x}, [=, &weight](ggml_tensor* result, int thread, int threads) {
        each_row(count_, thread, threads, [&](int i) {
            kernels_.rms_norm(float_row(result->src[0], i), static_cast<int>(file_.width), weight.data(),
                              file_.norm_epsilon, format, row(result, i));
        });
    });
}

ggml_tensor* PackedLanguageNetwork::build(ggml_context* context) {
    ggml_tensor* x = rows(context, Arithmetic::F32, file_.width, {},
                          [this](ggml_tensor* result, int thread, int threads) { read_rows(result, thread, threads); });
    for (int layer = 0; layer < static_cast<int>(file_.layers); ++layer) x = build_block(context, layer, x);

    const Arithmetic format = arithmetic(weights_.head);
    const auto width = static_cast<int>(file_.width);
    const auto sequences = static_cast<int64_t>(memories_.size());
    ggml_tensor* last =
        nodes_.rows(context, format, width, sequences, {x}, [=](ggml_tensor* result, int thread, int threads) {
            each_row(static_cast<int>(last_rows_.size()), thread, threads, [&](int i) {
                kernels_.rms_norm(float_row(result->src[0], last_rows_[static_cast<size_t>(i)]), width,
                                  weights_.norm.data(), file_.norm_epsilon, format, row(result, i));
            });
        });
    // The logits are not the graph's: those of several passes come one after another.
    return nodes_.custom(context, GGML_TYPE_F32, 1, 1, {last}, [this](ggml_tensor* result, int thread, int threads) {
        Product product;
        product.weights = weights_.head.weight.get();
        product.arithmetic = arithmetic(weights_.head);
        product.rows = row(result->src[0], 0);
        product.row_stride = result->src[0]->nb[1];
        product.count = static_cast<int>(last_rows_.size());
        product.output = reinterpret_cast<uint8_t*>(pass_logits_);
        product.output_stride = static_cast<size_t>(file_.vocabulary) * sizeof(float);
        multiply(kernels_, product, thread, threads);
    });
}

ggml_tensor* PackedLanguageNetwork::build_block(ggml_context* context, int layer, ggml_tensor* x) {
    const PackedLanguageBlock& block = weights_.blocks[static_cast<size_t>(layer)];
    const int64_t query_width = file_.heads * file_.head_width;
    ggml_tensor* normed = norm(context, block.attention_norm, x, block.query_key_value);
    ggml_tensor* turned =
        rows(context, Arithmetic::F32, query_width, {nodes_.product(context, block.query_key_value, normed, {})},
             [=](ggml_tensor* result, int thread, int threads) { remember(layer, result, thread, threads); });
    ggml_tensor* attended =
        rows(context, Arithmetic::F32, query_width, {turned},
             [=](ggml_tensor* result, int thread, int threads) { attend(layer, result, thread, threads); });
    ProductNode residual;
    residual.residual = x;
    x = nodes_.product(context, block.attention_out, nodes_.narrow(context, attended, arithmetic(block.attention_out)),
                       residual);

    normed = norm(context, block.feed_forward_norm, x, block.gate_up);
    const auto hidden_width = static_cast<int>(file_.feed_forward);
    const Arithmetic down_format = arithmetic(block.down);
    ggml_tensor* hidden =
        rows(context, down_format, hidden_width, {nodes_.product(context, block.gate_up, normed, {})},
             [=](ggml_tensor* result, int thread, int threads) {
                 each_row(count_, thread, threads, [&](int i) {
                     const float* gate = float_row(result->src[0], i);
                     kernels_.swiglu(gate, gate + hidden_width, hidden_width, down_format, row(result, i));
                 });
             });
    residual.residual = x;
    return nodes_.product(context, block.down, hidden, residual);
}

void PackedLanguageNetwork::read_rows(ggml_tensor* result, int thread, int threads) const {
    for (const Part& part : parts_) {
        each_row(part.count, thread, threads, [&](int i) {
            std::memcpy(row(result, part.first + i), part.rows + static_cast<size_t>(i) * result->ne[0], result->nb[1]);
        });
    }
}

// A head at a position: normed where the architecture does so, and its pairs turned by the position's angles.
void PackedLanguageNetwork::turn(const std::vector<float>& weight, int position, const float* x, float* output) const {
    const auto head_width = static_cast<int>(file_.head_width);
    if (!weight.empty()) {
        kernels_.rms_norm(x, head_width, weight.data(), file_.norm_epsilon, Arithmetic::F32,
                          reinterpret_cast<uint8_t*>(output));
        x = output;
    }
    kernels_.rotate(x, angles_.cosines(position), angles_.sines(position), angles_.half(), output);
}

// Queries at their positions; keys at theirs, and values, to the sequences' memories.
void PackedLanguageNetwork::remember(int layer, ggml_tensor* result, int thread, int threads) const {
    const PackedLanguageBlock& block = weights_.blocks[static_cast<size_t>(layer)];
    const auto head_width = static_cast<int>(file_.head_width);
    const auto heads = static_cast<int>(file_.heads);
    const auto key_heads = static_cast<int>(file_.kv_heads);
    std::vector<float> key(static_cast<size_t>(head_width));
    for (const Part& part : parts_) {
        each_row(part.count, thread, threads, [&](int i) {
            const float* input = float_row(result->src[0], part.first + i);
            float* output = float_row(result, part.first + i);
            const int position = part.past + i;
            for (int head = 0; head < heads; ++head)
                turn(block.query_norm, position, input + head * head_width, output + head * head_width);
            const float* keys = input + heads * head_width;
            const float* values = keys + key_heads * head_width;
            for (int head = 0; head < key_heads; ++head) {
                turn(block.key_norm, position, keys + head * head_width, key.data());
                part.memory->write(layer, head, position, key.data(), values + head * head_width);
            }
        });
    }
}

void PackedLanguageNetwork::attend(int layer, ggml_tensor* result, int thread, int threads) const {
    int unit = 0;
    for (const Part& part : parts_) {
        CausalAttention attention;
        attention.memory = part.memory;
        attention.layer = layer;
        attention.heads = static_cast<int>(file_.heads);
        attention.query = float_row(result->src[0], part.first);
        attention.output = float_row(result, part.first);
        attention.past = part.past;
        attention.count = part.count;
        const int blocks = CausalAttention::blocks(kernels_, part.count);
        for (int head = 0; head < static_cast<int>(file_.kv_heads); ++head) {
            for (int block = 0; block < blocks; ++block, ++unit) {
                if (unit % threads == thread) attend_block(kernels_, attention, head, block);
            }
        }
    }
}

void PackedLanguageNetwork::run_pass() {
    nodes_.set_count(count_);
    compute_.run(graph_->get(), nullptr);
    for (const Part& part : parts_) part.memory->extend(part.count);
    pass_logits_ += last_rows_.size() * static_cast<size_t>(file_.vocabulary);
    parts_.clear();
    last_rows_.clear();
    count_ = 0;
}

const float* PackedLanguageNetwork::decode(const std::vector<LanguageInput>& inputs) {
    const auto width = static_cast<size_t>(file_.width);
    try {
        logits_.resize(inputs.size() * static_cast<size_t>(file_.vocabulary));
        pass_logits_ = logits_.data();
        for (const LanguageInput& input : inputs) {
            const auto rows = static_cast<int>(input.rows->size() / width);
            LanguageMemory& memory = this->memory(input.sequence);
            if (rows == 0 || memory.length() + rows > capacity_)
                throw Error(ErrorCode::Internal, "A sequence does not fit into the language model's memory");
            memory.reserve(memory.length() + rows);
            const float* next = input.rows->data();
            for (int done = 0; done < rows;) {
                const int count = std::min(rows - done, kPassRows - count_);
                parts_.push_back({&memory, next, memory.length(), count, count_});
                count_ += count;
                done += count;
                next += static_cast<size_t>(count) * width;
                if (done == rows) last_rows_.push_back(count_ - 1);
                if (count_ == kPassRows) run_pass();
            }
        }
        if (count_ > 0) run_pass();
    } catch (...) {
        parts_.clear();
        last_rows_.clear();
        count_ = 0;
        for (LanguageMemory& memory : memories_) memory.truncate(0);
        throw;
    }
    return logits_.data();
}

void PackedLanguageNetwork::move(int from, int to) {
    std::swap(memory(from), memory(to));
    memory(from).truncate(0);
}

}  // namespace agora
