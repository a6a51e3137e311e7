#include "engine/model/tensor_reader.h"

#include <fcntl.h>
#include <ggml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <numeric>

#include "engine/error.h"
#include "engine/kernels/number_formats.h"
#include "engine/model/finite.h"

namespace agora {

TensorReader::TensorReader(const std::string& path) : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw_changed();
}

TensorReader::~TensorReader() {
    close(file_);
}

void TensorReader::read_raw(const TensorEntry& tensor, int64_t first, int64_t count, std::vector<char>& bytes) const {
    const auto type = static_cast<ggml_type>(tensor.type);
    const size_t length = ggml_row_size(type, count);
    if (bytes.size() < length) bytes.resize(length);
    auto offset = static_cast<off_t>(tensor.offset + ggml_row_size(type, first));
    for (size_t done = 0; done < length;) {
        const ssize_t got = pread(file_, bytes.data() + done, length - done, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) throw_changed();
        done += static_cast<size_t>(got);
        offset += got;
    }
    require_finite(path_, tensor, bytes.data(), length);
}

void TensorReader::read(const TensorEntry& tensor, int64_t first, int64_t count, float* values,
                        std::vector<char>& bytes) const {
    read_raw(tensor, first, count, bytes);
    const auto type = static_cast<ggml_type>(tensor.type);
    if (type == GGML_TYPE_F32) {
        std::copy_n(reinterpret_cast<const float*>(bytes.data()), count, values);
    } else if (type == GGML_TYPE_F16) {
        widen(reinterpret_cast<const Half*>(bytes.data()), count, values);
    } else {
        ggml_get_type_traits(type)->to_float(bytes.data(), values, count);
    }
}

std::vector<float> TensorReader::read(const TensorEntry& tensor) const {
    const int64_t count = std::accumulate(tensor.ne.begin(), tensor.ne.end(), int64_t{1}, std::multiplies<>());
    std::vector<float> values(static_cast<size_t>(count));
    std::vector<char> bytes;
    read(tensor, 0, count, values.data(), bytes);
    return values;
}

void TensorReader::throw_changed() const {
    throw Error(ErrorCode::ModelInvalid, "The model file " + path_ + " changed while it was read");
}

}  // namespace agora
