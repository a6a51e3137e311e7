// A Whisper model on ggml's operations, on whatever device has them: a GPU, or the CPU to test the very same code.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/decoder/network.h"
#include "engine/decoder/portable_decoder.h"
#include "engine/encoder/batch_encoder.h"
#include "engine/kernels/compute_type.h"

namespace agora {

class PortableNetwork final : public Network {
  public:
    // Computes in the type of the file: `type` is that or Auto. Takes the memory for `batch_size` windows at once.
    PortableNetwork(const std::string& path, const WhisperFile& file, ComputeType type, int batch_size,
                    Compute& compute);

    size_t encoder_batch() const override { return BatchEncoder::kWindows; }
    bool leaves_processor_free() const override { return true; }
    std::string compute_type() const override { return type_; }

    void begin_encoding(const std::vector<EncoderInput>& windows, size_t lane) override;
    Progress go_on_encoding(size_t lane, double seconds, const std::atomic<bool>* stop) override;
    std::vector<float> encoded(size_t window, size_t lane) const override;
    bool adopt(const std::vector<float>& encoded, const WindowFrames& frames, WindowMemory& memory,
               const std::atomic<bool>* stop) override;

    Decoder& decoder() override { return decoder_; }

  private:
    // The cross-attention's keys and values, in a graph of their own or at the encoder's end.
    struct Projection {
        ggml_tensor* slots = nullptr;  // [windows]
        std::vector<ggml_tensor*> build(ggml_context* context, const DecoderWeights& weights, const SlotMemory& memory,
                                        ggml_tensor* encoded, int windows);
    };
    EncoderHead head_of(int windows);
    void forget_outdated();

    Compute& compute_;
    EncoderShape shape_;
    std::string type_;
    WhisperWeights weights_;
    PortableDecoder decoder_;
    std::map<int, Projection> projections_;  // at the encoder's end, by its number of windows
    int generation_ = 0;                     // of the memory that they write to
    BatchEncoder encoder_;

    // Of adopt().
    Projection adoption_;
    std::unique_ptr<Graph> adoption_graph_;
    ggml_tensor* adopted_ = nullptr;
};

}  // namespace agora
