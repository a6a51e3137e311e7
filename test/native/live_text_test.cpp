// The text of speech that goes on: where the decoder looks tells what stands.
#include "engine/decoder/live_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/text/words.h"
#include "engine_parts.h"
#include "support.h"

namespace {

using agora::AttendedFrames;
using agora::LiveText;
using agora::LiveTextOptions;
using agora::Vocabulary;

constexpr int kFrames = 1500;

// AlignAtt as its authors write it, all at once, of the last of `rows` tokens. `weights`: [heads][all rows][1500].
int reference_frame(const std::vector<float>& weights, int heads, int all_rows, int rows, int frames) {
    std::vector<double> mean_of_heads(kFrames, 0);
    for (int head = 0; head < heads; ++head) {
        const float* values = weights.data() + static_cast<size_t>(head) * static_cast<size_t>(all_rows) * kFrames;
        std::vector<double> scores(kFrames);
        for (int frame = 0; frame < kFrames; ++frame) {
            double mean = 0, variance = 0;
            for (int row = 0; row < rows; ++row) mean += values[row * kFrames + frame] / static_cast<double>(rows);
            for (int row = 0; row < rows; ++row)
                variance += std::pow(values[row * kFrames + frame] - mean, 2) / static_cast<double>(rows);
            const double score = values[(rows - 1) * kFrames + frame] - mean;
            scores[static_cast<size_t>(frame)] = score / std::max(std::sqrt(variance), 1e-12);
        }
        for (int frame = 0; frame < kFrames; ++frame) {
            std::vector<double> around;
            for (int i = frame - 3; i <= frame + 3; ++i) {
                const int reflected = i < 0 ? -i : i >= kFrames ? 2 * (kFrames - 1) - i : i;
                around.push_back(scores[static_cast<size_t>(reflected)]);
            }
            std::sort(around.begin(), around.end());
            mean_of_heads[static_cast<size_t>(frame)] += around[3] / heads;
        }
    }
    const auto first = mean_of_heads.begin();
    return static_cast<int>(std::max_element(first, first + frames) - first);
}

// Rows of softmax over random scores, now and then with a peak.
std::vector<float> random_attention(int heads, int rows, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> weights;
    for (int row = 0; row < heads * rows; ++row) {
        const auto peak = static_cast<int>(random() % kFrames);
        std::vector<float> scores(kFrames);
        float sum = 0;
        for (int i = 0; i < kFrames; ++i)
            sum += scores[static_cast<size_t>(i)] = std::exp(normal(random) + (std::abs(i - peak) < 6 ? 4.0f : 0.0f));
        for (const float score : scores) weights.push_back(score / sum);
    }
    return weights;
}

const Vocabulary& vocabulary() {
    static const Vocabulary whole = agora::read_vocabulary(kDemoModel, agora::read_whisper_file(kDemoModel));
    return whole;
}

int token(const std::string& text) {
    const int id = vocabulary().find(text);
    REQUIRE(id >= 0);
    return id;
}

// A decoder with one head that looks where it is told to.
class Spoken {
  public:
    Spoken(LiveTextOptions options, const std::vector<std::string>& forced = {}, int last_forced = 0)
        : text_(vocabulary(), {{0, 0}}, tokens_of(forced), options) {
        // A start of transcript, language, task, no timestamps: and what was forced, of which the last one matters.
        for (const int frame : {0, 3, 1, 0}) look_at(frame);
        for (size_t i = 0; i + 1 < forced.size(); ++i) look_at(static_cast<int>(i));
        if (!forced.empty()) look_at(last_forced);
        text_.capture().weights = weights_;
        text_.read(weights_.size() / kFrames);
    }

    bool write(const std::string& text, int frame) {
        weights_.clear();
        look_at(frame);
        text_.capture().weights = weights_;
        return text_.choose(0, text.empty() ? vocabulary().end_of_text : token(text), -0.5f);
    }
    const LiveText& text() const { return text_; }

  private:
    static std::vector<int> tokens_of(const std::vector<std::string>& texts) {
        std::vector<int> tokens;
        for (const std::string& text : texts) tokens.push_back(token(text));
        return tokens;
    }
    void look_at(int frame) {
        // Of frames that no other token looks at, all the same, the first one counts.
        for (int i = 0; i < kFrames; ++i) weights_.push_back(i >= frame && i < frame + 9 ? 0.1f : 1e-5f);
    }

