#include "engine/whisper/portable_network.h"

#include <algorithm>
#include <cstring>

#include "engine/device/operations.h"
#include "engine/error.h"

namespace agora {
namespace {

// A name that `computeType` has for the type of a file, else the file's own name.
std::string own_compute_type(const std::string& weight_type) {
    const auto known = parse_compute_type(weight_type == "q8_0" ? "int8" : weight_type);
    return known ? compute_type_name(*known) : weight_type;
}

// A GPU's libraries take memory of their own while they compute, and end the process where there is none.
constexpr size_t kWorkspace = size_t{512} << 20;

void check_workspace(const std::string& path, ggml_backend_dev_t device) {
    if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU) return;
    size_t free = 0;
    size_t total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    if (free >= kWorkspace) return;
    throw Error(ErrorCode::OutOfMemory, "No memory to compute with: " + path + " leaves " + std::to_string(free >> 20) +
                                            " MiB of " + ggml_backend_dev_description(device) + ", " +
                                            std::to_string(kWorkspace >> 20) +
                                            " MiB are needed; a lower batchSize takes less");
}

std::string checked_type(const std::string& path, const WhisperFile& file, ComputeType type) {
    std::string own = own_compute_type(file.weight_type);
    if (type != ComputeType::Auto && own != compute_type_name(type)) {
        throw Error(ErrorCode::InvalidArgument, std::string("Invalid computeType: expected \"auto\" or \"") + own +
                                                    "\", the type of " + path +
                                                    ", on this device, which computes in the type of the file, but " +
                                                    "received \"" + compute_type_name(type) + "\"");
    }
    return own;
}

}  // namespace

PortableNetwork::PortableNetwork(const std::string& path, const WhisperFile& file, ComputeType type, int batch_size,
                                 Compute& compute)
    : compute_(compute),
      shape_(encoder_shape(file.hparams)),
      type_(checked_type(path, file, type)),
      weights_(path, file, compute.device()),
      decoder_(weights_.decoder, file.hparams, compute),
      mel_(compute.device()) {
    decoder_.reserve(batch_size);
    decoder_.check_operations();
    check_workspace(path, compute.device());
    if (weights_.encoder.blocks.empty()) return;
    // What is missing shows now and not in the first request.
    check_operations(compute.device(), listener(1).encoder->graph().get());
    if (batch_size > 1) listener(static_cast<int>(std::min(kEncoderBatch, static_cast<size_t>(batch_size))));
    check_workspace(path, compute.device());
}

std::vector<ggml_tensor*> PortableNetwork::Projection::build(ggml_context* context, const DecoderWeights& weights,
                                                             const SlotMemory& memory, ggml_tensor* encoded,
                                                             int windows) {
    slots = ggml_new_tensor_1d(context, GGML_TYPE_I32, windows);
    ggml_set_input(slots);
    std::vector<ggml_tensor*> stored;
    // All frames of a window are one row here, and its slot the row's number.
    const auto store = [&](const Linear& matrix, int layer, bool values) {
        ggml_tensor* rows = apply(context, matrix, encoded);
        const int64_t length = rows->ne[0] * Encoder::kFrames;
        ggml_tensor* target = ggml_view_2d(context, memory.tensor(), length, memory.slots(), memory.slot_bytes(),
                                           memory.offset(0, layer, values));
        stored.push_back(ggml_set_rows(context, target, ggml_reshape_2d(context, rows, length, windows), slots));
    };
    for (int layer = 0; layer < static_cast<int>(weights.blocks.size()); ++layer) {
        const Attention& cross = weights.blocks[static_cast<size_t>(layer)].cross;
        store(cross.key, layer, false);
        store(cross.value, layer, true);
    }
    return stored;
}

// Graphs that write to a memory that has grown since.
void PortableNetwork::forget_outdated() {
    if (generation_ == decoder_.windows().generation()) return;
    generation_ = decoder_.windows().generation();
    last_ = nullptr;
    listeners_.clear();
    adoption_graph_.reset();
}

PortableNetwork::Listener& PortableNetwork::listener(int windows) {
    forget_outdated();
    const auto found = listeners_.find(windows);
    if (found != listeners_.end()) return found->second;
    // Memory for one window, and for one number of several.
    if (windows > 1) listeners_.erase(listeners_.upper_bound(1), listeners_.end());
    Listener& created = listeners_[windows];
    try {
        created.encoder = std::make_unique<Encoder>(
            weights_.encoder, shape_, compute_,
            [&](ggml_context* context, ggml_tensor* encoded) {
                return created.projection.build(context, weights_.decoder, decoder_.windows(), encoded, windows);
            },
            windows);
    } catch (...) {
        listeners_.erase(windows);
        throw;
    }
    return created;
}

bool PortableNetwork::encode(const std::vector<EncoderInput>& windows, const std::atomic<bool>* stop) {
    const auto length = static_cast<size_t>(shape_.mels) * LogMel::kFrames;
    auto* mel = mel_.reserve_items<float>(length * windows.size());
    std::vector<int32_t> slots;
    for (const EncoderInput& window : windows) {
        std::memcpy(mel + slots.size() * length, window.mel, length * sizeof(float));
        slots.push_back(PortableDecoder::slot_of(*window.memory));
    }
    Listener& used = listener(static_cast<int>(windows.size()));
    last_ = used.encoder.get();
    ggml_backend_tensor_set(used.projection.slots, slots.data(), 0, slots.size() * sizeof(int32_t));
    return used.encoder->run(mel, stop);
}

std::vector<float> PortableNetwork::encoded(size_t window) const {
    return last_->output(static_cast<int>(window));
}

bool PortableNetwork::adopt(const std::vector<float>& encoded, WindowMemory& memory, const std::atomic<bool>* stop) {
    forget_outdated();
    if (!adoption_graph_) {
        const size_t nodes = 16 + 16 * weights_.decoder.blocks.size();
        adoption_graph_ = std::make_unique<Graph>(compute_.backend(), nodes, [this](ggml_context* context) {
            adopted_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, shape_.width, Encoder::kFrames);
            ggml_set_input(adopted_);
            return adoption_.build(context, weights_.decoder, decoder_.windows(), adopted_, 1);
        });
        if (!adoption_graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for the draft model");
    }
    const int32_t slot = PortableDecoder::slot_of(memory);
    ggml_backend_tensor_set(adoption_.slots, &slot, 0, sizeof slot);
    ggml_backend_tensor_set(adopted_, encoded.data(), 0, ggml_nbytes(adopted_));
    return compute_.run(adoption_graph_->get(), stop);
}

}  // namespace agora
