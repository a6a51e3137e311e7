// ggml's backends as loadable libraries beside the addon: which there are, which fit this machine, which is used.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace agora {

// One build of the CPU backend, made for a generation of processors.
struct CpuVariant {
    std::string name;  // "haswell", "zen4", …
    std::string path;
    int score = 0;  // 0: this processor lacks something it needs; else higher is better
};

struct Device {
    std::string kind;  // "cpu" or "cuda"
    std::string name;
    std::string description;
    size_t memory_free = 0;   // bytes
    size_t memory_total = 0;  // bytes
};

// CPU variants in `directory`, best first, unusable ones last.
std::vector<CpuVariant> cpu_variants(const std::string& directory);

// Loads the best CPU variant of `directory`, or the one named. The choice holds for the life of the process:
// asking for another one later is an error. Returns the variant in use.
// Throws DeviceUnavailable when there is none that this processor can run.
CpuVariant load_cpu_backend(const std::string& directory, const std::optional<std::string>& variant);

// Throws DeviceUnavailable when no CPU backend is loaded. ggml, whisper.cpp and libllama end the process then.
void need_cpu_backend();

// Loads the CUDA backend of `directory` once. NVIDIA's libraries that it needs are looked for where the system does,
// then in `folders`. Throws DeviceUnavailable when there is none, something is missing, or it finds no GPU.
void load_cuda_backend(const std::string& directory, const std::vector<std::string>& folders = {});

// Devices of the loaded backends.
std::vector<Device> devices();

}  // namespace agora
