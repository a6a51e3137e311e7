#include "bindings/async.h"

#include <exception>
#include <new>

namespace agora {
namespace {

class PromiseWorker : public Napi::AsyncWorker {
  public:
    PromiseWorker(Napi::Env env, std::function<Finish()> work)
        : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

    Napi::Promise promise() const { return deferred_.Promise(); }

    void Execute() override {
        try {
            finish_ = work_();
        } catch (...) {
            failure_ = std::current_exception();
        }
        // What the work owned is released here, not on the JavaScript thread: it may be a whole model.
        work_ = nullptr;
    }

    void OnOK() override {
        const Napi::HandleScope scope(Env());
        try {
            if (failure_) std::rethrow_exception(failure_);
            deferred_.Resolve(finish_(Env()));
        } catch (const Napi::Error& error) {
            deferred_.Reject(error.Value());
        } catch (const std::exception& error) {
            deferred_.Reject(to_js_error(Env(), error).Value());
        }
    }

  private:
    Napi::Promise::Deferred deferred_;
    std::function<Finish()> work_;
    Finish finish_;
    std::exception_ptr failure_;
};

}  // namespace

Napi::Promise run_async(Napi::Env env, std::function<Finish()> work) {
    auto* worker = new PromiseWorker(env, std::move(work));
    const Napi::Promise promise = worker->promise();
    worker->Queue();
    return promise;
}

Napi::Error to_js_error(Napi::Env env, const std::exception& error) {
    ErrorCode code = ErrorCode::Internal;
    std::string option;
    if (const auto* coded = dynamic_cast<const Error*>(&error)) {
        code = coded->code();
        option = coded->option();
    } else if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
        code = ErrorCode::OutOfMemory;
    }
    Napi::Error result = Napi::Error::New(env, error.what());
    result.Set("code", Napi::String::New(env, to_string(code)));
    if (!option.empty()) result.Set("option", Napi::String::New(env, option));
    return result;
}

}  // namespace agora
