#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/error.h"
#include "engine/speakers/nemotron/nemotron.h"
#include "memory_in_use.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::Diarization;
using agora::NemotronModel;
using agora::SpeakerActivity;
using agora::SpeakerCount;
using agora::SpeakerMemory;

namespace {

// Of small random weights, written by scripts/test-native.mjs without any references.
const std::string kRandom = AGORA_ROOT "/build/native-fixtures/nemotron/random-f32.gguf";
const std::string kTiny = kSpeakerFixtures + "nemotron3-tiny-f32.gguf";

agora::ErrorCode code_of(const std::function<void()>& work, std::string* message = nullptr) {
    try {
        work();
    } catch (const agora::Error& error) {
        if (message != nullptr) *message = error.what();
        return error.code();
    }
    return agora::ErrorCode::Internal;
}

Diarization diarize(NemotronModel& model, const std::vector<float>& samples, size_t piece,
                    const SpeakerCount& count = {}) {
    const auto stream = model.open();
    for (size_t start = 0; start < samples.size(); start += piece)
        stream->push(samples.data() + start, std::min(piece, samples.size() - start), nullptr);
    return stream->finish(count, nullptr);
}

bool same(const std::vector<agora::SpeakerTurn>& a, const std::vector<agora::SpeakerTurn>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const agora::SpeakerTurn& left, const agora::SpeakerTurn& right) {
                          return left.start == right.start && left.end == right.end && left.speaker == right.speaker &&
                                 left.confidence == right.confidence;
                      });
}

SpeakerCount exactly(int number) {
    SpeakerCount count;
    count.exactly = number;
    return count;
}

// Who speaks, [frames][speakers], by letters: "A" the first speaker, "b" the second with less certainty, "." nobody.
SpeakerActivity activity(const std::vector<std::string>& frames, size_t each = 10) {
    SpeakerActivity result(3);
    for (const std::string& frame : frames) {
        float logits[3] = {-8, -8, -8};
        for (const char letter : frame) {
            if (letter >= 'A' && letter <= 'C') logits[letter - 'A'] = 4;
            if (letter >= 'a' && letter <= 'c') logits[letter - 'a'] = 0.5f;
            if (letter >= '1' && letter <= '3') logits[letter - '1'] = -1;  // perhaps
        }
        for (size_t i = 0; i < each; ++i) result.add(logits, false);
    }
    return result;
}

std::string shown(const std::vector<agora::SpeakerTurn>& turns) {
    std::string text;
    for (const agora::SpeakerTurn& turn : turns)
        text += std::to_string(turn.speaker) + ":" + std::to_string(std::lround(turn.start * 100)) + "-" +
                std::to_string(std::lround(turn.end * 100)) + " ";
    return text;
}

}  // namespace

TEST_CASE("speakers: nemotron's cache keeps the first of equal frames, the newest before all") {
    constexpr int kRows = 300;
    SpeakerMemory memory(8, {}, {}, {7.0f});
    std::vector<float> chunk, probabilities;
    for (int i = 0; i < kRows + 40; ++i) {
        chunk.push_back(static_cast<float>(i));
        for (int s = 0; s < 8; ++s) probabilities.push_back(s == 0 ? 0.9f : 0.0f);
    }
    memory.update(chunk.data(), kRows + 40, probabilities.data());
    CHECK(memory.cached() == 264);
    CHECK(memory.queued() == 40);
    // 8 rows are silence. Of speaker 0 the best 48 are raised: the 36 that are new, and the first 12 of the others.
    std::vector<int> expected;
    for (int row = 0; row < kRows; ++row) {
        if (row < 220 || row >= 264) expected.push_back(row);
    }
    expected.resize(264, kRows);
    CHECK(memory.picks() == expected);
    CHECK(memory.cache()[219] == 219);
    CHECK(memory.cache()[220] == 264);
    CHECK(memory.cache()[263] == 7);
    CHECK(memory.cache_probabilities()[263 * 8] == 0);
}

