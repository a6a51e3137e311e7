// The engine as the measurements use it. All that they know of its classes is in engine.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace bench {

class Engine {
  public:
    // `compute_type`: how the model is to be computed; throws for one that the engine does not have.
    Engine(const std::string& path, int threads, const std::string& compute_type);
    ~Engine();

    int mel_bands() const;
    int vocabulary() const;

    // Encodes as many windows, all of the spectrogram `mel`, [mel_bands()][3000].
    void encode(const std::vector<float>& mel, size_t windows);
    // Output of the last window encoded, [1500][width].
    std::vector<float> encoder_output() const;

    // `batch` sequences with `tokens` before them, each with the memory of a window of its own.
    void start_sequences(size_t batch, const std::vector<int>& tokens);
    // One token more for each; their logits, [batch][vocabulary()], valid until the next call.
    const float* step(int token);

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace bench
