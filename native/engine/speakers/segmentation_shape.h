#pragma once

namespace agora {

// Sizes of pyannote's segmentation-3.0 (PyanNet).
struct SegmentationShape {
    static constexpr int kSamples = 160000;  // 10 s at 16 kHz
    static constexpr int kFrames = 589;
    static constexpr int kFrameStep = 270;       // samples: 16.875 ms
    static constexpr int kReceptiveField = 991;  // samples
    static constexpr int kSpeakers = 3;
    static constexpr int kClasses = 7;
    static constexpr int kSincFilters = 80;
    static constexpr int kSincKernel = 251;
    static constexpr int kSincStride = 10;
    static constexpr int kChannels = 60;
    static constexpr int kKernel = 5;
    static constexpr int kPool = 3;
    static constexpr int kLayers = 4;
    static constexpr int kWidth = 128;  // of one direction of the LSTM
};

}  // namespace agora
