// The text of speech that goes on: which of its tokens stand, and which the sound to come may still change.
// Source: AlignAtt (Papi et al., 2023, arXiv:2305.11408), as SimulStreaming (arXiv:2506.17077) has it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/decoder/attended_frames.h"
#include "engine/decoder/text_follower.h"
#include "engine/text/vocabulary.h"

namespace agora {

struct LiveToken {
    int id;
    int frame;  // of 20 ms, that the decoder looked at when it chose it
    float probability;
};

struct LiveTextOptions {
    int frames = 1;    // of 20 ms, of sound
    int frontier = 0;  // text stands as long as the decoder looks at frames further than this from the end; 0: always
    bool may_rewind = false;  // to look at sound far before is no sign of being lost
    bool tail = false;        // go on behind what stands
};

class LiveText final : public TextFollower {
  public:
    // A jump back by more frames means that the decoder has lost its place.
    static constexpr int kRewind = 200;

    // `forced`: tokens that the text begins with. `vocabulary` must outlive this.
    LiveText(const Vocabulary& vocabulary, std::vector<AttentionHead> heads, const std::vector<int>& forced,
             const LiveTextOptions& options);

    AttentionCapture& capture() override { return capture_; }
    void read(size_t rows) override;
    bool choose(size_t row, int token, float log_prob) override;

    // Behind what was forced, when the text is over.
    const std::vector<LiveToken>& tokens() const { return tokens_; }
    // How many of them stand: whole words, as far as white space divides words, and whole characters.
    size_t standing() const;
    // The bytes at the end of what was forced that begin a character.
    std::string begun_character() const;
    // How many there are with those that do not stand, without half a character at the end.
    size_t whole() const { return whole_characters(tokens_.size()); }
    bool rewound() const { return rewound_; }

  private:
    int add(size_t row) { return frames_.add(capture_.weights, rows(), row); }
    size_t rows() const;
    size_t most_of_tail() const;
    const std::string& text_of(size_t token) const;
    size_t whole_characters(size_t count) const;

    const Vocabulary& vocabulary_;
    AttentionCapture capture_;
    AttendedFrames frames_;
    LiveTextOptions options_;
    std::string before_;       // what was forced, in bytes
    std::optional<int> last_;  // frame of the last token
    std::vector<LiveToken> tokens_;
    std::optional<size_t> reached_;  // tokens before the one that looked beyond the frontier
    int next_ = -1;                  // that one, where it was left out
    bool rewound_ = false;
};

}  // namespace agora
