// Times of words against the sound they were spoken in.
#pragma once

#include <vector>

#include "engine/audio/pauses.h"
#include "engine/text/transcript.h"

namespace agora {

// Seconds that a word or a segment takes at least: one frame of the encoder.
constexpr double kShortestSpan = 0.02;

// Improves the times of the segments' words, and gives each segment its words' times:
// - a word beside a pause starts or ends where the sound does, when that is near its time or its time is in the pause;
// - a segment's last word goes on as long as the sound does, up to about the segment's own end;
// - a word beside a pause, or at an end of its segment, whose time there the sound does not tell is not longer than
//   twice the median, as openai-whisper has it (timing.py, add_word_timestamps());
// - words run forward, each kShortestSpan long at least, from `begin` to `end` seconds (less where there is no room).
// Segments without words keep their times as far as these rules allow.
void refine_word_times(std::vector<DecodedSegment>& segments, const std::vector<Pause>& pauses, double begin,
                       double end);

}  // namespace agora
