// Voices of windows become speakers of a recording, and those become turns: pyannote's community pipeline after the
// networks. Source: pyannote.audio 4, pipelines/speaker_diarization.py and pipelines/clustering.py.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/speakers/linkage.h"
#include "engine/speakers/plda.h"
#include "engine/speakers/segmentation_shape.h"
#include "engine/speakers/stop.h"

namespace agora {

// One 10 s window as the segmentation hears it.
struct WindowVoices {
    std::array<uint8_t, SegmentationShape::kFrames> speakers;  // bits of the 3 local speakers

    // Frames in which local speaker `k` is heard, with others or alone.
    int heard(int k) const;
    int alone(int k) const;
};

// How many speakers to find: `exactly` so many where that is set, else from `least` to `most`. Nemotron, whose network
// tells speakers apart, finds no others for a number: to it `exactly` is the most, and `least` is not read.
struct SpeakerCount {
    std::optional<int> exactly;
    int least = 1;
    int most = 1 << 20;
};

struct ClusteringRules {
    Linkage linkage = Linkage::AverageCosine;
    double threshold = 0.2;
    // A voice is clustered when it is alone in this share of a window's frames; others are only assigned.
    double least_share = 0.1;
    // Clusters with a smaller share of all that is clustered join others.
    double least_cluster = 0.02;
    // What is added to the mean number of speakers of a frame before it is rounded down: 0.5 rounds to nearest.
    double count_bias = 0.6;
    bool mute_background = true;  // see mute_background()
    bool vbx = false;             // after the first clustering, in the features of `plda`
    // Clustering takes time that grows with the square of its voices: of more, as of several hours, so many from all
    // over the recording are taken. All voices are assigned to what is found in those.
    int most_voices = 6000;
};

struct SpeakerTurn {
    double start, end;  // seconds
    int speaker;
    float confidence;  // 0 to 1. Community: the windows' mean share of votes; Nemotron: the speaker's mean probability
};

struct Diarization {
    std::vector<SpeakerTurn> turns;      // by start; overlaps kept
    std::vector<SpeakerTurn> exclusive;  // one speaker at a time: for words
    // Of each speaker, of unit length, speakers by first turn; none where the model makes no embeddings.
    std::vector<std::vector<float>> embeddings;
};

// The embeddings' clusters. `hard` [windows · 3]: the speaker of each local voice, -1 for none.
struct VoiceClusters {
    std::vector<int> hard;
    std::vector<std::vector<double>> centroids;
};

// `embeddings` [windows · 3][size], those of voices that are not heard are not read. `plda` where the rules want it.
// Throws Cancelled.
VoiceClusters cluster_voices(const std::vector<WindowVoices>& windows, const std::vector<float>& embeddings, int size,
                             const ClusteringRules& rules, const Plda* plda, const SpeakerCount& count,
                             Stop stop = nullptr);

// First global frame of each window, and their number. `step`: samples between windows.
class FrameClock {
  public:
    FrameClock(size_t windows, int step) : windows_(windows), step_(step) {}

    size_t first(size_t window) const;
    // As pyannote counts them: up to the one nearest to the end of the last window, whose own frames end before.
    size_t frames() const;
    // Middle of a frame, in seconds.
    static double middle(size_t frame);

  private:
    size_t windows_;
    int step_;
};

// Speakers in each global frame: `sums` is the windows' number of speakers, added up over windows.
std::vector<uint8_t> count_speakers(const FrameClock& clock, size_t windows, const std::vector<float>& sums,
                                    double bias, int most);

// Where the background is steady – digital silence, the noise of a line –, nobody speaks in frames as quiet as that:
// their count becomes 0. `levels` in dB. In the changing noise of a room nothing is changed.
void mute_background(const std::vector<float>& levels, std::vector<uint8_t>& counts);

// `counts` of count_speakers(). Turns end at `duration`, in seconds. Beside the turns, takes memory for one run of each
// speaker. Throws Cancelled.
Diarization reconstruct(const FrameClock& clock, const std::vector<WindowVoices>& windows,
                        const VoiceClusters& clusters, const std::vector<uint8_t>& counts, double duration,
                        Stop stop = nullptr);

}  // namespace agora
