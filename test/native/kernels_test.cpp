#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/kernels/amx_product.h"
#include "engine/kernels/encoder_attention.h"
#include "engine/kernels/number_formats.h"
#include "engine/kernels/product.h"
#include "numbers.h"

using agora::Arithmetic;
using agora::KernelSet;
using agora::PackedMatrix;
using agora::Storage;

namespace {

PackedMatrix pack(Storage storage, const std::vector<float>& weights, int inputs, int outputs) {
    PackedMatrix matrix(storage, inputs, outputs);
    for (int first = 0; first < outputs; first += 16)
        matrix.pack(first / 16, weights.data() + first * inputs, std::min(16, outputs - first));
    return matrix;
}

// Rows in a format, with room behind them: the last may be read beyond its end.
std::vector<uint8_t> rows_of(const KernelSet& kernels, Arithmetic format, const std::vector<float>& x, int inputs) {
    const size_t bytes = agora::row_bytes(format, inputs);
    const size_t count = x.size() / static_cast<size_t>(inputs);
    std::vector<uint8_t> rows(count * bytes + 128, 0);
    for (size_t i = 0; i < count; ++i)
        kernels.narrow(x.data() + i * static_cast<size_t>(inputs), inputs, format, rows.data() + i * bytes);
    return rows;
}

// What values of rows of so many inputs are worth in a format of activations.
std::vector<float> rounded(Arithmetic format, std::vector<float> x, size_t inputs) {
    if (format == Arithmetic::BF16) {
        for (auto& value : x) value = agora::to_float(agora::to_bfloat(value));
    }
    const size_t block = format == Arithmetic::Int8 ? 32 : format == Arithmetic::Int8By256 ? 256 : 0;
    for (size_t row = 0; block != 0 && row < x.size(); row += inputs) {
        for (size_t first = row; first < row + inputs; first += block) {
            const size_t last = std::min(first + block, row + inputs);
            float most = 0;
            for (size_t i = first; i < last; ++i) most = std::max(most, std::fabs(x[i]));
            for (size_t i = first; i < last; ++i)
                x[i] = most == 0 ? 0 : std::nearbyint(x[i] * (127 / most)) * (most / 127);
        }
    }
    return x;
}

// activation(x · weightsᵀ + bias) + residual in double.
std::vector<float> expected_product(const std::vector<float>& x, const PackedMatrix& weights,
                                    const std::vector<float>& bias, agora::Activation activation,
                                    const std::vector<float>& residual) {
    const auto inputs = static_cast<size_t>(weights.inputs());
    const auto outputs = static_cast<size_t>(weights.outputs());
    const size_t count = x.size() / inputs;
    std::vector<float> result(count * outputs);
    std::vector<float> row(inputs);
    for (size_t o = 0; o < outputs; ++o) {
        weights.unpack(static_cast<int>(o), row.data());
        for (size_t i = 0; i < count; ++i) {
            double sum = bias[o];
            for (size_t k = 0; k < inputs; ++k) sum += static_cast<double>(x[i * inputs + k]) * row[k];
            if (activation == agora::Activation::Gelu) sum *= 0.5 * (1 + std::erf(sum / std::sqrt(2.0)));
            if (activation == agora::Activation::GeluTanh)
                sum *= 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (sum + 0.044715 * sum * sum * sum)));
            result[i * outputs + o] = static_cast<float>(sum + residual[i * outputs + o]);
        }
    }
    return result;
}

// AMX's tiles in plain C++, after Intel's manual.
class EmulatedTiles {
  public:
    EmulatedTiles(int first, int second) : rows_{first, first, second, second, first, second, 16, 16} {}

    template <int Tile>
    void zero() {
        std::memset(data_[Tile], 0, sizeof data_[Tile]);
    }
    template <int Tile>
    void load(const void* data, size_t stride) {
        zero<Tile>();
        for (int r = 0; r < rows_[Tile]; ++r)
            std::memcpy(data_[Tile][r], static_cast<const char*>(data) + static_cast<size_t>(r) * stride, 64);
    }
    template <int Tile>
    void store(void* data, size_t stride) {
        for (int r = 0; r < rows_[Tile]; ++r)
            std::memcpy(static_cast<char*>(data) + static_cast<size_t>(r) * stride, data_[Tile][r], 64);
    }
    template <int Sums, int Left, int Right>
    void multiply_bytes() {
        for (int r = 0; r < rows_[Left]; ++r) {
            for (int k = 0; k < 16; ++k) {
                for (int column = 0; column < 16; ++column) {
                    for (int i = 0; i < 4; ++i)
                        at<int32_t>(Sums, r, column) +=
                            at<int8_t>(Left, r, 4 * k + i) * at<int8_t>(Right, k, 4 * column + i);
                }
            }
        }
    }
    template <int Sums, int Left, int Right>
    void multiply() {
        for (int r = 0; r < rows_[Left]; ++r) {
            for (int k = 0; k < 16; ++k) {
                for (int column = 0; column < 16; ++column) {
                    for (int half = 0; half < 2; ++half)
                        at<float>(Sums, r, column) += agora::to_float(at<uint16_t>(Left, r, 2 * k + half)) *
                                                      agora::to_float(at<uint16_t>(Right, k, 2 * column + half));
                }
            }
        }
    }

