// Reference tensors in the safetensors format: 8 bytes length, a JSON header, the data. Files of our own making only.
#pragma once

#include <cstring>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.h"

class Safetensors {
  public:
    explicit Safetensors(const std::string& path) : bytes_(read_file(path)) {
        uint64_t length = 0;
        if (bytes_.size() < sizeof length) throw std::runtime_error("no safetensors file: " + path);
        std::memcpy(&length, bytes_.data(), sizeof length);
        header_.assign(bytes_.begin() + 8, bytes_.begin() + 8 + static_cast<std::ptrdiff_t>(length));
        data_ = 8 + length;
    }

    std::vector<double> doubles(const std::string& name) const { return values<double>(name); }
    std::vector<float> floats(const std::string& name) const { return values<float>(name); }
    std::vector<int> integers(const std::string& name) const { return values<int>(name); }

  private:
    template <typename Value>
    std::vector<Value> values(const std::string& name) const {
        const size_t at = header_.find('"' + name + "\":{");
        if (at == std::string::npos) throw std::runtime_error("no tensor " + name);
        const std::string entry = header_.substr(at, header_.find('}', at) - at);
        std::smatch type, range;
        std::regex_search(entry, type, std::regex("\"dtype\":\\s*\"(\\w+)\""));
        std::regex_search(entry, range, std::regex("\"data_offsets\":\\s*\\[(\\d+),\\s*(\\d+)"));
        const uint8_t* begin = bytes_.data() + data_ + std::stoull(range[1]);
        const uint8_t* end = bytes_.data() + data_ + std::stoull(range[2]);
        if (type[1] == "F64") return read<double, Value>(begin, end);
        if (type[1] == "F32") return read<float, Value>(begin, end);
        if (type[1] == "I32") return read<int32_t, Value>(begin, end);
        if (type[1] == "U8") return read<uint8_t, Value>(begin, end);
        throw std::runtime_error("tensor " + name + " is of type " + type.str(1));
    }

    template <typename Stored, typename Value>
    static std::vector<Value> read(const uint8_t* begin, const uint8_t* end) {
        std::vector<Value> values;
        for (; begin < end; begin += sizeof(Stored)) {
            Stored value;
            std::memcpy(&value, begin, sizeof value);
            values.push_back(static_cast<Value>(value));
        }
        return values;
    }

    Bytes bytes_;
    std::string header_;
    size_t data_;
};