TEST_CASE("speakers: nemotron's cache of a recording in which nobody speaks is silence") {
    SpeakerMemory memory(8, {}, {}, {7.0f});
    const std::vector<float> chunk(340, 1.0f);
    const std::vector<float> nobody(340 * 8, 0.01f);
    memory.update(chunk.data(), 340, nobody.data());
    CHECK(memory.cached() == 264);
    CHECK(std::all_of(memory.cache().begin(), memory.cache().end(), [](float value) { return value == 7; }));
}

TEST_CASE("speakers: nemotron's turns are numbered by first speech, overlap, and words are the likelier speaker's") {
    const Diarization result = activity({"B", "B", "aB", "A", "A", ".", ".", "C"}).turns({}, 0.75, nullptr);
    CHECK(shown(result.turns) == "0:0-30 1:20-50 2:70-75 ");
    CHECK(shown(result.exclusive) == "0:0-30 1:30-50 2:70-75 ");
    CHECK(result.embeddings.empty());
    for (const agora::SpeakerTurn& turn : result.turns) {
        CHECK(turn.confidence > 0.5f);
        CHECK(turn.confidence <= 1);
    }
}

TEST_CASE("speakers: nemotron's turns have no pauses and no sounds shorter than a frame of the encoder's") {
    std::vector<std::string> frames(100, ".");
    for (size_t i = 0; i < 30; ++i) frames[i] = "A";
    for (size_t i = 12; i < 19; ++i) frames[i] = ".";
    for (size_t i = 50; i < 57; ++i) frames[i] = "B";
    for (size_t i = 70; i < 78; ++i) frames[i] = "C";
    CHECK(shown(activity(frames, 1).turns({}, 1, nullptr).turns) == "0:0-30 1:70-78 ");
}

TEST_CASE("speakers: nemotron gives words to one of two who speak at once, not in turn to both") {
    std::vector<std::string> frames(20, "B");
    for (int i = 0; i < 20; ++i) frames.insert(frames.end(), {"AB", "aB", "bA"});
    for (int i = 0; i < 10; ++i) frames.emplace_back("bA");
    const Diarization result = activity(frames, 1).turns({}, 1, nullptr);
    CHECK(shown(result.turns) == "0:0-90 1:20-90 ");
    CHECK(shown(result.exclusive) == "0:0-79 1:79-90 ");
}

TEST_CASE("speakers: of more speakers than are wanted nemotron keeps those who speak most, and gives them the rest") {
    // C says little, and sounds more like A than like B.
    const auto heard = activity({"A", "A", "A", "B", "B", "1C", "C1"});
    CHECK(shown(heard.turns({}, 1, nullptr).turns) == "0:0-30 1:30-50 2:50-70 ");
    CHECK(shown(heard.turns(exactly(2), 1, nullptr).turns) == "0:0-30 1:30-50 0:50-70 ");
    SpeakerCount most;
    most.most = 1;
    CHECK(shown(heard.turns(most, 1, nullptr).turns) == "0:0-70 ");
    CHECK(shown(heard.turns(exactly(1000), 1, nullptr).turns) == "0:0-30 1:30-50 2:50-70 ");
}

TEST_CASE("speakers: nemotron takes for nobody what has no sound and what is no number") {
    SpeakerActivity heard(3);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float logits[2][3] = {{4, nan, -4}, {nan, nan, nan}};
    for (int i = 0; i < 20; ++i) heard.add(logits[0], false);
    for (int i = 0; i < 20; ++i) heard.add(logits[0], true);
    for (int i = 0; i < 20; ++i) heard.add(logits[1], false);
    CHECK(shown(heard.turns({}, 1, nullptr).turns) == "0:0-20 ");
    CHECK(SpeakerActivity(3).turns({}, 0, nullptr).turns.empty());
}

