// The decoder on ggml's operations, for devices whose memory is not ours.
//
// Only tokens go to the device and only logits come back. Keys and values stay there, in slots: a step runs slots
// 0 … n - 1 together, each with the same number of tokens, and those that take no part run along with tokens whose keys
// nobody looks at. So a step has few shapes, and its graph, kept for each of them, is launched again and again.
#pragma once

#include <memory>
#include <tuple>
#include <vector>

#include "engine/decoder/decoder.h"
#include "engine/decoder/plan_cache.h"
#include "engine/decoder/slot_memory.h"
#include "engine/device/host_buffer.h"
#include "engine/encoder/graph.h"

namespace agora {

class PortableDecoder final : public Decoder {
  public:
    PortableDecoder(const DecoderWeights& weights, const WhisperHyperParameters& hparams, Compute& compute);

    const float* run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) override;
    int context() const override { return hparams_.n_text_ctx; }
    std::unique_ptr<SequenceMemory> new_sequence() override;
    std::unique_ptr<WindowMemory> new_window() override;
    size_t sequence_bytes() const override { return sequences_.slot_bytes(); }
    size_t window_bytes() const override { return windows_.slot_bytes(); }
    void reserve_sequences(int count) override;

    // Takes memory for a number of windows with a sequence each, at once. Throws OutOfMemory.
    void reserve(int windows);
    int sequences() const { return sequences_.slots(); }  // that there is memory for
    // Keys and values of encoded windows, for the encoder to write: slots of 1500 rows.
    SlotMemory& windows() { return windows_; }
    static int slot_of(const WindowMemory& window);

    // Whether the device has all operations of a step, else DeviceUnavailable.
    void check_operations();

    // Graphs that are kept take at most so many bytes of the device, or that of the last step where it is larger, and
    // are no more than so many: a device may keep something of its own for each.
    static constexpr size_t kMaxPlanBytes = size_t{128} << 20;
    static constexpr size_t kMaxPlans = 16;
    size_t plan_bytes() const { return plans_.bytes(); }

  private:
    // What a graph is made for. Rows of the batch are slots × tokens. Cross-attention sees them as a grid of windows ×
    // queries, so that sequences of one window share the reading of its memory.
    struct Shape {
        int first_slot, slots, tokens;
        int first_window, windows, queries;
        bool all_logits;

        int rows() const { return slots * tokens; }
        int cells() const { return windows * queries; }
        int outputs() const { return all_logits ? rows() : slots; }
        // Rows and cells are the same.
        bool direct() const { return slots == 1 && windows == 1 && queries == tokens; }
        bool operator<(const Shape& other) const { return key() < other.key(); }
        std::tuple<int, int, int, int, int, int, bool> key() const {
            return {first_slot, slots, tokens, first_window, windows, queries, all_logits};
        }
    };
    struct Plan {
        ggml_tensor* numbers = nullptr;  // all indices, behind each other: see Numbers in the .cpp file
        ggml_tensor* mask = nullptr;     // [rows of a slot, tokens, 1, slots]
        std::unique_ptr<Graph> graph;    // results: logits, then each captured head's attention

        size_t bytes() const { return graph->bytes(); }
    };
    // An input of the step in progress, and where its logits go.
    struct Member {
        const DecoderInput* input;
        int slot, window;
        float* logits;
    };
    struct Numbers;

    Plan make_plan(const Shape& shape, const AttentionCapture* capture);
    std::vector<ggml_tensor*> build(ggml_context* context, Plan& plan, const Shape& shape,
                                    const AttentionCapture* capture) const;
    Plan& kept_plan(const Shape& shape);
    bool run_together(const std::vector<Member>& members, int tokens, const std::atomic<bool>* stop);
    bool run_alone(const Member& member, const std::atomic<bool>* stop);
    bool compute(const Plan& plan, const Shape& shape, const std::vector<Member>& members,
                 const std::atomic<bool>* stop);

    const DecoderWeights& weights_;
    WhisperHyperParameters hparams_;
    Compute& compute_;
    SlotMemory sequences_;
    SlotMemory windows_;
    PlanCache<Shape, Plan> plans_{kMaxPlanBytes, kMaxPlans};
    std::pair<int, int> generations_;  // of the memories that the plans refer to
    HostBuffer numbers_, mask_, logits_;
};

}  // namespace agora
