#pragma once

#include <napi.h>

namespace agora {

// trimMemory, sendDatagram
void define_host(Napi::Env env, Napi::Object exports);

}  // namespace agora
