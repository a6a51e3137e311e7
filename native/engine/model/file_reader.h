// Sequential reading of a model file with every access checked against its size.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace agora {

class FileReader {
  public:
    // Throws ModelNotFound when `path` is no readable regular file.
    explicit FileReader(const std::string& path);

    const std::string& path() const { return path_; }
    uint64_t size() const { return size_; }
    uint64_t position() const { return position_; }
    uint64_t remaining() const { return size_ - position_; }

    // Throws ModelInvalid, naming `what`, when the file ends before.
    int32_t read_i32(const char* what);
    std::string read_string(uint64_t length, const char* what);
    void read_bytes(void* destination, uint64_t length, const char* what);
    void skip(uint64_t length, const char* what);

    [[noreturn]] void fail(const std::string& problem) const;

  private:
    void require(uint64_t length, const char* what) const;

    std::string path_;
    std::ifstream stream_;
    uint64_t size_ = 0;
    uint64_t position_ = 0;
};

}  // namespace agora
