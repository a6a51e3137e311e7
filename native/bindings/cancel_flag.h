// Lets JavaScript stop work on another thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

namespace agora {

// class CancelFlag { cancel(): void }
class CancelFlag : public Napi::ObjectWrap<CancelFlag> {
  public:
    using Shared = std::shared_ptr<const std::atomic<bool>>;

    static void define(Napi::Env env, Napi::Object exports);
    // The flag behind a JavaScript CancelFlag. Throws InvalidArgument.
    static Shared of(const Napi::Value& value);

    explicit CancelFlag(const Napi::CallbackInfo& info);

  private:
    void cancel(const Napi::CallbackInfo& info);

    std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace agora
