#include "engine/model/same_encoder.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "engine/error.h"

namespace agora {
namespace {

constexpr uint64_t kMelFiltersOffset = 14 * sizeof(int32_t);
constexpr uint64_t kFrequencyBins = 201;
constexpr uint64_t kBlock = 1 << 20;

bool same_bytes(std::ifstream& a, uint64_t offset_a, std::ifstream& b, uint64_t offset_b, uint64_t count) {
    std::vector<char> bytes_a;
    std::vector<char> bytes_b;
    a.seekg(static_cast<std::streamoff>(offset_a));
    b.seekg(static_cast<std::streamoff>(offset_b));
    while (count > 0) {
        const uint64_t block = std::min(count, kBlock);
        bytes_a.resize(block);
        bytes_b.resize(block);
        a.read(bytes_a.data(), static_cast<std::streamsize>(block));
        b.read(bytes_b.data(), static_cast<std::streamsize>(block));
        if (!a || !b) throw Error(ErrorCode::ModelInvalid, "A model file changed while it was read");
        if (bytes_a != bytes_b) return false;
        count -= block;
    }
    return true;
}

std::map<std::string, const TensorEntry*> encoder_tensors(const WhisperFile& file) {
    std::map<std::string, const TensorEntry*> tensors;
    for (const TensorEntry& tensor : file.tensors) {
        if (tensor.name.rfind("encoder.", 0) == 0) tensors[tensor.name] = &tensor;
    }
    return tensors;
}

}  // namespace

bool have_same_encoder(const std::string& path, const WhisperFile& file, const std::string& other_path,
                       const WhisperFile& other) {
    if (file.hparams.n_mels != other.hparams.n_mels) return false;
    const auto tensors = encoder_tensors(file);
    const auto others = encoder_tensors(other);
    const bool alike = std::equal(tensors.begin(), tensors.end(), others.begin(), others.end(), [](auto& a, auto& b) {
        return a.first == b.first && a.second->type == b.second->type && a.second->bytes == b.second->bytes;
    });
    if (!alike) return false;
    std::ifstream stream(path, std::ios::binary);
    std::ifstream other_stream(other_path, std::ios::binary);
    const uint64_t filters = static_cast<uint64_t>(file.hparams.n_mels) * kFrequencyBins * sizeof(float);
    if (!same_bytes(stream, kMelFiltersOffset, other_stream, kMelFiltersOffset, filters)) return false;
    return std::all_of(tensors.begin(), tensors.end(), [&](const auto& entry) {
        const TensorEntry& tensor = *entry.second;
        return same_bytes(stream, tensor.offset, other_stream, others.at(entry.first)->offset, tensor.bytes);
    });
}

}  // namespace agora
