#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/schedule/scheduled_speakers.h"
#include "memory_in_use.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::NemotronModel;
using agora::NemotronStream;
using agora::Progress;
using agora::ScheduledSpeakers;
using agora::SpeakerActivity;
using agora::SpeakersOutcome;
using agora::SpeakersRequest;
using agora::SpeakerTurn;

namespace {

const std::string kRandom = AGORA_ROOT "/build/native-fixtures/nemotron/random-f32.gguf";
const std::string kTiny = kSpeakerFixtures + "nemotron3-tiny-f32.gguf";
constexpr double kAtOnce = std::numeric_limits<double>::infinity();
// Too short for more than the least part of a step, on any machine.
constexpr double kLeast = 1e-9;
constexpr size_t kSpeakers = 8;
constexpr int kAll = 8;

using Turns = std::vector<SpeakerTurn>;

bool same(const Turns& a, const Turns& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SpeakerTurn& left, const SpeakerTurn& right) {
        return left.start == right.start && left.end == right.end && left.speaker == right.speaker &&
               left.confidence == right.confidence;
    });
}

std::string shown(const Turns& turns) {
    std::string text;
    for (const SpeakerTurn& turn : turns)
        text += std::to_string(turn.speaker) + ":" + std::to_string(std::lround(turn.start * 100)) + "-" +
                std::to_string(std::lround(turn.end * 100)) + " ";
    return text;
}

// Who speaks in frames of 100 ms, by letters: "A" speaker 0, "a" with less certainty, "." nobody.
SpeakerActivity activity(const std::vector<std::string>& frames) {
    SpeakerActivity result(3);
    for (const std::string& frame : frames) {
        float logits[3] = {-8, -8, -8};
        for (const char letter : frame) {
            if (letter >= 'A' && letter <= 'C') logits[letter - 'A'] = 4;
            if (letter >= 'a' && letter <= 'c') logits[letter - 'a'] = 0.5f;
            if (letter >= '1' && letter <= '3') logits[letter - '1'] = -1;  // perhaps
        }
        for (int i = 0; i < 10; ++i) result.add(logits, false);
    }
    return result;
}

std::vector<float> part_of(const std::vector<float>& samples, size_t begin, size_t end) {
    return {samples.begin() + static_cast<std::ptrdiff_t>(begin), samples.begin() + static_cast<std::ptrdiff_t>(end)};
}

void give(NemotronStream& stream, const std::vector<float>& samples, double seconds = kAtOnce) {
    stream.give(samples.data(), samples.size());
    while (stream.work(seconds, nullptr) == Progress::Unfinished) continue;
}

// Listens to `samples` in pieces and looks at each of `ends`, in samples. What each look told from the one before on.
std::vector<Turns> looks(NemotronModel& model, const std::vector<float>& samples, const std::vector<size_t>& ends,
                         size_t piece, double seconds = kAtOnce) {
    const auto stream = model.open(agora::StepSizes{});
    std::vector<Turns> found;
    size_t at = 0;
    double from = 0;
    for (const size_t end : ends) {
        for (; at < end; at += std::min(piece, end - at))
            give(*stream, part_of(samples, at, at + std::min(piece, end - at)), seconds);
        stream->look();
        give(*stream, {}, seconds);
        found.push_back(stream->turns_from(from, kAll, nullptr));
        from = static_cast<double>(end) / 16000;
    }
    return found;
}

std::vector<float> call_of(const std::string& folder, size_t seconds) {
    std::vector<float> call = read_chunked_wav(speaker_audio(folder, "calls/mono-mix.wav"));
    call.resize(16000 * seconds);
    return call;
}

// One for which no time passes: nobody is owed a share of it.
std::shared_ptr<agora::Executor> timeless() {
    return std::make_shared<agora::Executor>(std::function<void()>{}, [] { return 0.0; });
}

// Work on a stream, and what became of it.
struct Answer {
    int done = 0;
    std::string error;
};

SpeakersRequest push(const std::shared_ptr<NemotronStream>& stream, const std::vector<float>& samples,
                     double forget = 0) {
    SpeakersRequest request;
    request.stream = stream;
    request.samples = samples;
    request.forget = forget;
    request.cancelled = std::make_shared<std::atomic<bool>>(false);
    request.turn.priority = agora::Priority::Live;
    return request;
}

