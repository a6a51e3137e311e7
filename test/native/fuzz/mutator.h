// Changes files as damage and forgery do. The same numbers make the same changes, on every machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../support.h"

// A valid file, and where its structure is: headers, sizes, names. The rest is numbers of weights for the most part.
struct Seed {
    Bytes bytes;
    std::vector<std::pair<size_t, size_t>> structure;  // begin, length
};

class Mutator {
  public:
    // Of one change. `stream` tells readers apart.
    Mutator(uint32_t seed, const std::string& stream, uint32_t run) {
        std::vector<uint32_t> words = {seed, run};
        words.insert(words.end(), stream.begin(), stream.end());
        std::seed_seq sequence(words.begin(), words.end());
        random_.seed(sequence);
    }

    uint32_t below(size_t count) { return count == 0 ? 0 : static_cast<uint32_t>(random_() % count); }

    // One to eight changes at once.
    Bytes mutated(const Seed& seed) {
        Bytes bytes = seed.bytes;
        uint32_t changes = 1;
        while (changes < 8 && below(2) == 0) ++changes;
        for (uint32_t i = 0; i < changes; ++i) change(bytes, seed);
        return bytes;
    }

  private:
    size_t place(const Bytes& bytes, const Seed& seed) {
        if (!seed.structure.empty() && below(8) != 0) {
            const auto& [begin, length] = seed.structure[below(seed.structure.size())];
            return std::min(begin + below(length), bytes.size());
        }
        return below(bytes.size());
    }

    // Sizes and counts where arithmetic goes wrong, and those around the true ones.
    uint64_t number(uint64_t before, size_t size) {
        static constexpr uint64_t kNumbers[] = {0,
                                                1,
                                                2,
                                                0x7F,
                                                0x80,
                                                0xFF,
                                                0x7FFF,
                                                0x8000,
                                                0xFFFF,
                                                0x7FFFFFFF,
                                                0x80000000,
                                                0xFFFFFFFF,
                                                0x100000000,
                                                0x3FFFFFFFFFFFFFFF,
                                                0x7FFFFFFFFFFFFFFF,
                                                0x8000000000000000,
                                                0xFFFFFFFFFFFFFFFF};
        switch (below(5)) {
            case 0:
                return before + below(9) - 4;
            case 1:
                return size - 8 + below(16);
            case 2:
                return before << below(8);
            case 3:
                return uint64_t{1} << below(64);
            default:
                return kNumbers[below(std::size(kNumbers))];
        }
    }

    void change(Bytes& bytes, const Seed& seed) {
        if (bytes.empty()) return;
        const size_t at = std::min(place(bytes, seed), bytes.size() - 1);
        const size_t most = bytes.size() - at;
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(10)) {
            case 0:
                bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1u << below(8)));
                return;
            case 1:
                bytes[at] = static_cast<uint8_t>(random_());
                return;
            case 2:
            case 3:
            case 4:
                overwrite(bytes, at, size_t{1} << below(4));
                return;
            case 5:  // cut off
                bytes.resize(at);
                return;
            case 6:  // left out
                bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min<size_t>(1 + below(64), most)));
                return;
            case 7: {  // there twice
                const Bytes part(begin, begin + static_cast<std::ptrdiff_t>(std::min<size_t>(1 + below(64), most)));
                bytes.insert(begin, part.begin(), part.end());
                return;
            }
            case 8: {  // something else of the file in its place
                const size_t from = std::min(place(bytes, seed), bytes.size() - 1);
                const size_t count = std::min({size_t{1} + below(32), most, bytes.size() - from});
                const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                 bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
                std::copy(part.begin(), part.end(), begin);
                return;
            }
            default:
                for (size_t i = 0; i < std::min<size_t>(1 + below(16), most); ++i)
                    bytes[at + i] = static_cast<uint8_t>(random_());
        }
    }

    // A little-endian number of so many bytes.
    void overwrite(Bytes& bytes, size_t at, size_t width) {
        width = std::min(width, bytes.size() - at);
        uint64_t value = 0;
        for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(bytes[at + i]) << (8 * i);
        value = number(value, bytes.size());
        for (size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
    }

    std::mt19937 random_;
};
