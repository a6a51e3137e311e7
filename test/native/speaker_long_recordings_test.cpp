#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "engine/error.h"
#include "engine/speakers/kmeans.h"
#include "engine/speakers/vbx.h"
#include "engine/speakers/voices.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::Linkage;
using Shape = agora::SegmentationShape;

namespace {

constexpr int kSize = 128;
constexpr int kStep = 16000;

// One voice in each window, alone all the time.
std::vector<agora::WindowVoices> one_voice_each(size_t count) {
    std::vector<agora::WindowVoices> windows(count);
    for (agora::WindowVoices& window : windows) window.speakers.fill(1);
    return windows;
}

// Embeddings of `speakers` who take turns from window to window, near to axes of their own.
std::vector<float> taking_turns(size_t windows, size_t speakers) {
    std::vector<float> embeddings(windows * Shape::kSpeakers * kSize, 0.0f);
    for (size_t w = 0; w < windows; ++w) {
        const auto noise = normal_values(kSize, static_cast<unsigned>(w), 0.02f);
        float* row = &embeddings[w * Shape::kSpeakers * kSize];
        std::copy(noise.begin(), noise.end(), row);
        row[w % speakers] += 1;
    }
    return embeddings;
}

// Speakers are told apart as well in every direction.
agora::Plda plain_plda() {
    std::vector<double> identity(static_cast<size_t>(kSize) * kSize, 0.0);
    for (size_t i = 0; i < kSize; ++i) identity[i * kSize + i] = 1;
    const std::vector<double> zeros(kSize, 0.0);
    // No vector of the tests is the mean itself.
    return {zeros, identity, zeros, zeros, identity, std::vector<double>(kSize, 10.0)};
}

agora::ErrorCode code_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const agora::Error& error) {
        return error.code();
    }
    return agora::ErrorCode::Internal;
}

struct Recording {
    std::vector<agora::WindowVoices> windows;
    agora::VoiceClusters clusters;
    std::vector<uint8_t> counts;
    agora::FrameClock clock;
};

// Kilobytes that the process has had at most, since it was last asked to forget.
int64_t most_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6));
    }
    return 0;
}

// Windows that agree on little: every voice comes and goes, and is anybody's or nobody's.
Recording random_recording(size_t count, int speakers, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<agora::WindowVoices> windows(count);
    std::vector<int> hard;
    for (agora::WindowVoices& window : windows) {
        uint8_t bits = 0;
        for (uint8_t& frame : window.speakers) {
            if (random() % 40 == 0) bits = static_cast<uint8_t>(random() % 8);
            frame = bits;
        }
        for (int k = 0; k < Shape::kSpeakers; ++k)
            hard.push_back(static_cast<int>(random() % static_cast<unsigned>(speakers + 1)) - 1);
    }
    const agora::FrameClock clock(count, kStep);
    std::vector<uint8_t> counts(clock.frames());
    uint8_t number = 0;
    for (uint8_t& each : counts) {
        if (random() % 30 == 0) number = static_cast<uint8_t>(random() % 4);
        each = number;
    }
    const auto rows = static_cast<size_t>(speakers);
    return {windows, {hard, std::vector<std::vector<double>>(rows, std::vector<double>(2, 1.0))}, counts, clock};
}

