#include "engine/speakers/nemotron/nemotron.h"

#include <algorithm>
#include <cmath>

namespace agora {
namespace {

using Shape = NemotronShape;

constexpr size_t kHop = LogMelFeatures::kHop;
constexpr size_t kHalfWindow = LogMelFeatures::kWindow / 2;
constexpr int kFramesPerSecond = 100;

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

std::unique_ptr<DiarizationStream> NemotronModel::open(const StepSizes& sizes) {
    return std::make_unique<NemotronStream>(std::static_pointer_cast<NemotronModel>(shared_from_this()), sizes);
}

void NemotronModel::embed(const float* samples, int frames, int count, float* output) {
    const std::lock_guard<std::mutex> lock(mutex_);
    network_.embed(samples, frames, count, output);
}

bool NemotronModel::step(SpeakerMemory& memory, const std::vector<float>& chunk, int heard, int count, Stop stop,
                         std::vector<float>& logits) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto width = static_cast<size_t>(file_.shape.width);
    const auto speakers = static_cast<size_t>(file_.shape.speakers);
    const auto remembered = memory.rows();
    const auto length = static_cast<int>(chunk.size() / width);
    float* rows = network_.rows();
    memory.copy_to(rows);
    std::copy(chunk.begin(), chunk.end(), rows + static_cast<size_t>(remembered) * width);
    // Who speaks in the cache's rows is asked only as long as none had to leave it.
    const int first = memory.reads_cache() ? 0 : memory.cached();
    const int last = remembered + count;
    if (!network_.run(remembered + length, remembered + heard, first, last, stop)) return false;
    const size_t row_size = Shape::kStacked * speakers;
    std::vector<float> probabilities(static_cast<size_t>(last) * speakers, 0.0f);
    const float* row = network_.logits();
    for (int i = first; i < last; ++i, row += row_size) {
        // What is no sound is nobody's.
        if (i >= remembered + heard) break;
        for (size_t s = 0; s < speakers; ++s) {
            float sum = 0;
            for (size_t part = 0; part < Shape::kStacked; ++part) {
                const float probability = 1 / (1 + std::exp(-row[part * speakers + s]));
                if (probability >= 0) sum += probability;
            }
            probabilities[static_cast<size_t>(i) * speakers + s] = sum / Shape::kStacked;
        }
    }
    const float* own = network_.logits() + static_cast<size_t>(remembered - first) * row_size;
    logits.assign(own, own + static_cast<size_t>(count) * row_size);
    memory.update(chunk.data(), count, probabilities.data());
    return true;
}

NemotronStream::NemotronStream(std::shared_ptr<NemotronModel> model, const StepSizes& sizes)
    : model_(std::move(model)),
      sizes_(sizes),
      width_(static_cast<size_t>(model_->file().shape.width)),
      memory_(model_->file().shape.speakers, model_->file().rules, sizes, model_->silence()),
      activity_(model_->file().shape.speakers),
      // Before the first sample there is nothing.
      sound_(kHalfWindow, 0.0f) {
    if (model_->file().rules.rows + sizes.queue + sizes.chunk + sizes.ahead > NemotronNetwork::kMostRows)
        throw Error(ErrorCode::Internal, "Steps of more rows than the network takes");
}

// The first sample is kept as it is; of others, most of the one before is taken away.
void NemotronStream::take(const float* samples, size_t count) {
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

void NemotronStream::step(int count, int heard, Stop stop) {
    check_stop(stop);
    const auto length = std::min(frames_.size() / width_, static_cast<size_t>(count + sizes_.ahead));
    const std::vector<float> chunk(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(length * width_));
    std::vector<float> logits;
    if (!model_->step(memory_, chunk, std::min(heard, static_cast<int>(length)), count, stop, logits))
        throw cancelled();
    const auto speakers = static_cast<size_t>(model_->file().shape.speakers);
    const size_t frames = static_cast<size_t>(count) * Shape::kStacked;
    for (size_t i = 0; i < frames; ++i) activity_.add(logits.data() + i * speakers, silent_[i]);
    frames_.erase(frames_.begin(),
                  frames_.begin() + static_cast<std::ptrdiff_t>(count) * static_cast<std::ptrdiff_t>(width_));
    silent_.erase(silent_.begin(), silent_.begin() + static_cast<std::ptrdiff_t>(frames));
}

void NemotronStream::push(const float* samples, size_t count, Stop stop) {
    // So much of it at once that no more memory is taken than a step needs.
    const size_t most = static_cast<size_t>(sizes_.chunk) * Shape::kStacked * kHop;
    const auto needed = static_cast<size_t>(sizes_.chunk + sizes_.ahead);
    while (count > 0) {
        check_stop(stop);
        const size_t part = std::min(count, most);
        take(samples, part);
        samples += part;
        count -= part;
        const size_t whole = sound_.size() < 2 * kHalfWindow ? 0 : (sound_.size() - 2 * kHalfWindow) / kHop + 1;
        if (whole >= Shape::kStacked) embed(whole / Shape::kStacked * Shape::kStacked);
        while (frames_.size() / width_ >= needed) step(sizes_.chunk, static_cast<int>(needed), stop);
    }
}

Diarization NemotronStream::finish(const SpeakerCount& count, Stop stop) {
    check_stop(stop);
    const size_t frames = total_ / kHop - embedded_;
    if (frames > 0) {
        sound_.resize(std::max(sound_.size(), frames * kHop + 2 * kHalfWindow), 0.0f);
        embed(frames);
    }
    auto heard = static_cast<int>(frames_.size() / width_);
    // The reference has a frame of 10 ms more than there is sound for, which nothing attends to but the head looks at.
    if (total_ / kHop % Shape::kStacked == 0) {
        frames_.resize(frames_.size() + width_, 0.0f);
        silent_.resize(silent_.size() + Shape::kStacked, true);
    }
    while (heard > 0) {
        const int own = std::min(heard, sizes_.chunk);
        step(own, heard, stop);
        heard -= own;
    }
    return activity_.turns(count, static_cast<double>(total_) / 16000, stop);
}

}  // namespace agora
