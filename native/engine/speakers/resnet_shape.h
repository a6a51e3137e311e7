#pragma once

#include <array>
#include <string>
#include <vector>

namespace agora {

// A block of WeSpeaker's ResNet34 (He et al., 2016, basic blocks).
struct ResNetBlock {
    std::string name;  // "resnet.layer2.0"
    int inputs, outputs, stride;
    bool has_shortcut() const { return stride != 1 || inputs != outputs; }
};

// `width`: channels of the first stage.
inline std::vector<ResNetBlock> resnet_blocks(int width) {
    constexpr std::array<int, 4> kBlocks = {3, 4, 6, 3};
    std::vector<ResNetBlock> blocks;
    int inputs = width;
    for (int stage = 0; stage < 4; ++stage) {
        const int outputs = width << stage;
        for (int i = 0; i < kBlocks[static_cast<size_t>(stage)]; ++i) {
            blocks.push_back({"resnet.layer" + std::to_string(stage + 1) + "." + std::to_string(i), inputs, outputs,
                              stage > 0 && i == 0 ? 2 : 1});
            inputs = outputs;
        }
    }
    return blocks;
}

constexpr int kResNetMels = 80;

// Rows of statistics: channels of the last stage times the mel rows that are left.
inline int resnet_pooled(int width) {
    return width * 8 * (kResNetMels / 8);
}

}  // namespace agora
