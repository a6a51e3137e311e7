// One way from JavaScript to a libuv worker thread and back.
#pragma once

#include <napi.h>

#include <functional>

#include "engine/error.h"

namespace agora {

// Makes the JavaScript value of a result. Runs on the JavaScript thread.
using Finish = std::function<Napi::Value(Napi::Env)>;

// Runs `work` on a libuv worker thread and resolves the promise with what its Finish returns. `work` must not touch
// JavaScript; it owns what it needs by value. Anything thrown rejects the promise with a coded error.
Napi::Promise run_async(Napi::Env env, std::function<Finish()> work);

// The JavaScript form of an error: an Error with a `code`, and the `option` that is wrong where it is one.
Napi::Error to_js_error(Napi::Env env, const std::exception& error);

// Runs `body` and turns an engine's exception into a JavaScript one.
template <typename Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
    try {
        return body();
    } catch (const Napi::Error&) {
        throw;
    } catch (const std::exception& error) {
        throw to_js_error(env, error);
    }
}

}  // namespace agora
