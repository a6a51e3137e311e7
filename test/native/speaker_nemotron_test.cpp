#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/speakers/nemotron/nemotron.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::NemotronModel;
using agora::NemotronNetwork;
using agora::NemotronShape;
using agora::SpeakerMemory;
using agora::StepSizes;

namespace {

constexpr size_t kWidth = 128;
constexpr size_t kSpeakers = 8;
constexpr size_t kHop = agora::LogMelFeatures::kHop;

std::string model_of(const std::string& type) {
    return kSpeakerFixtures + "nemotron3-tiny-" + type + ".gguf";
}

// Seconds [begin, end) of the call that the references were made of, or nothing where they are not there.
std::vector<float> clip(const std::string& folder, size_t begin, size_t end) {
    const std::vector<float> call = read_chunked_wav(speaker_audio(folder, "calls/mono-mix.wav"));
    REQUIRE(call.size() >= end * 16000);
    return {call.begin() + static_cast<std::ptrdiff_t>(begin * 16000),
            call.begin() + static_cast<std::ptrdiff_t>(end * 16000)};
}

// As the network takes it: after pre-emphasis, with nothing around it.
std::vector<float> emphasised(const std::vector<float>& samples) {
    std::vector<float> sound(200, 0.0f);
    for (size_t i = 0; i < samples.size(); ++i)
        sound.push_back(i == 0 ? samples[0] : samples[i] - 0.97f * samples[i - 1]);
    sound.resize(sound.size() + 400, 0.0f);
    return sound;
}

double largest_difference(const float* a, const std::vector<float>& b) {
    double most = 0;
    for (size_t i = 0; i < b.size(); ++i) most = std::max(most, std::fabs(static_cast<double>(a[i]) - b[i]));
    return most;
}

struct Step {
    std::vector<float> cache, probabilities;
    std::vector<int> picks;
    int cached, queued;
};

struct Pass {
    std::vector<float> logits;  // [frames of 10 ms][speakers]
    std::vector<Step> steps;
    std::vector<float> queue;
};

// A whole recording in steps. `live`: what is left for the last step is taken with the one before, and there is no
// frame behind the sound.
Pass run(NemotronModel& model, const std::vector<float>& samples, const StepSizes& sizes = {}, bool live = false) {
    const std::vector<float> sound = emphasised(samples);
    const int frames = static_cast<int>(samples.size() / kHop);
    const int heard = (frames + 7) / 8;
    const int all = live ? heard : frames / 8 + 1;
    std::vector<float> embeds(static_cast<size_t>(all) * kWidth);
    model.embed(sound.data(), frames, all, embeds.data());
    SpeakerMemory memory(kSpeakers, model.file().rules, sizes, model.silence());
    Pass pass;
    for (int start = 0; start < heard;) {
        int count = std::min(sizes.chunk, heard - start);
        if (live && heard - start <= sizes.chunk + sizes.ahead) count = heard - start;
        const int end = std::min(all, start + count + sizes.ahead);
        agora::NemotronStep step;
        step.chunk.assign(embeds.begin() + static_cast<std::ptrdiff_t>(start) * 128,
                          embeds.begin() + static_cast<std::ptrdiff_t>(end) * 128);
        step.heard = std::min(heard, end) - start;
        step.count = count;
        std::vector<float> logits;
        REQUIRE(model.run(memory, step, nullptr, logits));
        pass.logits.insert(pass.logits.end(), logits.begin(), logits.end());
        pass.steps.push_back(
            {memory.cache(), memory.cache_probabilities(), memory.picks(), memory.cached(), memory.queued()});
        start += count;
    }
    pass.queue = memory.queue();
    pass.logits.resize(static_cast<size_t>(frames) * kSpeakers);
    return pass;
}

// Share of the decisions, at odds of one, that are the same.
double agreement(const std::vector<float>& logits, const std::vector<float>& expected) {
    size_t equal = 0;
    for (size_t i = 0; i < logits.size(); ++i) equal += (logits[i] > 0) == (expected[i] > 0);
    return static_cast<double>(equal) / static_cast<double>(logits.size());
}

}  // namespace

TEST_CASE("speakers: nemotron hears the spectrogram and the frames that transformers hears") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/nemotron3-tiny/reference.safetensors");
    const std::vector<float> sound = emphasised(clip(folder, 40, 60));
    auto model = std::make_shared<NemotronModel>(model_of("f32"), 2, agora::ComputeType::F32);
    agora::CpuCompute compute(2);
    NemotronNetwork network(model->file(), agora::ComputeType::F32, *agora::kernel_sets().front(), compute);
    std::vector<float> features(2000 * 128);
    network.features(sound.data(), 2000, features.data());
    CHECK(largest_difference(features.data(), reference.floats("clip20.features_first_8s")) < 1e-3);
    // The last of the reference is no sound any more.
    std::vector<float> last = reference.floats("clip20.features_last_10");
    CHECK(std::all_of(last.end() - 128, last.end(), [](float value) { return value == 0; }));
    last.resize(9 * 128);
    CHECK(largest_difference(features.data() + 1991 * 128, last) < 1e-3);

    std::vector<float> embeds(251 * kWidth);
    network.embed(sound.data(), 2000, 251, embeds.data());
    CHECK(largest_difference(embeds.data(), reference.floats("clip20.embeds")) < 1e-3);
    std::copy(embeds.begin(), embeds.end(), network.rows());
    REQUIRE(network.run(251, 250, 0, 251, nullptr));
    CHECK(largest_difference(network.encoded(), reference.floats("clip20.encoder")) < 1e-3);
    CHECK(largest_difference(network.logits(), reference.floats("clip20.one_pass_logits")) < 1e-3);
}

