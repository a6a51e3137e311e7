// Matrices whose rows are a single block: ggml's product on AMX tiles is wrong for them.
#include <doctest/doctest.h>
#include <ggml.h>

#include <cstring>

#include "engine/device/compute.h"
#include "engine/encoder/graph.h"
#include "engine/log.h"
#include "engine/model/quantize.h"
#include "engine/model/tensor_memory.h"
#include "numbers.h"
#include "support.h"

namespace {

agora::TensorEntry matrix(ggml_type type, int64_t inputs, int64_t outputs) {
    return {"a.weight", type, {inputs, outputs}, 0, ggml_row_size(type, inputs) * static_cast<uint64_t>(outputs)};
}

}  // namespace

TEST_CASE("a matrix with one block of inputs keeps off AMX tiles, and only such a matrix") {
    for (const ggml_type type : {GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q8_0}) {
        CHECK_FALSE(agora::multiplies_right("AMX", matrix(type, 32, 64)));
        CHECK(agora::multiplies_right("AMX", matrix(type, 64, 64)));
        CHECK(agora::multiplies_right("CPU_REPACK", matrix(type, 32, 64)));
        CHECK(agora::multiplies_right("CPU", matrix(type, 32, 64)));
    }
    CHECK(agora::multiplies_right("AMX", matrix(GGML_TYPE_F16, 32, 64)));
}

TEST_CASE("products with one block of inputs are right wherever this processor has the matrix") {
    agora::capture_logs();
    agora::CpuCompute compute(2);
    constexpr int64_t kOutputs = 64;
    for (const char* type : {"q8_0", "q4_0"}) {
        for (const int64_t inputs : {32, 64, 96}) {
            // All kernels: one row, some, whole tiles of 32 and what is left.
            for (const int64_t rows : {1, 5, 32, 40, 64, 1500}) {
                CAPTURE(type);
                CAPTURE(inputs);
                CAPTURE(rows);
                const auto width = static_cast<size_t>(inputs);
                const std::vector<float> weights = normal_values(width * kOutputs, 1);
                const Bytes packed = agora::quantize_values(type, weights);
                const TemporaryFile file(packed);
                const ggml_type stored = std::string(type) == "q8_0" ? GGML_TYPE_Q8_0 : GGML_TYPE_Q4_0;
                const agora::TensorMemory memory(file.path(), {matrix(stored, inputs, kOutputs)}, compute.device());
                const std::vector<float> values = normal_values(width * static_cast<size_t>(rows), 2);
                ggml_tensor* x = nullptr;
                // The result lies where other numbers were before.
                const agora::Graph graph(compute.backend(), 16, [&](ggml_context* context) {
                    x = ggml_new_tensor_2d(context, GGML_TYPE_F32, inputs, rows);
                    ggml_set_input(x);
                    ggml_tensor* first = ggml_mul_mat(context, memory.at("a.weight"), x);
                    return ggml_add(context, first,
                                    ggml_mul_mat(context, memory.at("a.weight"), ggml_scale(context, x, 3)));
                });
                REQUIRE(graph.allocated());
                std::vector<float> exact(packed.size() / ggml_row_size(stored, inputs) * width);
                ggml_get_type_traits(stored)->to_float(packed.data(), exact.data(), static_cast<int64_t>(exact.size()));
                std::vector<float> expected;
                for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
                    for (size_t output = 0; output < kOutputs; ++output) {
                        double sum = 0;
                        for (size_t i = 0; i < width; ++i)
                            sum += static_cast<double>(values[row * width + i]) * exact[output * width + i];
                        expected.push_back(static_cast<float>(4 * sum));
                    }
                }
                for (int run = 0; run < 2; ++run) {
                    ggml_backend_tensor_set(x, values.data(), 0, ggml_nbytes(x));
                    REQUIRE(compute.run(graph.get(), nullptr));
                    std::vector<float> actual(expected.size());
                    ggml_backend_tensor_get(graph.result(), actual.data(), 0, actual.size() * sizeof(float));
                    // Inputs are rounded to 8 bits for the product.
                    CHECK(relative_error(actual, expected) < 2e-2);
                }
            }
        }
    }
}
