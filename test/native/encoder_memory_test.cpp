#include "engine_parts.h"
#include "support.h"

TEST_CASE("the encoder keeps what the decoder will look at for one layer at a time") {
    for (const agora::ComputeType type : {agora::ComputeType::F32, agora::ComputeType::Int8}) {
        const Parts parts(kDemoModelF16, type);
        REQUIRE(parts.file.hparams.n_text_layer > 1);
        agora::CpuCompute compute(1);
        const agora::Encoder alone(parts.weights.encoder, agora::encoder_shape(parts.file.hparams), parts.precision,
                                   parts.kernels, compute,
                                   [](ggml_context*, ggml_tensor* encoded) { return std::vector{encoded}; });
        const auto width = static_cast<size_t>(parts.file.hparams.n_audio_state);
        const size_t rows = agora::Encoder::kFrames * width * sizeof(float);
        // Keys, values, and the encoder's output in the type of the products.
        CHECK(parts.encoder.graph().bytes() < alone.graph().bytes() + 3 * rows);
    }
}
