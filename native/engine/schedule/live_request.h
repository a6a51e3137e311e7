// A step of live transcription: what is asked of a window of speech that goes on, and what is answered.
#pragma once

#include <string>
#include <vector>

namespace agora {

struct LiveRequest {
    std::vector<int> forced;    // text tokens that stand already, and were spoken in the window
    std::vector<int> expected;  // text tokens that probably follow them
    // Seconds: text stands as long as the decoder looks at what is further than this from the end of the sound; 0: all.
    double frontier = 0.5;
    bool last = false;  // silence follows
    bool tail = false;  // go on behind what stands
    int max_tokens = 448;
};

// A token, and what it adds to the text: of a character that several make together, the last one has all of it.
struct LivePiece {
    int id;
    std::string text;  // valid UTF-8
    double start;      // seconds of the window
    float probability;
};

struct LiveOutcome {
    std::vector<LivePiece> pieces;  // behind what was forced
    size_t standing = 0;            // of them, from the first on
    bool rewound = false;           // the decoder has lost its place, and there are none
};

}  // namespace agora
