#include "engine/decoder/alignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/decoder/median_filter.h"
#include "engine/kernels/window_frames.h"
#include "engine/reference/whisper_cpp.h"

namespace agora {
namespace {

constexpr int kFrames = WindowFrames::kAll;
// A large model's upper half has 320 heads, whose attention to a full window would take 860 MB.
constexpr int kMaxGuessedHeads = 64;

// The heads of published models, which fine-tuned models of the same shape have kept.
whisper_alignment_heads_preset preset_of(const WhisperHyperParameters& h) {
    const bool multilingual = h.multilingual();
    const bool hundred_languages = h.language_count() == 100;
    const auto has_shape = [&](int width, int audio_layers, int text_layers) {
        return h.n_audio_state == width && h.n_audio_layer == audio_layers && h.n_text_layer == text_layers;
    };
    if (has_shape(384, 4, 4)) return multilingual ? WHISPER_AHEADS_TINY : WHISPER_AHEADS_TINY_EN;
    if (has_shape(512, 6, 6)) return multilingual ? WHISPER_AHEADS_BASE : WHISPER_AHEADS_BASE_EN;
    if (has_shape(768, 12, 12)) return multilingual ? WHISPER_AHEADS_SMALL : WHISPER_AHEADS_SMALL_EN;
    if (has_shape(1024, 24, 24)) return multilingual ? WHISPER_AHEADS_MEDIUM : WHISPER_AHEADS_MEDIUM_EN;
    if (has_shape(1280, 32, 4) && hundred_languages) return WHISPER_AHEADS_LARGE_V3_TURBO;
    if (has_shape(1280, 32, 32)) return hundred_languages ? WHISPER_AHEADS_LARGE_V3 : WHISPER_AHEADS_LARGE_V2;
    return WHISPER_AHEADS_NONE;
}

// [last - first][frames]: mean over heads of the normalised, smoothed attention.
std::vector<float> alignment_matrix(const std::vector<float>& weights, int heads, int all_rows, int first, int last,
                                    int frames) {
    const auto t = static_cast<size_t>(last - first);
    const auto n = static_cast<size_t>(frames);
    std::vector<float> matrix(t * n, 0.0f);
    std::vector<std::vector<float>> rows(t, std::vector<float>(n));
    std::vector<float> copy;
    for (int head = 0; head < heads; ++head) {
        for (size_t token = 0; token < t; ++token) {
            const float* source = weights.data() + (static_cast<size_t>(head * all_rows + first) + token) * kFrames;
            double sum = 0;
            for (size_t i = 0; i < n; ++i) sum += source[i];
            for (size_t i = 0; i < n; ++i) rows[token][i] = static_cast<float>(source[i] / std::max(sum, 1e-30));
        }
        for (size_t i = 0; i < n; ++i) {
            double mean = 0;
            for (size_t token = 0; token < t; ++token) mean += rows[token][i];
            mean /= static_cast<double>(t);
            double variance = 0;
            for (size_t token = 0; token < t; ++token) variance += (rows[token][i] - mean) * (rows[token][i] - mean);
            const double deviation = std::max(std::sqrt(variance / static_cast<double>(t)), 1e-12);
            for (size_t token = 0; token < t; ++token)
                rows[token][i] = static_cast<float>((rows[token][i] - mean) / deviation);
        }
        for (size_t token = 0; token < t; ++token) {
            median_filter(rows[token], copy);
            for (size_t i = 0; i < n; ++i) matrix[token * n + i] += rows[token][i] / static_cast<float>(heads);
        }
    }
    return matrix;
}

}  // namespace

std::vector<AttentionHead> alignment_heads(const WhisperHyperParameters& hparams) {
    if (!hparams.alignment_heads.empty()) return hparams.alignment_heads;
    std::vector<AttentionHead> heads = preset_heads(preset_of(hparams));
    if (!heads.empty()) return heads;
    const int first_layer = hparams.n_text_layer / 2;
    const int all = (hparams.n_text_layer - first_layer) * hparams.n_text_head;
    const int count = std::min(all, kMaxGuessedHeads);
    for (int i = 0; i < count; ++i) {
        const int head = i * all / count;
        heads.emplace_back(first_layer + head / hparams.n_text_head, head % hparams.n_text_head);
    }
    return heads;
}

bool knows_alignment_heads(const WhisperHyperParameters& hparams) {
    return !hparams.alignment_heads.empty() || !preset_heads(preset_of(hparams)).empty();
}

std::vector<int> align(const std::vector<float>& weights, int heads, int rows, int first, int last, int frames,
                       const std::vector<bool>& silent) {
    const std::vector<float> matrix = alignment_matrix(weights, heads, rows, first, last, frames);
    const int tokens = last - first;
    std::vector<int> heard;  // frames
    for (int frame = 0; frame < frames; ++frame) {
        if (static_cast<size_t>(frame) >= silent.size() || !silent[static_cast<size_t>(frame)]) heard.push_back(frame);
    }
    if (heard.empty()) heard.push_back(0);
    // cost[i][j]: cheapest path that explains the first i rows by the first j heard frames.
    const size_t width = heard.size() + 1;
    std::vector<float> cost((static_cast<size_t>(tokens) + 1) * width, std::numeric_limits<float>::infinity());
    std::vector<char> step(cost.size(), 0);  // 0: both, 1: next token, 2: next frame
    cost[0] = 0;
    for (size_t i = 1; i <= static_cast<size_t>(tokens); ++i) {
        const float* row = matrix.data() + (i - 1) * static_cast<size_t>(frames);
        for (size_t j = 1; j < width; ++j) {
            const float both = cost[(i - 1) * width + j - 1];
            const float token = cost[(i - 1) * width + j];
            const float frame = cost[i * width + j - 1];
            char best = 2;
            float least = frame;
            if (both < token && both < frame) {
                best = 0;
                least = both;
            } else if (token < both && token < frame) {
                best = 1;
                least = token;
            }
            cost[i * width + j] = least - row[heard[j - 1]];
            step[i * width + j] = best;
        }
    }
    std::vector<int> starts(static_cast<size_t>(tokens), frames);
    auto i = static_cast<size_t>(tokens);
    auto j = heard.size();
    while (i > 0 && j > 0) {
        starts[i - 1] = heard[j - 1];
        switch (step[i * width + j]) {
            case 0:
                --i;
                --j;
                break;
            case 1:
                --i;
                break;
            default:
                --j;
        }
    }
    for (size_t k = i; k-- > 0;) starts[k] = heard.front();
    return starts;
}

}  // namespace agora
