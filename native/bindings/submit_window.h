#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "bindings/arguments.h"
#include "bindings/deliveries.h"
#include "bindings/instance.h"

namespace agora {

// Whose window it is, and how urgent: { request, priority }. `request` numbers those of the environment, from 1; 0: one
// of its own.
inline JobTraits turn_argument(Napi::Env env, const Napi::Object& options) {
    JobTraits turn;
    constexpr double kMostRequests = 1e12;
    const auto number = static_cast<uint64_t>(number_argument(options.Get("request"), "request", 0, kMostRequests));
    if (number > 0) turn.request = Instance::of(env).number() << 42 | number;
    const auto priority = parse_priority(string_argument(options.Get("priority"), "priority"));
    if (!priority) bad_argument("priority", "\"live\", \"interactive\" or \"bulk\"");
    turn.priority = *priority;
    return turn;
}

// Queues `request` with a model whose steps run on a device's executor. Promise of what `to_value` makes of the outcome
// on the JavaScript thread. `listener`, unless empty, is called with what is heard on the way: `listen` gets the
// request and what calls it with news, always before the promise is settled.
template <typename Outcome, typename Model, typename Request>
Napi::Promise submit_window(Napi::Env env, const std::shared_ptr<Model>& model, Request request,
                            const std::function<Napi::Value(Napi::Env, const Outcome&)>& to_value,
                            const Napi::Function& listener = {},
                            const std::function<void(Request&, std::function<void(Deliveries::News)>)>& listen = {}) {
    const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
    const std::shared_ptr<Deliveries> deliveries = Instance::of(env).deliveries;
    const bool listens = !listener.IsEmpty();
    const uint64_t awaited =
        deliveries->await(env, {deferred, listens ? Napi::Persistent(listener) : Napi::FunctionReference()});
    try {
        if (listens) {
            listen(request, [deliveries, awaited](Deliveries::News news) {
                Deliveries::Parcels parcels;
                parcels.push_back({awaited, std::move(news), false});
                deliveries->send(parcels);
            });
        }
        // All that the answer needs is there before the work begins: then memory may be short.
        const auto outcome = std::make_shared<Outcome>();
        const auto answer = std::make_shared<Deliveries::Parcels>();
        const auto settle = [to_value, outcome](Napi::Env e, Deliveries::Awaited& who) {
            if (outcome->error) std::rethrow_exception(outcome->error);
            who.deferred.Resolve(to_value(e, *outcome));
        };
        answer->push_back({awaited, settle, true});
        // The model stays as long as it has a window.
        const auto done = [deliveries, outcome, answer, model](Outcome result) {
            *outcome = std::move(result);
            deliveries->send(*answer);
        };
        model->submit(std::move(request), done);
    } catch (...) {
        deliveries->forget(env, awaited);
        throw;
    }
    return deferred.Promise();
}

}  // namespace agora