// Speakers of each frame, most votes first, by the definition: a table of all frames and speakers.
std::vector<std::vector<size_t>> tabled(const Recording& recording) {
    const size_t speakers = recording.clusters.centroids.size();
    std::vector<std::vector<int>> votes(recording.clock.frames(), std::vector<int>(speakers, 0));
    for (size_t w = 0; w < recording.windows.size(); ++w) {
        for (size_t f = 0; f < Shape::kFrames; ++f) {
            std::set<int> heard;
            for (size_t k = 0; k < Shape::kSpeakers; ++k) {
                if ((recording.windows[w].speakers[f] >> k & 1) != 0)
                    heard.insert(recording.clusters.hard[w * Shape::kSpeakers + k]);
            }
            for (const int speaker : heard) {
                if (speaker >= 0) ++votes[recording.clock.first(w) + f][static_cast<size_t>(speaker)];
            }
        }
    }
    std::vector<std::vector<size_t>> result(votes.size());
    for (size_t t = 0; t < votes.size(); ++t) {
        std::vector<int> row = votes[t];
        const bool nobody = std::all_of(row.begin(), row.end(), [](int count) { return count == 0; });
        for (size_t i = t < 30 ? 0 : t - 30; nobody && i < std::min(votes.size(), t + 31); ++i) {
            for (size_t s = 0; s < speakers; ++s) row[s] += votes[i][s];
        }
        if (nobody && speakers == 1) row[0] = 1;
        const size_t wanted = nobody ? std::min<size_t>(recording.counts[t], 1) : recording.counts[t];
        while (result[t].size() < wanted) {
            const auto most = std::max_element(row.begin(), row.end());
            if (*most == 0) break;
            result[t].push_back(static_cast<size_t>(most - row.begin()));
            *most = 0;
        }
    }
    return result;
}

}  // namespace

TEST_CASE("speakers: of more voices than are clustered, some from everywhere tell the speakers of all") {
    const auto windows = one_voice_each(1000);
    const auto embeddings = taking_turns(windows.size(), 5);
    const agora::Plda plda = plain_plda();
    agora::ClusteringRules rules;
    rules.threshold = 0.6;
    rules.least_cluster = 0;
    for (const bool vbx : {false, true}) {
        rules.linkage = vbx ? Linkage::Centroid : Linkage::AverageCosine;
        rules.vbx = vbx;
        for (const int wanted : {0, 5, 2}) {
            CAPTURE(vbx);
            CAPTURE(wanted);
            agora::SpeakerCount count;
            if (wanted > 0) count.exactly = wanted;
            rules.most_voices = 1000;
            const auto all = agora::cluster_voices(windows, embeddings, kSize, rules, &plda, count);
            rules.most_voices = 100;
            const auto some = agora::cluster_voices(windows, embeddings, kSize, rules, &plda, count);
            CHECK(some.centroids.size() == all.centroids.size());
            if (wanted == 2) continue;
            CHECK(some.centroids.size() == 5);
            CHECK(same_partition(some.hard, all.hard));
        }
    }
}

TEST_CASE("speakers: vectors of a sample stand for all in VBx") {
    const std::vector<float> all = taking_turns(100, 2);
    std::vector<float> thrice, once;
    std::vector<int> labels_thrice, labels_once;
    for (size_t w = 0; w < 100; ++w) {
        const auto row = all.begin() + static_cast<std::ptrdiff_t>(w * Shape::kSpeakers * kSize);
        for (int copy = 0; copy < 3; ++copy) {
            thrice.insert(thrice.end(), row, row + kSize);
            labels_thrice.push_back(static_cast<int>(w % 2));
        }
        once.insert(once.end(), row, row + kSize);
        labels_once.push_back(static_cast<int>(w % 2));
    }
    const agora::Plda plda = plain_plda();
    agora::VbxOptions options;
    const auto expected = agora::cluster_vbx(plda.project(thrice, 300), plda.psi, labels_thrice, nullptr, options);
    options.weight = 3;
    const auto given = agora::cluster_vbx(plda.project(once, 100), plda.psi, labels_once, nullptr, options);
    REQUIRE(given.elbo.size() == expected.elbo.size());
    for (size_t i = 0; i < given.elbo.size(); ++i) CHECK(given.elbo[i] == doctest::Approx(expected.elbo[i]));
    for (size_t i = 0; i < given.gamma.size(); ++i) {
        const size_t same = i / 2 * 3 * 2 + i % 2;
        CHECK(given.gamma[i] == doctest::Approx(expected.gamma[same]));
    }
}

