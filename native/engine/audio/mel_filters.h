#pragma once

#include <vector>

namespace agora {

// Weights that sum the power spectrum of `size` samples at 16 kHz into `bands` mel bands, [bands][size / 2 + 1]:
// triangles on Slaney's scale, each of the same area. For models whose files do not bring theirs.
// Source: librosa.filters.mel(sr=16000, n_fft=size, n_mels=bands); transformers, audio_utils.mel_filter_bank().
std::vector<float> mel_filters(int bands, int size = 400);

}  // namespace agora
