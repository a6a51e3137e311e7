// What a window holds goes before the model that it came to, even when nobody else has that model any more.
#include <doctest/doctest.h>

#include <memory>

#include "batched_support.h"
#include "engine/schedule/whisper_window.h"

namespace {

// Stands for a model and for memory that is given back to it.
struct Model {
    explicit Model(bool& gone) : gone(gone) {}
    ~Model() { gone = true; }
    bool& gone;
};
template <typename Memory>
struct Held final : Memory {
    Held(const bool& model_gone, int& freed) : model_gone(model_gone), freed(freed) {}
    ~Held() override {
        CHECK_FALSE(model_gone);
        ++freed;
    }
    const bool& model_gone;
    int& freed;
};
struct HeldSequence final : agora::SequenceMemory {
    HeldSequence(const bool& model_gone, int& freed) : held(model_gone, freed) {}
    void copy_from(agora::SequenceMemory&, int) override {}
    Held<agora::WindowMemory> held;
};

}  // namespace

TEST_CASE("windows give their memory back before they let go of their model") {
    bool model_gone = false;
    int freed = 0;
    auto model = std::make_shared<Model>(model_gone);
    agora::WindowRequest request;
    request.cancelled = std::make_shared<std::atomic<bool>>(false);
    auto window = std::make_unique<agora::WhisperWindow>(
        std::move(request), [model = std::move(model)](const agora::WindowOutcome&) { CHECK(model); });
    window->cross = std::make_unique<Held<agora::WindowMemory>>(model_gone, freed);
    window->detection = std::make_unique<HeldSequence>(model_gone, freed);
    window = nullptr;
    CHECK(freed == 2);
    CHECK(model_gone);
}
