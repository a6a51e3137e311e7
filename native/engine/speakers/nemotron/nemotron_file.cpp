#include "engine/speakers/nemotron/nemotron_file.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>

#include "engine/speakers/nemotron/log_mel_features.h"

namespace agora {
namespace {

constexpr char kArchitecture[] = "sortformer";
constexpr char kStack[] = "encoder.pre_encode.proj.weight";
constexpr char kUpsample[] = "subpixel_upsample.weight";

bool has(const GgufFile& file, const std::string& name) {
    return std::any_of(file.tensors().begin(), file.tensors().end(),
                       [&](const TensorEntry& tensor) { return tensor.name == name; });
}

// A number of the metadata, or what is meant where it is not there.
float number(const GgufFile& file, const std::string& key, float usual, float most) {
    const auto entry = file.metadata().find(key);
    if (entry == file.metadata().end()) return usual;
    const auto* whole = std::get_if<int64_t>(&entry->second);
    const double value = whole != nullptr ? static_cast<double>(*whole) : *file.find<double>(key);
    if (!(value >= 0 && value <= most))
        file.fail(key + " is " + std::to_string(value) + ", expected 0 to " + std::to_string(most));
    return static_cast<float>(value);
}

void require(const GgufFile& file, const std::string& key, int64_t value) {
    if (file.metadata().count(key) != 0) file.integer(key, value, value);
}

SpeakerCacheRules read_rules(const GgufFile& file, int speakers) {
    const std::string scoring = "sortformer.scoring.";
    SpeakerCacheRules rules;
    const std::string silence = scoring + "spkcache_sil_frames_per_spk";
    // Of a speaker's rows at least one is for speech.
    const int most = rules.rows / speakers - 1;
    if (file.metadata().count(silence) != 0) rules.silence = static_cast<int>(file.integer(silence, 0, most));
    rules.threshold = number(file, scoring + "pred_score_threshold", rules.threshold, 0.5f);
    if (rules.threshold == 0) file.fail(scoring + "pred_score_threshold is 0");
    rules.newest = number(file, scoring + "scores_boost_latest", rules.newest, 10);
    rules.strong_share = number(file, scoring + "strong_boost_rate", rules.strong_share, 8);
    rules.weak_share = number(file, scoring + "weak_boost_rate", rules.weak_share, 8);
    rules.positive_share = number(file, scoring + "min_pos_scores_rate", rules.positive_share, 8);
    return rules;
}

NemotronShape read_shape(const GgufFile& file) {
    using Shape = NemotronShape;
    const std::string encoder = "sortformer.encoder.";
    Shape shape;
    shape.width = static_cast<int>(file.integer(encoder + "d_model", Shape::kHead, 4096));
    shape.heads = static_cast<int>(file.integer(encoder + "n_heads", 1, 64));
    if (shape.heads * Shape::kHead != shape.width)
        file.fail("heads of " + std::to_string(shape.width) + " / " + std::to_string(shape.heads) +
                  " values, expected " + std::to_string(Shape::kHead));
    shape.feed_forward = static_cast<int>(file.integer(encoder + "d_ff", 32, 16384));
    if (shape.feed_forward % 32 != 0) file.fail(encoder + "d_ff is no multiple of 32");
    shape.layers = static_cast<int>(file.integer(encoder + "n_layers", 1, 128));
    shape.head_width = static_cast<int>(file.integer("sortformer.transformer.hidden_size", 16, 4096));
    if (shape.head_width % 16 != 0) file.fail("sortformer.transformer.hidden_size is no multiple of 16");
    shape.speakers = static_cast<int>(file.integer("sortformer.num_speakers", 1, 32));
    shape.rope_base = number(file, encoder + "rope_base", 10000, 1e9f);
    if (shape.rope_base < 1) file.fail(encoder + "rope_base is below 1");
    // What the arithmetic is made for.
    require(file, encoder + "subsampling_factor", Shape::kStacked);
    require(file, encoder + "feat_in", Shape::kBands);
    require(file, "sortformer.upsample_factor", Shape::kStacked);
    require(file, "sortformer.preprocessor.features", Shape::kBands);
    require(file, "sortformer.preprocessor.n_fft", Shape::kSpectrum);
    require(file, "sortformer.preprocessor.sample_rate", 16000);
    if (std::fabs(number(file, "sortformer.preprocessor.preemph", 0.97f, 1) - 0.97f) > 1e-4f)
        file.fail("sortformer.preprocessor.preemph is not 0.97");
    const std::string guard = "sortformer.preprocessor.log_zero_guard";
    if (std::fabs(number(file, guard, LogMelFeatures::kGuard, 1) / LogMelFeatures::kGuard - 1) > 1e-4f)
        file.fail(guard + " is not 2^-24");
    if (std::fabs(number(file, encoder + "rotary_fraction", 1, 1) - 1) > 1e-4f)
        file.fail(encoder + "rotary_fraction is not 1");
    return shape;
}

ExpectedTensors expected_tensors(const NemotronShape& shape) {
    const int64_t width = shape.width;
    const int64_t head = shape.head_width;
    ExpectedTensors tensors;
    tensors.allow_others();
    const auto vector = [&](const std::string& name, int64_t size) { tensors.weights(name, {size}); };
    const auto pair = [&](const std::string& name, int64_t size) {
        vector(name + ".weight", size);
        vector(name + ".bias", size);
    };
    const auto linear = [&](const std::string& name, int64_t inputs, int64_t outputs) {
        tensors.matrix(name + ".weight", inputs, outputs);
        vector(name + ".bias", outputs);
    };
    tensors.matrix(kStack, int64_t{NemotronShape::kBands} * NemotronShape::kStacked, width);
    pair("encoder.embed_norm", width);
    for (int i = 0; i < shape.layers; ++i) {
        const std::string layer = "encoder.layers." + std::to_string(i) + ".";
        pair(layer + "norm1", width);
        tensors.matrix(layer + "attn.w_qkv.weight", width, 3 * width);
        linear(layer + "attn.out_proj", width, width);
        pair(layer + "norm2", width);
        linear(layer + "ffn.net.0", width, shape.feed_forward);
        linear(layer + "ffn.net.3", shape.feed_forward, width);
    }
    pair("encoder.final_norm", width);
    linear("encoder_proj", width, head);
    tensors.weights(kUpsample, {3, head, NemotronShape::kStacked * head});
    vector("subpixel_upsample.bias", NemotronShape::kStacked * head);
    linear("head.first_hidden_to_hidden", head, head);
    linear("head.single_hidden_to_spks", head, shape.speakers);
    vector("learnable_sil_emb", width);
    return tensors;
}

}  // namespace

NemotronFile read_nemotron_file(const std::string& path) {
    const GgufFile file(path);
    if (file.text("general.architecture") != kArchitecture) {
        file.fail("its architecture is \"" + file.text("general.architecture") + "\", expected \"" + kArchitecture +
                  "\"");
    }
    // Sortformer's earlier generations go by the same name.
    if (!has(file, kStack) || !has(file, kUpsample))
        file.fail("it is a Sortformer of another generation than Nemotron-3-Diarization, or damaged");
    NemotronFile model;
    model.path = path;
    model.bytes = file.bytes();
    const auto* name = file.find<std::string>("general.name");
    if (name != nullptr) model.name = *name;
    model.shape = read_shape(file);
    model.rules = read_rules(file, model.shape.speakers);
    expected_tensors(model.shape).check(file);
    if (has(file, "encoder.layers." + std::to_string(model.shape.layers) + ".norm1.weight"))
        file.fail("it has more layers than sortformer.encoder.n_layers says");
    model.tensors = file.tensors();
    const auto first = std::find_if(model.tensors.begin(), model.tensors.end(), [](const TensorEntry& tensor) {
        return tensor.name == "encoder.layers.0.attn.w_qkv.weight";
    });
    model.weight_type = ggml_type_name(static_cast<ggml_type>(first->type));
    return model;
}

}  // namespace agora