SpeakersRequest look(const std::shared_ptr<NemotronStream>& stream, const std::vector<float>& samples) {
    SpeakersRequest request = push(stream, samples);
    request.look = true;
    return request;
}

SpeakersRequest whole(const std::shared_ptr<NemotronStream>& stream, const std::vector<float>& samples) {
    SpeakersRequest request = push(stream, samples);
    request.last = true;
    request.turn.priority = agora::Priority::Bulk;
    return request;
}

void submit(ScheduledSpeakers& scheduled, SpeakersRequest request, Answer& answer) {
    scheduled.submit(std::move(request), [&answer](const SpeakersOutcome& outcome) {
        ++answer.done;
        try {
            if (outcome.error) std::rethrow_exception(outcome.error);
        } catch (const std::exception& error) {
            answer.error = error.what();
        }
    });
}

}  // namespace

TEST_CASE("speakers: while they speak, they keep the model's numbers, and nobody is told of before the last text") {
    const SpeakerActivity before = activity({"B", "B", "aB", "A", "A"});
    const SpeakerActivity ahead = activity({"A", ".", "C", "C"});
    std::vector<size_t> told;
    CHECK(shown(before.turns_of_one(ahead, 0, 1, kAll, told, nullptr)) == "1:0-30 0:30-60 2:70-90 ");
    CHECK(told == std::vector<size_t>{0, 1, 2});
    CHECK(shown(before.turns_of_one(ahead, 0.4, 1, kAll, told, nullptr)) == "0:40-60 2:70-90 ");
    CHECK(shown(before.turns_of_one(ahead, 0.65, 0.85, kAll, told, nullptr)) == "2:70-85 ");
    CHECK(before.turns_of_one(SpeakerActivity(3), 0.5, 0.5, kAll, told, nullptr).empty());
}

TEST_CASE(
    "speakers: of more who speak than are wanted those are told who were told first, and have the others' words") {
    const SpeakerActivity nothing(3);
    std::vector<size_t> told;
    CHECK(shown(activity({"B", "B", "B"}).turns_of_one(nothing, 0, 1, 2, told, nullptr)) == "1:0-30 ");
    CHECK(shown(activity({"A", "A", "C1"}).turns_of_one(nothing, 0, 1, 2, told, nullptr)) == "0:0-30 ");
    CHECK(shown(activity({"C", "C2", "C2", "C2"}).turns_of_one(nothing, 0, 1, 2, told, nullptr)) == "1:0-40 ");
    CHECK(shown(activity({"C1", "C1", "C2"}).turns_of_one(nothing, 0, 1, 2, told, nullptr)) == "0:0-20 1:20-30 ");
    CHECK(told == std::vector<size_t>{1, 0});
}

TEST_CASE("speakers: what is forgotten is not told of, and the clock goes on") {
    SpeakerActivity heard = activity({"A", "B", "A", "C"});
    const SpeakerActivity nothing(3);
    heard.forget_before(0.209);
    CHECK(heard.frames() == 20);
    heard.forget_before(0.1);
    CHECK(heard.frames() == 20);
    std::vector<size_t> told;
    CHECK(shown(heard.turns_of_one(nothing, 0, 1, kAll, told, nullptr)) == "0:20-30 2:30-40 ");
    heard.forget_before(100);
    CHECK(heard.frames() == 0);
    CHECK(heard.turns_of_one(nothing, 0, 1, kAll, told, nullptr).empty());
}