  private:
    template <typename Value>
    Value& at(int tile, int row, int index) {
        return reinterpret_cast<Value*>(data_[tile][row])[index];
    }

    int rows_[8];
    alignas(64) uint8_t data_[8][16][64];
};

void add_scaled(int count, const int32_t* sums, const uint8_t* scales, size_t stride, const float* left,
                const float* right, bool first, float* tile, size_t tile_stride) {
    for (int r = 0; r < count; ++r, sums += 32, scales += stride, tile += tile_stride) {
        const float scale = *reinterpret_cast<const float*>(scales);
        for (int i = 0; i < 32; ++i)
            tile[i] =
                (first ? 0 : tile[i]) + static_cast<float>(sums[i]) * (scale * (i < 16 ? left[i] : right[i - 16]));
    }
}

// The sets of this processor, and AMX's on emulated tiles.
std::vector<KernelSet> all_sets() {
    std::vector<KernelSet> sets;
    for (const KernelSet* set : agora::kernel_sets()) sets.push_back(*set);
    KernelSet emulated = *agora::kernel_sets().back();
    emulated.name = "amx-emulated";
    emulated.bf16 = {32, agora::multiply_amx<EmulatedTiles>};
    emulated.int8_by_256 = {32, agora::multiply_amx_bytes<EmulatedTiles, add_scaled>};
    sets.push_back(emulated);
    return sets;
}

}  // namespace

TEST_CASE("products agree with double arithmetic on every instruction set, for all storages, shapes and endings") {
    struct Shape {
        int rows, inputs, outputs;
    };
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        for (const Shape shape :
             {Shape{1, 64, 32}, Shape{5, 96, 51}, Shape{13, 128, 64}, Shape{33, 384, 100}, Shape{17, 800, 40}}) {
            const auto weights = normal_values(static_cast<size_t>(shape.inputs * shape.outputs), 1, 0.1f);
            const auto x = normal_values(static_cast<size_t>(shape.rows * shape.inputs), 2);
            auto bias = normal_values(static_cast<size_t>(shape.outputs), 3);
            const auto residual = normal_values(static_cast<size_t>(shape.rows * shape.outputs), 4);
            bias.resize((bias.size() + 31) / 32 * 32);
            for (const Storage storage :
                 {Storage::F32, Storage::F16, Storage::BF16, Storage::Int8, Storage::Int8By256}) {
                for (const Arithmetic arithmetic :
                     {Arithmetic::F32, Arithmetic::BF16, Arithmetic::Int8, Arithmetic::Int8By256}) {
                    const bool long_blocks = arithmetic == Arithmetic::Int8By256;
                    const bool fits = storage == Storage::Int8By256 || long_blocks
                                          ? storage == Storage::Int8By256 && long_blocks
                                          : arithmetic == Arithmetic::F32 || storage == Storage::Int8 ||
                                                (arithmetic == Arithmetic::BF16 && storage == Storage::BF16);
                    if (!fits || !kernels.multiplies(arithmetic)) continue;
                    CAPTURE(static_cast<int>(storage));
                    CAPTURE(static_cast<int>(arithmetic));
                    CAPTURE(shape.rows);
                    const PackedMatrix matrix = pack(storage, weights, shape.inputs, shape.outputs);
                    const auto rows = rows_of(kernels, arithmetic, x, shape.inputs);
                    for (const auto activation :
                         {agora::Activation::None, agora::Activation::GeluTanh, agora::Activation::Gelu}) {
                        std::vector<float> output(residual.size());
                        agora::Product product;
                        product.weights = &matrix;
                        product.bias = bias.data();
                        product.activation = activation;
                        product.residual = residual.data();
                        product.arithmetic = arithmetic;
                        product.rows = rows.data();
                        product.row_stride = agora::row_bytes(arithmetic, shape.inputs);
                        product.count = shape.rows;
                        product.output = reinterpret_cast<uint8_t*>(output.data());
                        product.output_stride = static_cast<size_t>(shape.outputs) * sizeof(float);
                        for (int thread = 0; thread < 3; ++thread) agora::multiply(kernels, product, thread, 3);
                        const auto expected =
                            expected_product(rounded(arithmetic, x, static_cast<size_t>(shape.inputs)), matrix, bias,
                                             activation, residual);
                        // 8-bit weights are rounded once more where they are widened to bfloat16.
                        const bool twice = storage == Storage::Int8 && arithmetic == Arithmetic::BF16;
                        CHECK(relative_error(output, expected) < (twice ? 4e-3 : 2e-6));
                    }
                }
            }
        }
    }
}

