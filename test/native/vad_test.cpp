#include "engine/audio/vad.h"

#include <doctest/doctest.h>
#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/device/backends.h"
#include "engine/log.h"
#include "support.h"

using agora::VoiceActivityDetector;

namespace {

const std::string kModel = AGORA_ROOT "/models/silero-v6.2.0.bin";
constexpr size_t kFrame = VoiceActivityDetector::kFrameSamples;

struct FreeVad {
    void operator()(whisper_vad_context* context) const { whisper_vad_free(context); }
};

// What whisper.cpp makes of the same samples, whole frames.
std::vector<float> by_whisper_cpp(const std::vector<float>& samples) {
    agora::capture_logs();
    agora::need_cpu_backend();
    whisper_vad_context_params params = whisper_vad_default_context_params();
    params.n_threads = 1;
    const std::unique_ptr<whisper_vad_context, FreeVad> context(
        whisper_vad_init_from_file_with_params(kModel.c_str(), params));
    REQUIRE(context != nullptr);
    REQUIRE(whisper_vad_detect_speech(context.get(), samples.data(), static_cast<int>(samples.size())));
    const float* probabilities = whisper_vad_probs(context.get());
    return {probabilities, probabilities + whisper_vad_n_probs(context.get())};
}

std::vector<float> speech() {
    std::vector<float> samples = read_wav(kEnglishCall);
    samples.resize(std::min<size_t>(samples.size(), 20 * 16000) / kFrame * kFrame);
    return samples;
}

}  // namespace

TEST_CASE("speech probabilities are whisper.cpp's, on every instruction set") {
    const std::vector<float> samples = speech();
    const std::vector<float> expected = by_whisper_cpp(samples);
    REQUIRE(expected.size() == samples.size() / kFrame);
    CHECK(*std::max_element(expected.begin(), expected.end()) > 0.9f);
    CHECK(*std::min_element(expected.begin(), expected.end()) < 0.1f);
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        const std::string set = kernels->name;
        CAPTURE(set);
        VoiceActivityDetector detector(kModel, *kernels);
        const std::vector<float> probabilities = detector.push(samples.data(), samples.size());
        REQUIRE(probabilities.size() == expected.size());
        float worst = 0;
        float sum = 0;
        for (size_t i = 0; i < expected.size(); ++i) {
            const float difference = std::abs(probabilities[i] - expected[i]);
            worst = std::max(worst, difference);
            sum += difference;
        }
        // whisper.cpp rounds what goes into its convolutions to half precision.
        CHECK(worst < 0.02f);
        CHECK(sum / static_cast<float>(expected.size()) < 0.001f);
    }
}

TEST_CASE("speech probabilities do not depend on how the sound arrives") {
    const std::vector<float> samples = speech();
    VoiceActivityDetector at_once(kModel);
    const std::vector<float> expected = at_once.push(samples.data(), samples.size());
    VoiceActivityDetector detector(kModel);
    std::vector<float> probabilities;
    for (size_t first = 0; first < samples.size(); first += 777) {
        const std::vector<float> some =
            detector.push(samples.data() + first, std::min<size_t>(777, samples.size() - first));
        probabilities.insert(probabilities.end(), some.begin(), some.end());
    }
    CHECK(probabilities == expected);
}

TEST_CASE("a stream that has ended is forgotten") {
    const std::vector<float> samples = speech();
    VoiceActivityDetector detector(kModel);
    const std::vector<float> expected = detector.push(samples.data(), samples.size());
    CHECK(detector.flush().empty());
    CHECK(detector.push(samples.data(), samples.size()) == expected);
    CHECK(detector.push(samples.data(), kFrame + 1).size() == 1);
    CHECK(detector.flush().size() == 1);
}
