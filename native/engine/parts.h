// Work in parts that do not depend on each other.
#pragma once

#include <functional>

namespace agora {

// Does one of them.
using Part = std::function<void(int part, int parts)>;
// Has all of them done, of a number that it chooses, one after another or on several threads.
using InParts = std::function<void(const Part&)>;

inline void in_one_part(const Part& work) {
    work(0, 1);
}

}  // namespace agora
