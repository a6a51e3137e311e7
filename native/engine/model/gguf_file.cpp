#include "engine/model/gguf_file.h"

#include <ggml.h>

#include <cmath>
#include <cstring>
#include <set>

#include "engine/error.h"

namespace agora {
namespace {

constexpr uint32_t kMagic = 0x46554747;
constexpr uint64_t kDefaultAlignment = 32;
// Far above any real model, far below what would take memory worth speaking of.
constexpr uint64_t kMaxEntries = 1 << 16;
constexpr uint64_t kMaxKeyLength = 256;
constexpr uint64_t kMaxDimension = uint64_t{1} << 31;

enum Type : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

uint64_t size_of(uint32_t type) {
    switch (type) {
        case U8:
        case I8:
        case Bool:
            return 1;
        case U16:
        case I16:
            return 2;
        case U32:
        case I32:
        case F32:
            return 4;
        case U64:
        case I64:
        case F64:
            return 8;
        default:
            return 0;
    }
}

template <typename Value>
Value read(FileReader& file, const char* what) {
    Value value{};
    file.read_bytes(&value, sizeof(value), what);
    return value;
}

std::string read_text(FileReader& file, const char* what) {
    return file.read_string(read<uint64_t>(file, what), what);
}

int64_t read_integer(FileReader& file, uint32_t type, const char* what) {
    switch (type) {
        case U8:
            return read<uint8_t>(file, what);
        case I8:
            return read<int8_t>(file, what);
        case U16:
            return read<uint16_t>(file, what);
        case I16:
            return read<int16_t>(file, what);
        case U32:
            return read<uint32_t>(file, what);
        case I32:
            return read<int32_t>(file, what);
        default:
            return read<int64_t>(file, what);
    }
}

double read_float(FileReader& file, uint32_t type, const char* what) {
    return type == F32 ? static_cast<double>(read<float>(file, what)) : read<double>(file, what);
}

bool is_float(uint32_t type) {
    return type == F32 || type == F64;
}

GgufValue read_array(FileReader& file, const std::string& key) {
    const auto type = read<uint32_t>(file, key.c_str());
    const auto count = read<uint64_t>(file, key.c_str());
    // A string takes at least its length.
    const uint64_t least = type == String ? sizeof(uint64_t) : size_of(type);
    if (least == 0) file.fail("the array " + key + " is of type " + std::to_string(type) + ", which there is not");
    if (count > file.remaining() / least) file.fail("it ends inside the array " + key);
    if (type == String) {
        std::vector<std::string> values;
        for (uint64_t i = 0; i < count; ++i) values.push_back(read_text(file, key.c_str()));
        return values;
    }
    return GgufNumbers{type, static_cast<size_t>(count), file.read_string(count * least, key.c_str())};
}

std::string shape(const std::vector<int64_t>& ne) {
    std::string result = "[";
    for (size_t i = 0; i < ne.size(); ++i) result += (i == 0 ? "" : ", ") + std::to_string(ne[i]);
    return result + "]";
}

template <typename Value>
int64_t value_at(const char* data) {
    Value value;
    std::memcpy(&value, data, sizeof value);
    return static_cast<int64_t>(value);
}

uint64_t aligned(uint64_t position, uint64_t alignment) {
    return (position + alignment - 1) / alignment * alignment;
}

}  // namespace

int64_t GgufNumbers::integer(size_t index) const {
    const char* data = bytes.data() + index * size_of(type);
    switch (type) {
        case U8:
        case Bool:
            return value_at<uint8_t>(data);
        case I8:
            return value_at<int8_t>(data);
        case U16:
            return value_at<uint16_t>(data);
        case I16:
            return value_at<int16_t>(data);
        case U32:
            return value_at<uint32_t>(data);
        case I32:
            return value_at<int32_t>(data);
        case U64:
        case I64:
            return value_at<int64_t>(data);
        default:
            return -1;
    }
}

GgufFile::GgufFile(const std::string& path) : path_(path) {
    FileReader file(path);
    bytes_ = file.size();
    if (read<uint32_t>(file, "its first bytes") != kMagic) file.fail("it does not begin with the magic \"GGUF\"");
    const auto version = read<uint32_t>(file, "its version");
    if (version != 2 && version != 3)
        file.fail("it is of GGUF version " + std::to_string(version) + ", expected 2 or 3");
    const auto tensors = read<uint64_t>(file, "its number of tensors");
    const auto values = read<uint64_t>(file, "its number of values");
    if (tensors > kMaxEntries) file.fail("it announces " + std::to_string(tensors) + " tensors");
    if (values > kMaxEntries) file.fail("it announces " + std::to_string(values) + " values of metadata");
    read_metadata(file, values);
    read_tensors(file, tensors);
}

void GgufFile::read_metadata(FileReader& file, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        const auto length = read<uint64_t>(file, "a key of its metadata");
        if (length == 0 || length > kMaxKeyLength)
            file.fail("a key of its metadata has a length of " + std::to_string(length) + " bytes");
        const std::string key = file.read_string(length, "a key of its metadata");
        if (metadata_.count(key) != 0) file.fail("it has the value " + key + " twice");
        const auto type = read<uint32_t>(file, key.c_str());
        if (type == Array) {
            metadata_[key] = read_array(file, key);
        } else if (type == String) {
            metadata_[key] = read_text(file, key.c_str());
        } else if (type == Bool) {
            metadata_[key] = read<uint8_t>(file, key.c_str()) != 0;
        } else if (is_float(type)) {
            metadata_[key] = read_float(file, type, key.c_str());
        } else if (size_of(type) != 0) {
            metadata_[key] = read_integer(file, type, key.c_str());
        } else {
            file.fail("the value " + key + " is of type " + std::to_string(type) + ", which there is not");
        }
    }
}