TEST_CASE("speakers: a look decides as transformers does of all that there is so far") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const Safetensors reference(folder + "/nemotron3-tiny/reference.safetensors");
    const std::vector<float> logits = reference.floats("clip20.one_pass_logits");
    const std::vector<float> call = part_of(call_of(folder, 60), 16000 * 40, 16000 * 60);
    // The last frame's neighbour is none of the look's: its look comes before there is one.
    constexpr size_t kFrames = 1984;
    SpeakerActivity expected(kSpeakers);
    for (size_t t = 0; t < kFrames; ++t) {
        const auto at = static_cast<std::ptrdiff_t>(t * 160);
        const auto begin = call.begin() + std::max<std::ptrdiff_t>(0, at - 200);
        const bool silent = std::all_of(begin, call.begin() + at + 200, [](float sample) { return sample == 0; });
        expected.add(logits.data() + t * kSpeakers, silent);
    }
    auto model = std::make_shared<NemotronModel>(kTiny, 2, agora::ComputeType::F32);
    const auto stream = model->open(agora::StepSizes{});
    // Whole frames need the sound of a window's half behind them.
    give(*stream, call);
    give(*stream, std::vector<float>(200));
    stream->look();
    give(*stream, {});
    const double end = kFrames / 100.0 - 0.1;
    const auto within = [end](Turns turns) {
        turns.erase(std::remove_if(turns.begin(), turns.end(), [end](const auto& turn) { return turn.end > end; }),
                    turns.end());
        return shown(turns);
    };
    std::vector<size_t> told;
    const Turns turns = expected.turns_of_one(SpeakerActivity(kSpeakers), 0, 20, kAll, told, nullptr);
    CHECK(turns.size() > 10);
    CHECK(within(stream->turns_from(0, kAll, nullptr)) == within(turns));
}

