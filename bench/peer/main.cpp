// Measures whisper.cpp through its public interface, with its defaults: flash attention, OpenMP, greedy decoding.
//
//   peer-bench MODEL THREADS      then commands on standard input:
//   encode WINDOWS                  windows, one after another
//   decode STEPS FIRST              single tokens of one sequence, from position FIRST on, 2 or more
//   windows FILE TOKENS LANGUAGE    whisper_full() of each window; TOKENS 0: as the model decides, else so many each
//   texts FILE BEAMS LANGUAGE       whisper_full() of each recording (as windows are written), and what it writes
#include <whisper.h>

#include <cmath>
#include <memory>

#include "native/commands.h"

namespace {

using bench::argument;

struct Free {
    void operator()(whisper_context* context) const { whisper_free(context); }
};

void check(int status, const char* what) {
    if (status != 0) throw std::runtime_error(std::string(what) + " failed with " + std::to_string(status));
}

class Peer {
  public:
    Peer(const char* path, int threads) : threads_(threads) {
        whisper_context_params params = whisper_context_default_params();
        params.use_gpu = false;
        context_.reset(whisper_init_from_file_with_params(path, params));
        if (!context_) throw std::runtime_error(std::string("whisper.cpp cannot load ") + path);
    }

    std::string encode(std::istream& arguments) {
        const auto windows = argument<size_t>(arguments, "WINDOWS");
        set_spectrogram();
        return bench::measured(bench::seconds_of([&] {
                                   for (size_t i = 0; i < windows; ++i) encode_window();
                               }),
                               windows);
    }

    std::string decode(std::istream& arguments) {
        const auto steps = argument<int>(arguments, "STEPS");
        const auto first = argument<int>(arguments, "FIRST");
        if (!encoded_) {
            set_spectrogram();
            encode_window();
        }
        // What comes before the measured positions, in one batch but for the last.
        const std::vector<whisper_token> prompt(static_cast<size_t>(first - 1), kToken);
        check(whisper_decode(context_.get(), prompt.data(), first - 1, 0, threads_), "whisper_decode");
        // Warms up, as on the other side.
        check(whisper_decode(context_.get(), &kToken, 1, first - 1, threads_), "whisper_decode");
        return bench::measured(bench::seconds_of([&] {
                                   for (int i = 0; i < steps; ++i) {
                                       check(whisper_decode(context_.get(), &kToken, 1, first + i, threads_),
                                             "whisper_decode");
                                   }
                               }),
                               static_cast<size_t>(steps));
    }

    std::string windows(std::istream& arguments) {
        const auto windows = bench::read_windows(argument<std::string>(arguments, "FILE"));
        const auto tokens = argument<int>(arguments, "TOKENS");
        const auto language = argument<std::string>(arguments, "LANGUAGE");
        Progress progress{whisper_token_eot(context_.get()), 0};
        whisper_full_params params = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
        params.n_threads = threads_;
        params.print_progress = false;
        params.no_context = true;
        params.language = language.c_str();
        if (tokens > 0) {
            params.no_timestamps = true;
            params.temperature_inc = 0;
            params.entropy_thold = -INFINITY;
            params.logprob_thold = -INFINITY;
            params.no_speech_thold = INFINITY;
            // It stops after the token with this index.
            params.max_tokens = tokens - 1;
            params.logits_filter_callback = forbid_end;
        } else {
            params.logits_filter_callback = count;
        }
        params.logits_filter_callback_user_data = &progress;
        const double seconds = bench::seconds_of([&] {
            for (const std::vector<float>& samples : windows) {
                check(whisper_full(context_.get(), params, samples.data(), static_cast<int>(samples.size())),
                      "whisper_full");
            }
        });
        encoded_ = false;
        return bench::measured(seconds, progress.tokens);
    }

    std::string texts(std::istream& arguments) {
        const auto recordings = bench::read_windows(argument<std::string>(arguments, "FILE"));
        const auto beams = argument<int>(arguments, "BEAMS");
        const auto language = argument<std::string>(arguments, "LANGUAGE");
        whisper_full_params params =
            whisper_full_default_params(beams > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
        params.n_threads = threads_;
        params.print_progress = false;
        params.language = language.c_str();
        params.beam_search.beam_size = beams;
        std::vector<std::string> texts;
        const double seconds = bench::seconds_of([&] {
            for (const std::vector<float>& samples : recordings) {
                check(whisper_full(context_.get(), params, samples.data(), static_cast<int>(samples.size())),
                      "whisper_full");
                texts.emplace_back();
                for (int i = 0; i < whisper_full_n_segments(context_.get()); ++i)
                    texts.back() += whisper_full_get_segment_text(context_.get(), i);
            }
        });
        encoded_ = false;
        return bench::heard(seconds, texts);
    }

  private:
    // Some token of text.
    static constexpr whisper_token kToken = 1000;

    // Tokens that have been sampled.
    struct Progress {
        whisper_token end_of_text;
        size_t tokens;
    };

    static void count(whisper_context*, whisper_state*, const whisper_token_data*, int, float*, void* data) {
        ++static_cast<Progress*>(data)->tokens;
    }

    static void forbid_end(whisper_context*, whisper_state*, const whisper_token_data*, int, float* logits,
                           void* data) {
        auto* progress = static_cast<Progress*>(data);
        ++progress->tokens;
        logits[progress->end_of_text] = -INFINITY;
    }

    void set_spectrogram() {
        const int bands = whisper_model_n_mels(context_.get());
        const std::vector<float> mel = bench::spectrogram(bands);
        check(whisper_set_mel(context_.get(), mel.data(), static_cast<int>(mel.size()) / bands, bands),
              "whisper_set_mel");
    }

    void encode_window() {
        check(whisper_encode(context_.get(), 0, threads_), "whisper_encode");
        encoded_ = true;
    }

    std::unique_ptr<whisper_context, Free> context_;
    int threads_;
    bool encoded_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "Usage: peer-bench MODEL THREADS\n";
        return 2;
    }
    try {
        whisper_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        Peer peer(argv[1], std::stoi(argv[2]));
        bench::serve({
            {"encode", [&](std::istream& arguments) { return peer.encode(arguments); }},
            {"decode", [&](std::istream& arguments) { return peer.decode(arguments); }},
            {"windows", [&](std::istream& arguments) { return peer.windows(arguments); }},
            {"texts", [&](std::istream& arguments) { return peer.texts(arguments); }},
        });
    } catch (const std::exception& error) {
        std::cerr << "peer-bench: " << error.what() << "\n";
        return 1;
    }
}