TEST_CASE("8-bit products of the largest values do not saturate on any instruction set") {
    const int inputs = 96;
    const int outputs = 32;
    std::vector<float> weights(static_cast<size_t>(inputs * outputs));
    // All of one sign, or alternating in pairs and fours: whatever is added first, it is as large as can be.
    for (int o = 0; o < outputs; ++o) {
        for (int i = 0; i < inputs; ++i)
            weights[static_cast<size_t>(o * inputs + i)] = (o & i & 3) == 0 && o < 16 ? 1.0f : -1.0f;
    }
    std::vector<float> x;
    for (int row = 0; row < 7; ++row) {
        for (int i = 0; i < inputs; ++i) x.push_back((row & i) == 0 ? 1.0f : -1.0f);
    }
    const PackedMatrix matrix = pack(Storage::Int8, weights, inputs, outputs);
    const std::vector<float> zeros(7 * static_cast<size_t>(outputs), 0.0f);
    const auto expected = expected_product(x, matrix, zeros, agora::Activation::None, zeros);
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        const auto rows = rows_of(kernels, Arithmetic::Int8, x, inputs);
        std::vector<float> output(expected.size());
        agora::Product product;
        product.weights = &matrix;
        product.arithmetic = Arithmetic::Int8;
        product.rows = rows.data();
        product.row_stride = agora::row_bytes(Arithmetic::Int8, inputs);
        product.count = 7;
        product.output = reinterpret_cast<uint8_t*>(output.data());
        product.output_stride = static_cast<size_t>(outputs) * sizeof(float);
        agora::multiply(kernels, product, 0, 1);
        CHECK(relative_error(output, expected) < 1e-6);
    }
}

TEST_CASE("weights come back from every storage as they were, to its rounding") {
    for (const int inputs : {48, 304}) {
        const auto weights = normal_values(static_cast<size_t>(inputs * 40), 5);
        for (const auto& [storage, bound] : {std::pair{Storage::F32, 0.0},
                                             {Storage::F16, 4e-4},
                                             {Storage::BF16, 3e-3},
                                             {Storage::Int8, 8e-3},
                                             {Storage::Int8By256, 1.2e-2}}) {
            const PackedMatrix matrix = pack(storage, weights, inputs, 40);
            std::vector<float> back(weights.size());
            for (int i = 0; i < 40; ++i) matrix.unpack(i, back.data() + i * inputs);
            CHECK(relative_error(back, weights) <= bound);
        }
    }
}

TEST_CASE("sums of the longest block of the largest bytes are exact on every instruction set that has one") {
    const int inputs = PackedMatrix::kLongBlock;
    const std::vector<float> weights(static_cast<size_t>(32 * inputs), -127.0f);
    const std::vector<float> x(static_cast<size_t>(inputs), 127.0f);
    const PackedMatrix matrix = pack(Storage::Int8By256, weights, inputs, 32);
    for (const KernelSet& kernels : all_sets()) {
        if (!kernels.multiplies(Arithmetic::Int8By256)) continue;
        const std::string set = kernels.name;
        CAPTURE(set);
        const auto rows = rows_of(kernels, Arithmetic::Int8By256, x, inputs);
        std::vector<float> output(32);
        agora::Product product;
        product.weights = &matrix;
        product.arithmetic = Arithmetic::Int8By256;
        product.rows = rows.data();
        product.row_stride = agora::row_bytes(Arithmetic::Int8By256, inputs);
        product.count = 1;
        product.output = reinterpret_cast<uint8_t*>(output.data());
        product.output_stride = 32 * sizeof(float);
        agora::multiply(kernels, product, 0, 1);
        CHECK(output == std::vector<float>(32, -127.0f * 127.0f * 256.0f));
    }
}

