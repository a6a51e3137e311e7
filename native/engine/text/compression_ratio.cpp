#include "engine/text/compression_ratio.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace agora {
namespace {

constexpr size_t kMinMatch = 3;
constexpr size_t kMaxMatch = 258;
constexpr size_t kWindow = 32768 - kMaxMatch - kMinMatch - 1;
// What zlib's level 6 does not go beyond: it takes a match this long as it is, looks no further at a good one, tries
// this many places, and leaves a shortest match this far away to its letters.
constexpr size_t kLazyMatch = 16;
constexpr size_t kGoodMatch = 8;
constexpr size_t kNiceMatch = 128;
constexpr int kMaxChain = 128;
constexpr size_t kFarAway = 4096;

// zlib's header and checksum.
constexpr size_t kFrameBytes = 2 + 4;
constexpr int kBlockHeadBits = 3;

constexpr int kEndOfBlock = 256;
constexpr int kMaxCodeLength = 15;
constexpr int kMaxLengthCode = 7;
// Order in which the lengths of the codes for lengths are written (RFC 1951, 3.2.7).
constexpr std::array<int, 19> kLengthOrder = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

struct Code {
    int symbol;
    int extra_bits;
};

Code length_code(size_t length) {
    if (length == kMaxMatch) return {285, 0};
    const int value = static_cast<int>(length - kMinMatch);
    if (value < 8) return {257 + value, 0};
    int extra = 0;
    while ((value >> extra) >= 8) ++extra;
    return {257 + 4 * extra + (value >> extra), extra};
}

Code distance_code(size_t distance) {
    const int value = static_cast<int>(distance - 1);
    if (value < 4) return {value, 0};
    int extra = 0;
    while ((value >> extra) >= 4) ++extra;
    return {2 * extra + (value >> extra), extra};
}

struct Symbols {
    std::vector<int> literals = std::vector<int>(286, 0);  // and lengths
    std::vector<int> distances = std::vector<int>(30, 0);
    size_t extra_bits = 0;

    void add_literal(char c) { ++literals[static_cast<unsigned char>(c)]; }
    void add_match(size_t length, size_t distance) {
        const Code first = length_code(length);
        const Code second = distance_code(distance);
        ++literals[static_cast<size_t>(first.symbol)];
        ++distances[static_cast<size_t>(second.symbol)];
        extra_bits += static_cast<size_t>(first.extra_bits + second.extra_bits);
    }
};

// deflate_slow(): a match is taken when the next position has no longer one.
class Matcher {
  public:
    explicit Matcher(const std::string& text) : text_(text), previous_(text.size(), kNone) {}

    Symbols run() {
        size_t length = kMinMatch - 1;
        size_t start = 0;
        bool pending = false;  // the letter before `i`
        for (size_t i = 0; i < text_.size();) {
            const size_t head = insert(i);
            const size_t last_length = length;
            const size_t last_start = start;
            length = kMinMatch - 1;
            if (head != kNone && last_length < kLazyMatch && i - head <= kWindow) {
                std::tie(length, start) = longest(i, head, last_length, last_start);
                if (length == kMinMatch && i - start > kFarAway) length = kMinMatch - 1;
            }
            if (last_length >= kMinMatch && length <= last_length) {
                symbols_.add_match(last_length, i - 1 - last_start);
                for (size_t k = 0; k + 2 < last_length; ++k) insert(++i);
                ++i;
                pending = false;
                length = kMinMatch - 1;
                continue;
            }
            if (pending) symbols_.add_literal(text_[i - 1]);
            pending = true;
            ++i;
        }
        if (pending) symbols_.add_literal(text_.back());
        ++symbols_.literals[kEndOfBlock];
        return symbols_;
    }

  private:
    static constexpr size_t kNone = static_cast<size_t>(-1);

    // Where the next three letters stood last.
    size_t insert(size_t i) {
        if (i + kMinMatch > text_.size()) return kNone;
        const auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<unsigned char>(text_[i + k])); };
        const auto [entry, fresh] = heads_.try_emplace(byte(0) << 16 | byte(1) << 8 | byte(2), i);
        previous_[i] = fresh ? kNone : entry->second;
        entry->second = i;
        return previous_[i];
    }

    std::pair<size_t, size_t> longest(size_t i, size_t candidate, size_t best, size_t best_start) const {
        const size_t room = std::min(kMaxMatch, text_.size() - i);
        const size_t nice = std::min(kNiceMatch, room);
        int chain = best >= kGoodMatch ? kMaxChain / 4 : kMaxChain;
        for (; candidate != kNone && i - candidate <= kWindow && chain > 0; candidate = previous_[candidate], --chain) {
            size_t length = 0;
            while (length < room && text_[candidate + length] == text_[i + length]) ++length;
            if (length <= best) continue;
            best = length;
            best_start = candidate;
            if (length >= nice) break;
        }
        return {std::min(best, room), best_start};
    }

    const std::string& text_;
    std::vector<size_t> previous_;  // position before with the same three letters
    std::unordered_map<uint32_t, size_t> heads_;
    Symbols symbols_;
};

