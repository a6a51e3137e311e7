#include "engine/speakers/nemotron/nemotron.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/audio/window.h"

namespace agora {
namespace {

using Shape = NemotronShape;

constexpr size_t kHop = LogMelFeatures::kHop;
constexpr size_t kHalfWindow = LogMelFeatures::kWindow / 2;
constexpr int kFramesPerSecond = 100;
constexpr double kAtOnce = std::numeric_limits<double>::infinity();

bool is_quantised(const NemotronFile& file) {
    return file.weight_type != "f32" && file.weight_type != "f16" && file.weight_type != "bf16";
}

// Matrices of 8 bits are multiplied with bfloat16 where there is that: frames that are nobody's by a hair stay so.
ComputeType type_for(const NemotronFile& file, ComputeType type, const KernelSet& kernels) {
    if (type != ComputeType::Auto || !is_quantised(file)) return type;
    return kernels.multiplies(Arithmetic::BF16) ? ComputeType::Int8BF16 : ComputeType::Int8;
}

}  // namespace

DiarizationFacts facts_of(const NemotronFile& file) {
    DiarizationFacts facts;
    facts.pipeline = "nemotron";
    facts.most_speakers = file.shape.speakers;
    facts.weight_type = file.weight_type;
    facts.name = file.name;
    facts.bytes = file.bytes;
    return facts;
}

NemotronModel::NemotronModel(const std::string& path, int threads, ComputeType type, const KernelSet& kernels)
    : file_(read_nemotron_file(path)),
      compute_(threads),
      network_(file_, type_for(file_, type, kernels), kernels, compute_) {}

int NemotronModel::batch() const {
    return StepSizes{}.chunk * Shape::kStacked / kFramesPerSecond;
}

std::unique_ptr<DiarizationStream> NemotronModel::open() {
    return open(StepSizes{});
}

std::unique_ptr<NemotronStream> NemotronModel::open(const StepSizes& sizes) {
    return std::make_unique<NemotronStream>(std::static_pointer_cast<NemotronModel>(shared_from_this()), sizes);
}

void NemotronModel::embed(const float* samples, int frames, int count, float* output) {
    network_.embed(samples, frames, count, output);
}

// The first row that the head looks at. Who speaks in the cache's rows is asked only as long as none had to leave it.
int NemotronModel::first_row(const SpeakerMemory& memory, const NemotronStep& step) {
    if (!step.remembers) return memory.rows();
    return memory.reads_cache() ? 0 : memory.cached();
}

void NemotronModel::begin(const SpeakerMemory& memory, const NemotronStep& step) {
    const auto width = static_cast<size_t>(file_.shape.width);
    const auto remembered = memory.rows();
    float* rows = network_.rows();
    memory.copy_to(rows);
    std::copy(step.chunk.begin(), step.chunk.end(), rows + static_cast<size_t>(remembered) * width);
    const auto length = static_cast<int>(step.chunk.size() / width);
    network_.begin(remembered + length, remembered + step.heard, first_row(memory, step), remembered + step.count);
}

void NemotronModel::end(SpeakerMemory& memory, const NemotronStep& step, std::vector<float>& logits) {
    const auto speakers = static_cast<size_t>(file_.shape.speakers);
    const size_t row_size = Shape::kStacked * speakers;
    const int remembered = memory.rows();
    const int first = first_row(memory, step);
    const float* own = network_.logits() + static_cast<size_t>(remembered - first) * row_size;
    logits.assign(own, own + static_cast<size_t>(step.count) * row_size);
    if (!step.remembers) return;
    const int last = remembered + step.count;
    std::vector<float> probabilities(static_cast<size_t>(last) * speakers, 0.0f);
    const float* row = network_.logits();
    // What is no sound is nobody's.
    for (int i = first; i < std::min(last, remembered + step.heard); ++i, row += row_size) {
        for (size_t s = 0; s < speakers; ++s) {
            float sum = 0;
            for (size_t part = 0; part < Shape::kStacked; ++part) {
                const float probability = 1 / (1 + std::exp(-row[part * speakers + s]));
                if (probability >= 0) sum += probability;
            }
            probabilities[static_cast<size_t>(i) * speakers + s] = sum / Shape::kStacked;
        }
    }
    memory.update(step.chunk.data(), step.count, probabilities.data());
}

bool NemotronModel::run(SpeakerMemory& memory, const NemotronStep& step, Stop stop, std::vector<float>& logits) {
    begin(memory, step);
    if (go_on(kAtOnce, stop) != Progress::Done) return false;
    end(memory, step, logits);
    return true;
}

NemotronStream::NemotronStream(std::shared_ptr<NemotronModel> model, const StepSizes& sizes)
    : model_(std::move(model)),
      sizes_(sizes),
      width_(static_cast<size_t>(model_->file().shape.width)),
      memory_(model_->file().shape.speakers, model_->file().rules, sizes, model_->silence()),
      activity_(model_->file().shape.speakers),
      // Before the first sample there is nothing.
      sound_(kHalfWindow, 0.0f),
      ahead_(model_->file().shape.speakers) {
    if (model_->file().rules.rows + sizes.queue + sizes.chunk + sizes.ahead > NemotronNetwork::kMostRows)
        throw Error(ErrorCode::Internal, "Steps of more rows than the network takes");
}

// The first sample is kept as it is; of others, most of the one before is taken away.
void NemotronStream::give(const float* samples, size_t count) {
    sound_.reserve(sound_.size() + count);
    for (size_t i = 0; i < count; ++i) {
        // What is no number, or beyond all sound, would spread over all that is remembered.
        const float sample = std::isfinite(samples[i]) ? std::clamp(samples[i], -1e3f, 1e3f) : 0.0f;
        sound_.push_back(total_ == 0 && i == 0 ? sample : sample - LogMelFeatures::kEmphasis * last_);
        last_ = sample;
    }
    total_ += count;
}

// Makes frames of 80 ms of the next `frames` of 10 ms, whose sound is there.
void NemotronStream::embed(size_t frames) {
    const size_t count = (frames + Shape::kStacked - 1) / Shape::kStacked;
    const size_t before = frames_.size();
    frames_.resize(before + count * width_);
    model_->embed(sound_.data(), static_cast<int>(frames), static_cast<int>(count), frames_.data() + before);
    for (size_t i = 0; i < count * Shape::kStacked; ++i) {
        const auto window = sound_.begin() + static_cast<std::ptrdiff_t>(std::min(i, frames - 1) * kHop);
        const auto is_zero = [](float value) { return value == 0; };
        silent_.push_back(std::all_of(window, window + LogMelFeatures::kWindow, is_zero));
    }
    embedded_ += frames;
    sound_.erase(sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(frames * kHop));
}

// Makes frames of the sound, as many as a step takes; whether there are so many.
bool NemotronStream::has_frames_for_step() {
    const auto needed = static_cast<size_t>(sizes_.chunk + sizes_.ahead);
    const size_t most = static_cast<size_t>(sizes_.chunk) * Shape::kStacked;
    while (frames_.size() / width_ < needed) {
        const size_t whole = sound_.size() < 2 * kHalfWindow ? 0 : (sound_.size() - 2 * kHalfWindow) / kHop + 1;
        if (whole < Shape::kStacked) return false;
        embed(std::min(most, whole / Shape::kStacked * Shape::kStacked));
    }
    return true;
}

// After the end: makes frames of what is less than one.
void NemotronStream::take_rest() {
    const size_t frames = total_ / kHop - embedded_;
    if (frames > 0) {
        sound_.resize(std::max(sound_.size(), frames * kHop + 2 * kHalfWindow), 0.0f);
        embed(frames);
    }
    left_ = static_cast<int>(frames_.size() / width_);
    // The reference has a frame of 10 ms more than there is sound for, which nothing attends to but the head looks at.
    if (total_ / kHop % Shape::kStacked == 0) {
        frames_.resize(frames_.size() + width_, 0.0f);
        silent_.resize(silent_.size() + Shape::kStacked, true);
    }
}

// Chooses the next run of the network, if there is one.
bool NemotronStream::prepare_step() {
    if (left_ < 0 && has_frames_for_step()) {
        const int needed = sizes_.chunk + sizes_.ahead;
        prepare(static_cast<size_t>(needed), needed, sizes_.chunk, true);
    } else if (ended_) {
        if (left_ < 0) take_rest();
        if (left_ == 0) return false;
        const int count = std::min(left_, sizes_.chunk);
        const size_t length = std::min(frames_.size() / width_, static_cast<size_t>(count + sizes_.ahead));
        prepare(length, std::min(left_, static_cast<int>(length)), count, true);
        left_ -= count;
    } else if (std::exchange(looks_, false)) {
        ahead_ = SpeakerActivity(model_->file().shape.speakers);
        const auto length = static_cast<int>(frames_.size() / width_);
        if (length > 0) prepare(frames_.size() / width_, length, length, false);
    }
    return has_step_;
}

void NemotronStream::prepare(size_t length, int heard, int count, bool remembers) {
    step_.chunk.assign(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(length * width_));
    step_.heard = heard;
    step_.count = count;
    step_.remembers = remembers;
    has_step_ = true;
    begun_ = false;
}

Progress NemotronStream::work(double seconds, Stop stop) {
    check_stop(stop);
    if (!needs_network()) return Progress::Done;
    if (!begun_) model_->begin(memory_, step_);
    begun_ = true;
    switch (model_->go_on(seconds, stop)) {
        case Progress::Stopped:
            throw cancelled();
        case Progress::Done:
            end_step();
            return prepare_step() ? Progress::Unfinished : Progress::Done;
        case Progress::Unfinished:
            break;
    }
    return Progress::Unfinished;
}

void NemotronStream::end_step() {
    std::vector<float> logits;
    model_->end(memory_, step_, logits);
    const auto speakers = static_cast<size_t>(model_->file().shape.speakers);
    const size_t frames = static_cast<size_t>(step_.count) * Shape::kStacked;
    SpeakerActivity& activity = step_.remembers ? activity_ : ahead_;
    for (size_t i = 0; i < frames; ++i) activity.add(logits.data() + i * speakers, silent_[i]);
    if (step_.remembers) {
        const auto values = static_cast<std::ptrdiff_t>(static_cast<size_t>(step_.count) * width_);
        frames_.erase(frames_.begin(), frames_.begin() + values);
        silent_.erase(silent_.begin(), silent_.begin() + static_cast<std::ptrdiff_t>(frames));
    }
    step_ = {};
    has_step_ = false;
    begun_ = false;
}

void NemotronStream::push(const float* samples, size_t count, Stop stop) {
    // So much of it at once that no more memory is taken than a step needs.
    const size_t most = static_cast<size_t>(sizes_.chunk) * Shape::kStacked * kHop;
    while (count > 0) {
        check_stop(stop);
        const size_t part = std::min(count, most);
        give(samples, part);
        samples += part;
        count -= part;
        while (work(kAtOnce, stop) == Progress::Unfinished) continue;
    }
}

Diarization NemotronStream::finish(const SpeakerCount& count, Stop stop) {
    end();
    while (work(kAtOnce, stop) == Progress::Unfinished) continue;
    return activity_.turns(count, static_cast<double>(total_) / kSampleRate, stop);
}

std::vector<SpeakerTurn> NemotronStream::turns_from(double start, int most, Stop stop) {
    forget_before(start);
    return activity_.turns_of_one(ahead_, start, static_cast<double>(total_) / kSampleRate, most, told_, stop);
}

}  // namespace agora
