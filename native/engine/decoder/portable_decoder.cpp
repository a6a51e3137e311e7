#include "engine/decoder/portable_decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "engine/device/operations.h"
#include "engine/encoder/encoder.h"
#include "engine/error.h"

namespace agora {
namespace {

constexpr int kHeadWidth = 64;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)

// Numbers of tokens that sequences are run together with: a step of a search, a start of transcript, a draft. What is
// longer runs by itself.
constexpr int kTogether[] = {1, 4, 16};
constexpr int kMostTogether = 16;

// CUDA's attention kernels like the number of keys to be a multiple of this.
constexpr int kKeyStride = 256;

class PortableSequence final : public SequenceMemory {
  public:
    explicit PortableSequence(SlotMemory& memory) : slot(memory) {}

    void copy_from(SequenceMemory& other, int positions) override {
        slot.memory().copy(static_cast<PortableSequence&>(other).slot.number(), slot.number(), positions);
    }

    const Slot slot;
};

class PortableWindow final : public WindowMemory {
  public:
    explicit PortableWindow(SlotMemory& memory) : slot(memory) {}

    const Slot slot;
};

// The next power of two, but not above `most`.
int rounded_up(int count, int most) {
    int result = 1;
    while (result < count) result *= 2;
    return std::min(result, most);
}

}  // namespace

// Where the indices of a step are in the one piece of memory that holds them.
struct PortableDecoder::Numbers {
    size_t tokens;     // [rows]
    size_t positions;  // [rows] in the text
    size_t targets;    // [rows] of the slot, for keys and values
    size_t cells;      // [cells] row of each
    size_t rows;       // [rows] cell of each
    size_t outputs;    // [outputs] row of each
    size_t count;

    explicit Numbers(const Shape& shape) {
        const auto row_count = static_cast<size_t>(shape.rows());
        tokens = 0;
        positions = tokens + row_count;
        targets = positions + row_count;
        cells = targets + row_count;
        rows = cells + static_cast<size_t>(shape.cells());
        outputs = rows + row_count;
        count = outputs + static_cast<size_t>(shape.outputs());
    }
};

PortableDecoder::PortableDecoder(const DecoderWeights& weights, const WhisperHyperParameters& hparams, Compute& compute)
    : weights_(weights),
      hparams_(hparams),
      compute_(compute),
      // Behind the text's positions there is room for the keys of those who only run along.
      sequences_(compute, hparams.n_text_state, GGML_PAD(hparams.n_text_ctx + kMostTogether, kKeyStride),
                 hparams.n_text_layer, "the decoder's memory of sequences"),
      windows_(compute, hparams.n_text_state, Encoder::kFrames, hparams.n_text_layer,
               "the decoder's memory of windows"),
      numbers_(compute.device()),
      mask_(compute.device()),
      logits_(compute.device()) {}

std::unique_ptr<SequenceMemory> PortableDecoder::new_sequence() {
    return std::make_unique<PortableSequence>(sequences_);
}

std::unique_ptr<WindowMemory> PortableDecoder::new_window() {
    return std::make_unique<PortableWindow>(windows_);
}

void PortableDecoder::reserve(int windows) {
    sequences_.reserve(windows);
    windows_.reserve(windows);
}

// By half at least: to grow is to copy everything and to make all graphs anew, and a batch fills up window by window.
void PortableDecoder::reserve_sequences(int count) {
    const int before = sequences_.slots();
    if (count <= before) return;
    const int ample = before + before / 2;
    try {
        return sequences_.reserve(std::max(count, ample));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::OutOfMemory || ample <= count) throw;
    }
    sequences_.reserve(count);
}

int PortableDecoder::slot_of(const WindowMemory& window) {
    return static_cast<const PortableWindow&>(window).slot.number();
}

void PortableDecoder::check_operations() {
    const PortableSequence sequence(sequences_);
    const PortableWindow window(windows_);
    const AttentionCapture capture{{{0, 0}}, {}};
    agora::check_operations(compute_.device(), make_plan({0, 1, 4, 0, 1, 8, false}, nullptr).graph->get());
    agora::check_operations(compute_.device(), make_plan({0, 1, 4, 0, 1, 4, false}, &capture).graph->get());
}