    std::vector<float> weights_;
    LiveText text_;
};

LiveTextOptions sound(int frames, int frontier, bool tail = false) {
    LiveTextOptions options;
    options.frames = frames;
    options.frontier = frontier;
    options.tail = tail;
    return options;
}

}  // namespace

TEST_CASE("live text: the frame that a token looks at is that of the plain rule over all tokens so far") {
    constexpr int kHeads = 5;
    constexpr int kRows = 24;
    const std::vector<float> weights = random_attention(kHeads, kRows, 7);
    for (const int frames : {1, 40, 700, 1498, kFrames}) {
        CAPTURE(frames);
        AttendedFrames attended(kHeads, frames);
        for (int row = 0; row < kRows; ++row) {
            CAPTURE(row);
            REQUIRE(attended.add(weights, kRows, static_cast<size_t>(row)) ==
                    reference_frame(weights, kHeads, kRows, row + 1, frames));
        }
    }
}

TEST_CASE("live text: attention that the decoder tells in one pass or token by token leads to the same frames") {
    Parts parts(kDemoModelF16, agora::ComputeType::Auto);
    const std::vector<float> audio = read_wav(kEnglishCall);
    const agora::LogMel log_mel(parts.file.hparams.n_mels, agora::read_mel_filters(kDemoModelF16, parts.file));
    std::vector<float> mel(static_cast<size_t>(log_mel.bands()) * agora::LogMel::kFrames);
    constexpr int kSamples = 8 * 16000;
    log_mel.compute(audio.data(), kSamples, mel.data());
    parts.encode(mel);
    const Vocabulary& v = vocabulary();
    std::vector<int> tokens = {v.start_of_transcript, v.first_language, v.transcribe, v.no_timestamps};
    for (const int id : v.encode({" My", " phone", " number", " is", " two", " eight"})) tokens.push_back(id);

    const auto heads = agora::alignment_heads(parts.file.hparams);
    const auto run = [&](size_t at_once) {
        AttendedFrames attended(heads.size(), kSamples / 320);
        const auto self = parts.decoder.new_sequence();
        std::vector<int> frames;
        for (size_t first = 0; first < tokens.size(); first += at_once) {
            agora::AttentionCapture capture{heads, {}};
            const std::vector<int> some(
                tokens.begin() + static_cast<std::ptrdiff_t>(first),
                tokens.begin() + static_cast<std::ptrdiff_t>(std::min(first + at_once, tokens.size())));
            parts.decoder.run({{self.get(), parts.window.get(), static_cast<int>(first), some, &capture}}, nullptr);
            for (size_t row = 0; row < some.size(); ++row)
                frames.push_back(attended.add(capture.weights, some.size(), row));
            if (at_once < tokens.size()) continue;
            for (size_t row = 0; row < some.size(); ++row) {
                // A softmax: of a full window all of it is there.
                const float* weights = capture.weights.data() + row * kFrames;
                CHECK(std::accumulate(weights, weights + kFrames, 0.0) == doctest::Approx(1).epsilon(1e-3));
                CHECK(frames[row] == reference_frame(capture.weights, static_cast<int>(heads.size()),
                                                     static_cast<int>(some.size()), static_cast<int>(row) + 1,
                                                     kSamples / 320));
            }
        }
        return frames;
    };
    const std::vector<int> at_once = run(tokens.size());
    CHECK(run(1) == at_once);
    CHECK(run(3) == at_once);
}

TEST_CASE("live text: words stand until the decoder looks at the frontier") {
    Spoken spoken(sound(100, 25));
    CHECK(spoken.write(" two", 10));
    CHECK(spoken.write(" tablets", 40));
    CHECK_FALSE(spoken.write(" please", 75));
    CHECK(spoken.text().standing() == 2);
    CHECK(spoken.text().whole() == 2);
    CHECK(spoken.text().tokens()[1].frame == 40);
    CHECK(spoken.text().tokens()[1].probability == doctest::Approx(std::exp(-0.5)));
}

TEST_CASE("live text: the tail goes on behind what stands, and comes to an end") {
    Spoken spoken(sound(100, 25, true));
    CHECK(spoken.write(" two", 10));
    CHECK(spoken.write(" tablets", 80));
    // What was looked at beyond is not settled by looking back.
    CHECK(spoken.write(" please", 30));
    CHECK(spoken.text().standing() == 1);
    CHECK(spoken.text().whole() == 3);
    int more = 0;
    while (more < 100 && spoken.write(" two", 99)) ++more;
    CHECK(more < 20);
}

