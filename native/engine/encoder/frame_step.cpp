#include "engine/encoder/frame_step.h"

#include <algorithm>
#include <vector>

#include "engine/kernels/product.h"

namespace agora {
namespace {

// Frames at a time: what is between two products of theirs takes half of the second-level cache, and weights are read
// often enough for each time that they come from the third.
constexpr int kFrames = 48;
constexpr size_t kBehind = 64;  // bytes that a product may read past its rows

// The rows of one product after the other.
class Work {
  public:
    Work(const KernelSet& kernels, size_t width, int count) : kernels_(kernels), width_(width), count_(count) {}

    void narrow(const uint8_t* rows, size_t stride, int width) {
        make_room(width);
        for (int i = 0; i < count_; ++i) {
            const uint8_t* row = rows + static_cast<size_t>(i) * stride;
            kernels_.narrow_bf16(reinterpret_cast<const uint16_t*>(row), width, narrowed(i));
        }
    }

    void norm(const PackedNorm& norm, const float* x) {
        make_room(static_cast<int>(width_));
        for (int i = 0; i < count_; ++i)
            kernels_.norm(x + static_cast<size_t>(i) * width_, static_cast<int>(width_), norm.weight.data(),
                          norm.bias.data(), Arithmetic::Int8PerRow, narrowed(i));
    }

    // Of the rows that were made last.
    void multiply(const PackedLinear& layer, Product product) {
        product.weights = layer.weight.get();
        product.bias = layer.bias.empty() ? nullptr : layer.bias.data();
        product.arithmetic = Arithmetic::Int8PerRow;
        product.rows = narrowed(0);
        product.row_stride = row_bytes_;
        product.count = count_;
        agora::multiply(kernels_, product, 0, 1);
    }

  private:
    void make_room(int width) {
        row_bytes_ = row_bytes(Arithmetic::Int8PerRow, width);
        const size_t bytes = static_cast<size_t>(count_) * row_bytes_ + kBehind;
        if (rows().size() < bytes) rows().resize(bytes);
    }
    uint8_t* narrowed(int i) { return rows().data() + static_cast<size_t>(i) * row_bytes_; }
    static std::vector<uint8_t>& rows() {
        thread_local std::vector<uint8_t> memory;
        return memory;
    }

    const KernelSet& kernels_;
    size_t width_;
    int count_;
    size_t row_bytes_ = 0;
};

// x + layer(rows)
Product onto(float* x, size_t width) {
    Product product;
    product.residual = x;
    product.output = reinterpret_cast<uint8_t*>(x);
    product.output_stride = width * sizeof(float);
    return product;
}

Product to(uint8_t* output, size_t stride, Arithmetic format) {
    Product product;
    product.format = format;
    product.output = output;
    product.output_stride = stride;
    return product;
}

void finish_layer(Work& work, const PackedBlock& block, Activation activation, const uint8_t* attended, size_t stride,
                  float* x, int count) {
    const int width = block.self.out.weight->inputs();
    const int hidden_width = block.up.weight->outputs();
    thread_local std::vector<uint16_t> hidden;
    const size_t hidden_values = static_cast<size_t>(count) * static_cast<size_t>(hidden_width);
    if (hidden.size() < hidden_values) hidden.resize(hidden_values);
    auto* rows = reinterpret_cast<uint8_t*>(hidden.data());
    const size_t hidden_stride = static_cast<size_t>(hidden_width) * sizeof(uint16_t);

    work.narrow(attended, stride, width);
    work.multiply(block.self.out, onto(x, static_cast<size_t>(width)));
    work.norm(block.mlp_norm, x);
    Product up = to(rows, hidden_stride, Arithmetic::BF16);
    up.activation = activation;
    work.multiply(block.up, up);
    work.narrow(rows, hidden_stride, hidden_width);
    work.multiply(block.down, onto(x, static_cast<size_t>(width)));
}

}  // namespace

void take_step(const KernelSet& kernels, const FrameStep& step, const Frames& frames, int first, int last) {
    const auto& self = step.before != nullptr ? step.before->self : step.next->self;
    const auto width = static_cast<size_t>(self.query.weight->inputs());
    for (int frame = first; frame < last; frame += kFrames) {
        const int count = std::min(kFrames, last - frame);
        const auto index = static_cast<size_t>(frame);
        Work work(kernels, width, count);
        float* x = frames.x + index * width;
        uint8_t* output = frames.output + index * frames.output_stride;
        if (step.before != nullptr)
            finish_layer(work, *step.before, step.activation, frames.attended + index * frames.attended_stride,
                         frames.attended_stride, x, count);
        if (step.next == nullptr) {
            for (int i = 0; i < count; ++i)
                kernels.norm(x + static_cast<size_t>(i) * width, static_cast<int>(width), step.last_norm->weight.data(),
                             step.last_norm->bias.data(), Arithmetic::F32,
                             output + static_cast<size_t>(i) * frames.output_stride);
            continue;
        }
        work.norm(step.next->self.norm, x);
        for (const PackedLinear* layer : {&step.next->self.query, &step.next->self.key, &step.next->self.value}) {
            work.multiply(*layer, to(output, frames.output_stride, step.format));
            output += row_bytes(step.format, static_cast<int>(width));
        }
    }
}

}  // namespace agora