TEST_CASE("speakers: a recording that was looked at has the turns of one that was not") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const std::vector<float> call = call_of(folder, 70);
    auto model = std::make_shared<NemotronModel>(kTiny, 2);
    const auto plain = model->open();
    plain->push(call.data(), call.size(), nullptr);
    const agora::Diarization expected = plain->finish({}, nullptr);
    CHECK(expected.turns.size() > 20);
    const auto stream = model->open(agora::StepSizes{});
    for (size_t at = 0; at < call.size(); at += 70'000) {
        give(*stream, part_of(call, at, at + 70'000), 0.001);
        stream->look();
        give(*stream, {}, 0.001);
    }
    const agora::Diarization found = stream->finish({}, nullptr);
    CHECK(same(found.turns, expected.turns));
    CHECK(same(found.exclusive, expected.exclusive));
}

TEST_CASE("speakers: looks say the same however the sound comes, and in however short parts they are worked off") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const std::vector<float> call = call_of(folder, 65);
    const std::vector<size_t> ends = {50'000, 51'000, 200'000, 486'399, 486'400, 700'001, 1'000'000};
    auto model = std::make_shared<NemotronModel>(kTiny, 2);
    const std::vector<Turns> expected = looks(*model, call, ends, call.size());
    CHECK(std::count_if(expected.begin(), expected.end(), [](const Turns& turns) { return !turns.empty(); }) > 4);
    for (const size_t piece : {size_t{1}, size_t{320}, size_t{33'333}}) {
        CAPTURE(piece);
        const auto found = looks(*model, call, ends, piece == 1 ? 4'001 : piece, piece == 320 ? 0.0001 : kAtOnce);
        REQUIRE(found.size() == expected.size());
        for (size_t i = 0; i < found.size(); ++i) CHECK(same(found[i], expected[i]));
    }
    auto one = std::make_shared<NemotronModel>(kTiny, 1);
    const auto alone = looks(*one, call, ends, call.size());
    for (size_t i = 0; i < alone.size(); ++i) CHECK(same(alone[i], expected[i]));
}

TEST_CASE("speakers: looks before there is a frame, and at silence, find nobody") {
    auto model = std::make_shared<NemotronModel>(kRandom, 1);
    for (const size_t count : {0u, 1u, 1279u, 1480u, 160'000u}) {
        const auto stream = model->open(agora::StepSizes{});
        stream->look();
        give(*stream, std::vector<float>(count));
        CHECK(stream->turns_from(0, kAll, nullptr).empty());
    }
}

TEST_CASE(
    "speakers: a live stream takes the network from a recording in the middle of a step, and both find the same") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const std::vector<float> call = call_of(folder, 40);
    auto model = std::make_shared<NemotronModel>(kTiny, 1);
    const auto plain = model->open();
    plain->push(call.data(), call.size(), nullptr);
    const Turns expected = plain->finish({}, nullptr).turns;
    const std::vector<float> spoken = part_of(call, 0, 100'000);
    const Turns looked = looks(*model, spoken, {spoken.size()}, spoken.size()).front();

    const auto executor = timeless();
    ScheduledSpeakers scheduled(model, executor, kLeast);
    const std::shared_ptr<NemotronStream> recording = model->open(agora::StepSizes{});
    const std::shared_ptr<NemotronStream> live = model->open(agora::StepSizes{});
    Answer of_recording, of_live;
    submit(scheduled, whole(recording, call), of_recording);
    executor->step();
    REQUIRE(recording->is_within_step());
    submit(scheduled, look(live, spoken), of_live);
    executor->step();
    CHECK(live->is_within_step());
    CHECK(!recording->is_within_step());
    while (of_live.done == 0) REQUIRE(executor->step());
    CHECK(of_recording.done == 0);
    executor->run();
    CHECK(of_recording.done == 1);
    CHECK(of_live.done == 1);
    CHECK(of_recording.error + of_live.error == "");
    CHECK(same(live->turns_from(0, kAll, nullptr), looked));
    CHECK(recording->is_done());
    CHECK(same(recording->finish({}, nullptr).turns, expected));
}

TEST_CASE("speakers: live samples that complete no step leave a recording the network, in the middle of its own") {
    auto model = std::make_shared<NemotronModel>(kRandom, 1);
    const std::vector<float> sound = normal_values(16000 * 31, 1, 0.1f);
    const auto executor = timeless();
    ScheduledSpeakers scheduled(model, executor, kLeast);
    const std::shared_ptr<NemotronStream> recording = model->open(agora::StepSizes{});
    const std::shared_ptr<NemotronStream> live = model->open(agora::StepSizes{});
    Answer of_recording, of_live;
    submit(scheduled, whole(recording, sound), of_recording);
    executor->step();
    REQUIRE(recording->is_within_step());
    submit(scheduled, push(live, part_of(sound, 0, 80'000)), of_live);
    executor->step();
    CHECK(of_live.done == 1);
    CHECK(recording->is_within_step());
    executor->run();
    CHECK(of_recording.done == 1);
    CHECK(of_recording.error + of_live.error == "");
    const auto plain = model->open();
    plain->push(sound.data(), sound.size(), nullptr);
    CHECK(same(recording->finish({}, nullptr).turns, plain->finish({}, nullptr).turns));
}

TEST_CASE("speakers: work that is cancelled is answered, and others go on") {
    auto model = std::make_shared<NemotronModel>(kRandom, 1);
    const std::vector<float> sound = normal_values(16000 * 31, 1, 0.1f);
    auto executor = std::make_shared<agora::Executor>();
    Answer gone, other;
    {
        ScheduledSpeakers scheduled(model, executor);
        const std::shared_ptr<NemotronStream> first = model->open(agora::StepSizes{});
        const std::shared_ptr<NemotronStream> second = model->open(agora::StepSizes{});
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        SpeakersRequest request = look(first, sound);
        request.cancelled = flag;
        submit(scheduled, request, gone);
        submit(scheduled, look(second, sound), other);
        executor->step();
        *flag = true;
        executor->run();
        CHECK(gone.done == 1);
        CHECK(other.done == 1);
        CHECK(other.error == "");
        // A stream that is cancelled before it has begun, too.
        submit(scheduled, request, gone);
        executor->run();
        CHECK(gone.done == 2);
        CHECK(gone.error.find("ancelled") != std::string::npos);
    }
    CHECK(!executor->step());
}

TEST_CASE("speakers: a stream that goes on for hours takes no more memory than one that has just begun") {
    auto model = std::make_shared<NemotronModel>(kRandom, 2);
    const std::vector<float> sound = normal_values(16000 * 20, 1, 0.1f);
    auto executor = std::make_shared<agora::Executor>();
    ScheduledSpeakers scheduled(model, executor);
    const std::shared_ptr<NemotronStream> stream = model->open(agora::StepSizes{});
    double seconds = 0;
    Answer answer;
    const auto talk = [&](int times) {
        for (int i = 0; i < times; ++i, seconds += 20) {
            submit(scheduled, look(stream, sound), answer);
            executor->run();
            stream->turns_from(seconds, kAll, nullptr);
        }
    };
    // Nobody says anything that would be looked at.
    const auto wait = [&](int times) {
        for (int i = 0; i < times; ++i, seconds += 20) {
            submit(scheduled, push(stream, sound, seconds), answer);
            executor->run();
        }
    };
    talk(3);
    wait(3);
    const int64_t before = memory_in_use();
    talk(30);
    CHECK(memory_in_use() - before < 200'000);
    wait(30);
    CHECK(memory_in_use() - before < 200'000);
    CHECK(answer.done == 66);
    CHECK(answer.error == "");
}
