#include "engine/schedule/batched_whisper.h"

#include <whisper.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "engine/decoder/packed_network.h"
#include "engine/decoder/portable_network.h"
#include "engine/error.h"
#include "engine/text/softmax.h"

namespace agora {
namespace {

std::unique_ptr<Compute> make_compute(const BatchedOptions& options) {
    if (options.gpu) return std::make_unique<GpuCompute>();
    return std::make_unique<CpuCompute>(options.threads);
}

NetworkLoader network_loader(const BatchedOptions& options, ComputeType type, Compute& compute) {
    const bool portable = options.gpu || options.portable;
    const int batch_size = options.batch_size;
    return [=, &compute](const std::string& path, const WhisperFile& file) -> std::unique_ptr<Network> {
        if (portable) return std::make_unique<PortableNetwork>(path, file, type, batch_size, compute);
        const KernelSet& kernels = *kernel_sets().front();
        return std::make_unique<PackedNetwork>(path, file, choose_precision(type, file, kernels), kernels, compute);
    };
}

}  // namespace

BatchedWhisper::BatchedWhisper(const std::string& path, const BatchedOptions& options)
    : file_(read_whisper_file(path)),
      vocabulary_(read_vocabulary(path, file_)),
      rules_(vocabulary_),
      log_mel_(file_.hparams.n_mels, read_mel_filters(path, file_)),
      compute_(make_compute(options)),
      parallel_(*compute_),
      network_(network_loader(options, options.compute_type, *compute_)(path, file_)),
      passes_(file_.hparams, vocabulary_, rules_, log_mel_, network_->decoder()),
      batch_size_(static_cast<size_t>(options.batch_size)) {
    if (options.draft_path.empty()) return;
    // A GPU computes in the type of the file, and the draft model's may be another one.
    const ComputeType type = options.gpu || options.portable ? ComputeType::Auto : options.compute_type;
    const Target target{path, file_, vocabulary_, rules_};
    draft_ = std::make_unique<DraftModel>(options.draft_path, target, network_loader(options, type, *compute_));
}

BatchedWhisper::~BatchedWhisper() = default;

bool BatchedWhisper::submit(WindowRequest request, Done done) {
    return queue_.push(std::make_unique<WhisperWindow>(std::move(request), std::move(done)));
}

BatchedLoad BatchedWhisper::load() const {
    return {queue_.size(), running_, encoded_};
}

void BatchedWhisper::run() {
    for (;;) {
        drop_cancelled();
        admit();
        if (active_.empty()) {
            if (queue_.stop()) return;
            continue;
        }
        // Windows that are done, or cannot go on, leave here, one way or the other.
        for (auto window = active_.begin(); window != active_.end();) {
            window = prepare(**window) ? std::next(window) : active_.erase(window);
        }
        listen();
        if (!active_.empty()) step();
    }
}

void BatchedWhisper::drop_cancelled() {
    for (const auto& window : queue_.take_cancelled()) window->fail_cancelled();
    active_.remove_if([](const std::unique_ptr<WhisperWindow>& window) {
        if (!window->cancelled()) return false;
        window->fail_cancelled();
        return true;
    });
}

// Moves waiting windows into the batch while there is room.
void BatchedWhisper::admit() {
    while (active_.size() < batch_size_) {
        std::unique_ptr<WhisperWindow> window = queue_.take();
        if (!window) return;
        try {
            if (!make_room_for(*window)) {
                queue_.put_back(std::move(window));
                return;
            }
        } catch (...) {
            window->fail(std::current_exception());
            continue;
        }
        window->enter(running_);
        active_.push_back(std::move(window));
    }
}

// Takes the memory that a window's beams and samples may need, so that it does not run short in the middle of them.
// False where those of the other windows leave no room for it, until some have left. Throws OutOfMemory where there is
// none even for this window alone.
bool BatchedWhisper::make_room_for(const WhisperWindow& window) {
    int sequences = window.sequences();
    for (const auto& other : active_) sequences += other->sequences();
    // Memory may have come free since the last time that the batch was empty.
    if (active_.empty()) too_many_sequences_ = std::numeric_limits<int>::max();
    if (sequences >= too_many_sequences_) return false;
    try {
        network_->decoder().reserve_sequences(sequences);
        return true;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::OutOfMemory || active_.empty()) throw;
    }
    too_many_sequences_ = sequences;
    return false;
}

