#include <doctest/doctest.h>

#include <algorithm>

#include "engine/speakers/kmeans.h"
#include "engine/speakers/vbx.h"
#include "engine/speakers/voices.h"
#include "numbers.h"
#include "speakers_support.h"

using agora::Linkage;
using Shape = agora::SegmentationShape;

namespace {

const std::vector<std::string> kRecordings = {"01_dialogue", "02_pyannote_sample", "03_dual_speaker",
                                              "04_three_speaker", "05_four_speaker"};

agora::Plda community_plda(const std::string& folder) {
    const Safetensors file(folder + "/plda/plda-community-1.safetensors");
    agora::Plda plda{file.doubles("mean1"), file.doubles("lda"), file.doubles("mean2"),
                     file.doubles("mu"),    file.doubles("tr"),  file.doubles("psi")};
    plda.sort();
    return plda;
}

std::vector<agora::WindowVoices> windows_of(const std::vector<int>& segmentations) {
    std::vector<agora::WindowVoices> windows(segmentations.size() / Shape::kFrames / 3);
    for (size_t w = 0; w < windows.size(); ++w) {
        for (size_t f = 0; f < Shape::kFrames; ++f) {
            const int* row = &segmentations[(w * Shape::kFrames + f) * 3];
            windows[w].speakers[f] = static_cast<uint8_t>(row[0] | row[1] << 1 | row[2] << 2);
        }
    }
    return windows;
}

agora::ClusteringRules community_rules() {
    agora::ClusteringRules rules;
    rules.linkage = Linkage::Centroid;
    rules.threshold = 0.6;
    rules.least_share = 0.2;
    rules.least_cluster = 0;
    rules.count_bias = 0.5;
    rules.mute_background = false;
    rules.vbx = true;
    return rules;
}

}  // namespace

TEST_CASE("speakers: linkage, PLDA and VBx agree with pyannote step by step") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const agora::Plda plda = community_plda(folder);
    for (const std::string& name : kRecordings) {
        CAPTURE(name);
        const Safetensors reference(folder + "/community1-steps/" + name + ".safetensors");
        const std::vector<float> embeddings = reference.floats("embeddings");
        const std::vector<int> chunks = reference.integers("train_chunk");
        const std::vector<int> speakers = reference.integers("train_speaker");
        std::vector<float> raw, unit;
        for (size_t i = 0; i < chunks.size(); ++i) {
            const float* row = &embeddings[static_cast<size_t>(chunks[i] * 3 + speakers[i]) * 256];
            raw.insert(raw.end(), row, row + 256);
            double square = 0;
            for (size_t k = 0; k < 256; ++k) square += static_cast<double>(row[k]) * row[k];
            for (size_t k = 0; k < 256; ++k) unit.push_back(static_cast<float>(row[k] / std::sqrt(square)));
        }
        const int count = static_cast<int>(chunks.size());
        const std::vector<int> labels = reference.integers("ahc_labels");
        const auto merges = agora::agglomerate(unit, count, 256, Linkage::Centroid);
        CHECK(same_partition(agora::cut_at(merges, count, 0.6), labels));

        const std::vector<double> features = plda.project(raw, count);
        const std::vector<double> expected = reference.doubles("post_plda");
        double most = 0;
        // The sign of an eigenvector is nobody's.
        for (size_t i = 0; i < features.size(); ++i)
            most = std::max(most, std::fabs(std::fabs(features[i]) - std::fabs(expected[i])));
        CHECK(most < 1e-9);
        const agora::VbxResult result = agora::cluster_vbx(features, plda.psi, labels);
        const std::vector<double> gamma = reference.doubles("gamma");
        const std::vector<double> elbo = reference.doubles("elbo");
        REQUIRE(result.gamma.size() == gamma.size());
        double error = 0;
        for (size_t i = 0; i < gamma.size(); ++i) error = std::max(error, std::fabs(result.gamma[i] - gamma[i]));
        CHECK(error < 1e-9);
        REQUIRE(result.elbo.size() == elbo.size());
        for (size_t i = 0; i < elbo.size(); ++i) CHECK(result.elbo[i] == doctest::Approx(elbo[i]).epsilon(1e-9));
    }
}

