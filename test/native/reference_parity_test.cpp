// The engine against exact arithmetic (plain_whisper.h), on small models of every structure that has been published.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <random>

#include "engine/decoder/portable_network.h"
#include "engine/model/quantize.h"
#include "engine_parts.h"
#include "model_writer.h"
#include "plain_whisper.h"

namespace {

// Bands that drift up and down, in the range of real ones, [bands][3000].
std::vector<float> random_spectrogram(int bands) {
    std::mt19937 random(3);
    std::uniform_real_distribution<float> noise(-0.2f, 0.2f);
    std::vector<float> mel(static_cast<size_t>(bands) * agora::LogMel::kFrames);
    float level = 0;
    for (float& value : mel) {
        level = 0.95f * level + noise(random);
        value = std::max(-0.7f, std::min(1.3f, 0.2f + level));
    }
    return mel;
}

// The start of a transcript with a timestamp, and text: tokens of every vocabulary.
const std::vector<int> kPrefix = {50258, 50259, 50359, 50384, 1222, 2593, 1230, 11, 400};

// What a compute type's GELU is: the published one in full precision, whisper.cpp's approximation else.
PlainWhisper::Gelu gelu_of(agora::ComputeType type) {
    return type == agora::ComputeType::F32 ? PlainWhisper::Gelu::Erf : PlainWhisper::Gelu::Tanh;
}

// A model, and what exact arithmetic makes of it, with either GELU.
struct Exact {
    struct Results {
        std::vector<double> encoded, logits;
    };

    explicit Exact(const std::string& path)
        : path(path), mel(random_spectrogram(agora::read_whisper_file(path).hparams.n_mels)) {}

    const Results& of(PlainWhisper::Gelu gelu) const {
        const auto found = results.find(gelu);
        if (found != results.end()) return found->second;
        const PlainWhisper plain(path, gelu);
        Results made;
        made.encoded = plain.encode(mel);
        made.logits = plain.logits(made.encoded, kPrefix);
        return results.emplace(gelu, std::move(made)).first->second;
    }

    void check(agora::ComputeType type, const agora::KernelSet& kernels) const {
        const std::string name = agora::compute_type_name(type);
        const std::string set = kernels.name;
        CAPTURE(name);
        CAPTURE(set);
        Parts parts(path, type, kernels);
        const Results& exact = of(gelu_of(type));
        const double encoder_error = relative_error(parts.encode(mel), exact.encoded);
        const double decoder_error = relative_error(parts.decode(kPrefix), exact.logits);
        CHECK(encoder_error <= bound_of(type));
        CHECK(decoder_error <= bound_of(type));
    }

    std::string path;
    std::vector<float> mel;
    mutable std::map<PlainWhisper::Gelu, Results> results;
};

// The model of `path` in a quantised type.
std::unique_ptr<TemporaryFile> quantised(const std::string& path, const std::string& type) {
    auto file = std::make_unique<TemporaryFile>();
    agora::quantize_whisper_file(path, file->path(), type, std::atomic<bool>{false}, [](double) {});
    return file;
}

}  // namespace

// whisper.cpp keeps keys, values, spectrograms and its table of GELU in half precision. It has no convolutions in
// single precision, and stops the process over them.
TEST_CASE("exact arithmetic and whisper.cpp agree on a model") {
    const TemporaryFile model(random_model({128, 2, 1, 448, 128, 51866}, 1, 1));
    const Exact exact(model.path());
    const Reference reference(model.path(), false);
    const Exact::Results& plain = exact.of(PlainWhisper::Gelu::Tanh);
    const double encoder_error = relative_error(reference.encode(exact.mel), plain.encoded);
    const double decoder_error = relative_error(reference.decode(kPrefix), plain.logits);
    CHECK(encoder_error <= 2e-3);
    CHECK(decoder_error <= 2e-3);
}

TEST_CASE("every compute type is as exact as it promises, on every structure") {
    const std::pair<const char*, ModelShape> structures[] = {
        {"English only", {64, 2, 2, 448, 80, 51864}},     {"multilingual", {128, 1, 1, 448, 80, 51865}},
        {"large-v3", {128, 2, 2, 448, 128, 51866}},       {"large-v3-turbo", {192, 1, 4, 448, 128, 51866}},
        {"distil-large-v2", {192, 2, 1, 448, 80, 51865}}, {"distil-large-v3", {384, 1, 2, 448, 128, 51866}},
    };
    for (const auto& [name, shape] : structures) {
        const std::string structure = name;
        CAPTURE(structure);
        const TemporaryFile model(random_model(shape, 2));
        const Exact exact(model.path());
        for (const agora::ComputeType type : kComputeTypes) exact.check(type, *agora::kernel_sets().front());
    }
}

