#include "engine/model/quantize.h"

#include <ggml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "engine/error.h"
#include "engine/model/whisper_file.h"

namespace agora {
namespace {

namespace fs = std::filesystem;

struct Target {
    ggml_type type;
    ggml_ftype ftype;
};

const std::map<std::string, Target>& targets() {
    static const std::map<std::string, Target> map = {
        {"q4_0", {GGML_TYPE_Q4_0, GGML_FTYPE_MOSTLY_Q4_0}}, {"q4_1", {GGML_TYPE_Q4_1, GGML_FTYPE_MOSTLY_Q4_1}},
        {"q5_0", {GGML_TYPE_Q5_0, GGML_FTYPE_MOSTLY_Q5_0}}, {"q5_1", {GGML_TYPE_Q5_1, GGML_FTYPE_MOSTLY_Q5_1}},
        {"q8_0", {GGML_TYPE_Q8_0, GGML_FTYPE_MOSTLY_Q8_0}}, {"q2_k", {GGML_TYPE_Q2_K, GGML_FTYPE_MOSTLY_Q2_K}},
        {"q3_k", {GGML_TYPE_Q3_K, GGML_FTYPE_MOSTLY_Q3_K}}, {"q4_k", {GGML_TYPE_Q4_K, GGML_FTYPE_MOSTLY_Q4_K}},
        {"q5_k", {GGML_TYPE_Q5_K, GGML_FTYPE_MOSTLY_Q5_K}}, {"q6_k", {GGML_TYPE_Q6_K, GGML_FTYPE_MOSTLY_Q6_K}},
    };
    return map;
}

std::string joined(const std::vector<std::string>& words) {
    std::string result;
    for (const std::string& word : words) result += (result.empty() ? "" : ", ") + word;
    return result;
}

// Removes the unfinished file unless it was renamed into place.
class PartialFile {
  public:
    // A name that no file has, so that nobody's file is overwritten, be it the source.
    explicit PartialFile(const std::string& destination) : destination_(destination) {
        std::random_device random;
        do {
            path_ = destination + "." + std::to_string(random()) + ".partial";
        } while (fs::exists(fs::symlink_status(path_)));
        stream.open(path_, std::ios::binary | std::ios::trunc);
        if (!stream)
            throw Error(ErrorCode::InvalidArgument, "The file " + destination + " cannot be written", "destination");
    }
    ~PartialFile() {
        stream.close();
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    void commit() {
        stream.close();
        if (!stream) throw Error(ErrorCode::Internal, "Writing " + destination_ + " failed: is the disk full?");
        fs::rename(path_, destination_);
    }
    std::ofstream stream;

  private:
    std::string destination_;
    std::string path_;
};

bool is_quantized(const TensorEntry& tensor) {
    return tensor.ne.size() == 2 && tensor.ne[0] > 1 && tensor.name.find("positional_embedding") == std::string::npos;
}

// A convolution of an f32 model, which is in half precision in models of every other type.
bool is_halved(const TensorEntry& tensor) {
    return tensor.ne.size() == 3 && tensor.type == GGML_TYPE_F32;
}

void write_i32(std::ostream& out, int32_t value) {
    out.write(reinterpret_cast<const char*>(&value), sizeof(value));
}

void copy_bytes(std::istream& in, std::ostream& out, uint64_t offset, uint64_t length) {
    std::vector<char> block(1 << 20);
    in.seekg(static_cast<std::streamoff>(offset));
    for (uint64_t done = 0; done < length;) {
        const uint64_t n = std::min<uint64_t>(block.size(), length - done);
        in.read(block.data(), static_cast<std::streamsize>(n));
        out.write(block.data(), static_cast<std::streamsize>(n));
        done += n;
    }
}

std::vector<float> read_floats(std::istream& in, const TensorEntry& tensor) {
    size_t elements = 1;
    for (const int64_t n : tensor.ne) elements *= static_cast<size_t>(n);
    std::vector<float> values(elements);
    in.seekg(static_cast<std::streamoff>(tensor.offset));
    if (tensor.type == GGML_TYPE_F32) {
        in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(elements * sizeof(float)));
    } else {
        std::vector<ggml_fp16_t> halves(elements);
        in.read(reinterpret_cast<char*>(halves.data()), static_cast<std::streamsize>(elements * sizeof(ggml_fp16_t)));
        ggml_fp16_to_fp32_row(halves.data(), values.data(), static_cast<int64_t>(elements));
    }
    return values;
}

}  // namespace

const std::vector<std::string>& quantize_types() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> result;
        for (const auto& [name, unused] : targets()) result.push_back(name);
        return result;
    }();
    return names;
}