TEST_CASE("speakers: nemotron gives the same turns however the sound comes, on however many threads") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    std::vector<float> call = read_chunked_wav(speaker_audio(folder, "calls/mono-mix.wav"));
    call.resize(16000 * 70 + 123);
    auto model = std::make_shared<NemotronModel>(kTiny, 2);
    const Diarization whole = diarize(*model, call, call.size());
    CHECK(whole.turns.size() > 20);
    CHECK(whole.turns.back().end <= 70.01);
    for (const size_t piece : {size_t{16000 * 27}, size_t{4321}}) {
        const Diarization pieces = diarize(*model, call, piece);
        CHECK(same(pieces.turns, whole.turns));
        CHECK(same(pieces.exclusive, whole.exclusive));
    }
    auto one = std::make_shared<NemotronModel>(kTiny, 1);
    CHECK(same(diarize(*one, call, call.size()).turns, whole.turns));
    // Two recordings at once do not hear each other.
    const auto first = model->open();
    const auto second = model->open();
    for (size_t start = 0; start < call.size(); start += 160000) {
        const size_t count = std::min<size_t>(160000, call.size() - start);
        first->push(call.data() + start, count, nullptr);
        second->push(call.data() + call.size() - start - count, count, nullptr);
    }
    CHECK(same(first->finish({}, nullptr).turns, whole.turns));
    second->finish({}, nullptr);
    for (const int wanted : {1, 2}) {
        const Diarization few = diarize(*model, call, call.size(), exactly(wanted));
        int most = 0;
        for (const agora::SpeakerTurn& turn : few.turns) most = std::max(most, turn.speaker + 1);
        CHECK(most == wanted);
    }
}

TEST_CASE("speakers: nemotron survives silence, snippets, noise and what is no sound at all") {
    auto model = std::make_shared<NemotronModel>(kRandom, 2);
    CHECK(diarize(*model, {}, 1).turns.empty());
    CHECK(diarize(*model, std::vector<float>(16000 * 40, 0.0f), 16000).turns.empty());
    for (const size_t count : {1u, 159u, 160u, 1279u, 1280u, 4800u, 435200u, 435201u, 487040u}) {
        CAPTURE(count);
        const double seconds = static_cast<double>(count) / 16000;
        const Diarization snippet = diarize(*model, normal_values(count, 1, 0.1f), 8000);
        for (const agora::SpeakerTurn& turn : snippet.turns) CHECK(turn.end <= seconds);
    }
    std::vector<float> broken = normal_values(16000 * 3, 2, 0.1f);
    broken[7000] = std::numeric_limits<float>::quiet_NaN();
    broken[9000] = std::numeric_limits<float>::infinity();
    broken[9500] = 1e30f;
    for (const agora::SpeakerTurn& turn : diarize(*model, broken, 8000).turns) CHECK(std::isfinite(turn.confidence));
}

TEST_CASE("speakers: nemotron's work is cancelled once stop is set, and such a step remembers nothing") {
    auto model = std::make_shared<NemotronModel>(kRandom, 2);
    const std::atomic<bool> stop{true};
    const std::vector<float> sound = normal_values(16000 * 31, 1, 0.1f);
    const auto cancelled = agora::ErrorCode::Cancelled;
    CHECK(code_of([&] { model->open()->push(sound.data(), sound.size(), &stop); }) == cancelled);
    const auto stream = model->open();
    stream->push(sound.data(), sound.size(), nullptr);
    CHECK(code_of([&] { stream->finish({}, &stop); }) == cancelled);
    SpeakerMemory memory(8, model->file().rules, {}, model->silence());
    std::vector<float> logits;
    agora::NemotronStep step;
    step.chunk.assign(340 * static_cast<size_t>(model->file().shape.width), 0.1f);
    step.heard = step.count = 340;
    CHECK(!model->run(memory, step, &stop, logits));
    CHECK(memory.rows() == 0);
    CHECK(model->run(memory, step, nullptr, logits));
}