TEST_CASE("live text: without a frontier everything stands") {
    Spoken spoken(sound(100, 0));
    CHECK(spoken.write(" two", 10));
    CHECK(spoken.write(" tablets", 99));
    CHECK(spoken.write("", 99));
    CHECK(spoken.text().standing() == 2);
}

TEST_CASE("live text: a word that goes on beyond the frontier does not stand, one that a mark follows does") {
    {
        Spoken spoken(sound(100, 25));
        CHECK(spoken.write(" two", 10));
        CHECK(spoken.write(" tab", 40));
        CHECK(spoken.write("le", 50));
        CHECK_FALSE(spoken.write("ts", 90));
        CHECK(spoken.text().standing() == 1);
    }
    {
        Spoken spoken(sound(100, 25));
        CHECK(spoken.write(" two", 10));
        CHECK_FALSE(spoken.write(",", 90));
        CHECK(spoken.text().standing() == 1);
    }
    {
        // It has begun in what stands already: that cannot be taken back, and waiting would not help it.
        Spoken spoken(sound(100, 25), {" tab"}, 10);
        CHECK(spoken.write("le", 30));
        CHECK_FALSE(spoken.write("ts", 90));
        CHECK(spoken.text().standing() == 1);
    }
}

TEST_CASE("live text: half a character does not stand, and is nowhere shown") {
    // "п" and "р" are D0 BF and D1 80.
    Spoken spoken(sound(100, 25, true));
    CHECK(spoken.write(" \xD0", 10));
    CHECK(spoken.write("\xBF", 20));
    CHECK(spoken.write("\xD1", 40));
    CHECK(spoken.write("\x80", 90));
    CHECK(spoken.text().standing() == 0);
    CHECK(spoken.text().whole() == 4);
    CHECK(spoken.write("\xD0", 92));
    CHECK(spoken.text().whole() == 4);

    Spoken ended(sound(100, 0));
    CHECK(ended.write(" \xD0", 10));
    CHECK(ended.write("\xBF", 20));
    CHECK(ended.write("\xD1", 40));
    CHECK(ended.write("", 60));
    CHECK(ended.text().standing() == 2);

    // What was forced began it.
    Spoken begun(sound(100, 0), {" \xD0"}, 5);
    CHECK(begun.text().begun_character() == "\xD0");
    CHECK(begun.write("\xBF", 20));
    CHECK(begun.text().standing() == 1);
}

TEST_CASE("live text: a decoder that jumps back by more than four seconds has lost its place") {
    Spoken lost(sound(1000, 25), {" two"}, 500);
    CHECK_FALSE(lost.write(" tablets", 299));
    CHECK(lost.text().rewound());
    CHECK(lost.text().standing() == 0);
    CHECK(lost.text().tokens().empty());

    Spoken near_enough(sound(1000, 25), {" two"}, 500);
    CHECK(near_enough.write(" tablets", 301));
    CHECK_FALSE(near_enough.text().rewound());

    Spoken later(sound(1000, 25));
    CHECK(later.write(" two", 600));
    CHECK_FALSE(later.write(" tablets", 100));
    CHECK(later.text().rewound());
    CHECK(later.text().whole() == 0);

    LiveTextOptions last = sound(1000, 4);
    last.may_rewind = true;
    Spoken ended(last, {" two"}, 900);
    CHECK(ended.write(" tablets", 100));
    CHECK_FALSE(ended.text().rewound());
}

TEST_CASE("live text: where a word goes on") {
    const auto goes_on = agora::continues_word;
    CHECK(goes_on(" tab", "lets"));
    CHECK(goes_on(" don", "'t"));
    CHECK(goes_on(" 1,", "000"));
    CHECK(goes_on(" прив", "ет"));
    CHECK(goes_on(" при", "\xD0"));
    CHECK_FALSE(goes_on("", "lets"));
    CHECK_FALSE(goes_on(" two", " tablets"));
    CHECK_FALSE(goes_on(" two", "."));
    CHECK_FALSE(goes_on(" two ", "tablets"));
    CHECK_FALSE(goes_on("你", "好"));

    const auto within = agora::ends_within_character;
    CHECK(within("a\xD0"));
    CHECK(within("\xE4\xBD"));
    CHECK(within("\xF0\x9F\x98"));
    CHECK_FALSE(within(""));
    CHECK_FALSE(within("п"));
    CHECK_FALSE(within("你"));
    CHECK_FALSE(within("a\x80"));
    CHECK_FALSE(within("\x80\x80\x80\x80"));
}
