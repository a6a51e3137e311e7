// Model files of the community pipeline: segmentation, a speaker encoder and, where it fits the encoder, a PLDA, as one
// GGUF file that `models convert` writes. Names of tensors are the publishers' own behind "seg.", "emb." and "plda.".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/model/gguf_file.h"

namespace agora {

enum class SpeakerEncoderKind {
    Ge2e,      // Resemblyzer's: 3 LSTM, 256 values
    ResNet34,  // WeSpeaker's
};

struct SpeakerFile {
    std::string path;
    SpeakerEncoderKind encoder;
    int resnet_width;  // channels of the first stage: 32 in the published model
    int embedding;     // values of an embedding
    bool has_plda;
    std::string name;  // general.name, or ""
    uint64_t bytes;
    std::vector<TensorEntry> tensors;
};

// On return the file is known to hold exactly the tensors that its settings ask for.
// Throws ModelNotFound, ModelInvalid.
SpeakerFile read_speaker_file(const std::string& path);

// Values of the file's tensors as floats.
class SpeakerTensors {
  public:
    // `tensors` of the validated file at `path`; it must outlive this.
    SpeakerTensors(std::string path, const std::vector<TensorEntry>& tensors)
        : path_(std::move(path)), tensors_(tensors) {}
    explicit SpeakerTensors(const SpeakerFile& file) : SpeakerTensors(file.path, file.tensors) {}

    // A tensor that is known to be there.
    const TensorEntry& entry(const std::string& name) const;
    // As it lies in the file. Throws ModelInvalid where the values are no numbers or the file has changed.
    std::vector<char> raw(const TensorEntry& entry) const;
    // The same as floats.
    std::vector<float> floats(const std::string& name) const;

  private:
    std::string path_;
    const std::vector<TensorEntry>& tensors_;
};

}  // namespace agora
