// What makes a vector of a voice.
#pragma once

#include <memory>
#include <vector>

#include "engine/speakers/segmentation.h"
#include "engine/speakers/speaker_file.h"

namespace agora {

// One voice in a window: the frames of the segmentation in which it is to be listened to.
struct VoiceMask {
    int window;                   // index of the window
    std::vector<uint8_t> frames;  // [SegmentationShape::kFrames] of 0 and 1
};

class SpeakerEncoder {
  public:
    virtual ~SpeakerEncoder() = default;
    SpeakerEncoder() = default;
    SpeakerEncoder(const SpeakerEncoder&) = delete;
    SpeakerEncoder& operator=(const SpeakerEncoder&) = delete;

    virtual int size() const = 0;

    // A vector of size() values for each mask, as the network gives it. Windows are SegmentationShape::kSamples long.
    // Finite for whatever sound; zeros where there is too little to hear.
    virtual std::vector<float> embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks,
                                     const OnThreads& threads) = 0;
};

std::unique_ptr<SpeakerEncoder> load_speaker_encoder(const SpeakerFile& file, const NamedTensors& tensors,
                                                     const KernelSet& kernels);

}  // namespace agora
