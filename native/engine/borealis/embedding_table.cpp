#include "engine/borealis/embedding_table.h"

#include <ggml.h>

#include <cstring>

#include "engine/error.h"
#include "engine/model/finite.h"

namespace agora {

EmbeddingTable::EmbeddingTable(const std::string& path, const TensorEntry& table)
    : path_(path),
      table_(table),
      file_(path, std::ios::binary),
      row_(ggml_row_size(static_cast<ggml_type>(table.type), table.ne[0])) {}

void EmbeddingTable::append(int token, std::vector<float>& rows) {
    file_.seekg(static_cast<std::streamoff>(table_.offset + static_cast<size_t>(token) * row_.size()));
    file_.read(row_.data(), static_cast<std::streamsize>(row_.size()));
    if (!file_) throw Error(ErrorCode::ModelInvalid, "The language model's file changed while it was in use");
    require_finite(path_, table_, row_.data(), row_.size());
    const size_t start = rows.size();
    rows.resize(start + static_cast<size_t>(table_.ne[0]));
    const auto type = static_cast<ggml_type>(table_.type);
    if (type == GGML_TYPE_F32) {
        std::memcpy(&rows[start], row_.data(), row_.size());
    } else {
        ggml_get_type_traits(type)->to_float(row_.data(), &rows[start], table_.ne[0]);
    }
}

}  // namespace agora
