// Tensors of a model file by their names, as floats and as the kernels read them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/kernels/packed_linear.h"
#include "engine/model/tensor_reader.h"

namespace agora {

// Everything that reads throws ModelInvalid where a value is no number or the file has changed since it was validated.
class NamedTensors {
  public:
    // Of the validated file at `path`; `tensors` must outlive this.
    NamedTensors(const std::string& path, const std::vector<TensorEntry>& tensors);

    bool has(const std::string& name) const { return tensors_.count(name) > 0; }
    // One that is known to be there.
    const TensorEntry& at(const std::string& name) const;

    std::vector<float> floats(const std::string& name) const;
    // The weight and the bias of `name`.
    PackedNorm norm(const std::string& name) const;

    // The layer of the weights of `names`, all of the same inputs, one after another, and of their biases where they
    // have one. All but the last have a multiple of 16 outputs. Throws OutOfMemory. `in_parts`: by whom it is packed.
    PackedLinear linear(const std::vector<std::string>& names, Storage storage,
                        const InParts& in_parts = in_one_part) const;
    // The layer of a convolution in time, [outputs][channels][taps], over frames of channels.
    PackedLinear convolution(const std::string& name, Storage storage, const InParts& in_parts = in_one_part) const;

    // Reads a tensor whose values are taken from the file as they are needed, to find now what is no number.
    void look_through(const std::string& name) const;

  private:
    void pack(const TensorEntry& tensor, PackedMatrix& matrix, int first_strip, const InParts& in_parts) const;
    void append_bias(const std::string& name, std::vector<float>& bias) const;

    TensorReader reader_;
    std::map<std::string, const TensorEntry*> tensors_;
};

}  // namespace agora
