#include "engine/model/vad_file.h"

#include <ggml.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/model/file_reader.h"

namespace agora {
namespace {

constexpr uint32_t kMagic = 0x67676d6c;
constexpr int32_t kFrameSamples = 512;
constexpr int32_t kContextSamples = 64;

// Silero VAD v5 and v6 at 16 kHz: layers, then input channels, output channels and kernel of each; the sizes of the
// LSTM and of the last convolution.
const std::vector<int32_t> kArchitecture = {4, 129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3, 128, 128, 128, 1};

struct Expected {
    int64_t elements;
    ggml_type type;
};

const std::map<std::string, Expected>& expected_tensors() {
    static const std::map<std::string, Expected> tensors = {
        {"_model.stft.forward_basis_buffer", {256 * 258, GGML_TYPE_F16}},
        {"_model.encoder.0.reparam_conv.weight", {3 * 129 * 128, GGML_TYPE_F16}},
        {"_model.encoder.0.reparam_conv.bias", {128, GGML_TYPE_F32}},
        {"_model.encoder.1.reparam_conv.weight", {3 * 128 * 64, GGML_TYPE_F16}},
        {"_model.encoder.1.reparam_conv.bias", {64, GGML_TYPE_F32}},
        {"_model.encoder.2.reparam_conv.weight", {3 * 64 * 64, GGML_TYPE_F16}},
        {"_model.encoder.2.reparam_conv.bias", {64, GGML_TYPE_F32}},
        {"_model.encoder.3.reparam_conv.weight", {3 * 64 * 128, GGML_TYPE_F16}},
        {"_model.encoder.3.reparam_conv.bias", {128, GGML_TYPE_F32}},
        {"_model.decoder.rnn.weight_ih", {128 * 512, GGML_TYPE_F32}},
        {"_model.decoder.rnn.weight_hh", {128 * 512, GGML_TYPE_F32}},
        {"_model.decoder.rnn.bias_ih", {512, GGML_TYPE_F32}},
        {"_model.decoder.rnn.bias_hh", {512, GGML_TYPE_F32}},
        {"_model.decoder.decoder.2.weight", {128, GGML_TYPE_F16}},
        {"_model.decoder.decoder.2.bias", {1, GGML_TYPE_F32}},
    };
    return tensors;
}

void read_tensor(FileReader& file, std::vector<TensorEntry>& tensors) {
    const int32_t n_dims = file.read_i32("a tensor's header");
    const int32_t length = file.read_i32("a tensor's header");
    const int32_t type = file.read_i32("a tensor's header");
    if (n_dims < 0 || n_dims > 3) file.fail("a tensor has " + std::to_string(n_dims) + " dimensions, expected 0 to 3");
    if (length < 1 || length > 128) file.fail("a tensor's name has a length of " + std::to_string(length) + " bytes");
    int64_t elements = 1;
    std::vector<int64_t> ne;
    for (int32_t i = 0; i < n_dims; ++i) {
        const int32_t n = file.read_i32("a tensor's header");
        if (n < 1 || n > 65536) file.fail("a tensor has a dimension of " + std::to_string(n));
        ne.push_back(n);
        elements *= n;
    }
    const std::string name = file.read_string(static_cast<uint64_t>(length), "a tensor's name");
    const auto entry = expected_tensors().find(name);
    if (entry == expected_tensors().end()) file.fail("it has an unknown tensor \"" + name + "\"");
    const bool seen =
        std::any_of(tensors.begin(), tensors.end(), [&](const TensorEntry& other) { return other.name == name; });
    if (seen) file.fail("it has tensor " + name + " twice");
    if (elements != entry->second.elements || type != entry->second.type) {
        file.fail("tensor " + name + " has another shape or type than Silero's");
    }
    const uint64_t offset = file.position();
    const uint64_t bytes = static_cast<uint64_t>(elements) * ggml_type_size(entry->second.type);
    file.skip(bytes, ("tensor " + name).c_str());
    tensors.push_back({name, type, std::move(ne), offset, bytes});
}

}  // namespace

VadFile read_vad_file(const std::string& path) {
    FileReader file(path);
    if (static_cast<uint32_t>(file.read_i32("its first bytes")) != kMagic) {
        file.fail("it does not begin with the magic \"lmgg\" of ggml .bin models");
    }
    const int32_t length = file.read_i32("its type");
    if (length < 1 || length > 64 || file.read_string(static_cast<uint64_t>(length), "its type") != "silero-16k") {
        file.fail("it is no Silero VAD model for 16 kHz");
    }
    VadFile result;
    for (int i = 0; i < 3; ++i) {
        result.version += (i == 0 ? "" : ".") + std::to_string(file.read_i32("its version"));
    }
    result.frame_samples = file.read_i32("its frame size");
    const int32_t context = file.read_i32("its context size");
    bool known = result.frame_samples == kFrameSamples && context == kContextSamples;
    for (const int32_t expected : kArchitecture) known = file.read_i32("its layer sizes") == expected && known;
    if (!known) file.fail("its layers are not those of Silero VAD v5 or v6");

    while (file.remaining() > 0) read_tensor(file, result.tensors);
    if (result.tensors.size() != expected_tensors().size()) {
        file.fail("it has " + std::to_string(result.tensors.size()) + " of " +
                  std::to_string(expected_tensors().size()) + " tensors");
    }
    return result;
}

}  // namespace agora
