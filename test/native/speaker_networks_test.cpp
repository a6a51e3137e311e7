#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "engine/kernels/kernel_set.h"
#include "engine/speakers/ge2e.h"
#include "engine/speakers/resnet.h"
#include "engine/speakers/segmentation.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::Segmentation;
using Shape = agora::SegmentationShape;

namespace {

std::vector<float> window_of(const std::vector<float>& samples, size_t seconds) {
    const size_t first = std::min(samples.size(), seconds * 16000);
    const size_t last = std::min(samples.size(), first + Shape::kSamples);
    std::vector<float> window(samples.begin() + static_cast<std::ptrdiff_t>(first),
                              samples.begin() + static_cast<std::ptrdiff_t>(last));
    window.resize(Shape::kSamples, 0.0f);
    return window;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(static_cast<double>(a[i]) - b[i]));
    return most;
}

}  // namespace

TEST_CASE("speakers: an LSTM cell agrees with double arithmetic on every instruction set") {
    const int width = 96;
    const auto gates = normal_values(4 * width, 1, 4);
    const auto before = normal_values(width, 2);
    std::vector<double> cells, hidden;
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
        const auto gate = [&](size_t which) { return static_cast<double>(gates[which * width + i]); };
        cells.push_back(sigmoid(gate(1)) * before[i] + sigmoid(gate(0)) * std::tanh(gate(2)));
        hidden.push_back(sigmoid(gate(3)) * std::tanh(cells.back()));
    }
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        std::vector<float> cell = before;
        std::vector<float> output(width);
        kernels->lstm_cell(gates.data(), width, cell.data(), output.data());
        CHECK(relative_error(cell, cells) < 1e-6);
        CHECK(relative_error(output, hidden) < 1e-6);
    }
}

TEST_CASE("speakers: the segmentation hears what ONNX Runtime hears") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/segmentation/segmentation-reference.safetensors");
    const std::vector<float> call = read_chunked_wav(speaker_audio(folder, "calls/mono-mix.wav"));
    const std::vector<std::vector<float>> windows = {window_of(call, 42), window_of(call, 72), window_of(call, 135)};
    std::vector<const float*> inputs;
    for (const auto& window : windows) inputs.push_back(window.data());
    const auto expected = reference.floats("logprobs");
    const auto classes = reference.integers("classes");
    const agora::SpeakerFile file = agora::read_speaker_file(kSpeakerModel);
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        const std::string set = kernels->name;
        CAPTURE(set);
        if (set == "plain") continue;  // seconds per window
        Segmentation segmentation(agora::NamedTensors(file.path, file.tensors), *kernels);
        std::vector<float> output(inputs.size() * Shape::kFrames * Shape::kClasses);
        segmentation.run(inputs, two_threads, output.data());
        const std::vector<float> first(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(output.size()));
        CHECK(largest_difference(output, first) < 1e-3);
        size_t equal = 0;
        for (size_t i = 0; i < output.size() / Shape::kClasses; ++i) {
            const float* row = &output[i * Shape::kClasses];
            equal += std::max_element(row, row + Shape::kClasses) - row == classes[i];
        }
        CHECK(equal == output.size() / Shape::kClasses);
        // A window alone is the same as one among others.
        std::vector<float> alone(static_cast<size_t>(Shape::kFrames) * Shape::kClasses);
        segmentation.run({inputs[1]}, two_threads, alone.data());
        CHECK(std::equal(alone.begin(), alone.end(), output.begin() + static_cast<std::ptrdiff_t>(alone.size())));
    }
}

TEST_CASE("speakers: the GE2E encoder gives the vectors of PyTorch") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/ge2e/ge2e-reference.safetensors");
    const std::vector<float> mel_expected = reference.floats("u0.mel_first_160");
    const agora::SpeakerFile file = agora::read_speaker_file(kSpeakerModel);
    const agora::Ge2eEncoder encoder(agora::NamedTensors(file.path, file.tensors), *agora::kernel_sets().front());
    const Bytes bytes = read_file(kSpeakerFixtures + "utterance.f32");
    if (bytes.empty()) {
        std::cerr << "skipped: no FFmpeg to decode an utterance with\n";
        return;
    }
    std::vector<float> samples(bytes.size() / sizeof(float));
    std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(float));
    std::vector<float> mel = encoder.mel(samples.data(), samples.size());
    REQUIRE(mel.size() >= mel_expected.size());
    CHECK(
        relative_error(std::vector<float>(mel.begin(), mel.begin() + static_cast<std::ptrdiff_t>(mel_expected.size())),
                       mel_expected) < 1e-4);
    std::vector<const float*> parts;
    for (size_t start = 0; start <= 320; start += 80) parts.push_back(mel.data() + start * 40);
    std::vector<float> scratch;
    const std::vector<float> vectors = encoder.embed_parts(parts, 160, scratch);
    const std::vector<float> expected = reference.floats("u0.partials");
    for (size_t i = 0; i < parts.size(); ++i) CHECK(cosine(&vectors[i * 256], &expected[i * 256], 256) > 0.99999);
    const std::vector<float> start = encoder.embed_parts({mel.data()}, 60, scratch);
    CHECK(cosine(start.data(), reference.floats("u0.first_60_frames").data(), 256) > 0.99999);
}

TEST_CASE("speakers: WeSpeaker's ResNet34 gives the vectors of PyTorch, of whatever mask") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/wespeaker-tiny/wespeaker-reference.safetensors");
    const std::vector<float> window = window_of(read_chunked_wav(speaker_audio(folder, "calls/mono-mix.wav")), 42);
    const agora::KaldiFeatures features;
    CHECK(largest_difference(features.compute(window.data(), window.size()), reference.floats("fbank")) < 1e-2);

    const agora::SpeakerFile file = agora::read_speaker_file(kResNetModel);
    agora::ResNetEncoder encoder(file, agora::NamedTensors(file.path, file.tensors), *agora::kernel_sets().front());
    const std::vector<int> masks = reference.integers("masks");
    std::vector<agora::VoiceMask> voices;
    const auto add = [&](const std::vector<int>& values) {
        voices.push_back({0, std::vector<uint8_t>(values.begin(), values.end())});
    };
    for (size_t k = 1; k < 3; ++k) {
        const auto begin = masks.begin() + static_cast<std::ptrdiff_t>(k * Shape::kFrames);
        add({begin, begin + Shape::kFrames});
    }
    add(reference.integers("mask_ten_frames"));
    std::vector<int> one(Shape::kFrames, 0);
    one[300] = 1;
    add(one);
    const std::vector<float> vectors = encoder.embed({window.data()}, voices, two_threads);
    const std::vector<std::string> names = {"embedding_1", "embedding_2", "embedding_ten_frames",
                                            "embedding_one_frame"};
    for (size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i]);
        const std::vector<float> expected = reference.floats(names[i]);
        const std::vector<float> actual(vectors.begin() + static_cast<std::ptrdiff_t>(i * 256),
                                        vectors.begin() + static_cast<std::ptrdiff_t>((i + 1) * 256));
        CHECK(cosine(actual.data(), expected.data(), 256) > 0.999999);
        CHECK(largest_difference(actual, expected) < 1e-3);
    }
}
