// How urgent a request is.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace agora {

// Most urgent first.
enum class Priority {
    Live,         // somebody is speaking: before all others
    Interactive,  // somebody waits: the first text soon, requests in turn
    Bulk,         // nobody waits: what is left of the device, and a share of it at least
};

inline constexpr std::array<const char*, 3> kPriorityNames = {"live", "interactive", "bulk"};

inline std::optional<Priority> parse_priority(const std::string& name) {
    for (size_t i = 0; i < kPriorityNames.size(); ++i) {
        if (name == kPriorityNames[i]) return static_cast<Priority>(i);
    }
    return std::nullopt;
}

// A value for each priority.
template <typename Value>
class ByPriority {
  public:
    Value& operator[](Priority priority) { return values_[static_cast<size_t>(priority)]; }
    const Value& operator[](Priority priority) const { return values_[static_cast<size_t>(priority)]; }

  private:
    std::array<Value, kPriorityNames.size()> values_{};
};

inline constexpr std::array<Priority, 3> kPriorities = {Priority::Live, Priority::Interactive, Priority::Bulk};

}  // namespace agora
