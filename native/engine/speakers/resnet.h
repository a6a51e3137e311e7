// WeSpeaker's ResNet34 (Wang et al., 2023, Wespeaker: a research and production oriented speaker embedding learning
// toolkit) with statistics that are weighted by a mask. The network hears a window once for all of its voices.
#pragma once

#include "engine/speakers/kaldi_features.h"
#include "engine/speakers/resnet_shape.h"
#include "engine/speakers/speaker_encoder.h"

namespace agora {

class ResNetEncoder : public SpeakerEncoder {
  public:
    ResNetEncoder(const SpeakerFile& file, const NamedTensors& tensors, const KernelSet& kernels);

    int size() const override { return size_; }
    std::vector<float> embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks,
                             const OnThreads& threads) override;

    // What the network makes of a window's features, [channels][bands / 8][frames / 8 rounded up], and its frames.
    struct Trunk {
        std::vector<float> values;
        int rows, frames;  // rows: channels · bands / 8
    };
    // `features` [frames][80], the mean of each column removed.
    Trunk trunk(const std::vector<float>& features) const;
    // Means, then deviations, of each row.
    static std::vector<float> pool(const Trunk& trunk, const std::vector<uint8_t>& mask);

  private:
    // A convolution with the normalisation behind it. Of a 3 × 3 kernel a layer for each row of it, else one.
    struct Convolution {
        std::vector<PackedLinear> rows;
        int inputs, outputs, stride;
    };
    struct Block {
        Convolution first, second;
        std::unique_ptr<Convolution> shortcut;
    };
    // [height][width + 2][channels], the first and last column zeros.
    struct Image {
        Image(int height, int width, int channels);
        float* row(int y) { return values.data() + static_cast<size_t>(y) * pitch; }
        const float* row(int y) const { return values.data() + static_cast<size_t>(y) * pitch; }

        int height, width, channels;
        size_t pitch;
        std::vector<float> values;
    };

    static Convolution convolution(const NamedTensors& tensors, const std::string& weight, const std::string& norm,
                                   int inputs, int outputs, int stride, int kernel);
    Image apply(const Convolution& convolution, const Image& input) const;

    const KernelSet& kernels_;
    int size_;
    KaldiFeatures features_;
    Convolution first_;
    std::vector<Block> blocks_;
    PackedLinear last_;
};

}  // namespace agora
