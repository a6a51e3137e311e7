// Qwen: its tokens, their embeddings, and the network that goes on with several sequences of rows together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/borealis/embedding_table.h"
#include "engine/borealis/language_file.h"
#include "engine/borealis/language_network.h"
#include "engine/borealis/language_vocabulary.h"
#include "engine/borealis/place.h"
#include "engine/device/compute.h"

namespace agora {

class LanguageModel {
  public:
    // Loads what read_language_file() has found, with memory for `sequences` sequences (1 to 256) of at least
    // `capacity` positions. `compute` is the CPU's wherever it is computed.
    // Throws ModelInvalid, OutOfMemory, DeviceUnavailable.
    LanguageModel(const std::string& path, const LanguageFile& file, CpuCompute& compute, int threads, int sequences,
                  int capacity, BorealisPlace place);

    int width() const { return width_; }
    int vocabulary() const { return vocabulary_size_; }

    // See LanguageVocabulary.
    std::vector<int> tokenize(const std::string& text) const { return vocabulary_->tokenize(text); }
    int special(const std::string& text) const { return vocabulary_->special(text); }
    std::string text_of(int token) const { return vocabulary_->text_of(token); }
    bool is_end(int token) const { return vocabulary_->is_end(token); }

    // Appends the row of `token` in the table of embeddings to `rows`.
    void embed(int token, std::vector<float>& rows) { embeddings_.append(token, rows); }

    // See LanguageNetwork.
    int capacity() const { return network_->capacity(); }
    const float* decode(const std::vector<LanguageInput>& inputs) { return network_->decode(inputs); }
    int length(int sequence) const { return network_->length(sequence); }
    void truncate(int sequence, int length) { network_->truncate(sequence, length); }
    void copy(int from, int to) { network_->copy(from, to); }
    void move(int from, int to) { network_->move(from, to); }

  private:
    int width_, vocabulary_size_;
    EmbeddingTable embeddings_;
    std::unique_ptr<LanguageVocabulary> vocabulary_;
    std::unique_ptr<LanguageNetwork> network_;
};

}  // namespace agora
