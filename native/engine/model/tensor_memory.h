// A model file's tensors in the memory of a device.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <map>
#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

// Whether ggml multiplies with a matrix as it should when the matrix lies in the layout of that name. "AMX" does not
// take one whose rows have a single block of 32: its kernel for 32 rows of inputs adds the last block of a row to what
// the result's memory held before, also where that block is the first (tinygemm_kernel_amx() in ggml-cpu/amx/mmq.cpp).
bool multiplies_right(const std::string& layout, const TensorEntry& matrix);

class TensorMemory {
  public:
    // Reads `tensors` of the validated file at `path` into buffers of `device`; weights of matrix products go to the
    // layout that the device's kernels like best. Without a device, all of them to host memory as the file has them.
    // Throws ModelInvalid, OutOfMemory.
    TensorMemory(const std::string& path, const std::vector<TensorEntry>& tensors, ggml_backend_dev_t device);

    // The tensor called `name`, or null.
    ggml_tensor* find(const std::string& name) const;
    // As above, where it is known to be there.
    ggml_tensor* at(const std::string& name) const { return tensors_.at(name); }

  private:
    std::map<std::string, ggml_tensor*> tensors_;
    std::vector<ggml_context_ptr> contexts_;
    std::vector<ggml_backend_buffer_ptr> buffers_;
};

}  // namespace agora