// Takes a window over its last step. False when it has left.
bool BatchedWhisper::prepare(WhisperWindow& window) {
    try {
        if (window.choice_error) std::rethrow_exception(window.choice_error);
        const bool detected = window.detection && window.languages_known();
        if (detected) settle_language(window);
        if (window.decoding && window.decoding->in_doubt()) passes_.suspend(window);
        if (window.checking && window.decoding && window.decoding->done()) passes_.resolve(window);
        if (window.decoding && window.decoding->done()) passes_.settle(window);
        if (window.is_finished()) {
            window.finish();
            return false;
        }
        // The encoder's output of the detection serves the first pass.
        if (detected) passes_.begin(window);
        return true;
    } catch (...) {
        window.fail(std::current_exception());
        return false;
    }
}

// Has spectrograms computed for windows that are next while the device is busy with those before.
void BatchedWhisper::prepare_spectrograms() {
    if (!network_->leaves_processor_free()) return;
    queue_.look_ahead(network_->encoder_batch(), [this](WhisperWindow& window) {
        if (!window.cancelled() && !window.is_finished()) window.prepare_spectrogram(log_mel_);
    });
}

// Brings windows to where they take part in the next decoder step.
void BatchedWhisper::listen() {
    std::vector<WhisperWindow*> windows;
    const auto flush = [&] {
        if (windows.empty()) return;
        encode(windows);
        windows.clear();
    };
    for (const auto& window : active_) {
        if (window->is_encoded()) continue;
        windows.push_back(window.get());
        if (windows.size() == network_->encoder_batch()) flush();
    }
    flush();
    active_.remove_if([](const std::unique_ptr<WhisperWindow>& window) { return !window->is_encoded(); });
}

// Those that fail stay without a decoding.
void BatchedWhisper::encode(const std::vector<WhisperWindow*>& windows) {
    std::vector<WhisperWindow*> heard;
    std::vector<std::vector<float>> spectrograms;
    std::vector<EncoderInput> inputs;
    const LogMel::Run run_parts = [this](const LogMel::Part& part) { parallel_.run(part); };
    try {
        for (WhisperWindow* window : windows) {
            if (window->cancelled()) {
                window->fail_cancelled();
                continue;
            }
            heard.push_back(window);
            if (!window->cross) window->cross = network_->decoder().new_window();
            spectrograms.push_back(window->take_spectrogram(log_mel_, run_parts));
            inputs.push_back({spectrograms.back().data(), window->cross.get()});
        }
        if (heard.empty()) return;
        prepare_spectrograms();
        // What several share is not stopped for one of them.
        const std::atomic<bool>* stop = heard.size() == 1 ? heard.front()->request.cancelled.get() : nullptr;
        if (!network_->encode(inputs, stop)) throw cancelled();
        encoded_ += inputs.size();
    } catch (...) {
        for (WhisperWindow* window : heard) window->fail(std::current_exception());
        return;
    }
    for (size_t i = 0; i < heard.size(); ++i) {
        try {
            begin(*heard[i], i);
        } catch (...) {
            heard[i]->fail(std::current_exception());
        }
    }
}

bool BatchedWhisper::wants_draft(const WhisperWindow& window) const {
    const bool may_be_transcribed = !window.detects() || window.request.detection.transcribe_from <= 1;
    return draft_ && may_be_transcribed && window.request.search.has_greedy_attempt();
}

