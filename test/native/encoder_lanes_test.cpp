// Windows that are encoded beside each other, each in parts.
#include <doctest/doctest.h>

#include "engine/audio/log_mel.h"
#include "engine/decoder/packed_network.h"
#include "engine/text/vocabulary.h"
#include "numbers.h"
#include "support.h"

namespace {

constexpr size_t kSecond = 16000;

struct Lanes {
    Lanes()
        : file(agora::read_whisper_file(kDemoModel)),
          compute(2),
          kernels(*agora::kernel_sets().front()),
          network(kDemoModel, file, agora::choose_precision(agora::ComputeType::Auto, file.is_quantised(), kernels),
                  kernels, compute),
          log_mel(file.hparams.n_mels, agora::read_mel_filters(kDemoModel, file)) {}

    std::vector<float> spectrogram(size_t begin, size_t seconds) const {
        const std::vector<float> audio = read_wav(kEnglishCall);
        std::vector<float> mel(static_cast<size_t>(log_mel.bands()) * agora::LogMel::kFrames);
        log_mel.compute(audio.data() + begin * kSecond, seconds * kSecond, mel.data());
        return mel;
    }
    std::vector<float> logits_of(agora::WindowMemory& window) {
        const auto self = network.decoder().new_sequence();
        const agora::Vocabulary v = agora::read_vocabulary(kDemoModel, file);
        const std::vector<int> tokens = {v.start_of_transcript, v.first_language, v.transcribe, v.no_timestamps};
        const float* logits = network.decoder().run({{self.get(), &window, 0, tokens}}, nullptr);
        return {logits, logits + v.size};
    }

    agora::WhisperFile file;
    agora::CpuCompute compute;
    const agora::KernelSet& kernels;
    agora::PackedNetwork network;
    agora::LogMel log_mel;
};

}  // namespace

TEST_CASE("lanes: an encoding that was begun goes on where it was when another has been made beside it") {
    Lanes lanes;
    REQUIRE(lanes.network.lanes() == 2);
    const std::vector<float> file = lanes.spectrogram(0, 20);
    const std::vector<float> live = lanes.spectrogram(20, 4);
    const agora::WindowFrames frames = agora::thinned_silence(4 * kSecond);
    const auto memory_of = [&] { return lanes.network.decoder().new_window(); };

    const auto file_alone = memory_of();
    REQUIRE(lanes.network.encode({{file.data(), file_alone.get()}}, nullptr));
    const auto live_alone = memory_of();
    REQUIRE(lanes.network.encode({{live.data(), live_alone.get(), frames}}, nullptr));

    const auto file_beside = memory_of();
    const auto live_beside = memory_of();
    lanes.network.begin_encoding({{file.data(), file_beside.get()}}, 0);
    lanes.network.begin_encoding({{live.data(), live_beside.get(), frames}}, 1);
    bool unfinished[] = {true, true};
    int parts = 0;
    while (unfinished[0] || unfinished[1]) {
        for (const size_t lane : {size_t{0}, size_t{1}}) {
            if (!unfinished[lane]) continue;
            unfinished[lane] = lanes.network.go_on_encoding(lane, 0, nullptr) == agora::Progress::Unfinished;
            ++parts;
        }
    }
    CHECK(parts > 2);
    CHECK(lanes.logits_of(*file_beside) == lanes.logits_of(*file_alone));
    CHECK(lanes.logits_of(*live_beside) == lanes.logits_of(*live_alone));
}
