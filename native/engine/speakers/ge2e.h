// GE2E speaker encoder (Wan et al., 2018, Generalized end-to-end loss for speaker verification), the weights of
// Resemblyzer. It listens to 1.6 s at a time and takes power, not its logarithm: loudness matters.
#pragma once

#include "engine/audio/mel_bands.h"
#include "engine/audio/power_spectrum.h"
#include "engine/speakers/speaker_encoder.h"

namespace agora {

class Ge2eEncoder : public SpeakerEncoder {
  public:
    static constexpr int kBands = 40;
    static constexpr int kSize = 256;
    static constexpr int kPartFrames = 160;  // of 10 ms

    Ge2eEncoder(const NamedTensors& tensors, const KernelSet& kernels);

    int size() const override { return kSize; }
    std::vector<float> embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks,
                             const OnThreads& threads) override;

    // [1 + count / 160][kBands] of `count` samples: frames of 400 around every 160th, zeros outside.
    std::vector<float> mel(const float* samples, size_t count) const;

    // Unit vectors [parts][kSize] of parts of `frames` rows of kBands, at least one.
    std::vector<float> embed_parts(const std::vector<const float*>& parts, int frames,
                                   std::vector<float>& scratch) const;

  private:
    const KernelSet& kernels_;
    std::vector<Lstm> layers_;
    PackedLinear linear_;
    std::vector<float> hann_;
    MelBands bands_;
    PowerSpectrum spectrum_;
};

}  // namespace agora
