#include "readers.h"

#include <atomic>
#include <filesystem>

#include "../model_writer.h"
#include "engine/audio/vad.h"
#include "engine/borealis/audio_encoder.h"
#include "engine/borealis/language_model.h"
#include "engine/device/compute.h"
#include "engine/model/packed_whisper_weights.h"
#include "engine/model/quantize.h"
#include "engine/model/vad_file.h"
#include "engine/reference/sequential.h"
#include "engine/speakers/diarizer.h"
#include "engine/text/vocabulary.h"

namespace {

constexpr ModelShape kTiny = {64, 1, 1, 64};

// Everything but the tensors' data; of the mel filters and the vocabulary, which are long, the beginnings.
Seed whisper_seed(const TemporaryFile& model) {
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    Seed seed{read_file(model.path()), {{0, 64}, {0, 64}, {file.vocabulary_offset, 256}}};
    seed.structure.emplace_back(file.vocabulary_offset, file.tensors_offset - file.vocabulary_offset);
    for (const agora::TensorEntry& tensor : file.tensors) {
        const size_t header = 12 + 4 * tensor.ne.size() + tensor.name.size();
        seed.structure.emplace_back(tensor.offset - header, header);
    }
    return seed;
}

Seed gguf_seed(const std::string& path) {
    const agora::GgufFile file(path);
    return {read_file(path), {{0, 24}, {0, static_cast<size_t>(file.tensors().front().offset)}}};
}

void read_whisper(const std::string& path, Mutator& choice) {
    const agora::WhisperFile file = agora::read_whisper_file(path);
    agora::read_vocabulary(path, file);
    agora::read_mel_filters(path, file);
    switch (choice.below(16)) {
        case 0: {
            const agora::KernelSet& kernels = *agora::kernel_sets().front();
            agora::PackedWhisperWeights(
                path, file, agora::choose_precision(agora::ComputeType::Auto, file.is_quantised(), kernels));
            return;
        }
        case 1:
            // whisper.cpp's own reader trusts what it finds.
            agora::SequentialWhisper(path, false, 1).count_tokens("Hello there");
            return;
        default:
            return;
    }
}

void read_quantized(const std::string& path, Mutator& choice) {
    const auto& types = agora::quantize_types();
    const std::string target = path + ".quantized";
    const std::atomic<bool> cancelled{false};
    agora::quantize_whisper_file(path, target, types[choice.below(types.size())], cancelled, [](double) {});
    agora::read_whisper_file(target);
    std::filesystem::remove(target);
}

void read_language_model(const std::string& path, Mutator& choice) {
    const agora::LanguageFile file = agora::read_language_file(path);
    agora::CpuCompute compute(1);
    const bool packed = choice.below(4) != 0;
    agora::LanguageModel model(path, file, compute, 1, 2, 16,
                               packed ? agora::BorealisPlace::Cpu : agora::BorealisPlace::Portable);
    std::vector<float> rows;
    for (const int token : model.tokenize("to be")) model.embed(token, rows);
    if (!rows.empty()) model.decode({{0, &rows}});
    for (int token = 0; token < std::min(model.vocabulary(), 64); ++token) model.text_of(token);
}

void read_audio_encoder(const std::string& path, Mutator& choice) {
    const agora::AudioFile file = agora::read_audio_file(path);
    if (choice.below(8) != 0) return;
    agora::CpuCompute compute(1);
    const agora::AudioEncoder encoder(
        path, file, compute, choice.below(2) == 0 ? agora::BorealisPlace::Cpu : agora::BorealisPlace::Portable);
}

void read_vad(const std::string& path, Mutator&) {
    agora::VoiceActivityDetector detector(path);
    const std::vector<float> frames(2 * agora::VoiceActivityDetector::kFrameSamples, 0.1f);
    detector.push(frames.data(), frames.size());
    detector.flush();
}

void read_diarization_model(const std::string& path, Mutator& choice) {
    agora::inspect_diarization_file(path);
    if (choice.below(4) != 0) return;
    const auto stream = agora::load_diarization_model(path, 1)->open();
    const std::vector<float> samples(16000, 0.1f);
    stream->push(samples.data(), samples.size(), nullptr);
    stream->finish({}, nullptr);
}

}  // namespace

std::vector<Reader> readers(const std::string& fixtures) {
    const TemporaryFile half(random_model(kTiny, 1, 1));
    const TemporaryFile single(random_model(kTiny, 2, 0));
    const TemporaryFile quantized;
    const std::atomic<bool> cancelled{false};
    std::filesystem::remove(quantized.path());
    agora::quantize_whisper_file(half.path(), quantized.path(), "q4_0", cancelled, [](double) {});
    const Seed small = whisper_seed(quantized);
    const std::string vad = AGORA_ROOT "/models/silero-v6.2.0.bin";
    const Bytes vad_bytes = read_file(vad);
    return {
        {"whisper", {small, small, whisper_seed(half)}, read_whisper},
        {"quantize", {whisper_seed(half), whisper_seed(single)}, read_quantized},
        {"language-model",
         {gguf_seed(fixtures + "/gen2/language-model-q8_0.gguf"),
          gguf_seed(fixtures + "/gen2/language-model-f16.gguf")},
         read_language_model},
        {"audio-encoder", {gguf_seed(fixtures + "/gen2/audio-q4_0.gguf")}, read_audio_encoder},
        {"diarization",
         {gguf_seed(fixtures + "/nemotron/random-q8_0.gguf"), gguf_seed(fixtures + "/nemotron/random-f32.gguf")},
         read_diarization_model},
        {"vad", {{vad_bytes, {{0, 128}, {0, 512}, {0, vad_bytes.size()}}}}, read_vad},
    };
}
