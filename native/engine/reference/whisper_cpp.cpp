// whisper.cpp itself, compiled as part of this file: a few things that its C interface keeps to itself are needed here.
// They are named in whisper_cpp.h; if upstream changes what they rest on, this file stops compiling.

#include "engine/reference/whisper_cpp.h"

#include "whisper.cpp"

namespace agora {
namespace {

// A function that the CPU backend exports by name: the backend is a module, not linked.
template <typename Function>
Function cpu_function(const char* name) {
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

}  // namespace

ComputeThreads::ComputeThreads(whisper_state* state, int count) {
    if (count < 2) return;
    ggml_threadpool_params params = ggml_threadpool_params_default(count);
    params.poll = 0;  // waiting threads sleep
    pool_ = cpu_function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params);
    if (pool_ == nullptr) return;
    const auto attach = cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool");
    for (ggml_backend_t backend : state->backends) {
        if (ggml_backend_dev_type(ggml_backend_get_device(backend)) == GGML_BACKEND_DEVICE_TYPE_CPU)
            attach(backend, pool_);
    }
}

ComputeThreads::~ComputeThreads() {
    if (pool_ != nullptr) cpu_function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")(pool_);
}

// whisper_full() asks its abort callback between graphs only, and one encoder graph of a large model runs for many
// seconds. The CPU backend asks before every node of a graph.
void set_abort_callback(whisper_state* state, ggml_abort_callback callback, void* data) {
    for (ggml_backend_t backend : state->backends) {
        ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
        auto* set = reinterpret_cast<ggml_backend_set_abort_callback_t>(
            ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_abort_callback"));
        if (set != nullptr) set(backend, callback, data);
    }
}

void reseed(whisper_state* state, uint32_t seed) {
    for (uint32_t i = 0; i < WHISPER_MAX_DECODERS; ++i) {
        state->decoders[i].rng = std::mt19937(seed * WHISPER_MAX_DECODERS + i);
    }
}

int failed_attempts(const whisper_state* state) {
    return state->n_fail_p;
}

std::vector<float> language_logits(whisper_context* context, whisper_state* state) {
    const int count = context->vocab.num_languages();
    std::vector<float> logits;
    for (int i = 0; i < count; ++i)
        logits.push_back(state->logits[static_cast<size_t>(whisper_token_lang(context, i))]);
    return logits;
}

float no_speech_probability(whisper_context* context, whisper_state* state) {
    const auto first = state->logits.begin();
    const auto last = first + context->vocab.n_vocab;
    const float highest = *std::max_element(first, last);
    double sum = 0;
    for (auto logit = first; logit != last; ++logit) sum += std::exp(*logit - highest);
    return static_cast<float>(std::exp(first[whisper_token_nosp(context)] - highest) / sum);
}

float no_speech_probability(whisper_context* context, whisper_state* state, int threads) {
    // A sequence of its own, with the part of the prompt that is before the start of the transcript.
    constexpr whisper_seq_id kSequence = WHISPER_MAX_DECODERS;
    const whisper_token start = whisper_token_sot(context);
    whisper_batch& batch = state->batch;
    int position = batch.n_tokens - 1;
    while (position > 0 && batch.token[position] != start) --position;
    whisper_kv_cache_seq_cp(state->kv_self, 0, kSequence, 0, position);
    whisper_batch_prep_legacy(batch, &start, 1, position, kSequence);
    const bool decoded = whisper_decode_internal(*context, *state, batch, threads, false, nullptr, nullptr);
    whisper_kv_cache_seq_rm(state->kv_self, kSequence, -1, -1);
    return decoded ? no_speech_probability(context, state) : 0.0f;
}

void set_no_speech_probability(whisper_state* state, float probability) {
    state->no_speech_prob = probability;
}

std::vector<std::pair<int, int>> preset_heads(whisper_alignment_heads_preset preset) {
    std::vector<std::pair<int, int>> heads;
    const auto found = g_aheads.find(preset);
    if (found == g_aheads.end()) return heads;
    for (size_t i = 0; i < found->second.n_heads; ++i)
        heads.emplace_back(found->second.heads[i].n_text_layer, found->second.heads[i].n_head);
    return heads;
}

std::vector<float> spectrogram(whisper_context* context) {
    const whisper_mel& mel = context->state->mel;
    std::vector<float> first;
    for (int band = 0; band < mel.n_mel; ++band) {
        const auto row = mel.data.begin() + static_cast<std::ptrdiff_t>(band) * mel.n_len;
        first.insert(first.end(), row, row + 3000);
    }
    return first;
}

std::vector<float> encoder_output(whisper_context* context) {
    ggml_tensor* encoded = context->state->embd_enc;
    std::vector<float> values(ggml_nelements(encoded));
    ggml_backend_tensor_get(encoded, values.data(), 0, ggml_nbytes(encoded));
    return values;
}

}  // namespace agora
