// Measures the engine's encoder and decoder.
//
//   engine-bench MODEL THREADS TYPE   then commands on standard input:
//   encode WINDOWS                      windows, as many at once as the engine takes
//   decode BATCH STEPS FIRST            a token at a time for each sequence, from position FIRST on, 2 or more
//   outputs FILE                        encoder output and a step's logits, for comparison between compute types
//   reference FILE FLASH                the same of whisper.cpp, with flash attention (1) or without (0)
#include "native/commands.h"
#include "native/engine.h"
#include "native/reference.h"

namespace {

using bench::argument;

// Some token of text.
constexpr int kToken = 1000;

class Ours {
  public:
    Ours(const char* path, int threads, const char* type)
        : path_(path), threads_(threads), engine_(path, threads, type) {
        mel_ = bench::spectrogram(engine_.mel_bands());
    }

    std::string encode(std::istream& arguments) {
        const auto windows = argument<size_t>(arguments, "WINDOWS");
        encoded_ = true;
        return bench::measured(bench::seconds_of([&] { engine_.encode(mel_, windows); }), windows);
    }

    std::string decode(std::istream& arguments) {
        const auto batch = argument<size_t>(arguments, "BATCH");
        const auto steps = argument<size_t>(arguments, "STEPS");
        const auto first = argument<size_t>(arguments, "FIRST");
        need_window();
        // The last token before the measured ones warms up: a batch of this size is prepared once.
        engine_.start_sequences(batch, std::vector<int>(first - 1, kToken));
        engine_.step(kToken);
        return bench::measured(bench::seconds_of([&] {
                                   for (size_t i = 0; i < steps; ++i) engine_.step(kToken);
                               }),
                               batch * steps);
    }

    std::string outputs(std::istream& arguments) {
        const auto path = argument<std::string>(arguments, "FILE");
        need_window();
        std::vector<float> values = engine_.encoder_output();
        const size_t encoded = values.size();
        engine_.start_sequences(1, {kToken, kToken + 1, kToken + 2});
        const float* logits = engine_.step(kToken + 3);
        values.insert(values.end(), logits, logits + engine_.vocabulary());
        bench::write_floats(path, values.data(), values.size());
        return "{\"encoded\":" + std::to_string(encoded) + "}";
    }

    std::string reference(std::istream& arguments) {
        const auto path = argument<std::string>(arguments, "FILE");
        const bool flash_attention = argument<int>(arguments, "FLASH") != 0;
        bench::ReferenceOutputs outputs = bench::reference_outputs(path_, threads_, flash_attention, mel_,
                                                                   {kToken, kToken + 1, kToken + 2, kToken + 3});
        const size_t encoded = outputs.encoded.size();
        outputs.encoded.insert(outputs.encoded.end(), outputs.logits.begin(), outputs.logits.end());
        bench::write_floats(path, outputs.encoded.data(), outputs.encoded.size());
        return "{\"encoded\":" + std::to_string(encoded) + "}";
    }

  private:
    void need_window() {
        if (!encoded_) engine_.encode(mel_, 1);
        encoded_ = true;
    }

    std::string path_;
    int threads_;
    bench::Engine engine_;
    std::vector<float> mel_;
    bool encoded_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "Usage: engine-bench MODEL THREADS TYPE\n";
        return 2;
    }
    try {
        Ours ours(argv[1], std::stoi(argv[2]), argv[3]);
        bench::serve({
            {"encode", [&](std::istream& arguments) { return ours.encode(arguments); }},
            {"decode", [&](std::istream& arguments) { return ours.decode(arguments); }},
            {"outputs", [&](std::istream& arguments) { return ours.outputs(arguments); }},
            {"reference", [&](std::istream& arguments) { return ours.reference(arguments); }},
        });
    } catch (const std::exception& error) {
        std::cerr << "engine-bench: " << error.what() << "\n";
        return 1;
    }
}
