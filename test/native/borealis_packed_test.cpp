// The language model on the CPU kernels, beside libllama on the same file.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "engine/borealis/embedding_table.h"
#include "engine/borealis/llama_network.h"
#include "engine/borealis/packed_language_network.h"
#include "engine/error.h"
#include "engine/log.h"
#include "numbers.h"
#include "support.h"

using agora::LanguageFile;
using agora::LanguageInput;
using agora::LanguageNetwork;
using agora::LlamaNetwork;
using agora::PackedLanguageNetwork;

namespace {

constexpr int kSequences = 34;
constexpr int kCapacity = 1024;

// Folders that test/support/native-fixtures.ts has written.
std::vector<std::string> models() {
    std::vector<std::string> found;
    for (const std::string name : {"tiny", "gen2"}) {
        const std::string folder = AGORA_ROOT "/build/native-fixtures/" + name;
        if (std::filesystem::exists(folder)) found.push_back(folder);
    }
    if (found.empty()) MESSAGE("skipped: scripts/test-native.mjs writes the models");
    return found;
}

struct Model {
    Model(const std::string& folder, const std::string& type)
        : path(folder + "/language-model-" + type + ".gguf"),
          file(agora::read_language_file(path)),
          embeddings(path, file.embeddings) {
        agora::capture_logs();
    }

    std::unique_ptr<LanguageNetwork> packed(const agora::KernelSet& kernels = *agora::kernel_sets().front(),
                                            int capacity = kCapacity) {
        REQUIRE(PackedLanguageNetwork::takes(file));
        return std::make_unique<PackedLanguageNetwork>(path, file, kernels, compute, kSequences, capacity);
    }
    std::unique_ptr<LanguageNetwork> llama() {
        return std::make_unique<LlamaNetwork>(agora::load_llama_model(path, file, agora::LlamaPart::OnCpu), file,
                                              compute, 2, kSequences, kCapacity, false);
    }
    // Embeddings of `count` random tokens.
    std::vector<float> rows(size_t count, unsigned seed) {
        std::mt19937 random(seed);
        std::vector<float> result;
        for (size_t i = 0; i < count; ++i)
            embeddings.append(static_cast<int>(random() % static_cast<unsigned>(file.vocabulary)), result);
        return result;
    }
    std::vector<float> decode(LanguageNetwork& network, const std::vector<float>& rows, int sequence = 0) {
        return decode(network, {{sequence, &rows}});
    }
    // The logits of all inputs, one after another.
    std::vector<float> decode(LanguageNetwork& network, const std::vector<LanguageInput>& inputs) const {
        const float* logits = network.decode(inputs);
        return {logits, logits + inputs.size() * static_cast<size_t>(file.vocabulary)};
    }
    // The logits of input `index`.
    std::vector<float> part(const std::vector<float>& logits, size_t index) const {
        const auto first = logits.begin() + static_cast<std::ptrdiff_t>(index) * file.vocabulary;
        return {first, first + file.vocabulary};
    }

    std::string path;
    LanguageFile file;
    agora::EmbeddingTable embeddings;
    agora::CpuCompute compute{2};
};

}  // namespace

TEST_CASE("the packed language model has libllama's logits, for prompts and for steps") {
    for (const std::string& folder : models()) {
        Model exact(folder, "f32");
        for (const std::string type : {"f32", "f16", "q8_0", "q4_0"}) {
            Model model(folder, type);
            const auto reference = exact.llama();
            const auto llama = model.llama();
            const auto packed = model.packed();
            double error = 0;
            double llama_error = 0;
            unsigned seed = 0;
            for (const size_t count : {1, 7, 600, 1, 33, 1, 1}) {
                const std::vector<float> rows = exact.rows(count, ++seed);
                const std::vector<float> expected = model.decode(*reference, rows, 2);
                error = std::max(error, relative_error(model.decode(*packed, rows, 2), expected));
                llama_error = std::max(llama_error, relative_error(model.decode(*llama, rows, 2), expected));
                CHECK(packed->length(2) == llama->length(2));
            }
            MESSAGE(folder.substr(folder.rfind('/') + 1)
                    << " " << type << ": " << error << ", libllama's " << llama_error);
            // What quantised weights do is libllama's loss as well.
            CHECK(error <= (type == "f32" ? 1e-4 : type == "f16" ? 1e-2 : 1.25 * llama_error));
        }
    }
}

TEST_CASE("every kernel set computes the packed language model, to rounding") {
    for (const std::string& folder : models()) {
        for (const std::string type : {"f32", "q8_0"}) {
            Model model(folder, type);
            const std::vector<float> rows = model.rows(50, 1);
            const std::vector<float> expected = model.decode(*model.packed(*agora::kernel_sets().back()), rows);
            for (const agora::KernelSet* kernels : agora::kernel_sets()) {
                CAPTURE(kernels->name);
                // Some multiply bytes, others floats.
                const double tolerance = type == "f32" ? 1e-5 : 0.1;
                CHECK(relative_error(model.decode(*model.packed(*kernels), rows), expected) <= tolerance);
            }
        }
    }
}

TEST_CASE("libllama's logits come in the order of the inputs, however long those are") {
    for (const std::string& folder : models()) {
        Model model(folder, "f32");
        const auto network = model.llama();
        const std::vector<size_t> lengths = {3, 40, 1, 17};
        std::vector<std::vector<float>> rows;
        std::vector<std::vector<float>> expected;
        for (size_t i = 0; i < lengths.size(); ++i) {
            rows.push_back(model.rows(lengths[i], static_cast<unsigned>(i)));
            expected.push_back(model.decode(*network, rows.back(), 4));
            network->truncate(4, 0);
        }
        const std::vector<float> all =
            model.decode(*network, {{2, &rows[0]}, {0, &rows[1]}, {3, &rows[2]}, {1, &rows[3]}});
        for (size_t i = 0; i < lengths.size(); ++i) {
            CAPTURE(i);
            CHECK(relative_error(model.part(all, i), expected[i]) < 1e-4);
        }
    }
}

