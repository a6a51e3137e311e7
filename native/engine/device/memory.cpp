#include "engine/device/memory.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace agora {
namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

uint64_t field_of(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.rfind(name, 0) != 0) continue;
        std::istringstream fields(line.substr(name.size()));
        uint64_t kilobytes = 0;
        if (fields >> kilobytes) return kilobytes * 1024;
    }
    return kUnlimited;
}

uint64_t number_in(const std::string& path) {
    std::ifstream file(path);
    uint64_t value = 0;
    return file >> value ? value : kUnlimited;  // "max" is no number
}

uint64_t control_group_memory() {
    const uint64_t limit = number_in("/sys/fs/cgroup/memory.max");
    const uint64_t used = number_in("/sys/fs/cgroup/memory.current");
    if (limit == kUnlimited || used == kUnlimited) return kUnlimited;
    // Page cache counts as used but is given up on demand.
    const uint64_t cache = std::min(used, field_of("/sys/fs/cgroup/memory.stat", "file ") / 1024);
    return limit - std::min(limit, used - cache);
}

uint64_t address_space() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
    const uint64_t used = field_of("/proc/self/status", "VmSize:");
    return limit.rlim_cur - std::min<uint64_t>(limit.rlim_cur, used);
}

}  // namespace

uint64_t available_memory() {
    return std::min({field_of("/proc/meminfo", "MemAvailable:"), control_group_memory(), address_space()});
}

}  // namespace agora
