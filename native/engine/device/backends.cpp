#include "engine/device/backends.h"

#include <dlfcn.h>
#include <ggml-backend.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>

#include "engine/error.h"

namespace agora {
namespace {

namespace fs = std::filesystem;

const std::string kCpuPrefix = "libagora-ggml-cpu-";
const std::string kCudaLibrary = "libagora-ggml-cuda.so";

// Every backend module exports the score of the machine it runs on (ggml-backend-impl.h). Code that asks for it uses
// no instruction beyond the baseline, so a module may be opened on a processor that could not run it.
int score_of(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return 0;
    auto* score = reinterpret_cast<int (*)()>(dlsym(library, "ggml_backend_score"));
    // The plain x86-64 build has nothing to check and therefore no score.
    const int result = score == nullptr ? 1 : score();
    dlclose(library);
    return result;
}

// Opens a library. Others that it needs and that the system does not find are taken from `folders`, and stay open, so
// that they are found by their names. Returns why it could not be opened; empty: it was.
std::string open_library(const std::string& path, const std::vector<std::string>& folders,
                         std::set<std::string>& tried) {
    for (;;) {
        if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return "";
        std::string problem = dlerror();
        // "libcublas.so.13: cannot open shared object file: No such file or directory"
        const std::string needed = problem.substr(0, problem.find(": cannot open shared object file"));
        if (needed.size() == problem.size() || needed.find('/') != std::string::npos) return problem;
        if (!tried.insert(needed).second) return problem;
        std::error_code ignored;
        const auto folder = std::find_if(folders.begin(), folders.end(), [&](const std::string& candidate) {
            return fs::exists(fs::path(candidate) / needed, ignored);
        });
        if (folder == folders.end()) return problem;
        std::string reason = open_library((fs::path(*folder) / needed).string(), folders, tried);
        if (!reason.empty()) return reason;
    }
}

std::mutex& load_mutex() {
    static std::mutex mutex;
    return mutex;
}

std::string names(const std::vector<CpuVariant>& variants) {
    std::string result;
    for (const CpuVariant& variant : variants) {
        result += (result.empty() ? "" : ", ") + variant.name + (variant.score == 0 ? " (not for this CPU)" : "");
    }
    return result.empty() ? "none" : result;
}

}  // namespace

std::vector<CpuVariant> cpu_variants(const std::string& directory) {
    std::vector<CpuVariant> variants;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored)) {
        const std::string file = entry.path().filename().string();
        if (file.rfind(kCpuPrefix, 0) != 0 || entry.path().extension() != ".so") continue;
        CpuVariant variant;
        variant.name = entry.path().stem().string().substr(kCpuPrefix.size());
        variant.path = entry.path().string();
        variant.score = score_of(variant.path);
        variants.push_back(variant);
    }
    std::sort(variants.begin(), variants.end(), [](const CpuVariant& a, const CpuVariant& b) {
        return a.score != b.score ? a.score > b.score : a.name < b.name;
    });
    return variants;
}

CpuVariant load_cpu_backend(const std::string& directory, const std::optional<std::string>& variant) {
    static std::optional<CpuVariant> loaded;
    const std::lock_guard<std::mutex> lock(load_mutex());
    if (loaded) {
        if (variant && *variant != loaded->name) {
            throw Error(ErrorCode::DeviceUnavailable, "CPU variant \"" + *variant +
                                                          "\" was asked for, but this process already uses \"" +
                                                          loaded->name + "\"; one process has one CPU variant");
        }
        return *loaded;
    }
    const std::vector<CpuVariant> variants = cpu_variants(directory);
    auto chosen = variants.begin();
    if (variant) {
        chosen =
            std::find_if(variants.begin(), variants.end(), [&](const CpuVariant& v) { return v.name == *variant; });
    }
    if (chosen == variants.end() || chosen->score == 0) {
        const std::string wanted =
            variant ? "CPU variant \"" + *variant + "\" cannot be used" : "No CPU backend fits this processor";
        throw Error(ErrorCode::DeviceUnavailable, wanted + "; in " + directory + ": " + names(variants) +
                                                      ". Build for this machine with `npm run build:native`, or for "
                                                      "every machine with AGORA_CPU_VARIANTS=all");
    }
    if (ggml_backend_load(chosen->path.c_str()) == nullptr) {
        throw Error(ErrorCode::DeviceUnavailable, "The CPU backend " + chosen->path + " could not be loaded");
    }
    loaded = *chosen;
    return *loaded;
}

void need_cpu_backend() {
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr)
        throw Error(ErrorCode::DeviceUnavailable, "No CPU backend is loaded: loadBackends() has to come first");
}

void load_cuda_backend(const std::string& directory, const std::vector<std::string>& folders) {
    static bool loaded = false;
    const std::lock_guard<std::mutex> lock(load_mutex());
    if (loaded) return;
    const fs::path path = fs::path(directory) / kCudaLibrary;
    if (!fs::exists(path)) {
        throw Error(ErrorCode::DeviceUnavailable, "This build has no CUDA backend (" + path.string() +
                                                      " is missing); build it with `npm run build:cuda`");
    }
    // ggml does not say why a library cannot be loaded; the dynamic linker does.
    std::set<std::string> tried;
    const std::string problem = open_library(path.string(), folders, tried);
    if (!problem.empty()) throw Error(ErrorCode::DeviceUnavailable, "The CUDA backend could not be loaded: " + problem);
    ggml_backend_reg_t registry = ggml_backend_load(path.c_str());
    if (registry == nullptr) {
        throw Error(ErrorCode::DeviceUnavailable,
                    "The CUDA backend could not be loaded: is the NVIDIA driver installed, and new enough?");
    }
    if (ggml_backend_reg_dev_count(registry) == 0) {
        ggml_backend_unload(registry);
        throw Error(ErrorCode::DeviceUnavailable, "The CUDA backend found no usable GPU");
    }
    loaded = true;
}

std::vector<Device> devices() {
    std::vector<Device> result;
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_props properties;
        ggml_backend_dev_get_props(ggml_backend_dev_get(i), &properties);
        Device device;
        device.kind = properties.type == GGML_BACKEND_DEVICE_TYPE_CPU ? "cpu" : "cuda";
        device.name = properties.name;
        device.description = properties.description;
        device.memory_free = properties.memory_free;
        device.memory_total = properties.memory_total;
        result.push_back(device);
    }
    return result;
}

}  // namespace agora
