// A small model that writes ahead of a big one with the same vocabulary, for speculative decoding.
//
// The big model checks what was drafted in one decoder step (WindowDecoding), so its text is what it would be alone;
// the draft decides only how soon it is there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/audio/log_mel.h"
#include "engine/decoder/network.h"
#include "engine/decoder/window_decoding.h"

namespace agora {

// What the draft model remembers of a window.
class DraftMemory {
    friend class DraftModel;

    std::unique_ptr<SequenceMemory> self;
    std::unique_ptr<WindowMemory> cross;
    std::vector<int> held;      // tokens that `self` holds
    std::vector<int> proposed;  // context and draft of the last round
    int length = 5;             // of the next draft
};

// The big model. All of it outlives the draft model.
struct Target {
    const std::string& path;
    const WhisperFile& file;
    const Vocabulary& vocabulary;
    const LogitRules& rules;  // hold for the draft too
};

struct DraftTask {
    DraftMemory* memory;
    WindowDecoding* decoding;
};

class DraftModel {
  public:
    // Throws ModelNotFound, ModelInvalid, OutOfMemory; InvalidArgument when the vocabularies differ.
    DraftModel(const std::string& path, const Target& target, const NetworkLoader& load);

    // Listens to a window, the one with that number in the last run of the big model's encoder in that lane. Null when
    // stopped.
    std::unique_ptr<DraftMemory> listen(const float* samples, size_t count, const WindowFrames& frames,
                                        const Network& target, size_t window, size_t lane,
                                        const std::atomic<bool>* stop);

    // Gives the decodings that take one a draft each, all written together.
    void propose(const std::vector<DraftTask>& tasks);

    // Whether what the big model's encoder hears serves the draft model too.
    bool shares_encoder() const { return log_mel_ == nullptr; }

  private:
    class Run;

    WhisperFile file_;
    const Vocabulary& vocabulary_;
    const LogitRules& rules_;
    std::unique_ptr<Network> network_;
    // Null where the big model's encoder serves.
    std::unique_ptr<LogMel> log_mel_;
    std::vector<float> mel_;
};

}  // namespace agora