std::vector<uint8_t> quantize_values(const std::string& type, const std::vector<float>& values) {
    const auto target = targets().find(type);
    if (target == targets().end()) {
        throw Error(ErrorCode::InvalidArgument,
                    "Expected a quantised type (" + joined(quantize_types()) + ") but received \"" + type + "\"",
                    "type");
    }
    const ggml_type stored = target->second.type;
    const int64_t block = ggml_blck_size(stored);
    const auto count = static_cast<int64_t>(values.size());
    if (count % block != 0) {
        throw Error(ErrorCode::InvalidArgument, "Expected a multiple of " + std::to_string(block) +
                                                    " values but received " + std::to_string(count));
    }
    std::vector<uint8_t> packed(ggml_row_size(stored, count));
    ggml_quantize_chunk(stored, values.data(), packed.data(), 0, count / block, block, nullptr);
    return packed;
}

void quantize_whisper_file(const std::string& source, const std::string& destination, const std::string& type,
                           const std::atomic<bool>& cancelled, const std::function<void(double)>& progress) {
    const auto target = targets().find(type);
    if (target == targets().end()) {
        throw Error(ErrorCode::InvalidArgument,
                    "Expected a quantised type (" + joined(quantize_types()) + ") but received \"" + type + "\"",
                    "type");
    }
    const WhisperFile model = read_whisper_file(source);
    if (model.hparams.ftype != GGML_FTYPE_ALL_F32 && model.hparams.ftype != GGML_FTYPE_MOSTLY_F16) {
        throw Error(ErrorCode::InvalidArgument,
                    "Expected an f32 or f16 model to quantise but " + source + " is " + model.weight_type, "source");
    }
    if (model.hparams.n_audio_state % ggml_blck_size(target->second.type) != 0) {
        throw Error(ErrorCode::InvalidArgument,
                    "Type " + type + " needs a model width that is a multiple of " +
                        std::to_string(ggml_blck_size(target->second.type)) + "; this one is " +
                        std::to_string(model.hparams.n_audio_state) + " wide",
                    "type");
    }
    std::error_code ignored;
    if (fs::equivalent(source, destination, ignored)) {
        throw Error(ErrorCode::InvalidArgument, "Source and destination are the same file: " + source, "destination");
    }

    std::ifstream in(source, std::ios::binary);
    PartialFile out(destination);
    const uint64_t ftype_offset = 4 + 10 * 4;
    copy_bytes(in, out.stream, 0, ftype_offset);
    write_i32(out.stream, GGML_QNT_VERSION * GGML_QNT_VERSION_FACTOR + target->second.ftype);
    copy_bytes(in, out.stream, ftype_offset + 4, model.tensors_offset - ftype_offset - 4);

    for (const TensorEntry& tensor : model.tensors) {
        if (cancelled) throw Error(ErrorCode::Cancelled, "Quantising was cancelled");
        const bool quantized = is_quantized(tensor);
        write_i32(out.stream, static_cast<int32_t>(tensor.ne.size()));
        write_i32(out.stream, static_cast<int32_t>(tensor.name.size()));
        const bool halved = is_halved(tensor);
        write_i32(out.stream, quantized ? target->second.type : halved ? GGML_TYPE_F16 : tensor.type);
        for (const int64_t n : tensor.ne) write_i32(out.stream, static_cast<int32_t>(n));
        out.stream.write(tensor.name.data(), static_cast<std::streamsize>(tensor.name.size()));
        if (quantized) {
            const std::vector<float> values = read_floats(in, tensor);
            std::vector<char> packed(ggml_row_size(target->second.type, tensor.ne[0]) *
                                     static_cast<size_t>(tensor.ne[1]));
            ggml_quantize_chunk(target->second.type, values.data(), packed.data(), 0, tensor.ne[1], tensor.ne[0],
                                nullptr);
            out.stream.write(packed.data(), static_cast<std::streamsize>(packed.size()));
        } else if (halved) {
            const std::vector<float> values = read_floats(in, tensor);
            std::vector<ggml_fp16_t> halves(values.size());
            ggml_fp32_to_fp16_row(values.data(), halves.data(), static_cast<int64_t>(values.size()));
            out.stream.write(reinterpret_cast<const char*>(halves.data()),
                             static_cast<std::streamsize>(halves.size() * sizeof(ggml_fp16_t)));
        } else {
            copy_bytes(in, out.stream, tensor.offset, tensor.bytes);
        }
        progress(static_cast<double>(tensor.offset + tensor.bytes) / static_cast<double>(model.bytes));
    }
    if (!in) throw Error(ErrorCode::Internal, "Reading " + source + " failed");
    out.commit();
}

}  // namespace agora