// `place`: of the window in the encoder's last run.
void BatchedWhisper::begin(WhisperWindow& window, size_t place) {
    if (wants_draft(window) && !window.suspended) {
        // There is memory for one of each window.
        window.draft = nullptr;
        window.draft = draft_->listen(window.request.samples.data() + window.position, window.remaining(), *network_,
                                      place, window.request.cancelled.get());
        if (!window.draft) throw cancelled();
    }
    if (window.detects()) {
        window.detection = network_->decoder().new_sequence();
    } else {
        passes_.begin(window);
    }
}

// Gives the window the language that was detected in it, when that is sure enough.
void BatchedWhisper::settle_language(WhisperWindow& window) {
    window.detection = nullptr;
    const Detection& detection = window.request.detection;
    const Languages& languages = window.outcome.languages;
    if (detection.on_languages) detection.on_languages(languages, window.outcome.no_speech_prob);
    if (languages.front().probability >= detection.transcribe_from)
        window.request.language = languages.front().language;
}

void BatchedWhisper::propose_drafts() {
    std::vector<DraftTask> tasks;
    for (const auto& window : active_) {
        if (window->decoding && window->draft && !window->checking)
            tasks.push_back({window->draft.get(), window->decoding.get()});
    }
    if (!tasks.empty()) draft_->propose(tasks);
}

void BatchedWhisper::step() {
    try {
        prepare_spectrograms();
        propose_drafts();
        std::vector<DecoderInput> inputs;
        std::vector<size_t> counts;
        for (const auto& window : active_) {
            const size_t before = inputs.size();
            if (window->detection) {
                inputs.push_back({window->detection.get(), window->cross.get(), 0, {vocabulary_.start_of_transcript}});
            } else if (!window->decoding->done()) {
                window->decoding->add_inputs(inputs);
            }
            counts.push_back(0);
            for (size_t i = before; i < inputs.size(); ++i) counts.back() += inputs[i].outputs();
        }
        // Passes that a resolved doubt has ended need no step.
        if (!inputs.empty()) choose(network_->decoder().run(inputs, nullptr), counts);
    } catch (...) {
        // What was computed for the batch is lost, but only that.
        for (const auto& window : active_) window->fail(std::current_exception());
        active_.clear();
    }
}

// Every window makes its choice from its logits, of which it has `counts`: a pass over the vocabulary for each.
void BatchedWhisper::choose(const float* logits, const std::vector<size_t>& counts) {
    std::vector<std::pair<WhisperWindow*, const float*>> choices;
    size_t place = 0;
    for (const auto& window : active_) {
        const size_t count = counts[place++];
        if (count > 0) choices.emplace_back(window.get(), logits);
        logits += count * static_cast<size_t>(vocabulary_.size);
    }
    std::atomic<size_t> next{0};
    const LogMel::Part choose_some = [&](int, int) {
        for (size_t i = next++; i < choices.size(); i = next++) {
            auto [window, own] = choices[i];
            try {
                window->detection ? read_languages(*window, own) : window->decoding->advance(own);
            } catch (...) {
                // Its own, not the batch's: prepare() fails this window alone.
                window->choice_error = std::current_exception();
            }
        }
    };
    // A portable decoder copies the memory of beams by graphs of its own, which cannot run inside another.
    network_->leaves_processor_free() ? choose_some(0, 1) : parallel_.run(choose_some);
}

void BatchedWhisper::read_languages(WhisperWindow& window, const float* logits) const {
    const float* first = logits + vocabulary_.first_language;
    const float total = log_sum_exp(first, first + vocabulary_.languages);
    if (!std::isfinite(total))
        throw Error(ErrorCode::ModelInvalid, "The model computes no numbers for the languages: is it damaged?");
    window.outcome.no_speech_prob =
        std::exp(logits[vocabulary_.no_speech] - log_sum_exp(logits, logits + vocabulary_.size));
    for (int i = 0; i < vocabulary_.languages; ++i) {
        window.outcome.languages.push_back({whisper_lang_str(i), std::exp(first[i] - total)});
    }
    std::stable_sort(
        window.outcome.languages.begin(), window.outcome.languages.end(),
        [](const LanguageProbability& a, const LanguageProbability& b) { return a.probability > b.probability; });
}

}  // namespace agora
