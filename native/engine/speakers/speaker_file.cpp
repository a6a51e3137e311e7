#include "engine/speakers/speaker_file.h"

#include "engine/speakers/resnet_shape.h"
#include "engine/speakers/segmentation_shape.h"

namespace agora {
namespace {

constexpr char kArchitecture[] = "speaker-diarization";

void lstm_tensors(ExpectedTensors& tensors, const std::string& prefix, const std::string& suffix, int64_t inputs,
                  int64_t width) {
    tensors.matrix(prefix + "weight_ih" + suffix, inputs, 4 * width);
    tensors.matrix(prefix + "weight_hh" + suffix, width, 4 * width);
    tensors.floats(prefix + "bias_ih" + suffix, {4 * width});
    tensors.floats(prefix + "bias_hh" + suffix, {4 * width});
}

void linear_tensors(ExpectedTensors& tensors, const std::string& name, int64_t inputs, int64_t outputs) {
    tensors.matrix(name + ".weight", inputs, outputs);
    tensors.floats(name + ".bias", {outputs});
}

void pair(ExpectedTensors& tensors, const std::string& name, int64_t size) {
    tensors.floats(name + ".weight", {size});
    tensors.floats(name + ".bias", {size});
}

void segmentation_tensors(ExpectedTensors& tensors) {
    using Shape = SegmentationShape;
    pair(tensors, "seg.sincnet.wav_norm1d", 1);
    tensors.floats("seg.sincnet.conv1d.0.filters", {Shape::kSincKernel, 1, Shape::kSincFilters});
    tensors.convolution("seg.sincnet.conv1d.1.weight", {Shape::kKernel, Shape::kSincFilters, Shape::kChannels});
    tensors.floats("seg.sincnet.conv1d.1.bias", {Shape::kChannels});
    tensors.convolution("seg.sincnet.conv1d.2.weight", {Shape::kKernel, Shape::kChannels, Shape::kChannels});
    tensors.floats("seg.sincnet.conv1d.2.bias", {Shape::kChannels});
    pair(tensors, "seg.sincnet.norm1d.0", Shape::kSincFilters);
    pair(tensors, "seg.sincnet.norm1d.1", Shape::kChannels);
    pair(tensors, "seg.sincnet.norm1d.2", Shape::kChannels);
    for (int layer = 0; layer < Shape::kLayers; ++layer) {
        const std::string number = "_l" + std::to_string(layer);
        const int64_t inputs = layer == 0 ? Shape::kChannels : 2 * Shape::kWidth;
        lstm_tensors(tensors, "seg.lstm.", number, inputs, Shape::kWidth);
        lstm_tensors(tensors, "seg.lstm.", number + "_reverse", inputs, Shape::kWidth);
    }
    linear_tensors(tensors, "seg.linear.0", 2 * Shape::kWidth, Shape::kWidth);
    linear_tensors(tensors, "seg.linear.1", Shape::kWidth, Shape::kWidth);
    linear_tensors(tensors, "seg.classifier", Shape::kWidth, Shape::kClasses);
}

void ge2e_tensors(ExpectedTensors& tensors) {
    constexpr int64_t kWidth = 256;
    for (int layer = 0; layer < 3; ++layer)
        lstm_tensors(tensors, "emb.lstm.", "_l" + std::to_string(layer), layer == 0 ? 40 : kWidth, kWidth);
    linear_tensors(tensors, "emb.linear", kWidth, kWidth);
}

void resnet_tensors(ExpectedTensors& tensors, int width, int embedding) {
    const auto norm = [&](const std::string& name, int64_t channels) {
        for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"})
            tensors.floats(name + part, {channels});
    };
    tensors.convolution("emb.resnet.conv1.weight", {3, 3, 1, width});
    norm("emb.resnet.bn1", width);
    for (const ResNetBlock& block : resnet_blocks(width)) {
        const std::string name = "emb." + block.name + ".";
        tensors.convolution(name + "conv1.weight", {3, 3, block.inputs, block.outputs});
        norm(name + "bn1", block.outputs);
        tensors.convolution(name + "conv2.weight", {3, 3, block.outputs, block.outputs});
        norm(name + "bn2", block.outputs);
        if (!block.has_shortcut()) continue;
        tensors.convolution(name + "shortcut.0.weight", {1, 1, block.inputs, block.outputs});
        norm(name + "shortcut.1", block.outputs);
    }
    linear_tensors(tensors, "emb.resnet.seg_1", int64_t{2} * resnet_pooled(width), embedding);
}

void plda_tensors(ExpectedTensors& tensors, int64_t embedding) {
    constexpr int64_t kFeatures = 128;
    tensors.floats("plda.mean1", {embedding});
    tensors.floats("plda.mean2", {kFeatures});
    tensors.floats("plda.lda", {kFeatures, embedding});
    tensors.floats("plda.mu", {kFeatures});
    tensors.floats("plda.tr", {kFeatures, kFeatures});
    tensors.floats("plda.psi", {kFeatures});
}

SpeakerEncoderKind encoder_kind(const GgufFile& file) {
    const std::string& name = file.text("diarization.embedding");
    if (name == "ge2e") return SpeakerEncoderKind::Ge2e;
    if (name == "wespeaker-resnet34") return SpeakerEncoderKind::ResNet34;
    file.fail("diarization.embedding is \"" + name + "\", expected \"ge2e\" or \"wespeaker-resnet34\"");
}

}  // namespace

SpeakerFile read_speaker_file(const std::string& path) {
    const GgufFile file(path);
    if (file.text("general.architecture") != kArchitecture) {
        file.fail("its architecture is \"" + file.text("general.architecture") + "\", expected \"" + kArchitecture +
                  "\"");
    }
    if (file.text("diarization.pipeline") != "community")
        file.fail("diarization.pipeline is \"" + file.text("diarization.pipeline") + "\", expected \"community\"");
    SpeakerFile model;
    model.path = path;
    model.bytes = file.bytes();
    model.encoder = encoder_kind(file);
    model.embedding = static_cast<int>(file.integer("diarization.embedding_length", 1, 4096));
    const bool* plda = file.find<bool>("diarization.plda");
    model.has_plda = plda != nullptr && *plda;
    const std::string* name = file.find<std::string>("general.name");
    if (name != nullptr) model.name = *name;
    model.resnet_width = 0;

    ExpectedTensors tensors;
    segmentation_tensors(tensors);
    if (model.encoder == SpeakerEncoderKind::Ge2e) {
        if (model.embedding != 256) file.fail("diarization.embedding_length is not 256");
        if (model.has_plda) file.fail("it has a PLDA, which belongs to another embedding than GE2E");
        ge2e_tensors(tensors);
    } else {
        model.resnet_width = static_cast<int>(file.integer("diarization.resnet_width", 1, 256));
        resnet_tensors(tensors, model.resnet_width, model.embedding);
    }
    if (model.has_plda) plda_tensors(tensors, model.embedding);
    tensors.check(file);
    model.tensors = file.tensors();
    return model;
}

}  // namespace agora
