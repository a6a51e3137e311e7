#pragma once

#include <napi.h>

namespace agora {

// inspectModel, inspectVadModel, quantizeModel, quantizeTypes
void define_model_files(Napi::Env env, Napi::Object exports);

}  // namespace agora
