#include "engine/model/named_tensors.h"

#include <ggml.h>

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;

// Trailing dimensions of 1 may be left out.
int64_t size(const TensorEntry& tensor, size_t dimension) {
    return dimension < tensor.ne.size() ? tensor.ne[dimension] : 1;
}

}  // namespace

NamedTensors::NamedTensors(const std::string& path, const std::vector<TensorEntry>& tensors) : reader_(path) {
    for (const TensorEntry& tensor : tensors) tensors_[tensor.name] = &tensor;
}

const TensorEntry& NamedTensors::at(const std::string& name) const {
    const auto tensor = tensors_.find(name);
    if (tensor == tensors_.end()) throw Error(ErrorCode::Internal, "There is no tensor " + name);
    return *tensor->second;
}

std::vector<float> NamedTensors::floats(const std::string& name) const {
    return reader_.read(at(name));
}

PackedNorm NamedTensors::norm(const std::string& name) const {
    return {floats(name + ".weight"), floats(name + ".bias")};
}

PackedLinear NamedTensors::linear(const std::vector<std::string>& names, Storage storage,
                                  const InParts& in_parts) const {
    int outputs = 0;
    for (const std::string& name : names) outputs += static_cast<int>(size(at(name + ".weight"), 1));
    const auto inputs = static_cast<int>(size(at(names.front() + ".weight"), 0));
    PackedLinear layer;
    layer.weight = std::make_unique<PackedMatrix>(storage, inputs, outputs);
    int strip = 0;
    for (const std::string& name : names) {
        const TensorEntry& tensor = at(name + ".weight");
        pack(tensor, *layer.weight, strip, in_parts);
        strip += static_cast<int>(size(tensor, 1)) / kStrip;
        append_bias(name, layer.bias);
    }
    layer.bias = padded_bias(std::move(layer.bias));
    return layer;
}

PackedLinear NamedTensors::convolution(const std::string& name, Storage storage, const InParts& in_parts) const {
    const TensorEntry& tensor = at(name + ".weight");
    const auto taps = static_cast<int>(size(tensor, 0));
    const auto channels = static_cast<int>(size(tensor, 1));
    std::vector<float> bias;
    append_bias(name, bias);
    return pack_linear(channels_last(reader_.read(tensor), channels, taps), bias, taps * channels,
                       static_cast<int>(size(tensor, 2)), storage, in_parts);
}

void NamedTensors::look_through(const std::string& name) const {
    const TensorEntry& tensor = at(name);
    const int64_t inputs = tensor.ne[0];
    std::vector<char> bytes;
    for (int64_t row = 0; row < size(tensor, 1); row += kStrip)
        reader_.read_raw(tensor, row * inputs, std::min<int64_t>(kStrip, size(tensor, 1) - row) * inputs, bytes);
}

// The tensor's rows to strips from `first_strip` on.
void NamedTensors::pack(const TensorEntry& tensor, PackedMatrix& matrix, int first_strip,
                        const InParts& in_parts) const {
    const int64_t inputs = tensor.ne[0];
    const auto outputs = static_cast<int>(size(tensor, 1));
    if (tensor.type != GGML_TYPE_Q8_0 || matrix.storage() != Storage::Int8) {
        pack_rows(matrix, first_strip, outputs, in_parts,
                  [&](int first, int count, float* rows, std::vector<char>& bytes) {
                      reader_.read(tensor, first * inputs, count * inputs, rows, bytes);
                  });
        return;
    }
    // As they are.
    in_parts([&](int part, int parts) {
        std::vector<char> blocks;
        each_strip(outputs, part, parts, [&](int strip, int first, int count) {
            reader_.read_raw(tensor, first * inputs, count * inputs, blocks);
            matrix.pack_q8_0(first_strip + strip, blocks.data(), count);
        });
    });
}

void NamedTensors::append_bias(const std::string& name, std::vector<float>& bias) const {
    if (!has(name + ".bias")) return;
    const std::vector<float> values = floats(name + ".bias");
    bias.insert(bias.end(), values.begin(), values.end());
}

}  // namespace agora
