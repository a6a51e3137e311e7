#pragma once

#include <string>

#include "engine/model/whisper_file.h"

namespace agora {

// Whether two models hear alike: mel filters, shapes and every byte of the encoder are the same, as distil models have
// it from the model that they were made from. Throws ModelNotFound, ModelInvalid when a file changes meanwhile.
bool have_same_encoder(const std::string& path, const WhisperFile& file, const std::string& other_path,
                       const WhisperFile& other);

}  // namespace agora
