// Texts that repeat themselves: loops of the decoder, told from what somebody says again and again.
#pragma once

#include <string>
#include <vector>

#include "engine/audio/log_mel.h"
#include "engine/text/decoded_text.h"
#include "engine/text/vocabulary.h"

namespace agora {

// The text of `tokens` without times, trimmed.
std::string plain_text(const std::vector<int>& tokens, const Vocabulary& vocabulary);

// Whether a text repeats itself as loops do: its compression ratio is above `threshold`, and tokens repeat themselves
// within a segment, or three segments have the same text. Good text in languages of long words and set phrases may be a
// little above the threshold, without either; far above it, no text is good.
bool repeats_itself(const std::vector<int>& tokens, const Vocabulary& vocabulary, double threshold);

// Whether what `text` repeats is repeated in the sound. It is when the text is made of segments that do not repeat
// themselves within, and segments of the same text sound alike: the shape of a spectrogram over time that a speaker
// makes twice is much the same, while a loop of the decoder gives the same text to whatever is heard; or when each of
// them has a stretch of sound of its own between pauses, as long as the others, whoever speaks it. `threshold`: on
// the compression ratio. `samples`: 16 kHz, from the time 0 of the text.
bool is_spoken_repetition(const DecodedText& text, const Vocabulary& vocabulary, const LogMel& log_mel,
                          const float* samples, size_t count, double threshold);

// Likeness of two stretches of a spectrogram, -1 to 1: the highest correlation, over shifts by up to an eighth, of
// their bands with the mean of each taken away. Stretches may differ in length. `mel`: [bands][LogMel::kFrames], times
// in frames of 10 ms.
double likeness(const std::vector<float>& mel, int bands, int first_begin, int first_end, int second_begin,
                int second_end);

// Leaves one of what a loop repeats, and nothing behind it: of the first segment that a third one repeats, or of tokens
// that repeat themselves at the end. The text ends where that segment ends.
void cut_loop(DecodedText& text, const Vocabulary& vocabulary);

}  // namespace agora
