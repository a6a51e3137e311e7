#pragma once

#include <napi.h>

namespace agora {

// cpuVariants, loadBackends
void define_devices(Napi::Env env, Napi::Object exports);

}  // namespace agora
