#include "engine/speakers/community.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/kernel_set.h"
#include "engine/speakers/ge2e.h"
#include "engine/speakers/resnet.h"

namespace agora {
namespace {

using Shape = SegmentationShape;

constexpr size_t kVoices = Shape::kSpeakers;
// Windows side by side on two threads.
constexpr int kWindowsPerPair = 8;
// Where a voice is alone for less, it is listened to in all its frames.
constexpr int kLeastAlone = 24;

std::vector<double> widened(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

std::unique_ptr<Plda> load_plda(const NamedTensors& tensors) {
    const auto part = [&](const char* name) { return widened(tensors.floats(std::string("plda.") + name)); };
    auto plda =
        std::make_unique<Plda>(Plda{part("mean1"), part("lda"), part("mean2"), part("mu"), part("tr"), part("psi")});
    plda->sort();
    return plda;
}

// What suits the encoder. With ResNet34 and its PLDA, the values of pyannote's community-1; GE2E was tuned on
// recordings of its own kind.
ClusteringRules rules_of(const SpeakerFile& file) {
    ClusteringRules rules;
    if (file.encoder == SpeakerEncoderKind::Ge2e) return rules;
    rules.linkage = Linkage::Centroid;
    rules.least_share = 0.2;
    rules.least_cluster = 0;
    rules.count_bias = 0.5;
    rules.mute_background = false;
    rules.vbx = file.has_plda;
    rules.threshold = file.has_plda ? 0.6 : 0.7045654963945799;
    return rules;
}

// Expected number of speakers.
float expected_speakers(const float* log_probabilities) {
    static constexpr float kCounts[Shape::kClasses] = {0, 1, 1, 1, 2, 2, 2};
    float sum = 0;
    for (int c = 1; c < Shape::kClasses; ++c) sum += kCounts[c] * std::exp(log_probabilities[c]);
    return sum;
}

// Of the samples around a frame's middle, in dB.
float level(const float* samples, size_t frame) {
    const size_t first = frame * Shape::kFrameStep + (Shape::kReceptiveField - Shape::kFrameStep) / 2;
    double power = 0;
    for (size_t i = first; i < std::min<size_t>(first + Shape::kFrameStep, Shape::kSamples); ++i)
        power += static_cast<double>(samples[i]) * samples[i];
    return static_cast<float>(10 * std::log10(power / Shape::kFrameStep + 1e-12));
}

float number_of(uint8_t bits) {
    return static_cast<float>((bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1));
}

}  // namespace

std::unique_ptr<SpeakerEncoder> load_speaker_encoder(const SpeakerFile& file, const NamedTensors& tensors,
                                                     const KernelSet& kernels) {
    if (file.encoder == SpeakerEncoderKind::Ge2e) return std::make_unique<Ge2eEncoder>(tensors, kernels);
    return std::make_unique<ResNetEncoder>(file, tensors, kernels);
}

DiarizationFacts facts_of(const SpeakerFile& file) {
    DiarizationFacts facts;
    facts.pipeline = "community";
    facts.embedding = file.encoder == SpeakerEncoderKind::Ge2e ? "ge2e" : "wespeaker-resnet34";
    facts.embedding_size = file.embedding;
    facts.plda = file.has_plda;
    facts.weight_type = "f32";
    facts.name = file.name;
    facts.bytes = file.bytes;
    return facts;
}

CommunityModel::CommunityModel(const std::string& path, int threads)
    : file_(read_speaker_file(path)),
      rules_(rules_of(file_)),
      batch_(kWindowsPerPair * std::max(1, (threads + 1) / 2)),
      compute_(threads),
      parallel_(compute_) {
    const NamedTensors tensors(file_.path, file_.tensors);
    const KernelSet& kernels = *kernel_sets().front();
    segmentation_ = std::make_unique<Segmentation>(tensors, kernels);
    encoder_ = load_speaker_encoder(file_, tensors, kernels);
    if (file_.has_plda) plda_ = load_plda(tensors);
}

std::unique_ptr<DiarizationStream> CommunityModel::open() {
    return std::make_unique<CommunityStream>(std::static_pointer_cast<CommunityModel>(shared_from_this()));
}

OnThreads CommunityModel::on_threads() {
    return [this](const std::function<void(int, int)>& work) { parallel_.run(work); };
}

std::vector<float> CommunityModel::segment(const std::vector<const float*>& windows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<float> result(windows.size() * Shape::kFrames * Shape::kClasses);
    segmentation_->run(windows, on_threads(), result.data());
    return result;
}

std::vector<float> CommunityModel::embed(const std::vector<const float*>& windows,
                                         const std::vector<VoiceMask>& masks) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return encoder_->embed(windows, masks, on_threads());
}

void CommunityStream::push(const float* samples, size_t count, Stop stop) {
    check_stop(stop);
    pending_.insert(pending_.end(), samples, samples + count);
    total_ += count;
    advance(stop);
}

void CommunityStream::advance(Stop stop) {
    size_t start = 0;
    while (pending_.size() >= start + Shape::kSamples) {
        std::vector<const float*> batch;
        while (batch.size() < static_cast<size_t>(model_->batch()) && pending_.size() >= start + Shape::kSamples) {
            batch.push_back(pending_.data() + start);
            start += kStep;
        }
        check_stop(stop);
        step(batch);
    }
    // A window that has been worked on may end where the recording does: the start of the next is kept.
    const auto done = static_cast<std::ptrdiff_t>(std::min(start, pending_.size()));
    pending_.erase(pending_.begin(), pending_.begin() + done);
}

Diarization CommunityStream::finish(const SpeakerCount& count, Stop stop) {
    check_stop(stop);
    const size_t covered = windows_.empty() ? 0 : (windows_.size() - 1) * kStep + Shape::kSamples;
    if (total_ > covered) {
        pending_.resize(Shape::kSamples, 0.0f);
        step({pending_.data()});
        check_stop(stop);
    }
    pending_.clear();
    const FrameClock clock(windows_.size(), kStep);
    const int size = static_cast<int>(model_->file().embedding);
    const ClusteringRules& rules = model_->rules();
    const VoiceClusters clusters = cluster_voices(windows_, embeddings_, size, rules, model_->plda(), count, stop);
    const int most = count.exactly.value_or(count.most);
    std::vector<uint8_t> counts = count_speakers(clock, windows_.size(), sums_, rules.count_bias, most);
    if (rules.mute_background) mute_background(levels_, counts);
    return reconstruct(clock, windows_, clusters, counts, static_cast<double>(total_) / 16000, stop);
}

void CommunityStream::step(const std::vector<const float*>& windows) {
    // Nothing is heard in digital silence, whatever the network would say of it: a hole may last hours.
    std::vector<const float*> sounding;
    for (const float* window : windows) {
        const auto is_zero = [](float value) { return value == 0; };
        if (!std::all_of(window, window + Shape::kSamples, is_zero)) sounding.push_back(window);
    }
    std::vector<float> log_probabilities;
    if (!sounding.empty()) log_probabilities = model_->segment(sounding);
    size_t heard = 0;
    const size_t before = windows_.size();
    windows_.resize(before + windows.size());
    const FrameClock clock(windows_.size(), kStep);
    sums_.resize(clock.frames(), 0.0f);
    const bool expected = model_->rules().count_bias != 0.5;
    levels_.resize(clock.frames());
    std::vector<VoiceMask> masks;
    std::vector<size_t> places;
    for (size_t w = 0; w < windows.size(); ++w) {
        WindowVoices& voices = windows_[before + w];
        const float* sample = windows[w];
        for (size_t f = 0; f < Shape::kFrames; ++f) levels_[clock.first(before + w) + f] = level(sample, f);
        const bool silent = heard == sounding.size() || sounding[heard] != sample;
        const float* rows = log_probabilities.data() + heard * Shape::kFrames * Shape::kClasses;
        if (!silent) ++heard;
        for (size_t f = 0; f < Shape::kFrames; ++f) {
            voices.speakers[f] = 0;
            if (silent) continue;
            const float* row = rows + f * Shape::kClasses;
            voices.speakers[f] = powerset_speakers(row);
            sums_[clock.first(before + w) + f] += expected ? expected_speakers(row) : number_of(voices.speakers[f]);
        }
        for (size_t k = 0; k < kVoices; ++k) {
            const int voice = static_cast<int>(k);
            if (voices.heard(voice) == 0) continue;
            const bool alone = voices.alone(voice) >= kLeastAlone;
            VoiceMask mask{static_cast<int>(w), std::vector<uint8_t>(Shape::kFrames)};
            for (size_t f = 0; f < Shape::kFrames; ++f) {
                const uint8_t bits = voices.speakers[f];
                mask.frames[f] = alone ? bits == (1 << k) : (bits >> k & 1) != 0;
            }
            masks.push_back(std::move(mask));
            places.push_back((before + w) * kVoices + k);
        }
    }
    const auto size = static_cast<size_t>(model_->file().embedding);
    embeddings_.resize(windows_.size() * kVoices * size, 0.0f);
    if (masks.empty()) return;
    const std::vector<float> vectors = model_->embed(windows, masks);
    for (size_t i = 0; i < places.size(); ++i) {
        std::copy_n(vectors.begin() + static_cast<std::ptrdiff_t>(i * size), size,
                    embeddings_.begin() + static_cast<std::ptrdiff_t>(places[i] * size));
    }
}

}  // namespace agora
