// A window on its way through the batched Borealis.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/borealis/generation.h"
#include "engine/borealis/prompt.h"
#include "engine/schedule/executor.h"
#include "engine/schedule/spectrogram_ahead.h"

namespace agora {

struct BorealisRequest {
    std::vector<float> samples;  // 16 kHz mono, at most 30 s
    std::string system_prompt;   // empty: the one of the training
    std::string user_prompt;     // before the audio; empty: the one of the training
    GenerationOptions generation;
    std::shared_ptr<const std::atomic<bool>> cancelled;
    JobTraits turn;  // whose window it is, and how urgent
};

struct BorealisOutcome {
    GeneratedText text;
    std::exception_ptr error;
};

class BorealisWindow final : public Task {
  public:
    using Done = std::function<void(BorealisOutcome)>;

  private:
    // The first member: it may hold the model, which goes after what refers to it.
    Done done_;

  public:
    BorealisWindow(BorealisRequest request, Done done) : done_(std::move(done)), request(std::move(request)) {}

    bool cancelled() const override { return request.cancelled->load(std::memory_order_relaxed); }
    void finish(GeneratedText generated) {
        text = std::move(generated);
        next.reset();
    }
    void answer() override { done_({failure ? GeneratedText{} : std::move(text), failure}); }

    // See SpectrogramAhead.
    void prepare_spectrogram(const LogMel& log_mel) {
        spectrogram_.prepare(log_mel, request.samples.data(), request.samples.size());
    }
    std::vector<float> take_spectrogram(const LogMel& log_mel, const InParts& in_parts) {
        return spectrogram_.take(log_mel, request.samples.data(), request.samples.size(), in_parts);
    }

    BorealisRequest request;
    Prompt prompt;
    int prompt_length = 0;                                  // positions, the audio's included
    std::vector<float> audio;                               // rows
    std::vector<float> pending;                             // rows that the next step computes
    std::unique_ptr<Generation> generation;                 // once its prompt is read
    Generation::State state = Generation::State::Continue;  // after the last step
    std::exception_ptr choice_error;                        // of the last step
    GeneratedText text;                                     // when it is finished

  private:
    // The last member: it is waited for before what it reads is gone.
    SpectrogramAhead spectrogram_;
};

}  // namespace agora