TEST_CASE("speakers: nemotron tells who speaks as transformers does, and remembers the same frames") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/nemotron3-tiny/reference.safetensors");
    const std::vector<float> samples = clip(folder, 0, 60);
    const auto first = [](std::vector<float> values, size_t rows) {
        values.resize(rows * kSpeakers);
        return values;
    };
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        const std::string set = kernels->name;
        CAPTURE(set);
        if (set == "plain") continue;  // tens of seconds
        auto model = std::make_shared<NemotronModel>(model_of("f32"), 2, agora::ComputeType::F32, *kernels);
        const Pass pass = run(*model, samples);
        CHECK(largest_difference(pass.logits.data(), first(reference.floats("clip60.offline_logits"), 6000)) < 1e-3);
        REQUIRE(pass.steps.size() == 3);
        for (size_t k = 0; k < 3; ++k) {
            CAPTURE(k);
            const Step& step = pass.steps[k];
            const std::string name = "clip60.offline_step" + std::to_string(k);
            const std::vector<int> sizes = reference.integers(name + ".sizes");
            // The last step's frame that is no sound is not remembered here.
            if (k == 2) continue;
            CHECK(step.cached == sizes[0]);
            CHECK(step.queued == sizes[1]);
            CHECK(largest_difference(step.cache.data(), reference.floats(name + ".cache_embeds")) < 1e-3);
            CHECK(largest_difference(step.probabilities.data(), reference.floats(name + ".cache_probs")) < 1e-3);
            CHECK(step.picks == reference.integers("clip60.offline_compress" + std::to_string(k) + ".picks"));
        }
    }
}

TEST_CASE("speakers: nemotron in short steps, as it listens to a call, is transformers' streaming") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/nemotron3-tiny/reference.safetensors");
    auto model = std::make_shared<NemotronModel>(model_of("f32"), 2, agora::ComputeType::F32);
    StepSizes sizes;
    sizes.chunk = 9;
    sizes.ahead = 4;
    sizes.queue = 264;
    sizes.update = 222;
    const Pass pass = run(*model, clip(folder, 0, 60), sizes, true);
    REQUIRE(pass.steps.size() == 83);
    CHECK(largest_difference(pass.logits.data(), reference.floats("clip60.streaming_9_4_logits")) < 1e-3);
    std::vector<std::vector<int>> picks;
    for (const Step& step : pass.steps) {
        if (!step.picks.empty() && (picks.empty() || picks.back() != step.picks)) picks.push_back(step.picks);
    }
    REQUIRE(picks.size() == 2);
    for (size_t k = 0; k < 2; ++k)
        CHECK(picks[k] == reference.integers("clip60.streaming_9_4_compress" + std::to_string(k) + ".picks"));
    const std::string final = "clip60.streaming_9_4.final.";
    CHECK(largest_difference(pass.steps.back().cache.data(), reference.floats(final + "cache_embeds")) < 1e-3);
    CHECK(largest_difference(pass.steps.back().probabilities.data(), reference.floats(final + "cache_probs")) < 1e-3);
    const std::vector<float> queue = reference.floats(final + "fifo");
    REQUIRE(pass.queue.size() == queue.size());
    CHECK(largest_difference(pass.queue.data(), queue) < 1e-3);
}

TEST_CASE("speakers: nemotron decides the same in narrower types") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/nemotron3-tiny/reference.safetensors");
    const std::vector<float> samples = clip(folder, 0, 60);
    const std::vector<float> expected = reference.floats("clip60.offline_logits");
    using Type = agora::ComputeType;
    const std::vector<std::pair<std::string, Type>> models = {{"f32", Type::Auto},  {"bf16", Type::Auto},
                                                              {"f16", Type::F16},   {"q8_0", Type::Auto},
                                                              {"q8_0", Type::Int8}, {"q8_0", Type::BF16}};
    for (const auto& [file, type] : models) {
        CAPTURE(file);
        CAPTURE(static_cast<int>(type));
        auto model = std::make_shared<NemotronModel>(model_of(file), 2, type);
        const double share = agreement(run(*model, samples).logits, expected);
        CHECK(share >= 0.995);
    }
}
