// The CPU kernels as nodes of ggml graphs, which order them, give them memory and threads, and stop them.
#pragma once

#include <ggml.h>

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "engine/device/compute.h"
#include "engine/kernels/encoder_attention.h"
#include "engine/kernels/packed_linear.h"
#include "engine/kernels/product.h"
#include "engine/kernels/window_frames.h"

namespace agora {

struct ProductNode {
    Arithmetic format = Arithmetic::F32;  // of the output
    Activation activation = Activation::None;
    ggml_tensor* residual = nullptr;  // F32, as the output
    const float* constant = nullptr;  // a residual that no node makes
    int count = 0;                    // rows; 0: as many as the input has
    size_t row_stride = 0;            // bytes between input rows; 0: they lie end to end
    int padding = 0;                  // rows of zeros before and after the output
    int rows_of_frame = 1;
};

// Makes nodes, and keeps what they need when they are computed: it must outlive the graphs.
// A tensor of rows is [inputs, rows] in F32 or BF16, or I8 [row_bytes(arithmetic, inputs), rows].
class KernelNodes {
  public:
    // For graphs that `compute` runs: what the work of a node throws, its run() throws.
    KernelNodes(const KernelSet& kernels, Compute& compute) : kernels_(kernels), compute_(compute) {}
    KernelNodes(const KernelNodes&) = delete;
    KernelNodes& operator=(const KernelNodes&) = delete;

    ggml_tensor* norm(ggml_context* context, const PackedNorm& norm, ggml_tensor* x, Arithmetic format);
    // Rows in F32 in any format, or rows in BF16 as Int8By256.
    ggml_tensor* narrow(ggml_context* context, ggml_tensor* x, Arithmetic format);
    ggml_tensor* product(ggml_context* context, const PackedLinear& layer, ggml_tensor* rows, const ProductNode& node);
    // query, key, value: rows of `heads` · 64, in the format of attention_rows(arithmetic).
    ggml_tensor* attention(ggml_context* context, ggml_tensor* query, ggml_tensor* key, ggml_tensor* value, int heads,
                           Arithmetic arithmetic, Arithmetic format);

    // A node of any other kind. `work` gets the node's tensor.
    using Work = std::function<void(ggml_tensor* result, int thread, int threads)>;
    ggml_tensor* custom(ggml_context* context, ggml_type type, int64_t width, int64_t rows,
                        const std::vector<ggml_tensor*>& inputs, Work work);
    ggml_tensor* rows(ggml_context* context, Arithmetic format, int width, int64_t rows,
                      const std::vector<ggml_tensor*>& inputs, Work work);

    const KernelSet& kernels() const { return kernels_; }

    // From now on rows are frames of a window, of which these are computed. At first all rows are.
    void set_frames(const WindowFrames& frames) { frames_ = frames; }
    WindowFrames frames() const { return frames_.value_or(WindowFrames{}); }
    // From now on only the first `count` rows are computed.
    void set_count(int64_t count) { count_ = count; }

  private:
    struct Node {
        Work work;
        Compute& compute;
    };

    // Of `rows`, those that are computed.
    int64_t computed(int64_t rows, int rows_of_frame = 1) const {
        if (count_) return *count_;
        return frames_ ? int64_t{frames_->count()} * rows_of_frame : rows;
    }

    const KernelSet& kernels_;
    Compute& compute_;
    std::optional<WindowFrames> frames_;
    std::optional<int64_t> count_;
    std::deque<Node> nodes_;
};

// Of a tensor of rows, the row `index`.
inline uint8_t* row(const ggml_tensor* rows, int64_t index) {
    return static_cast<uint8_t*>(rows->data) + static_cast<size_t>(index) * rows->nb[1];
}

inline float* float_row(const ggml_tensor* rows, int64_t index) {
    return reinterpret_cast<float*>(row(rows, index));
}

// Format of a tensor of rows; Int8 may be Int8By256, which the weights that it goes with tell.
Arithmetic format_of(const ggml_tensor* rows);

}  // namespace agora
