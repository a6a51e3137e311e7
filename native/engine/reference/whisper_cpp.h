// What this project needs of whisper.cpp beyond its C interface.
#pragma once

#include <whisper.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace agora {

// Makes `callback` stop graphs that `state` computes, before their next node. Null removes it.
void set_abort_callback(whisper_state* state, ggml_abort_callback callback, void* data);

// Threads for the CPU graphs of one state. Without them ggml starts new threads for every graph, hundreds of times a
// second, and a new thread waits longest for a busy processor.
class ComputeThreads {
  public:
    // `count` includes the calling thread.
    ComputeThreads(whisper_state* state, int count);
    ~ComputeThreads();
    ComputeThreads(const ComputeThreads&) = delete;
    ComputeThreads& operator=(const ComputeThreads&) = delete;

  private:
    ggml_threadpool* pool_ = nullptr;
};

// Seeds the sampling of every decoder of `state`; 0 gives upstream's own seeds.
void reseed(whisper_state* state, uint32_t seed);

// Decoding attempts that `state` has given up so far for the next temperature.
int failed_attempts(const whisper_state* state);

// Logits of the model's languages, in order of their ids, from the decoder step of
// whisper_lang_auto_detect_with_state().
std::vector<float> language_logits(whisper_context* context, whisper_state* state);

// Probability of "no speech" in the logits of the decoder step of whisper_lang_auto_detect_with_state().
float no_speech_probability(whisper_context* context, whisper_state* state);

// Probability of "no speech" where the transcript starts, as openai-whisper defines it, for the prompt that `state` has
// just decoded. Upstream's own is read from logits that it has not computed: those of whatever was decoded before, be
// it another request. To be called from the logits filter callback, before the first token. Costs one decoder step.
float no_speech_probability(whisper_context* context, whisper_state* state, int threads);

// What whisper_full() judges silence by until it decodes a prompt again.
void set_no_speech_probability(whisper_state* state, float probability);

// Layer and head of the attention heads that upstream lists for a published model; none for NONE.
std::vector<std::pair<int, int>> preset_heads(whisper_alignment_heads_preset preset);

// Intermediate results of a context's own state, for comparison: spectrogram [bands][3000] and encoder output
// [1500][D].
std::vector<float> spectrogram(whisper_context* context);
std::vector<float> encoder_output(whisper_context* context);

}  // namespace agora
