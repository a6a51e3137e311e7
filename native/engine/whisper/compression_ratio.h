#pragma once

#include <string>

namespace agora {

// Size of a text over its size when compressed: above about 2.4 it repeats itself. openai-whisper asks zlib for it, by
// bytes, which makes Russian (two bytes a character) look half as varied as English and sends good text back to be
// decoded again. Here a character counts as one; for English the two agree within a tenth. Follows DEFLATE (RFC 1951)
// to its matches and takes the entropy of its symbols for their codes.
double compression_ratio(const std::string& text);

}  // namespace agora
