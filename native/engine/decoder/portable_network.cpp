#include "engine/decoder/portable_network.h"

#include "engine/device/operations.h"
#include "engine/error.h"

namespace agora {
namespace {

// A name that `computeType` has for the type of a file, else the file's own name.
std::string own_compute_type(const std::string& weight_type) {
    const auto known = parse_compute_type(weight_type == "q8_0" ? "int8" : weight_type);
    return known ? compute_type_name(*known) : weight_type;
}

std::string checked_type(const std::string& path, const WhisperFile& file, ComputeType type) {
    std::string own = own_compute_type(file.weight_type);
    if (type != ComputeType::Auto && own != compute_type_name(type)) {
        throw Error(ErrorCode::InvalidArgument,
                    std::string("Invalid computeType: expected \"auto\" or \"") + own + "\", the type of " + path +
                        ", on this device, which computes in the type of the file, but " + "received \"" +
                        compute_type_name(type) + "\"",
                    "computeType");
    }
    return own;
}

}  // namespace

PortableNetwork::PortableNetwork(const std::string& path, const WhisperFile& file, ComputeType type, int batch_size,
                                 Compute& compute)
    : compute_(compute),
      shape_(encoder_shape(file.hparams, file.weight_type == "f32")),
      type_(checked_type(path, file, type)),
      weights_(path, file, compute.device()),
      decoder_(weights_.decoder, file.hparams, compute),
      encoder_(weights_.encoder, shape_, compute, [this](int windows) { return head_of(windows); }) {
    decoder_.reserve(batch_size);
    decoder_.check_operations();
    check_memory(path, compute.device());
    if (weights_.encoder.blocks.empty()) return;
    // What is missing shows now and not in the first request.
    forget_outdated();
    encoder_.reserve(batch_size);
    check_memory(path, compute.device());
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

EncoderHead PortableNetwork::head_of(int windows) {
    return [this, windows](ggml_context* context, ggml_tensor* encoded) {
        return projections_[windows].build(context, weights_.decoder, decoder_.windows(), encoded, windows);
    };
}

// Graphs that write to a memory that has grown since.
void PortableNetwork::forget_outdated() {
    if (generation_ == decoder_.windows().generation()) return;
    generation_ = decoder_.windows().generation();
    encoder_.forget();
    adoption_graph_.reset();
}

void PortableNetwork::begin_encoding(const std::vector<EncoderInput>& windows, size_t) {
    std::vector<const float*> spectrograms;
    std::vector<int32_t> slots;
    for (const EncoderInput& window : windows) {
        spectrograms.push_back(window.mel);
        slots.push_back(PortableDecoder::slot_of(*window.memory));
    }
    forget_outdated();
    const auto count = static_cast<int>(windows.size());
    encoder_.of(count);
    ggml_backend_tensor_set(projections_.at(count).slots, slots.data(), 0, slots.size() * sizeof(int32_t));
    encoder_.begin(spectrograms);
}

Progress PortableNetwork::go_on_encoding(size_t, double, const std::atomic<bool>* stop) {
    return encoder_.finish(stop) ? Progress::Done : Progress::Stopped;
}

std::vector<float> PortableNetwork::encoded(size_t window, size_t) const {
    return encoder_.last().output(static_cast<int>(window));
}

bool PortableNetwork::adopt(const std::vector<float>& encoded, const WindowFrames&, WindowMemory& memory,
                            const std::atomic<bool>* stop) {
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
