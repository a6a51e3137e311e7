// Keys and values on a device, in slots that are taken and given back.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "engine/device/compute.h"

namespace agora {

// One tensor in half precision, [D, rows, 2 · layers, slots]: for every slot, of each layer the keys of all rows, then
// the values. It grows by doubling, on the device; what refers to the tensor is to be made anew then (generation()).
class SlotMemory {
  public:
    // `what` names it in errors. Takes memory on first use.
    SlotMemory(Compute& compute, int width, int rows, int layers, std::string what);
    SlotMemory(const SlotMemory&) = delete;
    SlotMemory& operator=(const SlotMemory&) = delete;

    // Grows to a number of slots. Throws OutOfMemory, and then those that were there are there as before.
    void reserve(int slots);
    // The lowest free slot. Throws OutOfMemory.
    int take();
    void give_back(int slot) { free_.insert(slot); }
    // The first `rows` of every layer of a slot.
    void copy(int from, int to, int rows);

    int slots() const { return tensor() == nullptr ? 0 : static_cast<int>(tensor()->ne[3]); }
    int rows() const { return rows_; }
    // Changes when the tensor does.
    int generation() const { return generation_; }

    ggml_tensor* tensor() const { return memory_.tensor; }
    size_t slot_bytes() const { return layer_bytes() * 2 * static_cast<size_t>(layers_); }
    // Where the keys, or values, of a layer begin.
    size_t offset(int slot, int layer, bool values) const {
        return static_cast<size_t>(slot) * slot_bytes() + (2 * static_cast<size_t>(layer) + values) * layer_bytes();
    }
    // Rows of one layer's keys or values of `count` slots, head by head: [64, rows, heads, count].
    ggml_tensor* heads(ggml_context* context, int first, int count, int layer, bool values) const;
    // The same as they lie in memory, [D, rows, count].
    ggml_tensor* matrices(ggml_context* context, int first, int count, int layer, bool values) const;

  private:
    struct Memory {
        ggml_context_ptr context;
        ggml_backend_buffer_ptr buffer;
        ggml_tensor* tensor = nullptr;
    };

    Memory allocate(int slots) const;
    void replace(Memory memory);
    size_t layer_bytes() const {
        return static_cast<size_t>(width_) * static_cast<size_t>(rows_) * sizeof(ggml_fp16_t);
    }

    Compute& compute_;
    int width_, rows_, layers_;
    std::string what_;
    Memory memory_;
    std::set<int> free_;
    int generation_ = 0;
};

// A slot that someone has.
class Slot {
  public:
    explicit Slot(SlotMemory& memory) : memory_(memory), number_(memory.take()) {}
    ~Slot() { memory_.give_back(number_); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    int number() const { return number_; }
    SlotMemory& memory() const { return memory_; }

  private:
    SlotMemory& memory_;
    int number_;
};

}  // namespace agora