PortableDecoder::Plan PortableDecoder::make_plan(const Shape& shape, const AttentionCapture* capture) {
    Plan plan;
    const size_t captured = capture == nullptr ? 0 : capture->heads.size();
    const size_t nodes = 64 + 64 * static_cast<size_t>(hparams_.n_text_layer) + 8 * captured;
    plan.graph = std::make_unique<Graph>(compute_.backend(), nodes,
                                         [&](ggml_context* context) { return build(context, plan, shape, capture); });
    if (!plan.graph->allocated())
        throw Error(ErrorCode::OutOfMemory,
                    "No memory for a decoder step of " + std::to_string(shape.rows()) + " tokens");
    return plan;
}

std::vector<ggml_tensor*> PortableDecoder::build(ggml_context* context, Plan& plan, const Shape& shape,
                                                 const AttentionCapture* capture) const {
    const int64_t width = hparams_.n_text_state;
    const int64_t head_count = hparams_.n_text_head;
    const int rows = shape.rows();
    const Numbers at(shape);
    plan.numbers = ggml_new_tensor_1d(context, GGML_TYPE_I32, static_cast<int64_t>(at.count));
    plan.mask = ggml_new_tensor_4d(context, GGML_TYPE_F16, sequences_.rows(), shape.tokens, 1, shape.slots);
    ggml_set_input(plan.numbers);
    ggml_set_input(plan.mask);
    const auto numbers = [&](size_t first, int64_t count) {
        return ggml_view_1d(context, plan.numbers, count, first * sizeof(int32_t));
    };
    // [D, count] → [64, count of each group, heads, groups]
    const auto split = [&](ggml_tensor* x, int count, int groups) {
        return ggml_permute(context, ggml_reshape_4d(context, x, kHeadWidth, head_count, count, groups), 0, 2, 1, 3);
    };
    const auto attend = [&](ggml_tensor* query, ggml_tensor* keys, ggml_tensor* values, ggml_tensor* mask) {
        ggml_tensor* attended = ggml_flash_attn_ext(context, query, keys, values, mask, kScale, 0.0f, 0.0f);
        ggml_flash_attn_ext_set_prec(attended, GGML_PREC_F32);
        return ggml_reshape_2d(context, attended, width, attended->ne[2] * attended->ne[3]);
    };
    // The slots' keys, or values, of a layer, with those of this step.
    const auto append = [&](ggml_tensor* x, int layer, bool values) {
        ggml_tensor* memory =
            ggml_set_rows(context, sequences_.matrices(context, shape.first_slot, shape.slots, layer, values),
                          ggml_reshape_3d(context, x, width, shape.tokens, shape.slots),
                          ggml_reshape_2d(context, numbers(at.targets, rows), shape.tokens, shape.slots));
        return ggml_view_4d(context, memory, kHeadWidth, sequences_.rows(), head_count, shape.slots, memory->nb[1],
                            kHeadWidth * memory->nb[0], memory->nb[2], 0);
    };

    std::vector<ggml_tensor*> captured(capture == nullptr ? 0 : capture->heads.size());
    const auto capture_heads = [&](ggml_tensor* query, int layer) {
        ggml_tensor* keys = windows_.heads(context, shape.first_window, 1, layer, false);
        for (size_t i = 0; i < captured.size(); ++i) {
            if (capture->heads[i].first != layer) continue;
            const auto head = static_cast<size_t>(capture->heads[i].second);
            ggml_tensor* key = ggml_view_2d(context, keys, kHeadWidth, keys->ne[1], keys->nb[1], head * keys->nb[2]);
            ggml_tensor* q =
                ggml_view_2d(context, query, kHeadWidth, rows, query->nb[1], head * kHeadWidth * query->nb[0]);
            ggml_tensor* scores = ggml_mul_mat(context, ggml_cont(context, key), ggml_cont(context, q));
            captured[i] = ggml_soft_max_ext(context, scores, nullptr, kScale, 0.0f);  // [1500, rows]
        }
    };

    ggml_tensor* x = ggml_add(context, ggml_get_rows(context, weights_.embedding, numbers(at.tokens, rows)),
                              ggml_get_rows(context, weights_.position, numbers(at.positions, rows)));  // [D, rows]
    for (int layer = 0; layer < hparams_.n_text_layer; ++layer) {
        const Block& block = weights_.blocks[static_cast<size_t>(layer)];
        ggml_tensor* normed = apply(context, block.self.norm, x);
        ggml_tensor* keys = append(apply(context, block.self.key, normed), layer, false);
        ggml_tensor* values = append(apply(context, block.self.value, normed), layer, true);
        ggml_tensor* query = split(apply(context, block.self.query, normed), shape.tokens, shape.slots);
        x = ggml_add(context, x, apply(context, block.self.out, attend(query, keys, values, plan.mask)));

        query = apply(context, block.cross.query, apply(context, block.cross.norm, x));
        if (capture != nullptr) capture_heads(query, layer);
        if (!shape.direct()) query = ggml_get_rows(context, query, numbers(at.cells, shape.cells()));
        ggml_tensor* attended =
            attend(split(query, shape.queries, shape.windows),
                   windows_.heads(context, shape.first_window, shape.windows, layer, false),
                   windows_.heads(context, shape.first_window, shape.windows, layer, true), nullptr);
        if (!shape.direct()) attended = ggml_get_rows(context, attended, numbers(at.rows, rows));
        x = ggml_add(context, x, apply(context, block.cross.out, attended));
        // Full-precision weights are there for full precision.
        x = apply_mlp(context, block, x, weights_.embedding->type == GGML_TYPE_F32);
    }
    if (shape.outputs() < rows) x = ggml_get_rows(context, x, numbers(at.outputs, shape.outputs()));
    ggml_tensor* logits = ggml_mul_mat(context, weights_.embedding, apply(context, weights_.norm, x));
    captured.insert(captured.begin(), logits);
    return captured;
}

