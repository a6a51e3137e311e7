#include "engine/schedule/batched_whisper.h"

#include <whisper.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "engine/decoder/packed_network.h"
#include "engine/decoder/portable_network.h"
#include "engine/device/memory.h"
#include "engine/error.h"
#include "engine/text/softmax.h"

namespace agora {
namespace {

// Beams or samples that every window of a full batch may have: the default number of samples.
constexpr size_t kSequencesOfWindow = 5;
// A sequence with more tokens than this in a round reads its prompt, and those of a round are no more than this.
constexpr size_t kPromptRows = 16;
constexpr size_t kRoundRows = 256;

std::unique_ptr<Compute> make_compute(const BatchedOptions& options) {
    if (options.gpu) return std::make_unique<GpuCompute>();
    return std::make_unique<CpuCompute>(options.threads);
}

NetworkLoader network_loader(const BatchedOptions& options, ComputeType type, Compute& compute) {
    const bool portable = options.gpu || options.portable;
    const auto windows = static_cast<size_t>(options.batch_size);
    const auto batch_size = static_cast<int>(windows + express_windows(windows) + live_windows(windows));
    return [=, &compute](const std::string& path, const WhisperFile& file) -> std::unique_ptr<Network> {
        if (portable) return std::make_unique<PortableNetwork>(path, file, type, batch_size, compute);
        const KernelSet& kernels = *kernel_sets().front();
        return std::make_unique<PackedNetwork>(path, file, choose_precision(type, file.is_quantised(), kernels),
                                               kernels, compute);
    };
}

std::unique_ptr<Network> load_network(const BatchedOptions& options, Compute& compute, const std::string& path,
                                      const WhisperFile& file) {
    std::unique_ptr<Network> network = network_loader(options, options.compute_type, compute)(path, file);
    if (options.around_network) network = options.around_network(std::move(network));
    return network;
}

}  // namespace

BatchedWhisper::BatchedWhisper(const std::string& path, const BatchedOptions& options,
                               std::shared_ptr<Executor> executor)
    : file_(read_whisper_file(path)),
      vocabulary_(read_vocabulary(path, file_)),
      rules_(vocabulary_),
      log_mel_(file_.hparams.n_mels, read_mel_filters(path, file_)),
      compute_(make_compute(options)),
      parallel_(*compute_),
      network_(load_network(options, *compute_, path, file_)),
      passes_(file_.hparams, vocabulary_, rules_, log_mel_, network_->decoder()),
      live_steps_(file_.hparams, vocabulary_, rules_, network_->decoder()),
      encoding_(network_->lanes()),
      executor_(executor ? std::move(executor) : std::make_shared<Executor>()) {
    if (!options.draft_path.empty()) {
        // A GPU computes in the type of the file, and the draft model's may be another one.
        const ComputeType type = options.gpu || options.portable ? ComputeType::Auto : options.compute_type;
        const Target target{path, file_, vocabulary_, rules_};
        draft_ = std::make_unique<DraftModel>(options.draft_path, target, network_loader(options, type, *compute_));
    }
    model_id_ = executor_->add(*this, budget(options));
}

BatchedWhisper::~BatchedWhisper() {
    executor_->remove(model_id_);
}

Budget BatchedWhisper::budget(const BatchedOptions& options) const {
    Budget budget;
    budget.windows = static_cast<size_t>(options.batch_size);
    budget.sequences = kSequencesOfWindow * budget.windows;
    budget.express = express_windows(budget.windows);
    budget.live = live_windows(budget.windows);
    budget.live_lane = network_->lanes() > 1;
    budget.encoder_batch = network_->encoder_batch();
    // A device of its own has taken its memory already.
    if (!network_->leaves_processor_free()) budget.bytes = available_memory() / 2;
    return budget;
}

bool BatchedWhisper::submit(WindowRequest request, Done done) {
    if (request.live) request.search = LiveSteps::search();
    JobTraits traits = request.turn;
    traits.sequences = static_cast<size_t>(request.search.sequences());
    traits.bytes = network_->decoder().window_bytes() + traits.sequences * network_->decoder().sequence_bytes();
    return executor_->submit(model_id_, std::make_unique<WhisperWindow>(std::move(request), std::move(done)), traits);
}

BatchedLoad BatchedWhisper::load() const {
    const JobCounts counts = executor_->counts(model_id_);
    return {counts.waiting, counts.running, encoded_};
}

void BatchedWhisper::take_step(Work work, const Tasks& tasks, const Tasks& ahead) {
    Windows windows;
    for (Task* task : tasks) windows.push_back(static_cast<WhisperWindow*>(task));
    switch (work) {
        case Work::Encode:
            return encode(windows, ahead);
        case Work::Decode:
            return decode(windows, ahead);
        case Work::Settle:
            return settle(*windows.front());
    }
}

void BatchedWhisper::forget(Task& task) {
    for (Windows& lane : encoding_) lane.erase(std::remove(lane.begin(), lane.end(), &task), lane.end());
}

size_t BatchedWhisper::looks_ahead() const {
    return network_->leaves_processor_free() ? network_->encoder_batch() : 0;
}

// Takes a window over what was decoded of it.
void BatchedWhisper::settle(WhisperWindow& window) {
    if (window.choice_error) std::rethrow_exception(window.choice_error);
    const bool detected = window.detection && window.languages_known();
    if (detected) settle_language(window);
    if (window.decoding && window.decoding->fails()) {
        // With all frames there may be more to it.
        window.needs_all_frames = true;
        window.decoding = nullptr;
    }
    if (window.decoding && window.decoding->in_doubt()) passes_.suspend(window);
    if (window.checking && window.decoding && window.decoding->done()) passes_.resolve(window);
    if (window.decoding && window.decoding->done())
        window.request.live ? live_steps_.settle(window) : passes_.settle(window);
    if (window.is_finished()) return window.finish();
    // The encoder's output of the detection serves the first pass.
    if (detected) begin_pass(window);
    window.next = window.following();
}

// Has spectrograms computed for windows that are next while the device is busy with those before.
void BatchedWhisper::prepare_spectrograms(const Tasks& ahead) const {
    for (Task* task : ahead) prepare_spectrogram(*static_cast<WhisperWindow*>(task));
}

void BatchedWhisper::prepare_spectrogram(WhisperWindow& window) const {
    if (!window.cancelled() && !window.is_finished() && !window.checking) window.prepare_spectrogram(log_mel_);
}

// Live windows have a lane to themselves where there is one, so that no other has to be given up for them.
size_t BatchedWhisper::lane_of(const WhisperWindow& window) const {
    return window.request.turn.priority == Priority::Live ? encoding_.size() - 1 : 0;
}

// Has the encoder listen to windows, or go on with the one that it has begun with.
void BatchedWhisper::encode(const Windows& windows, const Tasks& ahead) {
    const size_t lane = lane_of(*windows.front());
    Windows& encoding = encoding_[lane];
    if (!windows.front()->begun) begin_encoding(windows, lane);
    if (encoding.empty()) return;
    prepare_spectrograms(ahead);
    // What several share is not stopped for one of them.
    const std::atomic<bool>* stop = encoding.size() == 1 ? encoding.front()->request.cancelled.get() : nullptr;
    const Progress progress = network_->go_on_encoding(lane, kStepSeconds, stop);
    if (progress == Progress::Stopped) throw cancelled();
    if (progress == Progress::Unfinished) {
        encoding.front()->begun = true;
        return;
    }
    encoded_ += encoding.size();
    const Windows heard = std::exchange(encoding, {});
    for (size_t i = 0; i < heard.size(); ++i) {
        heard[i]->begun = false;
        try {
            begin(*heard[i], i, lane);
            heard[i]->next = heard[i]->following();
        } catch (...) {
            heard[i]->fail(std::current_exception());
        }
    }
}

// Takes the memory that a window's beams and samples may need, so that it does not run short in the middle of them.
// False where those of the other windows leave no room for it, until some have left. Throws OutOfMemory where there is
// none even for this window alone.
bool BatchedWhisper::make_room_for(WhisperWindow& window) {
    if (window.is_counted()) return true;
    try {
        network_->decoder().reserve_sequences(sequences_ + window.sequences());
    } catch (const Error& error) {
        if (error.code() != ErrorCode::OutOfMemory || sequences_ == 0) throw;
        return false;
    }
    window.count_in(sequences_);
    return true;
}

// Frames that the encoder computes of it.
WindowFrames BatchedWhisper::frames_of(const WhisperWindow& window) const {
    const bool may_leave_out = network_->leaves_out_frames() && !window.checking && !window.needs_all_frames;
    return may_leave_out ? thinned_silence(window.remaining()) : WindowFrames{};
}

// What the encoder had begun with before, in that lane, is lost.
void BatchedWhisper::begin_encoding(const Windows& windows, size_t lane) {
    Windows& encoding = encoding_[lane];
    for (WhisperWindow* lost : encoding) lost->begun = false;
    encoding.clear();
    encoding.reserve(windows.size());
    std::vector<std::vector<float>> spectrograms;
    std::vector<EncoderInput> inputs;
    const InParts on_threads = [this](const Part& part) { parallel_.run(part); };
    // On a device of its own, those of several are computed side by side.
    for (size_t i = 1; i < windows.size(); ++i) prepare_spectrogram(*windows[i]);
    for (WhisperWindow* window : windows) {
        window->left_out = window->is_finished();
        if (window->left_out) {
            window->finish();
            continue;
        }
        // What one lacks is not the others' fault.
        try {
            window->refused = window->left_out = !make_room_for(*window);
            if (window->left_out) continue;
            if (!window->cross) window->cross = network_->decoder().new_window();
            spectrograms.push_back(window->take_spectrogram(log_mel_, on_threads));
            window->frames = frames_of(*window);
            inputs.push_back({spectrograms.back().data(), window->cross.get(), window->frames});
            encoding.push_back(window);
        } catch (...) {
            window->fail(std::current_exception());
        }
    }
    if (!inputs.empty()) network_->begin_encoding(inputs, lane);
}

bool BatchedWhisper::wants_draft(const WhisperWindow& window) const {
    const bool may_be_transcribed = !window.detects() || window.request.detection.transcribe_from <= 1;
    return draft_ && !window.request.live && may_be_transcribed && window.request.search.has_greedy_attempt();
}

// `place`: of the window in the encoder's last run in that lane.
void BatchedWhisper::begin(WhisperWindow& window, size_t place, size_t lane) {
    if (wants_draft(window) && !window.suspended) {
        // There is memory for one of each window.
        window.draft = nullptr;
        window.draft = draft_->listen(window.request.samples.data() + window.position, window.remaining(),
                                      window.frames, *network_, place, lane, window.request.cancelled.get());
        if (!window.draft) throw cancelled();
    }
    if (window.detects()) {
        window.detection = network_->decoder().new_sequence();
    } else {
        begin_pass(window);
    }
}

void BatchedWhisper::begin_pass(WhisperWindow& window) const {
    window.request.live ? live_steps_.begin(window) : passes_.begin(window);
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

// Windows that take part in a round: those with a few tokens more each, and as many others as do not make it a long
// one.
BatchedWhisper::Windows BatchedWhisper::round_of(const Windows& windows) {
    Windows chosen;
    Windows prompts;
    for (WhisperWindow* window : windows) {
        const bool reads = window->decoding && window->decoding->rows() > kPromptRows;
        (reads ? prompts : chosen).push_back(window);
    }
    size_t rows = 0;
    for (WhisperWindow* window : prompts) {
        rows += window->decoding->rows();
        window->left_out = rows > kRoundRows && rows > window->decoding->rows();
        if (!window->left_out) chosen.push_back(window);
    }
    return chosen;
}

void BatchedWhisper::propose_drafts(const Windows& windows) {
    std::vector<DraftTask> tasks;
    for (const WhisperWindow* window : windows) {
        if (window->decoding && window->draft && !window->checking)
            tasks.push_back({window->draft.get(), window->decoding.get()});
    }
    if (!tasks.empty()) draft_->propose(tasks);
}

void BatchedWhisper::decode(const Windows& waiting, const Tasks& ahead) {
    const Windows windows = round_of(waiting);
    prepare_spectrograms(ahead);
    propose_drafts(windows);
    std::vector<DecoderInput> inputs;
    std::vector<size_t> counts;
    for (const WhisperWindow* window : windows) {
        const size_t before = inputs.size();
        if (window->detection) {
            inputs.push_back({window->detection.get(), window->cross.get(), 0, {vocabulary_.start_of_transcript}});
        } else {
            window->decoding->add_inputs(inputs);
        }
        counts.push_back(0);
        for (size_t i = before; i < inputs.size(); ++i) counts.back() += inputs[i].outputs;
    }
    choose(windows, network_->decoder().run(inputs, nullptr), counts);
    for (WhisperWindow* window : windows) window->next = window->following();
}

// Every window makes its choice from its logits, of which it has `counts`: a pass over the vocabulary for each.
void BatchedWhisper::choose(const Windows& windows, const float* logits, const std::vector<size_t>& counts) {
    std::vector<std::pair<WhisperWindow*, const float*>> choices;
    for (size_t i = 0; i < windows.size(); ++i) {
        choices.emplace_back(windows[i], logits);
        logits += counts[i] * static_cast<size_t>(vocabulary_.size);
    }
    std::atomic<size_t> next{0};
    const Part choose_some = [&](int, int) {
        for (size_t i = next++; i < choices.size(); i = next++) {
            auto [window, own] = choices[i];
            try {
                window->detection ? read_languages(*window, own) : window->decoding->advance(own);
            } catch (...) {
                // Its own, not the batch's: settle() fails this window alone.
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
