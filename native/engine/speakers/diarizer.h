// Who spoke when in a recording: what every engine of diarization is to those who use it.
#pragma once

#include <memory>
#include <string>

#include "engine/speakers/stop.h"
#include "engine/speakers/voices.h"

namespace agora {

// What a model file holds.
struct DiarizationFacts {
    std::string pipeline;    // "community" or "nemotron"
    std::string embedding;   // the speaker encoder, or "" where there is none
    int embedding_size = 0;  // values of a voice
    bool plda = false;
    int most_speakers = 0;    // that it tells apart; 0: no limit
    std::string weight_type;  // how the matrices are stored
    std::string name;         // general.name, or ""
    uint64_t bytes = 0;
};

// Validates a model file of whichever engine. Throws ModelNotFound, ModelInvalid.
DiarizationFacts inspect_diarization_file(const std::string& path);

// One recording. Not for several threads at once.
class DiarizationStream {
  public:
    virtual ~DiarizationStream() = default;
    DiarizationStream() = default;
    DiarizationStream(const DiarizationStream&) = delete;
    DiarizationStream& operator=(const DiarizationStream&) = delete;

    // Takes samples of 16 kHz and works on what they complete. Throws Cancelled once `stop` is set.
    virtual void push(const float* samples, size_t count, Stop stop) = 0;

    // Works on what is left and tells all turns. Throws Cancelled once `stop` is set. After this, and after push()
    // threw, the stream is of no use any more.
    virtual Diarization finish(const SpeakerCount& count, Stop stop) = 0;
};

// A loaded model, shared by streams; one step of one of them at a time.
class DiarizationModel : public std::enable_shared_from_this<DiarizationModel> {
  public:
    virtual ~DiarizationModel() = default;
    DiarizationModel() = default;
    DiarizationModel(const DiarizationModel&) = delete;
    DiarizationModel& operator=(const DiarizationModel&) = delete;

    virtual DiarizationFacts facts() const = 0;
    // Seconds of sound that one step takes.
    virtual int batch() const = 0;
    virtual std::unique_ptr<DiarizationStream> open() = 0;
};

// Of whichever engine the file is for. Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
std::shared_ptr<DiarizationModel> load_diarization_model(const std::string& path, int threads);

}  // namespace agora
