// GGUF files, read and validated before ggml's own reader, which trusts more than it should, gets to see them.
//
// Layout: magic, version, counts, metadata, the tensors' descriptions, padding, the tensors' data.
// Source: ggml, include/gguf.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/file_reader.h"
#include "engine/model/whisper_file.h"

namespace agora {

// An array of numbers of the metadata, as it lies in the file.
struct GgufNumbers {
    uint32_t type;  // gguf_type
    size_t size;
    std::string bytes;

    // -1 where the array is of floats.
    int64_t integer(size_t index) const;
};

// A value of the metadata: integers of every width as int64, floats as double.
using GgufValue = std::variant<int64_t, double, bool, std::string, GgufNumbers, std::vector<std::string>>;

class GgufFile {
  public:
    // Reads everything but the tensors' data. On return every tensor is known to lie inside the file, one after
    // another. Throws ModelNotFound, ModelInvalid.
    explicit GgufFile(const std::string& path);

    const std::string& path() const { return path_; }
    uint64_t bytes() const { return bytes_; }
    const std::vector<TensorEntry>& tensors() const { return tensors_; }
    const std::map<std::string, GgufValue>& metadata() const { return metadata_; }

    // A required value of the metadata. Throws ModelInvalid naming the key.
    int64_t integer(const std::string& key, int64_t lowest, int64_t highest) const;
    double positive(const std::string& key) const;  // a finite number above 0
    const std::string& text(const std::string& key) const;
    // The value, or null where there is none. Throws ModelInvalid when it has another type.
    template <typename Type>
    const Type* find(const std::string& key) const {
        const auto entry = metadata_.find(key);
        if (entry == metadata_.end()) return nullptr;
        const auto* value = std::get_if<Type>(&entry->second);
        if (value == nullptr) fail("its value of " + key + " has another type than expected");
        return value;
    }

    // Throws ModelInvalid.
    [[noreturn]] void fail(const std::string& problem) const;

  private:
    void read_metadata(FileReader& file, uint64_t count);
    void read_tensors(FileReader& file, uint64_t count);

    std::string path_;
    uint64_t bytes_ = 0;
    std::map<std::string, GgufValue> metadata_;
    std::vector<TensorEntry> tensors_;
};

// What a file of some kind has to hold, to be compared with what it holds.
class ExpectedTensors {
  public:
    // A vector or table of 32-bit floats; a matrix of any type whose rows are whole blocks; one of f32 or f16.
    void floats(const std::string& name, std::vector<int64_t> ne) { add(name, std::move(ne), Kind::Floats, true); }
    void matrix(const std::string& name, int64_t in, int64_t out) { add(name, {in, out}, Kind::Matrix, true); }
    void optional_matrix(const std::string& name, int64_t in, int64_t out) {
        add(name, {in, out}, Kind::Matrix, false);
    }
    // Of any type of weights.
    void weights(const std::string& name, std::vector<int64_t> ne) { add(name, std::move(ne), Kind::Matrix, true); }
    void convolution(const std::string& name, std::vector<int64_t> ne) { add(name, std::move(ne), Kind::Half, true); }

    // What is not asked for is no fault.
    void allow_others() { others_ = true; }

    // Throws ModelInvalid naming the first tensor that is missing, unknown or different.
    void check(const GgufFile& file) const;

  private:
    enum class Kind { Floats, Matrix, Half };
    struct Expected {
        std::vector<int64_t> ne;
        Kind kind;
        bool required;
    };
    void add(const std::string& name, std::vector<int64_t> ne, Kind kind, bool required) {
        tensors_[name] = {std::move(ne), kind, required};
    }

    bool others_ = false;
    std::map<std::string, Expected> tensors_;
};

}  // namespace agora
