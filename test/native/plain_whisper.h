// Whisper in double precision and plain loops: what the engine's results are held against.
//
// Written from the paper (Radford et al., 2022, section 2.2, figure 1) and its published implementation
// (openai-whisper, model.py), and sharing nothing with the engine but the reading of the file's header.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

class PlainWhisper {
  public:
    // The paper's models have the error function in their GELU; whisper.cpp takes its approximation by tanh.
    enum class Gelu { Tanh, Erf };

    // Reads every tensor of the file as it stands there; quantised weights are worth what their format says.
    explicit PlainWhisper(const std::string& path, Gelu gelu = Gelu::Tanh);

    // Spectrogram [bands][3000] to the output of the encoder's last layer norm, [1500][D].
    std::vector<double> encode(const std::vector<float>& mel) const;

    // Logits [V] after the last of `tokens`, which begin at position 0.
    std::vector<double> logits(const std::vector<double>& encoded, const std::vector<int>& tokens) const;

  private:
    using Values = std::vector<double>;

    const std::vector<float>& tensor(const std::string& name) const { return tensors_.at(name); }
    Values linear(const std::string& name, const Values& x, size_t inputs, size_t outputs) const;
    Values convolution(const std::string& name, const Values& x, size_t channels, size_t stride) const;
    Values norm(const std::string& name, const Values& x) const;
    Values attention(const std::string& name, const Values& x, const Values& seen, bool causal) const;
    Values block(const std::string& prefix, Values x, const Values* encoded) const;
    void activate(Values& x) const;

    agora::WhisperHyperParameters hparams_;
    size_t width_;
    Gelu gelu_;
    std::map<std::string, std::vector<float>> tensors_;
};
