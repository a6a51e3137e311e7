#include "engine/decoder/draft_model.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/model/same_encoder.h"
#include "engine/text/softmax.h"

namespace agora {
namespace {

// Drafts grow while all of them is accepted and shrink when it is not (as in Hugging Face's assisted generation).
constexpr int kMaxLength = 16;
constexpr int kGrowth = 2;

void check_vocabularies(const std::string& path, const Vocabulary& draft, const std::string& target_path,
                        const Vocabulary& target) {
    const auto describe = [](const std::string& model, const Vocabulary& v) {
        return model + " has " + std::to_string(v.size) + " tokens and " + std::to_string(v.languages) + " languages";
    };
    if (draft.size != target.size || draft.languages != target.languages) {
        throw Error(ErrorCode::InvalidArgument,
                    "Expected a draft model with the vocabulary of the model, but " + describe(path, draft) +
                        " where " + describe(target_path, target),
                    "draftModel");
    }
    const auto differing = std::mismatch(draft.texts.begin(), draft.texts.end(), target.texts.begin());
    if (differing.first != draft.texts.end()) {
        throw Error(ErrorCode::InvalidArgument,
                    "Expected a draft model with the vocabulary of the model, but token " +
                        std::to_string(differing.first - draft.texts.begin()) + " of " + path +
                        " is another one than in " + target_path,
                    "draftModel");
    }
}

WhisperFile without_encoder(WhisperFile file) {
    const auto is_encoder = [](const TensorEntry& tensor) { return tensor.name.rfind("encoder.", 0) == 0; };
    file.tensors.erase(std::remove_if(file.tensors.begin(), file.tensors.end(), is_encoder), file.tensors.end());
    return file;
}

}  // namespace

// One draft in the making.
class DraftModel::Run {
  public:
    Run(DraftMemory& memory, WindowDecoding& decoding, int decoder_context)
        : memory_(memory), decoding_(decoding), context_(decoding.context()), written_(decoding.written()) {
        const auto agreed = [this](const std::vector<int>& tokens) {
            return std::mismatch(tokens.begin(), tokens.end(), context_.begin(), context_.end()).first - tokens.begin();
        };
        if (!memory.proposed.empty()) {
            const bool all = agreed(memory.proposed) == static_cast<std::ptrdiff_t>(memory.proposed.size());
            memory.length = all ? std::min(memory.length + kGrowth, kMaxLength) : std::max(memory.length - 1, 1);
        }
        // At least one token is run for its logits.
        const auto keep = std::min(agreed(memory.held), static_cast<std::ptrdiff_t>(context_.size()) - 1);
        memory.held.resize(static_cast<size_t>(keep));
        left_ = std::min({memory.length, decoding.draft_room(), decoder_context - static_cast<int>(context_.size())});
    }

    bool is_running() const { return left_ > 0; }

    DecoderInput input() const {
        const auto held = static_cast<std::ptrdiff_t>(memory_.held.size());
        return {memory_.self.get(), memory_.cross.get(), static_cast<int>(held),
                std::vector<int>(context_.begin() + held, context_.end())};
    }

    void advance(const float* logits, const Vocabulary& vocabulary, const LogitRules& rules) {
        memory_.held = context_;
        std::vector<float> allowed(logits, logits + vocabulary.size);
        rules.apply(allowed.data(), written_, decoding_.rules());
        const float most = highest(allowed.data(), allowed.data() + allowed.size());
        const auto token = static_cast<int>(std::find(allowed.begin(), allowed.end(), most) - allowed.begin());
        // The big model's step ends with a choice of its own: no need to draft an end. Nor can what is no number be
        // chosen from.
        if (!std::isfinite(most) || token == vocabulary.end_of_text) {
            left_ = 0;
            return;
        }
        context_.push_back(token);
        written_.push_back(token);
        draft_.push_back(token);
        --left_;
    }

    void deliver() {
        memory_.proposed = draft_.empty() ? std::vector<int>() : std::move(context_);
        decoding_.set_draft(draft_);
    }

  private:
    DraftMemory& memory_;
    WindowDecoding& decoding_;
    std::vector<int> context_;
    std::vector<int> written_;
    std::vector<int> draft_;
    int left_;
};

DraftModel::DraftModel(const std::string& path, const Target& target, const NetworkLoader& load)
    : file_(read_whisper_file(path)), vocabulary_(target.vocabulary), rules_(target.rules) {
    check_vocabularies(path, read_vocabulary(path, file_), target.path, vocabulary_);
    const bool shared = have_same_encoder(path, file_, target.path, target.file);
    network_ = load(path, shared ? without_encoder(file_) : file_);
    if (shared) return;
    log_mel_ = std::make_unique<LogMel>(file_.hparams.n_mels, read_mel_filters(path, file_));
    mel_.resize(static_cast<size_t>(file_.hparams.n_mels) * LogMel::kFrames);
}

std::unique_ptr<DraftMemory> DraftModel::listen(const float* samples, size_t count, const WindowFrames& frames,
                                                const Network& target, size_t window, size_t lane,
                                                const std::atomic<bool>* stop) {
    auto memory = std::make_unique<DraftMemory>();
    memory->self = network_->decoder().new_sequence();
    memory->cross = network_->decoder().new_window();
    if (shares_encoder())
        return network_->adopt(target.encoded(window, lane), frames, *memory->cross, stop) ? std::move(memory)
                                                                                           : nullptr;
    log_mel_->compute(samples, count, mel_.data());
    return network_->encode({{mel_.data(), memory->cross.get(), frames}}, stop) ? std::move(memory) : nullptr;
}

void DraftModel::propose(const std::vector<DraftTask>& tasks) {
    std::vector<Run> runs;
    for (const DraftTask& task : tasks) {
        if (task.decoding->draft_room() > 0)
            runs.emplace_back(*task.memory, *task.decoding, network_->decoder().context());
    }
    for (;;) {
        std::vector<DecoderInput> inputs;
        for (const Run& run : runs) {
            if (run.is_running()) inputs.push_back(run.input());
        }
        if (inputs.empty()) break;
        const float* logits = network_->decoder().run(inputs, nullptr);
        for (Run& run : runs) {
            if (!run.is_running()) continue;
            run.advance(logits, vocabulary_, rules_);
            logits += vocabulary_.size;
        }
    }
    for (Run& run : runs) run.deliver();
}

}  // namespace agora