TEST_CASE("every instruction set is as exact as the fastest, from spectrogram to logits") {
    const TemporaryFile model(random_model({128, 1, 1}, 4));
    const Exact exact(model.path());
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        for (const agora::ComputeType type : kComputeTypes) exact.check(type, *kernels);
    }
}

TEST_CASE("weights of every type are worth what their format says") {
    const TemporaryFile f32(random_model({64, 1, 1}, 5));
    const TemporaryFile f16(random_model({64, 1, 1}, 5, 1));
    const TemporaryFile wide(random_model({256, 1, 1}, 6, 1));
    std::vector<std::unique_ptr<TemporaryFile>> files;
    std::vector<std::string> paths = {f32.path(), f16.path()};
    for (const std::string& type : agora::quantize_types()) {
        const bool super_blocks = type.back() == 'k';  // of 256 weights
        files.push_back(quantised(super_blocks ? wide.path() : f32.path(), type));
        paths.push_back(files.back()->path());
    }
    for (const std::string& path : paths) {
        const std::string weights = agora::read_whisper_file(path).weight_type;
        CAPTURE(weights);
        const Exact exact(path);
        for (const agora::ComputeType type : {agora::ComputeType::F32, agora::ComputeType::Int8})
            exact.check(type, *agora::kernel_sets().front());
    }
}

// Ours and whisper.cpp's errors are independent: together they stay within the bound of one, or of half precision.
TEST_CASE("models of published shapes have whisper.cpp's encoder output and logits") {
    const std::pair<const char*, ModelShape> shapes[] = {
        {"tiny.en", {384, 4, 4, 448, 80, 51864}},
        {"base", {512, 6, 6, 448, 80, 51865}},
    };
    for (const auto& [name, shape] : shapes) {
        const std::string published = name;
        CAPTURE(published);
        const TemporaryFile model(random_model(shape, 8, 1));
        const std::vector<float> mel = random_spectrogram(shape.mels);
        const Reference reference(model.path(), false);
        const std::vector<float> encoded = reference.encode(mel);
        const std::vector<float> logits = reference.decode(kPrefix);
        for (const agora::ComputeType type : kComputeTypes) {
            const std::string compute_type = agora::compute_type_name(type);
            CAPTURE(compute_type);
            Parts parts(model.path(), type);
            const double bound = std::max(bound_of(type), bound_of(agora::ComputeType::F16));
            const double encoder_error = relative_error(parts.encode(mel), encoded);
            const double decoder_error = relative_error(parts.decode(kPrefix), logits);
            CHECK(encoder_error <= bound);
            CHECK(decoder_error <= bound);
        }
    }
}

TEST_CASE("full precision has the published GELU, in encoder and decoder, which its approximation is told apart from") {
    const TemporaryFile model(random_model({64, 1, 1}, 7));
    const Exact exact(model.path());
    const Exact::Results& approximate = exact.of(PlainWhisper::Gelu::Tanh);
    for (const agora::KernelSet* kernels : agora::kernel_sets()) {
        exact.check(agora::ComputeType::F32, *kernels);
        Parts parts(model.path(), agora::ComputeType::F32, *kernels);
        CHECK(relative_error(parts.encode(exact.mel), approximate.encoded) > bound_of(agora::ComputeType::F32));
        CHECK(relative_error(parts.decode(kPrefix), approximate.logits) > bound_of(agora::ComputeType::F32));
    }
}

TEST_CASE("a model in single precision has the published GELU on ggml's operations too") {
    const TemporaryFile model(random_model({64, 2, 2}, 7));
    const Exact exact(model.path());
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    agora::CpuCompute compute(2);
    agora::PortableNetwork network(model.path(), file, agora::ComputeType::F32, 1, compute);
    const auto window = network.decoder().new_window();
    REQUIRE(network.encode({{exact.mel.data(), window.get()}}, nullptr));
    const auto self = network.decoder().new_sequence();
    const float* logits = network.decoder().run({{self.get(), window.get(), 0, kPrefix}}, nullptr);
    const std::vector<float> computed(logits, logits + file.hparams.n_vocab);
    const Exact::Results& published = exact.of(PlainWhisper::Gelu::Erf);
    CHECK(relative_error(network.encoded(0, 0), published.encoded) <= bound_of(agora::ComputeType::F32));
    // Its keys and values are in half precision.
    CHECK(relative_error(computed, published.logits) <= 3e-3);
}

TEST_CASE("the demo model is computed as exactly as a random one") {
    const Exact exact(kDemoModelF16);
    for (const agora::ComputeType type : kComputeTypes) exact.check(type, *agora::kernel_sets().front());
}
