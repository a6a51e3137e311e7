#include "bindings/cancel_flag.h"

#include "bindings/arguments.h"
#include "bindings/instance.h"

namespace agora {

void CancelFlag::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(env, "CancelFlag", {InstanceMethod<&CancelFlag::cancel>("cancel")});
    Instance::of(env).cancel_flag = Napi::Persistent(constructor);
    exports.Set("CancelFlag", constructor);
}

CancelFlag::CancelFlag(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<CancelFlag>(info), flag_(std::make_shared<std::atomic<bool>>(false)) {
    Instance::of(info.Env()).add(flag_);
}

CancelFlag::Shared CancelFlag::of(const Napi::Value& value) {
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(Instance::of(value.Env()).cancel_flag.Value())) {
        bad_argument("cancel", "a CancelFlag");
    }
    return Unwrap(value.As<Napi::Object>())->flag_;
}

void CancelFlag::cancel(const Napi::CallbackInfo&) {
    flag_->store(true, std::memory_order_relaxed);
}

}  // namespace agora
