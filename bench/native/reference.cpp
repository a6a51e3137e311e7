#include "native/reference.h"

#include <memory>
#include <stdexcept>

#include "engine/log.h"
#include "engine/reference/whisper_cpp.h"

namespace bench {

ReferenceOutputs reference_outputs(const std::string& path, int threads, bool flash_attention,
                                   const std::vector<float>& mel, const std::vector<int>& tokens) {
    agora::capture_logs();
    whisper_context_params params = whisper_context_default_params();
    params.use_gpu = false;
    params.flash_attn = flash_attention;
    const std::unique_ptr<whisper_context, void (*)(whisper_context*)> context(
        whisper_init_from_file_with_params(path.c_str(), params), whisper_free);
    if (!context) throw std::runtime_error("whisper.cpp cannot load " + path);
    const int bands = whisper_model_n_mels(context.get());
    const auto count = static_cast<int>(tokens.size());
    if (whisper_set_mel(context.get(), mel.data(), static_cast<int>(mel.size()) / bands, bands) != 0 ||
        whisper_encode(context.get(), 0, threads) != 0 ||
        whisper_decode(context.get(), tokens.data(), count, 0, threads) != 0)
        throw std::runtime_error("whisper.cpp cannot compute " + path);
    const int vocabulary = whisper_model_n_vocab(context.get());
    const float* last = whisper_get_logits(context.get()) + static_cast<ptrdiff_t>(count - 1) * vocabulary;
    return {agora::encoder_output(context.get()), {last, last + vocabulary}};
}

}  // namespace bench