PortableDecoder::Plan& PortableDecoder::kept_plan(const Shape& shape) {
    const std::pair<int, int> generations(sequences_.generation(), windows_.generation());
    if (generations != generations_) plans_.clear();
    generations_ = generations;
    return plans_.get(shape, [&] { return make_plan(shape, nullptr); });
}

const float* PortableDecoder::run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) {
    const auto vocabulary = static_cast<size_t>(hparams_.n_vocab);
    size_t outputs = 0;
    for (const DecoderInput& input : inputs) {
        if (input.past + static_cast<int>(input.tokens.size()) > context())
            throw Error(ErrorCode::Internal, "A sequence is longer than the decoder's context");
        outputs += input.outputs;
    }
    auto* logits = logits_.reserve_items<float>(outputs * vocabulary);
    const float* result = logits;
    std::map<int, std::vector<Member>> together;
    std::vector<Member> alone;
    for (const DecoderInput& input : inputs) {
        const Member member{&input, static_cast<PortableSequence*>(input.self)->slot.number(), slot_of(*input.cross),
                            logits};
        logits += input.outputs * vocabulary;
        const auto width = std::find_if(std::begin(kTogether), std::end(kTogether),
                                        [&](int tokens) { return tokens >= static_cast<int>(input.tokens.size()); });
        if (input.capture != nullptr || width == std::end(kTogether)) {
            alone.push_back(member);
        } else {
            together[*width].push_back(member);
        }
    }
    for (const auto& [tokens, members] : together) {
        if (!run_together(members, tokens, stop)) return nullptr;
    }
    for (const Member& member : alone) {
        if (!run_alone(member, stop)) return nullptr;
    }
    return result;
}

bool PortableDecoder::run_together(const std::vector<Member>& members, int tokens, const std::atomic<bool>* stop) {
    Shape shape{0, 0, tokens, 0, 0, 0, false};
    std::map<int, int> sequences;  // of each window
    for (const Member& member : members) {
        shape.slots = std::max(shape.slots, member.slot + 1);
        shape.windows = std::max(shape.windows, member.window + 1);
        shape.queries = std::max(shape.queries, ++sequences[member.window]);
        shape.all_logits = shape.all_logits || member.input->outputs > 1;
    }
    shape.slots = rounded_up(shape.slots, sequences_.slots());
    shape.windows = rounded_up(shape.windows, windows_.slots());
    shape.queries = rounded_up(shape.queries, std::numeric_limits<int>::max()) * tokens;
    return compute(kept_plan(shape), shape, members, stop);
}

