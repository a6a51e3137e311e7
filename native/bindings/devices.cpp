#include "bindings/devices.h"

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "engine/device/backends.h"
#include "engine/log.h"

namespace agora {
namespace {

Napi::Object to_js(Napi::Env env, const CpuVariant& variant) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("name", variant.name);
    result.Set("path", variant.path);
    result.Set("score", variant.score);
    return result;
}

Napi::Object to_js(Napi::Env env, const Device& device) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("kind", device.kind);
    result.Set("name", device.name);
    result.Set("description", device.description);
    result.Set("memoryFree", static_cast<double>(device.memory_free));
    result.Set("memoryTotal", static_cast<double>(device.memory_total));
    return result;
}

template <typename Item>
Napi::Array to_js(Napi::Env env, const std::vector<Item>& items) {
    Napi::Array result = Napi::Array::New(env, items.size());
    for (size_t i = 0; i < items.size(); ++i) result.Set(static_cast<uint32_t>(i), to_js(env, items[i]));
    return result;
}

// cpuVariants(directory): Promise<{ name, path, score }[]>
Napi::Value list_cpu_variants(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string directory = string_argument(info[0], "directory");
        return run_async(info.Env(), [directory]() -> Finish {
            const auto variants = cpu_variants(directory);
            return [variants](Napi::Env env) { return to_js(env, variants); };
        });
    });
}

// loadBackends(directory, cpuVariant | null, cuda, folders = []): Promise<{ cpuVariant, devices }>
Napi::Value load_backends(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string directory = string_argument(info[0], "directory");
        std::optional<std::string> variant;
        if (!info[1].IsNull()) variant = string_argument(info[1], "cpuVariant");
        const bool cuda = boolean_argument(info[2], "cuda");
        std::vector<std::string> folders;
        if (!info[3].IsUndefined()) folders = strings_argument(info[3], "folders");
        return run_async(info.Env(), [=]() -> Finish {
            capture_logs();
            // whisper.cpp takes the first GPU that is registered; the CPU backend is needed beside it.
            const CpuVariant loaded = load_cpu_backend(directory, variant);
            if (cuda) load_cuda_backend(directory, folders);
            const auto found = devices();
            return [loaded, found](Napi::Env env) {
                Napi::Object result = Napi::Object::New(env);
                result.Set("cpuVariant", to_js(env, loaded));
                result.Set("devices", to_js(env, found));
                return result;
            };
        });
    });
}

}  // namespace

void define_devices(Napi::Env env, Napi::Object exports) {
    exports.Set("cpuVariants", Napi::Function::New<list_cpu_variants>(env));
    exports.Set("loadBackends", Napi::Function::New<load_backends>(env));
}

}  // namespace agora
