// Rows of the table of embeddings, read from the model's file one by one: a text needs few of them.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

class EmbeddingTable {
  public:
    // `table`: the tensor [width, vocabulary] of the validated file at `path`.
    EmbeddingTable(const std::string& path, const TensorEntry& table);

    // Appends the row of `token` to `rows`. Throws ModelInvalid when the file has changed, or a value of the row is
    // no number.
    void append(int token, std::vector<float>& rows);

  private:
    std::string path_;
    TensorEntry table_;
    std::ifstream file_;
    std::vector<char> row_;
};

}  // namespace agora
