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
    if (static_cast<int>(free_.size()) == before) {
        // Nobody has a slot, so there is nothing to copy: the old memory goes before the new one is taken.
        replace({});
        try {
            replace(allocate(after));
        } catch (const Error&) {
            if (before > 0) replace(allocate(before));
            throw;
        }
        return;
    }
    Memory larger = allocate(after);
    ggml_tensor* old = memory_.tensor;
    ggml_tensor* head = ggml_view_4d(larger.context.get(), larger.tensor, width_, rows_, 2 * layers_, before,
                                     old->nb[1], old->nb[2], old->nb[3], 0);
    ggml_backend_view_init(head);
    ggml_backend_tensor_copy(old, head);
    replace(std::move(larger));
}

SlotMemory::Memory SlotMemory::allocate(int slots) const {
    Memory memory;
    memory.context.reset(ggml_init({4 * ggml_tensor_overhead(), nullptr, true}));
    memory.tensor = ggml_new_tensor_4d(memory.context.get(), GGML_TYPE_F16, width_, rows_, 2 * layers_, slots);
    memory.buffer.reset(ggml_backend_alloc_ctx_tensors_from_buft(memory.context.get(),
                                                                 ggml_backend_dev_buffer_type(compute_.device())));
    if (!memory.buffer) {
        throw Error(ErrorCode::OutOfMemory, "No memory for " + what_ + ": " +
                                                std::to_string(ggml_nbytes(memory.tensor) >> 20) + " MiB for " +
                                                std::to_string(slots) + " of them");
    }
    // Rows that were never written are read, though they weigh nothing.
    ggml_backend_buffer_clear(memory.buffer.get(), 0);
    return memory;
}

// Slots that are new are free, and those that are gone are not.
void SlotMemory::replace(Memory memory) {
    const int before = slots();
    memory_ = std::move(memory);
    for (int slot = before; slot < slots(); ++slot) free_.insert(slot);
    free_.erase(free_.lower_bound(slots()), free_.end());
    ++generation_;
}

void SlotMemory::copy(int from, int to, int rows) {
    const Graph graph(compute_.backend(), 8, [&](ggml_context* context) {
        const auto part = [&](int slot) {
            return ggml_view_3d(context, tensor(), width_, rows, 2 * layers_, tensor()->nb[1], tensor()->nb[2],
                                static_cast<size_t>(slot) * slot_bytes());
        };
        return ggml_cpy(context, part(from), part(to));
    });
    compute_.run(graph.get(), nullptr);
}

ggml_tensor* SlotMemory::heads(ggml_context* context, int first, int count, int layer, bool values) const {
    return ggml_view_4d(context, tensor(), kHeadWidth, rows_, width_ / kHeadWidth, count, tensor()->nb[1],
                        kHeadWidth * tensor()->nb[0], tensor()->nb[3], offset(first, layer, values));
}

ggml_tensor* SlotMemory::matrices(ggml_context* context, int first, int count, int layer, bool values) const {
    return ggml_view_3d(context, tensor(), width_, rows_, count, tensor()->nb[1], tensor()->nb[3],
                        offset(first, layer, values));
}

}  // namespace agora