TEST_CASE("speakers: voices that have nothing in common are clustered in bounded time, and the work can be stopped") {
    const auto windows = one_voice_each(1000);
    std::vector<float> embeddings(windows.size() * Shape::kSpeakers * kSize, 0.0f);
    for (size_t w = 0; w < windows.size(); ++w) {
        const auto row = normal_values(kSize, static_cast<unsigned>(w));
        std::copy(row.begin(), row.end(), embeddings.begin() + static_cast<std::ptrdiff_t>(w * 3 * kSize));
    }
    agora::ClusteringRules rules;
    rules.threshold = 0.01;
    rules.least_cluster = 0;
    rules.most_voices = 100;
    const auto clusters = agora::cluster_voices(windows, embeddings, kSize, rules, nullptr, {});
    CHECK(clusters.centroids.size() <= 100);
    CHECK(clusters.centroids.size() > 80);

    const std::atomic<bool> stop{true};
    const auto cancelled = agora::ErrorCode::Cancelled;
    CHECK(code_of([&] { agora::cluster_voices(windows, embeddings, kSize, rules, nullptr, {}, &stop); }) == cancelled);
    CHECK(code_of([&] { agora::agglomerate(embeddings, 50, kSize, Linkage::Centroid, &stop); }) == cancelled);
    CHECK(code_of([&] { agora::kmeans(embeddings, 50, kSize, 2, &stop); }) == cancelled);
    const std::vector<int> labels(50, 0);
    const std::vector<double> features(50 * kSize, 1.0);
    CHECK(code_of([&] { agora::cluster_vbx(features, std::vector<double>(kSize, 1.0), labels, &stop); }) == cancelled);
    const agora::FrameClock clock(windows.size(), kStep);
    const std::vector<uint8_t> counts(clock.frames(), 1);
    CHECK(code_of([&] { agora::reconstruct(clock, windows, clusters, counts, 1e9, &stop); }) == cancelled);
}

TEST_CASE("speakers: turns are those of the speakers with most votes in each frame") {
    for (unsigned seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        const Recording recording = random_recording(seed == 0 ? 1 : 25, seed == 1 ? 1 : 4, seed);
        const auto& [windows, clusters, counts, clock] = recording;
        const auto expected = tabled(recording);
        const agora::Diarization result = agora::reconstruct(clock, windows, clusters, counts, 1e9);
        // Who has which number now shows in the first frame of each that has a turn.
        std::vector<std::set<int>> all(clock.frames() + 1), alone(clock.frames() + 1);
        const auto paint = [](const std::vector<agora::SpeakerTurn>& turns, std::vector<std::set<int>>& frames) {
            for (const agora::SpeakerTurn& turn : turns) {
                for (size_t t = 0; t + 1 < frames.size(); ++t) {
                    const double middle = agora::FrameClock::middle(t);
                    if (middle >= turn.start && middle < turn.end) frames[t].insert(turn.speaker);
                }
            }
        };
        paint(result.turns, all);
        paint(result.exclusive, alone);
        std::map<size_t, int> names;
        // The last frame only ends turns.
        for (size_t t = 0; t + 1 < expected.size(); ++t) {
            REQUIRE(all[t].size() == expected[t].size());
            REQUIRE(alone[t].size() == std::min<size_t>(1, expected[t].size()));
            if (expected[t].size() == 1) names.emplace(expected[t][0], *all[t].begin());
        }
        for (size_t t = 0; t + 1 < expected.size(); ++t) {
            for (const size_t speaker : expected[t]) {
                if (names.count(speaker) != 0) CHECK(all[t].count(names[speaker]) == 1);
            }
            if (!expected[t].empty() && names.count(expected[t][0]) != 0)
                CHECK(*alone[t].begin() == names[expected[t][0]]);
        }
        for (const agora::SpeakerTurn& turn : result.turns) {
            CHECK(turn.confidence >= 0);
            CHECK(turn.confidence <= 1);
        }
    }
}

TEST_CASE("speakers: the memory that turns are made in grows with neither frames nor frames times speakers") {
    const Recording recording = random_recording(1200, 1000, 1);
    if (!(std::ofstream("/proc/self/clear_refs") << 5 << std::flush)) {
        std::cerr << "skipped: the kernel does not tell how much memory was taken at most\n";
        return;
    }
    const int64_t before = most_memory();
    const agora::Diarization result =
        agora::reconstruct(recording.clock, recording.windows, recording.clusters, recording.counts, 1e9);
    CHECK(result.turns.size() > 1000);
    // A table of bytes would have 71 million.
    CHECK(most_memory() - before < 40'000);
}
