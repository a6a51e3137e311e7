#include "engine/borealis/packed_language_weights.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "engine/error.h"
#include "engine/model/finite.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;
// Of a matrix, so much is read at once.
constexpr size_t kReadBytes = 16 << 20;

Storage storage_of(const TensorEntry& tensor) {
    switch (static_cast<ggml_type>(tensor.type)) {
        case GGML_TYPE_F32:
            return Storage::F32;
        case GGML_TYPE_F16:
            return Storage::F16;
        case GGML_TYPE_BF16:
            return Storage::BF16;
        default:
            return Storage::Int8;
    }
}

class Reader {
  public:
    Reader(const std::string& path, const LanguageFile& file, Parallel& parallel)
        : path_(path), stream_(path, std::ios::binary), parallel_(parallel) {
        for (const TensorEntry& tensor : file.tensors) tensors_[tensor.name] = &tensor;
    }

    bool has(const std::string& name) const { return tensors_.count(name) > 0; }

    // A vector; nothing where there is none.
    std::vector<float> floats(const std::string& name) {
        if (!has(name)) return {};
        const TensorEntry& tensor = *tensors_.at(name);
        std::vector<float> values(static_cast<size_t>(tensor.ne[0]));
        read(tensor, 0, values.data(), values.size() * sizeof(float));
        return values;
    }

    // The matrices `block` + name + ".weight", one after another, with their biases.
    PackedLinear linear(const std::string& block, const std::vector<std::string>& names) {
        std::vector<const TensorEntry*> parts;
        // The widest of their types.
        Storage storage = Storage::Int8;
        int outputs = 0;
        PackedLinear layer;
        for (const std::string& name : names) {
            parts.push_back(tensors_.at(block + name + ".weight"));
            storage = std::min(storage, storage_of(*parts.back()));
            outputs += static_cast<int>(parts.back()->ne[1]);
            const std::vector<float> bias = floats(block + name + ".bias");
            layer.bias.insert(layer.bias.end(), bias.begin(), bias.end());
        }
        layer.bias.resize((layer.bias.size() + 31) / 32 * 32, 0.0f);
        layer.weight = std::make_unique<PackedMatrix>(storage, static_cast<int>(parts.front()->ne[0]), outputs);
        int strip = 0;
        for (const TensorEntry* part : parts) {
            pack(*part, *layer.weight, strip);
            strip += static_cast<int>(part->ne[1]) / kStrip;
        }
        return layer;
    }

    // Reads a matrix whose rows are taken from the file as they are needed, to find now what is no number.
    void look_through(const std::string& name) {
        const TensorEntry& tensor = *tensors_.at(name);
        const size_t row_bytes = ggml_row_size(static_cast<ggml_type>(tensor.type), tensor.ne[0]);
        const size_t step = std::max<size_t>(1, kReadBytes / row_bytes) * row_bytes;
        for (size_t offset = 0; offset < tensor.bytes; offset += step) {
            bytes_.resize(std::min(step, static_cast<size_t>(tensor.bytes) - offset));
            read(tensor, offset, bytes_.data(), bytes_.size());
        }
    }

  private:
    // Whole rows of a tensor, from byte `offset` of it on.
    void read(const TensorEntry& tensor, size_t offset, void* target, size_t bytes) {
        stream_.seekg(static_cast<std::streamoff>(tensor.offset + offset));
        stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
        if (!stream_) throw Error(ErrorCode::ModelInvalid, "The model file " + path_ + " changed while it was read");
        require_finite(path_, tensor, static_cast<const char*>(target), bytes);
    }

    // A tensor's rows to strips from `first_strip` on.
    void pack(const TensorEntry& tensor, PackedMatrix& matrix, int first_strip) {
        const auto type = static_cast<ggml_type>(tensor.type);
        const bool as_it_is = type == GGML_TYPE_Q8_0 && matrix.storage() == Storage::Int8;
        const auto inputs = static_cast<size_t>(tensor.ne[0]);
        const auto outputs = static_cast<int>(tensor.ne[1]);
        const size_t row_bytes = ggml_row_size(type, tensor.ne[0]);
        const int step = std::max(1, static_cast<int>(kReadBytes / row_bytes) / kStrip) * kStrip;
        for (int first = 0; first < outputs; first += step) {
            const int rows = std::min(step, outputs - first);
            bytes_.resize(static_cast<size_t>(rows) * row_bytes);
            read(tensor, static_cast<size_t>(first) * row_bytes, bytes_.data(), bytes_.size());
            parallel_.run([&](int thread, int threads) {
                std::vector<float> floats(as_it_is ? 0 : kStrip * inputs);
                for (int row = thread * kStrip; row < rows; row += threads * kStrip) {
                    const char* data = bytes_.data() + static_cast<size_t>(row) * row_bytes;
                    const int count = std::min(kStrip, rows - row);
                    const int strip = first_strip + (first + row) / kStrip;
                    if (as_it_is) {
                        matrix.pack_q8_0(strip, data, count);
                        continue;
                    }
                    const auto values = static_cast<int64_t>(inputs) * count;
                    if (type == GGML_TYPE_F32) {
                        std::copy_n(reinterpret_cast<const float*>(data), values, floats.data());
                    } else {
                        ggml_get_type_traits(type)->to_float(data, floats.data(), values);
                    }
                    matrix.pack(strip, floats.data(), count);
                }
            });
        }
    }

    std::string path_;
    std::ifstream stream_;
    Parallel& parallel_;
    std::map<std::string, const TensorEntry*> tensors_;
    std::vector<char> bytes_;
};

}  // namespace

PackedLanguageWeights::PackedLanguageWeights(const std::string& path, const LanguageFile& file, Parallel& parallel) {
    Reader reader(path, file, parallel);
    for (int64_t i = 0; i < file.layers; ++i) {
        const std::string name = "blk." + std::to_string(i) + ".";
        PackedLanguageBlock block;
        block.attention_norm = reader.floats(name + "attn_norm.weight");
        block.query_key_value = reader.linear(name, {"attn_q", "attn_k", "attn_v"});
        block.query_norm = reader.floats(name + "attn_q_norm.weight");
        block.key_norm = reader.floats(name + "attn_k_norm.weight");
        block.attention_out = reader.linear(name, {"attn_output"});
        block.feed_forward_norm = reader.floats(name + "ffn_norm.weight");
        block.gate_up = reader.linear(name, {"ffn_gate", "ffn_up"});
        block.down = reader.linear(name, {"ffn_down"});
        blocks.push_back(std::move(block));
    }
    norm = reader.floats("output_norm.weight");
    // Without a matrix of its own, the output layer is the table of embeddings.
    const bool has_own_head = reader.has("output.weight");
    head = reader.linear("", {has_own_head ? "output" : "token_embd"});
    if (has_own_head) reader.look_through("token_embd.weight");
}

}  // namespace agora
