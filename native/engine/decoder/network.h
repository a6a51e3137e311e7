// A Whisper model where it runs: encoder, decoder, and what the one leaves for the other.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/decoder/decoder.h"
#include "engine/encoder/graph_parts.h"
#include "engine/kernels/window_frames.h"

namespace agora {

struct WhisperFile;

// A window to be encoded.
struct EncoderInput {
    const float* mel;          // [bands][3000]
    WindowMemory* memory;      // takes what the decoder looks at
    WindowFrames frames = {};  // that are computed: all, unless the network leaves_out_frames()
};

class Network {
  public:
    virtual ~Network() = default;

    // Windows that one run of the encoder takes at most.
    virtual size_t encoder_batch() const = 0;
    // Whether threads of this process have nothing to do while it computes.
    virtual bool leaves_processor_free() const = 0;
    // Whether it can leave out frames of silence.
    virtual bool leaves_out_frames() const { return false; }
    // What matrices are kept and multiplied in: "float16", "int8", …, or the file's own type.
    virtual std::string compute_type() const = 0;

    // Encodings that it can have begun with beside each other.
    virtual size_t lanes() const { return 1; }
    // Gives the encoder 1 … encoder_batch() windows; what it had before in that lane is lost. Spectrograms are read
    // now.
    virtual void begin_encoding(const std::vector<EncoderInput>& windows, size_t lane) = 0;
    // Computes for about so many seconds, or to the end where it does not work in parts.
    virtual Progress go_on_encoding(size_t lane, double seconds, const std::atomic<bool>* stop) = 0;
    // Both at once. False when stopped.
    bool encode(const std::vector<EncoderInput>& windows, const std::atomic<bool>* stop) {
        begin_encoding(windows, 0);
        return go_on_encoding(0, std::numeric_limits<double>::infinity(), stop) == Progress::Done;
    }
    // The encoder's output for a window of the last run in that lane, which is done, [1500][D], of which the frames
    // that were computed come first.
    virtual std::vector<float> encoded(size_t window, size_t lane) const = 0;
    // Takes such output from a model with the same encoder. False when stopped.
    virtual bool adopt(const std::vector<float>& encoded, const WindowFrames& frames, WindowMemory& memory,
                       const std::atomic<bool>* stop) = 0;

    virtual Decoder& decoder() = 0;
};

// Loads the tensors of a validated file; a file without those of the encoder makes a network that cannot encode().
// Throws ModelInvalid, OutOfMemory, InvalidArgument, DeviceUnavailable.
using NetworkLoader = std::function<std::unique_ptr<Network>(const std::string& path, const WhisperFile& file)>;

}  // namespace agora
