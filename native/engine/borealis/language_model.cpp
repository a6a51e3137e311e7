#include "engine/borealis/language_model.h"

#include "engine/borealis/llama_network.h"
#include "engine/borealis/packed_language_network.h"

namespace agora {

LanguageModel::LanguageModel(const std::string& path, const LanguageFile& file, CpuCompute& compute, int threads,
                             int sequences, int capacity, BorealisPlace place)
    : width_(static_cast<int>(file.width)),
      vocabulary_size_(static_cast<int>(file.vocabulary)),
      embeddings_(path, file.embeddings) {
    const bool gpu = place == BorealisPlace::Gpu;
    const bool packed = place == BorealisPlace::Cpu && PackedLanguageNetwork::takes(file);
    const LlamaPart weights = gpu ? LlamaPart::OnGpu : LlamaPart::OnCpu;
    const LlamaModel model = load_llama_model(path, file, packed ? LlamaPart::Vocabulary : weights);
    vocabulary_ = std::make_unique<LanguageVocabulary>(model);
    if (packed) {
        network_ =
            std::make_unique<PackedLanguageNetwork>(path, file, *kernel_sets().front(), compute, sequences, capacity);
    } else {
        network_ = std::make_unique<LlamaNetwork>(model, file, compute, threads, sequences, capacity, gpu);
    }
}

}  // namespace agora
