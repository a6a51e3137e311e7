#include "engine/kernels/graph.h"

#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include "engine/kernels/number_formats.h"

namespace agora {
namespace {

// Rows [first, last) of `count` that are `thread`'s.
std::pair<int64_t, int64_t> part(int64_t count, int thread, int threads) {
    return {count * thread / threads, count * (thread + 1) / threads};
}

}  // namespace

Arithmetic format_of(const ggml_tensor* rows) {
    return rows->type == GGML_TYPE_F32    ? Arithmetic::F32
           : rows->type == GGML_TYPE_BF16 ? Arithmetic::BF16
                                          : Arithmetic::Int8;
}

ggml_tensor* KernelNodes::custom(ggml_context* context, ggml_type type, int64_t width, int64_t rows,
                                 const std::vector<ggml_tensor*>& inputs, Work work) {
    nodes_.push_back({std::move(work), compute_});
    std::vector<ggml_tensor*> arguments = inputs;
    return ggml_custom_4d(
        context, type, width, rows, 1, 1, arguments.data(), static_cast<int>(arguments.size()),
        [](ggml_tensor* result, int thread, int threads, void* data) {
            const Node& node = *static_cast<Node*>(data);
            try {
                node.work(result, thread, threads);
            } catch (...) {
                node.compute.node_failed(std::current_exception());
            }
        },
        GGML_N_TASKS_MAX, &nodes_.back());
}

ggml_tensor* KernelNodes::rows(ggml_context* context, Arithmetic format, int width, int64_t rows,
                               const std::vector<ggml_tensor*>& inputs, Work work) {
    switch (format) {
        case Arithmetic::F32:
            return custom(context, GGML_TYPE_F32, width, rows, inputs, std::move(work));
        case Arithmetic::BF16:
            return custom(context, GGML_TYPE_BF16, width, rows, inputs, std::move(work));
        case Arithmetic::Int8:
        case Arithmetic::Int8By256:
            break;
    }
    const auto bytes = static_cast<int64_t>(row_bytes(format, width));
    return custom(context, GGML_TYPE_I8, bytes, rows, inputs, std::move(work));
}

ggml_tensor* KernelNodes::norm(ggml_context* context, const PackedNorm& norm, ggml_tensor* x, Arithmetic format) {
    return rows(context, format, static_cast<int>(x->ne[0]), x->ne[1], {x},
                [this, &norm, format](ggml_tensor* result, int thread, int threads) {
                    const ggml_tensor* input = result->src[0];
                    const auto [first, last] = part(computed(input->ne[1]), thread, threads);
                    for (int64_t i = first; i < last; ++i) {
                        kernels_.norm(float_row(input, i), static_cast<int>(input->ne[0]), norm.weight.data(),
                                      norm.bias.data(), format, row(result, i));
                    }
                });
}

ggml_tensor* KernelNodes::narrow(ggml_context* context, ggml_tensor* x, Arithmetic format) {
    if (format == Arithmetic::F32) return x;
    return rows(context, format, static_cast<int>(x->ne[0]), x->ne[1], {x},
                [this, format](ggml_tensor* result, int thread, int threads) {
                    const ggml_tensor* input = result->src[0];
                    const auto [first, last] = part(computed(input->ne[1]), thread, threads);
                    const auto width = static_cast<int>(input->ne[0]);
                    for (int64_t i = first; i < last; ++i) {
                        if (input->type == GGML_TYPE_BF16) {
                            kernels_.quantise(reinterpret_cast<const BFloat*>(row(input, i)), width, row(result, i));
                        } else {
                            kernels_.narrow(float_row(input, i), width, format, row(result, i));
                        }
                    }
                });
}

ggml_tensor* KernelNodes::product(ggml_context* context, const PackedLinear& layer, ggml_tensor* input,
                                  const ProductNode& node) {
    std::vector<ggml_tensor*> inputs = {input};
    if (node.residual != nullptr) inputs.push_back(node.residual);
    const int count = node.count == 0 ? static_cast<int>(input->ne[1]) : node.count;
    return rows(context, node.format, layer.weight->outputs(), count + 2 * node.padding, inputs,
                [this, &layer, node, count](ggml_tensor* result, int thread, int threads) {
                    Product product;
                    product.weights = layer.weight.get();
                    product.bias = layer.bias.empty() ? nullptr : layer.bias.data();
                    product.activation = node.activation;
                    product.residual =
                        node.residual == nullptr ? node.constant : static_cast<const float*>(result->src[1]->data);
                    product.arithmetic = layer.weight->storage() == Storage::Int8By256 ? Arithmetic::Int8By256
                                                                                       : format_of(result->src[0]);
                    product.rows = row(result->src[0], 0);
                    product.row_stride = node.row_stride == 0 ? result->src[0]->nb[1] : node.row_stride;
                    product.count = static_cast<int>(computed(count, node.rows_of_frame));
                    product.format = node.format;
                    product.output = row(result, node.padding);
                    product.output_stride = result->nb[1];
                    multiply(kernels_, product, thread, threads);
                    if (thread != 0) return;
                    for (int i = 0; i < node.padding; ++i) {
                        std::memset(row(result, i), 0, result->nb[1]);
                        std::memset(row(result, product.count + node.padding + i), 0, result->nb[1]);
                    }
                });
}

ggml_tensor* KernelNodes::attention(ggml_context* context, ggml_tensor* query, ggml_tensor* key, ggml_tensor* value,
                                    int heads, Arithmetic arithmetic, Arithmetic format) {
    return rows(context, format, heads * 64, query->ne[1], {query, key, value},
                [this, heads, arithmetic, format](ggml_tensor* result, int thread, int threads) {
                    EncoderAttention attention;
                    attention.arithmetic = arithmetic;
                    attention.query = row(result->src[0], 0);
                    attention.key = row(result->src[1], 0);
                    attention.value = row(result->src[2], 0);
                    attention.row_stride = result->src[0]->nb[1];
                    attention.frames = static_cast<int>(computed(result->src[0]->ne[1]));
                    if (frames_) {
                        attention.single = frames_->heard;
                        attention.bias = std::log(static_cast<float>(frames_->each));
                    }
                    attention.heads = heads;
                    attention.format = format;
                    attention.output = row(result, 0);
                    attention.output_stride = result->nb[1];
                    attend_all(kernels_, attention, thread, threads);
                });
}

}  // namespace agora
