#include "engine/borealis/audio_file.h"

#include <ggml.h>

#include <cmath>

#include "engine/error.h"

namespace agora {
namespace {

constexpr double kLayerNormEpsilon = 1e-5;

ExpectedTensors expected_tensors(const AudioFile& model) {
    const int64_t width = model.width;
    ExpectedTensors tensors;
    const auto linear = [&](const std::string& name, int64_t in, int64_t out, bool bias = true) {
        tensors.matrix(name + ".weight", in, out);
        if (bias) tensors.floats(name + ".bias", {out});
    };
    const auto norm = [&](const std::string& name) {
        tensors.floats(name + ".weight", {width});
        tensors.floats(name + ".bias", {width});
    };
    tensors.convolution("a.conv1d.1.weight", {3, model.mels, width});
    tensors.floats("a.conv1d.1.bias", {1, width});
    tensors.convolution("a.conv1d.2.weight", {3, width, width});
    tensors.floats("a.conv1d.2.bias", {1, width});
    tensors.floats("a.position_embd.weight", {width, AudioFile::kFrames});
    for (int i = 0; i < model.layers; ++i) {
        const std::string block = "a.blk." + std::to_string(i) + ".";
        norm(block + "ln1");
        linear(block + "attn_q", width, width);
        linear(block + "attn_k", width, width, false);
        linear(block + "attn_v", width, width);
        linear(block + "attn_out", width, width);
        norm(block + "ln2");
        linear(block + "ffn_up", width, model.feed_forward);
        linear(block + "ffn_down", model.feed_forward, width);
    }
    norm("mm.a.norm_pre");
    linear("mm.a.mlp.1", model.stacked * width, model.output_width);
    linear("mm.a.mlp.2", model.output_width, model.output_width);
    tensors.floats("v.boi", {model.output_width});
    tensors.floats("v.eoi", {model.output_width});
    return tensors;
}

}  // namespace

AudioFile read_audio_file(const std::string& path) {
    const GgufFile file(path);
    if (file.text("general.architecture") != "clip")
        file.fail("its architecture is \"" + file.text("general.architecture") + "\", expected \"clip\"");
    const bool* has_audio = file.find<bool>("clip.has_audio_encoder");
    if (has_audio == nullptr || !*has_audio) file.fail("it has no audio encoder (clip.has_audio_encoder)");
    if (file.text("clip.projector_type") != "glma")
        file.fail("clip.projector_type is \"" + file.text("clip.projector_type") + "\", expected \"glma\"");

    const auto integer = [&](const char* key, int64_t low, int64_t high) {
        return static_cast<int>(file.integer(std::string("clip.audio.") + key, low, high));
    };
    AudioFile model;
    model.bytes = file.bytes();
    model.mels = integer("num_mel_bins", 40, 256);
    model.width = integer("embedding_length", 1, 8192);
    model.heads = integer("attention.head_count", 1, model.width);
    model.layers = integer("block_count", 1, 128);
    model.feed_forward = integer("feed_forward_length", 1, 1 << 16);
    model.stacked = integer("projector.stack_factor", 1, AudioFile::kFrames);
    model.output_width = integer("projection_dim", 1, 1 << 16);
    if (model.width % model.heads != 0) {
        file.fail("clip.audio.embedding_length is " + std::to_string(model.width) + ", which " +
                  std::to_string(model.heads) + " heads cannot share");
    }
    if (AudioFile::kFrames % model.stacked != 0) {
        file.fail("clip.audio.projector.stack_factor is " + std::to_string(model.stacked) + ", which " +
                  std::to_string(AudioFile::kFrames) + " frames cannot be divided by");
    }
    const double epsilon = file.positive("clip.audio.attention.layer_norm_epsilon");
    if (std::abs(epsilon / kLayerNormEpsilon - 1) > 1e-3)
        file.fail("clip.audio.attention.layer_norm_epsilon is " + std::to_string(epsilon) + ", expected 0.00001");
    expected_tensors(model).check(file);
    model.tensors = file.tensors();
    for (const TensorEntry& tensor : model.tensors) {
        if (tensor.name == "a.blk.0.attn_q.weight")
            model.weight_type = ggml_type_name(static_cast<ggml_type>(tensor.type));
    }
    return model;
}

void check_match(const AudioFile& audio, const std::string& audio_path, const LanguageFile& language,
                 const std::string& language_path) {
    if (audio.output_width == language.width) return;
    throw Error(ErrorCode::ModelInvalid, "The model files do not belong together: " + audio_path + " makes rows of " +
                                             std::to_string(audio.output_width) + ", but " + language_path +
                                             " takes rows of " + std::to_string(language.width));
}

}  // namespace agora
