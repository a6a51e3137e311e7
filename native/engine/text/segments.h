// The text of a pass as segments with times.
// Source: openai-whisper, transcribe.py.
#pragma once

#include <optional>
#include <vector>

#include "engine/text/decoded_text.h"
#include "engine/text/transcript.h"
#include "engine/text/vocabulary.h"

namespace agora {

struct PassSegments {
    std::vector<DecodedSegment> segments;
    // Samples that need no other pass.
    size_t settled;
    // The text ended with one timestamp, after which the model heard no more.
    bool ends_with_timestamp;
    // Where the text ends, in seconds, by its own times; nothing when it has none after the first.
    std::optional<double> text_end;
};

// Segments of a pass over `samples` samples. Times count from `offset` seconds.
PassSegments split_segments(const DecodedText& text, const Vocabulary& vocabulary, double offset, size_t samples,
                            bool timestamps);

}  // namespace agora
