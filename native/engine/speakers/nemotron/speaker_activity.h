// How likely each speaker speaks, for every 10 ms of a recording, and the turns that follow from it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/speakers/stop.h"
#include "engine/speakers/voices.h"

namespace agora {

class SpeakerActivity {
  public:
    explicit SpeakerActivity(int speakers) : speakers_(static_cast<size_t>(speakers)) {}

    // Those that have not been forgotten.
    size_t frames() const { return likely_.size() / speakers_; }

    // The next frame's logarithms of odds, [speakers]; nobody speaks in one without any sound.
    void add(const float* logits, bool silent);

    // Turns of who speaks with a probability of at least one half. Where fewer speakers are wanted than there are,
    // those who speak most are kept, and what others say is the likeliest of them. Throws Cancelled.
    Diarization turns(const SpeakerCount& count, double duration, Stop stop) const;

    // Forgets what lies before so many seconds.
    void forget_before(double seconds);
    // Turns from `start` seconds on, one speaker at a time, by start, of this and of `after`, which comes behind it.
    // Speakers keep their numbers. `told` are those that may be told of: others join them until they are `most`, those
    // first who speak most; what the rest say is the likeliest of them. Throws Cancelled.
    std::vector<SpeakerTurn> turns_of_one(const SpeakerActivity& after, double start, double duration, int most,
                                          std::vector<size_t>& told, Stop stop) const;

  private:
    using Frames = std::vector<bool>;

    struct Run {
        size_t start, end;  // frames
    };
    template <typename Speaks>
    std::vector<Run> runs(const Speaks& speaks) const;
    SpeakerTurn turn_of(const Run& run, size_t speaker, int number, double duration) const;

    uint8_t likely(size_t frame, size_t speaker) const { return likely_[frame * speakers_ + speaker]; }
    std::vector<size_t> kept(const SpeakerCount& count) const;
    std::vector<Frames> active(const std::vector<size_t>& kept) const;
    std::vector<int8_t> likeliest(const std::vector<size_t>& kept, const std::vector<Frames>& active) const;

    size_t speakers_;
    size_t first_ = 0;             // frames that have been forgotten
    std::vector<uint8_t> likely_;  // [frames][speakers], probabilities times 256: a kilobyte for a second
};

}  // namespace agora
