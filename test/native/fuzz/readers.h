// What reads files that anybody may have made.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mutator.h"

struct Reader {
    std::string name;
    std::vector<Seed> seeds;
    // Reads the file to the end of what it is good for. `choice` decides what that is where it takes long.
    // Throws agora::Error.
    std::function<void(const std::string& path, Mutator& choice)> read;
};

// Those of all model files. `fixtures`: the folder that scripts/test-native.mjs writes.
std::vector<Reader> readers(const std::string& fixtures);