TEST_CASE("rows become bytes with a scale for each 256 values, from floats and from bfloat16 alike") {
    const int width = 416;
    auto x = normal_values(width, 16, 2);
    for (float& value : x) value = agora::to_float(agora::to_bfloat(value));
    x[300] = 90;  // of the second block alone
    std::vector<agora::BFloat> short_floats(x.size());
    std::transform(x.begin(), x.end(), short_floats.begin(), agora::to_bfloat);
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        std::vector<uint8_t> row(agora::row_bytes(Arithmetic::Int8By256, width));
        kernels.narrow(x.data(), width, Arithmetic::Int8By256, row.data());
        std::vector<uint8_t> quantised(row.size());
        kernels.quantise(short_floats.data(), width, quantised.data());
        CHECK(quantised == row);
        const auto* scales = reinterpret_cast<const float*>(row.data() + width);
        CHECK(scales[1] == 90.0f / 127);
        for (size_t i = 0; i < x.size(); ++i) {
            const float scale = scales[i / 256];
            CHECK(std::fabs(static_cast<int8_t>(row[i]) * scale - x[i]) < 0.501f * scale);
        }
    }
}

TEST_CASE("rows are normalised and written in every format on every instruction set") {
    const int width = 384;
    const auto x = normal_values(width, 6, 3);
    const auto weight = normal_values(width, 7);
    const auto bias = normal_values(width, 8);
    double mean = 0;
    double variance = 0;
    for (const float value : x) mean += value / static_cast<double>(width);
    for (const float value : x) variance += std::pow(value - mean, 2) / width;
    std::vector<float> expected(width);
    for (size_t i = 0; i < x.size(); ++i)
        expected[i] = static_cast<float>((x[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i]);
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        std::vector<float> row(width);
        kernels.norm(x.data(), width, weight.data(), bias.data(), Arithmetic::F32,
                     reinterpret_cast<uint8_t*>(row.data()));
        CHECK(relative_error(row, expected) < 1e-6);

        std::vector<uint8_t> narrow(agora::row_bytes(Arithmetic::BF16, width));
        kernels.norm(x.data(), width, weight.data(), bias.data(), Arithmetic::BF16, narrow.data());
        for (int i = 0; i < width; ++i)
            row[static_cast<size_t>(i)] = agora::to_float(reinterpret_cast<const agora::BFloat*>(narrow.data())[i]);
        CHECK(relative_error(row, expected) < 3e-3);

        narrow.resize(agora::row_bytes(Arithmetic::Int8, width));
        kernels.norm(x.data(), width, weight.data(), bias.data(), Arithmetic::Int8, narrow.data());
        const auto* values = reinterpret_cast<const int8_t*>(narrow.data());
        const auto* scales = reinterpret_cast<const float*>(narrow.data() + width);
        const auto* offsets = reinterpret_cast<const int32_t*>(scales + width / 32);
        for (int block = 0; block < width / 32; ++block) {
            int sum = 0;
            for (int i = 32 * block; i < 32 * block + 32; ++i) {
                row[static_cast<size_t>(i)] = static_cast<float>(values[i]) * scales[block];
                sum += values[i];
            }
            CHECK(offsets[block] == -128 * sum);
        }
        CHECK(relative_error(row, expected) < 1e-2);

        narrow.resize(agora::row_bytes(Arithmetic::Int8By256, width));
        kernels.norm(x.data(), width, weight.data(), bias.data(), Arithmetic::Int8By256, narrow.data());
        for (int i = 0; i < width; ++i) row[static_cast<size_t>(i)] = static_cast<float>(values[i]) * scales[i / 256];
        CHECK(relative_error(row, expected) < 2e-2);
    }
}

