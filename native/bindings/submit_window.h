#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "bindings/async.h"

namespace agora {

// Queues `request` with a batched model, and a worker to run the model if none does. Promise of what `to_value` makes
// of the outcome on the JavaScript thread. `listener`, unless empty, is called with what is heard on the way: `listen`
// gets the request and what calls it, always before the promise is settled.
template <typename Outcome, typename Model, typename Request>
Napi::Promise submit_window(Napi::Env env, const std::shared_ptr<Model>& model, Request request,
                            const std::function<Napi::Value(Napi::Env, const Outcome&)>& to_value,
                            const Napi::Function& listener = {},
                            const std::function<void(Request&, const Napi::ThreadSafeFunction&)>& listen = {}) {
    const auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
    const Napi::Promise promise = deferred->Promise();
    const Napi::Function nobody = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
    auto deliver =
        Napi::ThreadSafeFunction::New(env, listener.IsEmpty() ? nobody : listener, "transcribed window", 0, 1);
    if (!listener.IsEmpty()) listen(request, deliver);
    const bool start = model->submit(std::move(request), [deliver, deferred, to_value](const Outcome& outcome) mutable {
        // The call fails when the environment is going down: then nobody waits any more.
        deliver.NonBlockingCall([deferred, to_value, outcome](Napi::Env e, Napi::Function) {
            try {
                if (outcome.error) std::rethrow_exception(outcome.error);
                deferred->Resolve(to_value(e, outcome));
            } catch (const Napi::Error& error) {
                deferred->Reject(error.Value());
            } catch (const std::exception& error) {
                deferred->Reject(to_js_error(e, error).Value());
            }
        });
        deliver.Release();
    });
    if (start) {
        run_async(env, [model]() -> Finish {
            model->run();
            return [](Napi::Env e) { return e.Undefined(); };
        });
    }
    return promise;
}

}  // namespace agora
