#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

inline const std::string kDemoModel = AGORA_ROOT "/models/agora-demo-q8_0.bin";
inline const std::string kDemoModelF16 = AGORA_ROOT "/test/fixtures/agora-demo-f16.bin";
inline const std::string kEnglishCall = AGORA_ROOT "/samples/sales-call-en.wav";

using Bytes = std::vector<uint8_t>;

inline Bytes read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The 16-bit mono samples of a plain WAV file with a 44-byte header.
inline std::vector<float> read_wav(const std::string& path) {
    const Bytes bytes = read_file(path);
    std::vector<float> samples;
    for (size_t i = 44; i + 1 < bytes.size(); i += 2) {
        samples.push_back(static_cast<int16_t>(bytes[i] | bytes[i + 1] << 8) / 32768.0f);
    }
    return samples;
}

// A file that is removed at the end of the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(const Bytes& bytes = {}) {
        static int count = 0;
        path_ = "/tmp/agora-test-" + std::to_string(getpid()) + "-" + std::to_string(count++);
        write(bytes);
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& path() const { return path_; }
    void write(const Bytes& bytes) const {
        std::ofstream file(path_, std::ios::binary | std::ios::trunc);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }

  private:
    std::string path_;
};
