// A Whisper model on the CPU kernels.
#pragma once

#include <array>
#include <memory>

#include "engine/decoder/cross_projection.h"
#include "engine/decoder/network.h"
#include "engine/decoder/packed_decoder.h"
#include "engine/encoder/encoder.h"
#include "engine/model/packed_whisper_weights.h"

namespace agora {

class PackedNetwork final : public Network {
  public:
    PackedNetwork(const std::string& path, const WhisperFile& file, const Precision& precision,
                  const KernelSet& kernels, Compute& compute);

    size_t encoder_batch() const override { return 1; }
    bool leaves_processor_free() const override { return false; }
    // In single precision a model computes what it was published to compute.
    bool leaves_out_frames() const override { return precision_.type != ComputeType::F32; }
    std::string compute_type() const override { return compute_type_name(precision_.type); }

    size_t lanes() const override { return lanes_.size(); }
    void begin_encoding(const std::vector<EncoderInput>& windows, size_t lane) override;
    Progress go_on_encoding(size_t lane, double seconds, const std::atomic<bool>* stop) override;
    std::vector<float> encoded(size_t window, size_t lane) const override;
    bool adopt(const std::vector<float>& encoded, const WindowFrames& frames, WindowMemory& memory,
               const std::atomic<bool>* stop) override;

    Decoder& decoder() override { return decoder_; }

  private:
    // Memory of an encoding on its way.
    struct Lane {
        Lane(const PackedWhisperWeights& weights, const EncoderShape& shape, const Precision& precision,
             const KernelSet& kernels, Compute& compute);

        CrossProjection projection;
        std::unique_ptr<Encoder> encoder;  // null where the file has none
    };

    Lane& lane(size_t number);

    Compute& compute_;
    Precision precision_;
    const KernelSet& kernels_;
    PackedWhisperWeights weights_;
    EncoderShape shape_;
    std::array<std::unique_ptr<Lane>, 2> lanes_;  // the second one is there when it is asked for
    PackedDecoder decoder_;
};

}  // namespace agora