void GgufFile::read_tensors(FileReader& file, uint64_t count) {
    std::set<std::string> seen;
    for (uint64_t i = 0; i < count; ++i) {
        TensorEntry tensor;
        const auto length = read<uint64_t>(file, "a tensor's name");
        if (length == 0 || length >= GGML_MAX_NAME)
            file.fail("a tensor's name has a length of " + std::to_string(length) + " bytes");
        tensor.name = file.read_string(length, "a tensor's name");
        if (tensor.name.find('\0') != std::string::npos) file.fail("a tensor's name contains NUL");
        if (!seen.insert(tensor.name).second) file.fail("it has tensor " + tensor.name + " twice");
        const std::string what = "the description of tensor " + tensor.name;
        const auto dimensions = read<uint32_t>(file, what.c_str());
        if (dimensions < 1 || dimensions > GGML_MAX_DIMS)
            file.fail("tensor " + tensor.name + " has " + std::to_string(dimensions) + " dimensions");
        for (uint32_t d = 0; d < dimensions; ++d) {
            const auto size = read<uint64_t>(file, what.c_str());
            if (size == 0 || size > kMaxDimension)
                file.fail("tensor " + tensor.name + " has a dimension of " + std::to_string(size));
            tensor.ne.push_back(static_cast<int64_t>(size));
        }
        tensor.type = read<int32_t>(file, what.c_str());
        if (tensor.type < 0 || tensor.type >= GGML_TYPE_COUNT ||
            ggml_blck_size(static_cast<ggml_type>(tensor.type)) == 0) {
            file.fail("tensor " + tensor.name + " has the type " + std::to_string(tensor.type) +
                      ", which there is not");
        }
        const auto type = static_cast<ggml_type>(tensor.type);
        if (tensor.ne[0] % ggml_blck_size(type) != 0) {
            file.fail("tensor " + tensor.name + " cannot be " + ggml_type_name(type) + ": its rows of " +
                      std::to_string(tensor.ne[0]) + " are no multiple of " + std::to_string(ggml_blck_size(type)));
        }
        tensor.bytes = ggml_row_size(type, tensor.ne[0]);
        for (size_t d = 1; d < tensor.ne.size(); ++d) {
            tensor.bytes *= static_cast<uint64_t>(tensor.ne[d]);
            if (tensor.bytes > file.size()) file.fail("tensor " + tensor.name + " is larger than the file");
        }
        tensor.offset = read<uint64_t>(file, what.c_str());
        tensors_.push_back(std::move(tensor));
    }
    const auto* given = find<int64_t>("general.alignment");
    const auto alignment = given == nullptr ? kDefaultAlignment : static_cast<uint64_t>(*given);
    if (alignment == 0 || alignment > 4096 || (alignment & (alignment - 1)) != 0)
        file.fail("general.alignment is " + std::to_string(alignment) + ", expected a power of two");
    const uint64_t start = aligned(file.position(), alignment);
    uint64_t expected = 0;
    for (TensorEntry& tensor : tensors_) {
        if (tensor.offset != expected) {
            file.fail("tensor " + tensor.name + " has the offset " + std::to_string(tensor.offset) + ", expected " +
                      std::to_string(expected));
        }
        tensor.offset += start;
        if (tensor.offset > bytes_ || tensor.bytes > bytes_ - tensor.offset)
            file.fail("it ends inside tensor " + tensor.name + " (byte " + std::to_string(bytes_) + ")");
        expected += aligned(tensor.bytes, alignment);
    }
}