bool PortableDecoder::run_alone(const Member& member, const std::atomic<bool>* stop) {
    const auto tokens = static_cast<int>(member.input->tokens.size());
    const Shape shape{member.slot, 1, tokens, member.window, 1, tokens, member.input->outputs > 1};
    AttentionCapture* capture = member.input->capture;
    const Plan plan = make_plan(shape, capture);
    if (!compute(plan, shape, {member}, stop)) return false;
    if (capture == nullptr) return true;
    const size_t count = static_cast<size_t>(tokens) * Encoder::kFrames;
    capture->weights.resize(capture->heads.size() * count);
    for (size_t i = 0; i < capture->heads.size(); ++i) {
        ggml_backend_tensor_get(plan.graph->results()[i + 1], capture->weights.data() + i * count, 0,
                                count * sizeof(float));
    }
    return true;
}

bool PortableDecoder::compute(const Plan& plan, const Shape& shape, const std::vector<Member>& members,
                              const std::atomic<bool>* stop) {
    const Numbers at(shape);
    auto* numbers = numbers_.reserve_items<int32_t>(at.count);
    std::fill_n(numbers, at.count, 0);
    int32_t* outputs = numbers + at.outputs;
    // Those who run along write behind the text and look at its first position.
    const auto keys = static_cast<size_t>(sequences_.rows());
    auto* mask = mask_.reserve_items<ggml_fp16_t>(keys * static_cast<size_t>(shape.rows()));
    std::fill_n(mask, keys * static_cast<size_t>(shape.rows()), ggml_fp32_to_fp16(-INFINITY));
    for (int row = 0; row < shape.rows(); ++row) {
        numbers[at.targets + static_cast<size_t>(row)] = context() + row % shape.tokens;
        mask[static_cast<size_t>(row) * keys] = 0;
    }
    for (int slot = 0; slot < shape.slots && !shape.all_logits; ++slot) outputs[slot] = slot * shape.tokens;
    for (int row = 0; row < shape.rows() && shape.all_logits; ++row) outputs[row] = row;

    std::map<int, int> taken;  // queries of each window
    for (const Member& member : members) {
        const auto tokens = static_cast<int>(member.input->tokens.size());
        const int first = (member.slot - shape.first_slot) * shape.tokens;
        int cell = (member.window - shape.first_window) * shape.queries + taken[member.window];
        taken[member.window] += shape.tokens;
        for (int i = 0; i < tokens; ++i, ++cell) {
            const int row = first + i;
            const int position = member.input->past + i;
            numbers[at.tokens + static_cast<size_t>(row)] = member.input->tokens[static_cast<size_t>(i)];
            numbers[at.positions + static_cast<size_t>(row)] = position;
            numbers[at.targets + static_cast<size_t>(row)] = position;
            numbers[at.rows + static_cast<size_t>(row)] = cell;
            numbers[at.cells + static_cast<size_t>(cell)] = row;
            std::fill_n(mask + static_cast<size_t>(row) * keys, position + 1, ggml_fp16_t{0});
        }
        if (!shape.all_logits) outputs[member.slot - shape.first_slot] = first + tokens - 1;
    }

    ggml_backend_t backend = compute_.backend();
    ggml_backend_tensor_set_async(backend, plan.numbers, numbers, 0, ggml_nbytes(plan.numbers));
    ggml_backend_tensor_set_async(backend, plan.mask, mask, 0, ggml_nbytes(plan.mask));
    if (!compute_.run(plan.graph->get(), stop)) {
        ggml_backend_synchronize(backend);
        return false;
    }
    const size_t row_bytes = static_cast<size_t>(hparams_.n_vocab) * sizeof(float);
    for (const Member& member : members) {
        const size_t count = member.input->outputs;
        const auto slot = static_cast<size_t>(member.slot - shape.first_slot);
        // The last of the tokens that have one.
        const size_t end =
            shape.all_logits ? slot * static_cast<size_t>(shape.tokens) + member.input->tokens.size() : slot + 1;
        ggml_backend_tensor_get_async(backend, plan.graph->result(), member.logits, (end - count) * row_bytes,
                                      count * row_bytes);
    }
    ggml_backend_synchronize(backend);
    return true;
}

}  // namespace agora