TEST_CASE("a packed sequence's logits are the same bit for bit alone, among others, and in whatever pieces") {
    for (const std::string& folder : models()) {
        for (const std::string type : {"f16", "q8_0"}) {
            Model model(folder, type);
            const std::vector<float> prompt = model.rows(570, 1);
            const std::vector<float> next = model.rows(1, 2);
            const auto network = model.packed();
            const std::vector<float> first = model.decode(*network, prompt, 5);
            const std::vector<float> second = model.decode(*network, next, 5);

            // Among others: 33 sequences' rows take more than one pass.
            std::vector<std::vector<float>> others;
            std::vector<LanguageInput> inputs;
            for (int i = 0; i < 32; ++i) others.push_back(model.rows(1 + static_cast<size_t>(i) % 3 * 9, 50 + i));
            network->truncate(5, 0);
            for (int i = 0; i < 32; ++i) inputs.push_back({i < 5 ? i : i + 1, &others[static_cast<size_t>(i)]});
            inputs.insert(inputs.begin() + 20, {5, &prompt});
            CHECK(model.part(model.decode(*network, inputs), 20) == first);
            for (LanguageInput& input : inputs) input.rows = &next;
            CHECK(model.part(model.decode(*network, inputs), 20) == second);

            // In pieces, and on copied and moved beginnings.
            const auto width = static_cast<std::ptrdiff_t>(model.file.width);
            for (const std::ptrdiff_t cut : {1, 57, 255, 256, 400, 569}) {
                const std::vector<float> before(prompt.begin(), prompt.begin() + cut * width);
                const std::vector<float> after(prompt.begin() + cut * width, prompt.end());
                network->truncate(0, 0);
                model.decode(*network, before, 0);
                network->copy(0, 1);
                network->move(0, 2);
                CHECK(network->length(0) == 0);
                CHECK(network->length(1) == cut);
                CHECK(network->length(2) == cut);
                CHECK(model.decode(*network, after, 1) == first);
                CHECK(model.decode(*network, after, 2) == first);
                // Back to the cut, and on again.
                network->truncate(1, static_cast<int>(cut));
                CHECK(model.decode(*network, after, 1) == first);
                CHECK(model.decode(*network, next, 1) == second);
            }
        }
    }
}

TEST_CASE("a packed sequence beyond its capacity is refused, and all sequences are empty then") {
    for (const std::string& folder : models()) {
        Model model(folder, "q8_0");
        const auto network = model.packed(*agora::kernel_sets().front(), 40);
        CHECK(network->capacity() == 40);
        const std::vector<float> most = model.rows(40, 1);
        const std::vector<float> one = model.rows(1, 2);
        const std::vector<float> expected = model.decode(*network, most, 0);
        model.decode(*network, one, 1);
        CHECK_THROWS_AS(model.decode(*network, one, 0), agora::Error);
        CHECK(network->length(0) == 0);
        CHECK(network->length(1) == 0);
        CHECK(model.decode(*network, most, 0) == expected);
    }
}

TEST_CASE("a weight of the packed language model that is no number is refused by its tensor's name") {
    for (const std::string& folder : models()) {
        // Vectors are in single precision, blocks of q8_0 begin with a scale in half precision.
        for (const std::string type : {"f16", "q8_0"}) {
            const Model model(folder, type);
            const Bytes bytes = read_file(model.path);
            for (const std::string name : {"blk.0.attn_norm.weight", "blk.0.attn_k.weight", "blk.0.ffn_down.weight",
                                           "output_norm.weight", "token_embd.weight"}) {
                CAPTURE(name);
                const auto tensor = std::find_if(model.file.tensors.begin(), model.file.tensors.end(),
                                                 [&](const agora::TensorEntry& entry) { return entry.name == name; });
                REQUIRE(tensor != model.file.tensors.end());
                Bytes damaged = bytes;
                const uint32_t nan = tensor->type == GGML_TYPE_F32 ? 0x7FC00000u : 0x7E007E00u;
                std::memcpy(damaged.data() + tensor->offset, &nan, sizeof nan);
                const TemporaryFile changed(damaged);
                const LanguageFile file = agora::read_language_file(changed.path());
                agora::CpuCompute compute(2);
                std::string message = "none";
                try {
                    const PackedLanguageNetwork network(changed.path(), file, *agora::kernel_sets().front(), compute, 1,
                                                        16);
                } catch (const agora::Error& error) {
                    CHECK(error.code() == agora::ErrorCode::ModelInvalid);
                    message = error.what();
                }
                CHECK(message.find("tensor " + name) != std::string::npos);
            }
        }
    }
}

TEST_CASE("shapes that fill no whole blocks are not for the packed language model") {
    LanguageFile file;
    file.width = 896;
    file.heads = 14;
    file.kv_heads = 2;
    file.head_width = 64;
    file.feed_forward = 4864;
    CHECK(PackedLanguageNetwork::takes(file));
    LanguageFile other = file;
    other.feed_forward = 4880;
    CHECK_FALSE(PackedLanguageNetwork::takes(other));
    other = file;
    other.width = 912;
    CHECK_FALSE(PackedLanguageNetwork::takes(other));
    other = file;
    other.kv_heads = 1;
    other.head_width = 8;
    other.heads = 4;
    CHECK_FALSE(PackedLanguageNetwork::takes(other));
}
