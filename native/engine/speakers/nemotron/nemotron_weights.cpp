#include "engine/speakers/nemotron/nemotron_weights.h"

#include "engine/model/named_tensors.h"

namespace agora {

NemotronWeights::NemotronWeights(const NemotronFile& file, const Precision& precision, Parallel& parallel) {
    const NamedTensors tensors(file.path, file.tensors);
    const InParts in_parts = [&](const Part& work) { parallel.run(work); };
    const auto linear = [&](const std::string& name) { return tensors.linear({name}, precision.weights, in_parts); };
    const auto exact = [&](const std::string& name) { return tensors.linear({name}, Storage::F32); };
    stack = exact("encoder.pre_encode.proj");
    embed_norm = tensors.norm("encoder.embed_norm");
    for (int i = 0; i < file.shape.layers; ++i) {
        const std::string name = "encoder.layers." + std::to_string(i) + ".";
        layers.push_back({tensors.norm(name + "norm1"), linear(name + "attn.w_qkv"), linear(name + "attn.out_proj"),
                          tensors.norm(name + "norm2"), linear(name + "ffn.net.0"), linear(name + "ffn.net.3")});
    }
    final_norm = tensors.norm("encoder.final_norm");
    projection = exact("encoder_proj");
    upsample = tensors.convolution("subpixel_upsample", Storage::F32);
    dense = exact("head.first_hidden_to_hidden");
    classifier = exact("head.single_hidden_to_spks");
    silence = tensors.floats("learnable_sil_emb");
}

}  // namespace agora
