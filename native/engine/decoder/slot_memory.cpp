#include "engine/decoder/slot_memory.h"

#include <algorithm>

#include "engine/encoder/graph.h"
#include "engine/error.h"

namespace agora {
namespace {

constexpr int kHeadWidth = 64;

}  // namespace

SlotMemory::SlotMemory(Compute& compute, int width, int rows, int layers, std::string what)
    : compute_(compute), width_(width), rows_(rows), layers_(layers), what_(std::move(what)) {}

int SlotMemory::take() {
    if (free_.empty()) reserve(std::max(1, 2 * slots()));
    const int slot = *free_.begin();
    free_.erase(free_.begin());
    return slot;
}

void SlotMemory::reserve(int after) {
    const int before = slots();
    if (after <= before) return;
    ggml_context_ptr context(ggml_init({4 * ggml_tensor_overhead(), nullptr, true}));
    ggml_tensor* tensor = ggml_new_tensor_4d(context.get(), GGML_TYPE_F16, width_, rows_, 2 * layers_, after);
    ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(context.get(), ggml_backend_dev_buffer_type(compute_.device())));
    if (!buffer) {
        throw Error(ErrorCode::OutOfMemory, "No memory for " + what_ + ": " +
                                                std::to_string(ggml_nbytes(tensor) >> 20) + " MiB for " +
                                                std::to_string(after) + " of them");
    }
    // Rows that were never written are read, though they weigh nothing.
    ggml_backend_buffer_clear(buffer.get(), 0);
    if (before > 0) {
        ggml_tensor* head = ggml_view_4d(context.get(), tensor, width_, rows_, 2 * layers_, before, tensor->nb[1],
                                         tensor->nb[2], tensor->nb[3], 0);
        ggml_backend_view_init(head);
        ggml_backend_tensor_copy(tensor_, head);
    }
    for (int slot = before; slot < after; ++slot) free_.insert(slot);
    context_ = std::move(context);
    buffer_ = std::move(buffer);
    tensor_ = tensor;
    ++generation_;
}

void SlotMemory::copy(int from, int to, int rows) {
    const Graph graph(compute_.backend(), 8, [&](ggml_context* context) {
        const auto part = [&](int slot) {
            return ggml_view_3d(context, tensor_, width_, rows, 2 * layers_, tensor_->nb[1], tensor_->nb[2],
                                static_cast<size_t>(slot) * slot_bytes());
        };
        return ggml_cpy(context, part(from), part(to));
    });
    compute_.run(graph.get(), nullptr);
}

ggml_tensor* SlotMemory::heads(ggml_context* context, int first, int count, int layer, bool values) const {
    return ggml_view_4d(context, tensor_, kHeadWidth, rows_, width_ / kHeadWidth, count, tensor_->nb[1],
                        kHeadWidth * tensor_->nb[0], tensor_->nb[3], offset(first, layer, values));
}

ggml_tensor* SlotMemory::matrices(ggml_context* context, int first, int count, int layer, bool values) const {
    return ggml_view_3d(context, tensor_, width_, rows_, count, tensor_->nb[1], tensor_->nb[3],
                        offset(first, layer, values));
}

}  // namespace agora