int64_t GgufFile::integer(const std::string& key, int64_t lowest, int64_t highest) const {
    const auto* value = find<int64_t>(key);
    if (value == nullptr) fail("it lacks the value " + key);
    if (*value < lowest || *value > highest) {
        fail(key + " is " + std::to_string(*value) + ", expected " + std::to_string(lowest) + " to " +
             std::to_string(highest));
    }
    return *value;
}

double GgufFile::positive(const std::string& key) const {
    const auto* value = find<double>(key);
    if (value == nullptr) fail("it lacks the value " + key);
    if (!std::isfinite(*value) || *value <= 0) fail(key + " is " + std::to_string(*value) + ", expected more than 0");
    return *value;
}

const std::string& GgufFile::text(const std::string& key) const {
    const auto* value = find<std::string>(key);
    if (value == nullptr) fail("it lacks the value " + key);
    return *value;
}

void GgufFile::fail(const std::string& problem) const {
    throw Error(ErrorCode::ModelInvalid, "The model file " + path_ + " is not valid: " + problem);
}

void ExpectedTensors::check(const GgufFile& file) const {
    std::set<std::string> seen;
    for (const TensorEntry& tensor : file.tensors()) {
        const auto entry = tensors_.find(tensor.name);
        if (entry == tensors_.end() && others_) continue;
        if (entry == tensors_.end()) file.fail("it has an unknown tensor \"" + tensor.name + "\"");
        const Expected& expected = entry->second;
        // Trailing dimensions of 1 may be left out.
        std::vector<int64_t> ne = tensor.ne;
        std::vector<int64_t> wanted = expected.ne;
        ne.resize(GGML_MAX_DIMS, 1);
        wanted.resize(GGML_MAX_DIMS, 1);
        if (ne != wanted) {
            file.fail("tensor " + tensor.name + " has the shape " + shape(tensor.ne) + ", expected " +
                      shape(expected.ne));
        }
        const auto type = static_cast<ggml_type>(tensor.type);
        const bool is_float = type == GGML_TYPE_F32;
        const bool is_half = type == GGML_TYPE_F16;
        const bool valid = expected.kind == Kind::Floats ? is_float
                           : expected.kind == Kind::Half ? is_float || is_half
                                                         : is_float || is_half || type == GGML_TYPE_BF16 ||
                                                               (ggml_is_quantized(type) && type != GGML_TYPE_Q8_1);
        if (!valid) {
            file.fail("tensor " + tensor.name + " has type " + ggml_type_name(type) + ", expected " +
                      (expected.kind == Kind::Floats ? "f32"
                       : expected.kind == Kind::Half ? "f32 or f16"
                                                     : "a type of weights"));
        }
        seen.insert(tensor.name);
    }
    for (const auto& [name, expected] : tensors_) {
        if (expected.required && seen.count(name) == 0) file.fail("tensor " + name + " is missing");
    }
}

}  // namespace agora
