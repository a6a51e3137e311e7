// What the tests of diarization share: models that scripts/test-native.mjs has converted, and reference outputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "engine/device/backends.h"
#include "engine/speakers/speaker_file.h"
#include "safetensors.h"

inline const std::string kSpeakerFixtures = AGORA_ROOT "/build/native-fixtures/speakers/";
inline const std::string kSpeakerModel = kSpeakerFixtures + "ge2e-f32.gguf";
inline const std::string kResNetModel = kSpeakerFixtures + "resnet-f32.gguf";

// Folder of the reference outputs, or "" where there is none, which is said.
inline std::string speaker_references() {
    std::ifstream file(kSpeakerFixtures + "references");
    std::string folder;
    std::getline(file, folder);
    if (folder.empty()) std::cerr << "skipped: no reference material of diarization beside the repository\n";
    return folder;
}

inline std::string speaker_audio(const std::string& folder, const std::string& name) {
    return folder + "/../audio/" + name;
}

// The 16-bit mono samples of a WAV file that may have other chunks before its data.
inline std::vector<float> read_chunked_wav(const std::string& path) {
    const Bytes bytes = read_file(path);
    const std::string mark = "data";
    const auto data = std::search(bytes.begin(), bytes.end(), mark.begin(), mark.end());
    std::vector<float> samples;
    for (auto at = static_cast<size_t>(data - bytes.begin()) + 8; at + 1 < bytes.size(); at += 2)
        samples.push_back(static_cast<int16_t>(bytes[at] | bytes[at + 1] << 8) / 32768.0f);
    return samples;
}

// Work on one thread after another, as if there were several.
inline void two_threads(const std::function<void(int, int)>& work) {
    work(0, 2);
    work(1, 2);
}

// The same partition under other names.
inline bool same_partition(const std::vector<int>& a, const std::vector<int>& b) {
    std::map<int, int> there, back;
    for (size_t i = 0; i < a.size(); ++i) {
        if (there.emplace(a[i], b[i]).first->second != b[i]) return false;
        if (back.emplace(b[i], a[i]).first->second != a[i]) return false;
    }
    return a.size() == b.size();
}

template <typename A, typename B>
double cosine(const A* a, const B* b, size_t size) {
    double product = 0, left = 0, right = 0;
    for (size_t i = 0; i < size; ++i) {
        product += static_cast<double>(a[i]) * b[i];
        left += static_cast<double>(a[i]) * a[i];
        right += static_cast<double>(b[i]) * b[i];
    }
    return product / std::sqrt(left * right);
}
