// The stretch of sound that models hear at once.
#pragma once

namespace agora {

constexpr int kSampleRate = 16000;
constexpr int kMaxWindowSamples = 30 * kSampleRate;

}  // namespace agora
