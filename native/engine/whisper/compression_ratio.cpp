#include "engine/whisper/compression_ratio.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace agora {
namespace {

constexpr size_t kMinMatch = 3;
constexpr size_t kMaxMatch = 258;
// zlib's header and checksum.
constexpr double kFrameBits = 6 * 8;
// What a block of its own codes needs before the first symbol, and for each symbol in use.
constexpr double kCodesBits = 70;
constexpr double kCodeBits = 5;
// Bits of a literal, a length and a distance in the codes that DEFLATE fixes.
constexpr double kFixedLiteral = 8;
constexpr double kFixedMatch = 7 + 5;

double entropy_bits(const std::map<int, int>& counts) {
    double total = 0;
    for (const auto& [symbol, count] : counts) total += count;
    double bits = 0;
    for (const auto& [symbol, count] : counts) bits += count * std::max(1.0, std::log2(total / count));
    return bits + kCodeBits * static_cast<double>(counts.size());
}

// Characters of UTF-8: its bytes with the bytes that continue them. Broken sequences are characters of their own.
std::vector<int> characters(const std::string& text) {
    std::vector<int> result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) == 0x80 && !result.empty()) {
            result.back() = result.back() * 64 % (1 << 24) + byte;
        } else {
            result.push_back(byte);
        }
    }
    return result;
}

}  // namespace

double compression_ratio(const std::string& text) {
    const std::vector<int> symbols = characters(text);
    if (symbols.empty()) return 0;
    std::map<int, int> literals;   // characters, and -magnitude of a match's length
    std::map<int, int> distances;  // magnitudes
    double extra_bits = 0;
    double fixed_bits = 0;
    const auto magnitude = [&](size_t value) {
        const int bits = static_cast<int>(std::log2(static_cast<double>(value)));
        extra_bits += std::max(0, bits - 1);
        return bits;
    };
    for (size_t i = 0; i < symbols.size();) {
        size_t best = 0;
        size_t best_distance = 0;
        for (size_t j = i; j-- > 0;) {
            size_t length = 0;
            while (i + length < symbols.size() && length < kMaxMatch && symbols[j + length] == symbols[i + length])
                ++length;
            if (length > best) {
                best = length;
                best_distance = i - j;
            }
        }
        if (best >= kMinMatch) {
            ++literals[-magnitude(best)];
            ++distances[magnitude(best_distance)];
            fixed_bits += kFixedMatch;
            i += best;
        } else {
            ++literals[symbols[i]];
            fixed_bits += kFixedLiteral;
            ++i;
        }
    }
    const double own_bits = kCodesBits + entropy_bits(literals) + entropy_bits(distances);
    const double bits = kFrameBits + extra_bits + std::min(own_bits, fixed_bits);
    return 8.0 * static_cast<double>(symbols.size()) / bits;
}

}  // namespace agora