TEST_CASE("exponentials of scores are those of the library on every instruction set") {
    auto scores = normal_values(70, 9, 20);
    scores[3] = -2000;
    const float most = *std::max_element(scores.begin(), scores.begin() + 61);
    double sum = 0;
    std::vector<float> expected(64, 0.0f);
    for (size_t i = 0; i < 61; ++i) sum += expected[i] = std::exp(0.125f * (scores[i] - most));
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        std::vector<float> row(scores.begin(), scores.begin() + 64);
        const auto exp_row = [&](std::vector<float>& x, Arithmetic format, uint8_t* output) {
            return kernels.exp_row(x.data(), 61, 64, 0.125f, format, output);
        };
        CHECK(exp_row(row, Arithmetic::F32, reinterpret_cast<uint8_t*>(row.data())) ==
              doctest::Approx(sum).epsilon(1e-6));
        CHECK(relative_error(row, expected) < 1e-6);

        std::vector<float> again(scores.begin(), scores.begin() + 64);
        std::vector<uint8_t> narrowed(agora::row_bytes(Arithmetic::BF16, 64));
        CHECK(exp_row(again, Arithmetic::BF16, narrowed.data()) == doctest::Approx(sum).epsilon(1e-4));
        for (size_t i = 0; i < 64; ++i)
            row[i] = agora::to_float(reinterpret_cast<const agora::BFloat*>(narrowed.data())[i]);
        CHECK(relative_error(row, expected) < 4e-3);

        again.assign(scores.begin(), scores.begin() + 64);
        narrowed.resize(agora::row_bytes(Arithmetic::Int8, 64));
        CHECK(exp_row(again, Arithmetic::Int8, narrowed.data()) == doctest::Approx(sum).epsilon(1e-4));
        const auto* scales = reinterpret_cast<const float*>(narrowed.data() + 64);
        const auto* offsets = reinterpret_cast<const int32_t*>(scales + 2);
        for (size_t block = 0; block < 2; ++block) {
            int total = 0;
            for (size_t i = 32 * block; i < 32 * block + 32; ++i) {
                const auto value = static_cast<int8_t>(narrowed[i]);
                row[i] = static_cast<float>(value) * scales[block];
                total += value;
            }
            CHECK(offsets[block] == -128 * total);
        }
        CHECK(relative_error(row, expected) < 1e-2);
    }
}

// Frames from `single` on stand for `each` that are like them.
void check_attention(int frames, int single, int each) {
    CAPTURE(single);
    const int heads = 3;
    const int width = heads * 64;
    const auto query = normal_values(static_cast<size_t>(frames * width), 10, 2);
    const auto key = normal_values(query.size(), 11);
    const auto value = normal_values(query.size(), 12);
    std::vector<float> expected(query.size(), 0.0f);
    for (int head = 0; head < heads; ++head) {
        for (int i = 0; i < frames; ++i) {
            std::vector<double> weights(frames);
            double sum = 0;
            for (int j = 0; j < frames; ++j) {
                double score = 0;
                for (int d = 0; d < 64; ++d)
                    score += static_cast<double>(query[static_cast<size_t>(i * width + head * 64 + d)]) *
                             key[static_cast<size_t>(j * width + head * 64 + d)];
                sum += weights[static_cast<size_t>(j)] = std::exp(score / 8) * (j < single ? 1 : each);
            }
            for (int j = 0; j < frames; ++j) {
                for (int d = 0; d < 64; ++d)
                    expected[static_cast<size_t>(i * width + head * 64 + d)] += static_cast<float>(
                        weights[static_cast<size_t>(j)] / sum * value[static_cast<size_t>(j * width + head * 64 + d)]);
            }
        }
    }
    for (const KernelSet& kernels : all_sets()) {
        const std::string set = kernels.name;
        CAPTURE(set);
        for (const Arithmetic arithmetic : {Arithmetic::F32, Arithmetic::BF16, Arithmetic::Int8}) {
            if (!kernels.multiplies(arithmetic)) continue;
            CAPTURE(static_cast<int>(arithmetic));
            const Arithmetic format = agora::attention_rows(arithmetic);
            const auto q = rows_of(kernels, format, query, width);
            const auto k = rows_of(kernels, format, key, width);
            const auto v = rows_of(kernels, format, value, width);
            std::vector<float> output(query.size());
            agora::EncoderAttention attention;
            attention.arithmetic = arithmetic;
            attention.query = q.data();
            attention.key = k.data();
            attention.value = v.data();
            attention.row_stride = agora::row_bytes(format, width);
            attention.frames = frames;
            attention.single = single;
            attention.bias = std::log(static_cast<float>(each));
            attention.heads = heads;
            attention.output = reinterpret_cast<uint8_t*>(output.data());
            attention.output_stride = static_cast<size_t>(width) * sizeof(float);
            for (int thread = 0; thread < 4; ++thread) agora::attend_all(kernels, attention, thread, 4);
            const double bound = arithmetic == Arithmetic::F32 ? 1e-5 : arithmetic == Arithmetic::BF16 ? 1e-2 : 2e-2;
            CHECK(relative_error(output, expected) < bound);
        }
    }
}

TEST_CASE("attention over all frames agrees with double arithmetic on every instruction set") {
    check_attention(45, 45, 1);
}

TEST_CASE("attention gives a frame that stands for several their weight on every instruction set") {
    for (const int single : {0, 20, 31, 44}) check_attention(45, single, 8);
}