// Lengths of Huffman codes, none above `longest`; 0 for symbols that do not occur.
std::vector<int> code_lengths(std::vector<int> counts, int longest) {
    // A code has two symbols at least.
    for (size_t i = 0; std::count_if(counts.begin(), counts.end(), [](int n) { return n > 0; }) < 2; ++i) {
        if (counts[i] == 0) counts[i] = 1;
    }
    for (;;) {
        using Node = std::tuple<long, int, int>;  // count, depth, index
        std::priority_queue<Node, std::vector<Node>, std::greater<>> heap;
        std::vector<int> parents;
        std::vector<int> leaves(counts.size(), -1);
        for (size_t i = 0; i < counts.size(); ++i) {
            if (counts[i] == 0) continue;
            leaves[i] = static_cast<int>(parents.size());
            heap.emplace(counts[i], 0, leaves[i]);
            parents.push_back(-1);
        }
        while (heap.size() > 1) {
            const auto [first, first_depth, a] = heap.top();
            heap.pop();
            const auto [second, second_depth, b] = heap.top();
            heap.pop();
            const int node = static_cast<int>(parents.size());
            parents.push_back(-1);
            parents[static_cast<size_t>(a)] = parents[static_cast<size_t>(b)] = node;
            heap.emplace(first + second, std::max(first_depth, second_depth) + 1, node);
        }
        std::vector<int> depth(parents.size(), 0);
        for (size_t i = parents.size() - 1; i-- > 0;) depth[i] = depth[static_cast<size_t>(parents[i])] + 1;
        std::vector<int> lengths(counts.size(), 0);
        for (size_t i = 0; i < counts.size(); ++i) {
            if (leaves[i] >= 0) lengths[i] = depth[static_cast<size_t>(leaves[i])];
        }
        if (*std::max_element(lengths.begin(), lengths.end()) <= longest) return lengths;
        // Rare symbols are taken for less rare ones until no code is too long.
        for (int& count : counts) count = count > 0 ? (count + 1) / 2 : 0;
    }
}

size_t bits_of(const std::vector<int>& counts, const std::vector<int>& lengths) {
    size_t bits = 0;
    for (size_t i = 0; i < counts.size(); ++i) bits += static_cast<size_t>(counts[i]) * static_cast<size_t>(lengths[i]);
    return bits;
}

// A row of code lengths as it is written: runs of the same length are one symbol with a number.
void count_lengths(std::vector<int> lengths, std::vector<int>& counts, size_t& extra_bits) {
    while (lengths.size() > 1 && lengths.back() == 0) lengths.pop_back();
    for (size_t i = 0; i < lengths.size();) {
        size_t run = 1;
        while (i + run < lengths.size() && lengths[i + run] == lengths[i]) ++run;
        i += run;
        const auto symbol = static_cast<size_t>(lengths[i - 1]);
        if (symbol == 0) {
            while (run > 0) {
                const size_t taken = std::min<size_t>(run, 138);
                if (taken < 3) {
                    counts[0] += static_cast<int>(taken);
                } else {
                    ++counts[taken <= 10 ? 17 : 18];
                    extra_bits += taken <= 10 ? 3 : 7;
                }
                run -= taken;
            }
            continue;
        }
        ++counts[symbol];
        --run;
        while (run > 0) {
            const size_t taken = std::min<size_t>(run, 6);
            if (taken < 3) {
                counts[symbol] += static_cast<int>(taken);
            } else {
                ++counts[16];
                extra_bits += 2;
            }
            run -= taken;
        }
    }
}

// A block with codes of its own.
size_t own_code_bits(const Symbols& symbols) {
    const std::vector<int> literals = code_lengths(symbols.literals, kMaxCodeLength);
    const std::vector<int> distances = code_lengths(symbols.distances, kMaxCodeLength);
    std::vector<int> counts(19, 0);
    size_t bits = 5 + 5 + 4 + symbols.extra_bits;
    count_lengths(literals, counts, bits);
    count_lengths(distances, counts, bits);
    const std::vector<int> lengths = code_lengths(counts, kMaxLengthCode);
    size_t written = kLengthOrder.size();
    while (written > 4 && lengths[static_cast<size_t>(kLengthOrder[written - 1])] == 0) --written;
    bits += 3 * written + bits_of(counts, lengths);
    return bits + bits_of(symbols.literals, literals) + bits_of(symbols.distances, distances);
}

// A block with the codes of RFC 1951, 3.2.6.
size_t fixed_code_bits(const Symbols& symbols) {
    size_t bits = symbols.extra_bits;
    for (size_t i = 0; i < symbols.literals.size(); ++i) {
        const int length = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
        bits += static_cast<size_t>(symbols.literals[i] * length);
    }
    for (const int count : symbols.distances) bits += static_cast<size_t>(count) * 5;
    return bits;
}

}  // namespace

size_t deflated_size(const std::string& text) {
    const Symbols symbols = Matcher(text).run();
    const size_t bits = std::min(own_code_bits(symbols), fixed_code_bits(symbols));
    const size_t coded = (bits + kBlockHeadBits + 7) / 8;
    const size_t stored = text.empty() ? coded : text.size() + 5 * (text.size() / 65535 + 1);
    return kFrameBytes + std::min(coded, stored);
}

double compression_ratio(const std::string& text) {
    if (text.empty()) return 0;
    return static_cast<double>(text.size()) / static_cast<double>(deflated_size(text));
}

}  // namespace agora
