#pragma once

#include <vector>

namespace agora {

// Weights that sum the power spectrum of 400 samples at 16 kHz into `bands` mel bands, [bands][LogMel::kBins]:
// triangles on Slaney's scale, each of the same area. For models whose files do not bring theirs.
// Source: librosa.filters.mel(sr=16000, n_fft=400, n_mels=bands); transformers, audio_utils.mel_filter_bank().
std::vector<float> mel_filters(int bands);

}  // namespace agora