TEST_CASE("speakers: nemotron's memory does not grow with the recording but by a kilobyte each second") {
    auto model = std::make_shared<NemotronModel>(kRandom, 2);
    const std::vector<float> minute = normal_values(16000 * 60, 1, 0.1f);
    const auto stream = model->open();
    for (int i = 0; i < 2; ++i) stream->push(minute.data(), minute.size(), nullptr);
    const int64_t before = memory_in_use();
    for (int i = 0; i < 10; ++i) stream->push(minute.data(), minute.size(), nullptr);
    // A vector that grows has room for twice as much. The sound alone would be 38 MB.
    CHECK(memory_in_use() - before < 2 * 600'000 + 200'000);
}

TEST_CASE("speakers: nemotron refuses models of other kinds and damaged ones, and says what is wrong") {
    std::string message;
    const auto invalid = agora::ErrorCode::ModelInvalid;
    CHECK(agora::load_diarization_model(kRandom, 1)->facts().pipeline == "nemotron");
    CHECK(code_of([] { agora::inspect_diarization_file(kDemoModel); }) == invalid);
    const Bytes bytes = read_file(kRandom);
    const auto replaced = [&](const std::string& from, const std::string& to) {
        Bytes copy = bytes;
        const auto at = std::search(copy.begin(), copy.end(), from.begin(), from.end());
        REQUIRE(at != copy.end());
        std::copy(to.begin(), to.end(), at);
        return copy;
    };
    const auto problem_of = [&](const Bytes& file) {
        const TemporaryFile damaged(file);
        CHECK(code_of([&] { NemotronModel(damaged.path(), 1); }, &message) == invalid);
        return message;
    };
    CHECK(problem_of(replaced("encoder.layers.0.norm2.bias", "encoder.layers.0.norm2.biaz"))
              .find("encoder.layers.0.norm2.bias is missing") != std::string::npos);
    CHECK(problem_of(replaced("subpixel_upsample.weight", "subpixel_upsample.waight")).find("another generation") !=
          std::string::npos);
    CHECK(problem_of(Bytes(bytes.begin(), bytes.end() - 5000)).find("ends inside") != std::string::npos);
    // Features that are not those which are computed here.
    for (const std::string key : {"preemph", "log_zero_guard"}) {
        const std::string name = "sortformer.preprocessor." + key;
        Bytes other = bytes;
        const auto at = std::search(other.begin(), other.end(), name.begin(), name.end());
        REQUIRE(at != other.end());
        // Behind the key come the value's type and the value.
        const float value = 0.001f;
        std::memcpy(&*at + name.size() + sizeof(uint32_t), &value, sizeof value);
        CHECK(problem_of(other).find(name + " is not") != std::string::npos);
    }
    const auto tensors = agora::read_nemotron_file(kRandom).tensors;
    for (const std::string name : {"encoder.embed_norm.weight", "learnable_sil_emb"}) {
        const auto tensor = std::find_if(tensors.begin(), tensors.end(),
                                         [&](const agora::TensorEntry& entry) { return entry.name == name; });
        REQUIRE(tensor != tensors.end());
        Bytes nan = bytes;
        std::fill_n(nan.begin() + static_cast<std::ptrdiff_t>(tensor->offset), 4, uint8_t{0xFF});
        CHECK(problem_of(nan).find("tensor " + name + " holds a value that is no number") != std::string::npos);
    }
}

TEST_CASE("speakers: models of the community pipeline are told from nemotron's") {
    if (speaker_references().empty()) return;
    CHECK(agora::load_diarization_model(kSpeakerModel, 1)->facts().pipeline == "community");
    std::string message;
    const auto refused = code_of([] { agora::read_nemotron_file(kSpeakerModel); }, &message);
    CHECK(refused == agora::ErrorCode::ModelInvalid);
    CHECK(message.find("speaker-diarization") != std::string::npos);
}