TEST_CASE("speakers: voices become pyannote's turns") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const agora::Plda plda = community_plda(folder);
    for (const std::string& name : kRecordings) {
        CAPTURE(name);
        const Safetensors reference(folder + "/community1-steps/" + name + ".safetensors");
        const auto windows = windows_of(reference.integers("segmentations"));
        const std::vector<float> embeddings = reference.floats("embeddings");
        const agora::VoiceClusters clusters =
            agora::cluster_voices(windows, embeddings, 256, community_rules(), &plda, {});
        const std::vector<int> hard = reference.integers("hard");
        // Voices that are silent may have any speaker.
        std::vector<int> given, expected;
        for (size_t voice = 0; voice < hard.size(); ++voice) {
            if (windows[voice / 3].heard(static_cast<int>(voice % 3)) == 0) continue;
            given.push_back(clusters.hard[voice] + 1);
            expected.push_back(std::max(hard[voice], -1) + 1);
        }
        CHECK(same_partition(given, expected));

        const agora::FrameClock clock(windows.size(), 16000);
        std::vector<float> sums(clock.frames(), 0.0f);
        for (size_t w = 0; w < windows.size(); ++w) {
            for (size_t f = 0; f < Shape::kFrames; ++f) {
                const int bits = windows[w].speakers[f];
                sums[clock.first(w) + f] += static_cast<float>((bits & 1) + (bits >> 1 & 1) + (bits >> 2));
            }
        }
        const auto counts = agora::count_speakers(clock, windows.size(), sums, 0.5, 1000);
        const std::vector<int> expected_counts = reference.integers("count");
        REQUIRE(counts.size() == expected_counts.size());
        CHECK(std::equal(counts.begin(), counts.end(), expected_counts.begin()));

        const agora::Diarization result = agora::reconstruct(clock, windows, clusters, counts, 1e9);
        // pyannote makes up a speaker for frames that have more voices than there are speakers.
        const size_t speakers = clusters.centroids.size();
        std::vector<double> turns;
        const std::vector<double> all = reference.doubles("turns");
        for (size_t i = 0; i < all.size(); i += 3) {
            if (all[i + 2] < static_cast<double>(speakers)) turns.insert(turns.end(), {all[i], all[i + 1], all[i + 2]});
        }
        std::vector<int> ours, theirs;
        REQUIRE(result.turns.size() == turns.size() / 3);
        std::vector<size_t> order(result.turns.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return turns[3 * a] < turns[3 * b]; });
        for (size_t i = 0; i < order.size(); ++i) {
            const double* turn = &turns[3 * order[i]];
            CHECK(std::fabs(result.turns[i].start - turn[0]) < 1.1e-3);
            CHECK(std::fabs(result.turns[i].end - result.turns[i].start - turn[1]) < 1.1e-3);
            ours.push_back(result.turns[i].speaker);
            theirs.push_back(static_cast<int>(turn[2]));
        }
        CHECK(same_partition(ours, theirs));
    }
}

TEST_CASE("speakers: an exact number is kept, labels begin with 0, and turns of one speaker do not overlap") {
    const std::string folder = speaker_references();
    if (folder.empty()) return;
    const agora::Plda plda = community_plda(folder);
    const Safetensors reference(folder + "/community1-steps/02_pyannote_sample.safetensors");
    const auto windows = windows_of(reference.integers("segmentations"));
    for (const int wanted : {1, 2, 3, 1000}) {
        CAPTURE(wanted);
        agora::SpeakerCount count;
        count.exactly = wanted;
        const auto clusters =
            agora::cluster_voices(windows, reference.floats("embeddings"), 256, community_rules(), &plda, count);
        CHECK(static_cast<int>(clusters.centroids.size()) == std::min(wanted, 37));
    }
}

TEST_CASE("speakers: both linkages find groups that lie apart, in the order of their members") {
    std::vector<float> vectors;
    for (int i = 0; i < 40; ++i) {
        const auto noise = normal_values(8, static_cast<unsigned>(i), 0.05f);
        double square = 0;
        std::vector<double> row(8);
        for (size_t k = 0; k < 8; ++k) {
            row[k] = noise[k] + (k == static_cast<size_t>(i % 4) ? 1 : 0);
            square += row[k] * row[k];
        }
        for (const double value : row) vectors.push_back(static_cast<float>(value / std::sqrt(square)));
    }
    std::vector<int> expected;
    for (int i = 0; i < 40; ++i) expected.push_back(i % 4);
    for (const Linkage linkage : {Linkage::Centroid, Linkage::AverageCosine}) {
        const auto merges = agora::agglomerate(vectors, 40, 8, linkage);
        CHECK(agora::cut_at(merges, 40, 0.5) == expected);
        CHECK(agora::cut_into(merges, 40, 4) == expected);
        CHECK(agora::cut_into(merges, 40, 1) == std::vector<int>(40, 0));
    }
    CHECK(agora::kmeans(vectors, 40, 8, 4) == expected);
    CHECK(agora::agglomerate({}, 0, 8, Linkage::Centroid).empty());
    CHECK(agora::cut_at({}, 1, 0.5) == std::vector<int>{0});
}

TEST_CASE("speakers: nobody speaks in a steady background, and a changing one is left alone") {
    std::vector<float> levels(200, -64.0f);
    std::fill(levels.begin() + 50, levels.begin() + 100, -20.0f);
    // A stop within a word.
    std::fill(levels.begin() + 70, levels.begin() + 73, -64.0f);
    std::vector<uint8_t> counts(200, 1);
    agora::mute_background(levels, counts);
    CHECK(std::count(counts.begin(), counts.begin() + 45, 0) == 45);
    CHECK(std::count(counts.begin() + 52, counts.begin() + 98, 1) == 46);
    CHECK(std::count(counts.begin() + 105, counts.end(), 0) == 95);
    for (size_t i = 0; i < levels.size(); ++i) levels[i] -= static_cast<float>(i % 7) * 3;
    std::vector<uint8_t> untouched(200, 1);
    agora::mute_background(levels, untouched);
    CHECK(untouched == std::vector<uint8_t>(200, 1));
}
