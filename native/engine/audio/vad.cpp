#include "engine/audio/vad.h"

#include <whisper.h>

#include "engine/device/backends.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/model/vad_file.h"

namespace agora {

VoiceActivityDetector::VoiceActivityDetector(const std::string& path) {
    capture_logs();
    read_vad_file(path);
    need_cpu_backend();
    whisper_vad_context_params params = whisper_vad_default_context_params();
    // A frame is 0.3 million multiplications: waking a second thread costs more than it does.
    params.n_threads = 1;
    params.use_gpu = false;
    take_last_error();
    context_ = whisper_vad_init_from_file_with_params(path.c_str(), params);
    if (context_ == nullptr) {
        throw Error(ErrorCode::ModelInvalid,
                    "The VAD model " + path + " could not be loaded (" + take_last_error() + ")");
    }
    whisper_vad_reset_state(context_);
}

VoiceActivityDetector::~VoiceActivityDetector() {
    whisper_vad_free(context_);
}

std::vector<float> VoiceActivityDetector::run(const float* samples, size_t count) {
    if (count == 0) return {};
    if (!whisper_vad_detect_speech_no_reset(context_, samples, static_cast<int>(count))) {
        throw Error(ErrorCode::Internal, "Voice activity detection failed (" + take_last_error() + ")");
    }
    const float* probabilities = whisper_vad_probs(context_);
    return {probabilities, probabilities + whisper_vad_n_probs(context_)};
}

std::vector<float> VoiceActivityDetector::push(const float* samples, size_t count) {
    pending_.insert(pending_.end(), samples, samples + count);
    const size_t whole = pending_.size() - pending_.size() % kFrameSamples;
    std::vector<float> probabilities = run(pending_.data(), whole);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole));
    return probabilities;
}

std::vector<float> VoiceActivityDetector::flush() {
    if (!pending_.empty()) pending_.resize(kFrameSamples, 0.0f);
    std::vector<float> probabilities = run(pending_.data(), pending_.size());
    pending_.clear();
    whisper_vad_reset_state(context_);
    return probabilities;
}

}  // namespace agora
