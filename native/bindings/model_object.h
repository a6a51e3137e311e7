// What the JavaScript objects of loaded models have in common.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "bindings/async.h"
#include "bindings/instance.h"

namespace agora {

// Wraps a `Model` that was loaded on a worker thread and is freed on one. `Object` is the class that derives from it,
// `kConstructor` where that keeps its JavaScript constructor.
template <typename Object, typename Model, Napi::FunctionReference Instance::*kConstructor>
class ModelObject : public Napi::ObjectWrap<Object> {
  public:
    explicit ModelObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Object>(info) {
        if (!info[0].IsExternal())
            throw Napi::TypeError::New(info.Env(), "Models are made by the addon's load functions");
        model_ = *info[0].As<Napi::External<std::shared_ptr<Model>>>().Data();
    }

  protected:
    // Runs `load` on a worker thread. Promise of an Object around the model that it returns.
    static Napi::Promise load_model(Napi::Env env, std::function<std::shared_ptr<Model>()> load) {
        return run_async(env, [load = std::move(load)]() -> Finish {
            return [model = load()](Napi::Env e) mutable {
                return (Instance::of(e).*kConstructor).New({Napi::External<std::shared_ptr<Model>>::New(e, &model)});
            };
        });
    }

    // Throws when it was closed.
    const std::shared_ptr<Model>& model(Napi::Env env) const {
        if (!model_) throw to_js_error(env, Error(ErrorCode::InvalidArgument, "The model is closed"));
        return model_;
    }

    bool is_closed() const { return !model_; }

    // close(): Promise<void>; memory is freed on a worker thread, with the last of the work that has a share in it.
    Napi::Value close(const Napi::CallbackInfo& info) {
        return run_async(info.Env(), [last = std::move(model_)]() -> Finish {
            return [](Napi::Env env) { return env.Undefined(); };
        });
    }

  private:
    std::shared_ptr<Model> model_;
};

}  // namespace agora
