#pragma once

#include <cstddef>
#include <string>

namespace agora {

// Bytes that zlib (level 6, its default) makes of `text`, header and checksum included, without making them: its lazy
// matching and the size of its cheapest block. To the byte for texts up to its window of 32 kB but for the codes of
// equally frequent symbols, which zlib may choose a few bits longer or shorter.
// Source: RFC 1950 and 1951; zlib, deflate.c deflate_slow() and trees.c.
size_t deflated_size(const std::string& text);

// Size of a text in bytes of UTF-8 over its size when compressed by zlib: above about 2.4 it repeats itself. 0 without
// text. Source: openai-whisper, utils.py compression_ratio().
double compression_ratio(const std::string& text);

}  // namespace agora
