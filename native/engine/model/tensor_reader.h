// Values of a model file's tensors, read piece by piece.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

// Used by any number of threads at once.
//
// Reads rather than maps: a file that somebody cuts short would end the process that looks at its pages. In pieces that
// stay in the processor's cache, one more copy costs little.
class TensorReader {
  public:
    // Of a validated file. Throws ModelInvalid where it has gone since.
    explicit TensorReader(const std::string& path);
    ~TensorReader();
    TensorReader(const TensorReader&) = delete;
    TensorReader& operator=(const TensorReader&) = delete;

    // `count` values of a tensor from value `first` on, both on a row's border. `bytes` is memory to read into, which
    // may serve again. Throws ModelInvalid where the file has changed since, or a value is no number.
    void read(const TensorEntry& tensor, int64_t first, int64_t count, float* values, std::vector<char>& bytes) const;
    // The same as it lies in the file: `bytes` has it at its beginning.
    void read_raw(const TensorEntry& tensor, int64_t first, int64_t count, std::vector<char>& bytes) const;
    // All of them.
    std::vector<float> read(const TensorEntry& tensor) const;

  private:
    [[noreturn]] void throw_changed() const;

    std::string path_;
    int file_;
};

}  // namespace agora
