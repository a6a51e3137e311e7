#include "bindings/deliveries.h"

#include <utility>

#include "bindings/async.h"

namespace agora {

std::shared_ptr<Deliveries> Deliveries::create(Napi::Env env) {
    auto deliveries = std::make_shared<Deliveries>();
    const std::weak_ptr<Deliveries> self = deliveries;
    const auto deliver = [self](const Napi::CallbackInfo& info) {
        if (const auto alive = self.lock()) alive->deliver(info.Env());
    };
    deliveries->wake_ =
        Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, deliver), "agora-transcribe windows", 0, 1);
    deliveries->wake_.Unref(env);
    return deliveries;
}

uint64_t Deliveries::await(Napi::Env env, Awaited awaited) {
    if (awaited_.empty()) wake_.Ref(env);
    const uint64_t id = ++last_id_;
    awaited_.emplace(id, std::move(awaited));
    return id;
}

void Deliveries::forget(Napi::Env env, uint64_t awaited) {
    if (awaited_.erase(awaited) > 0 && awaited_.empty()) wake_.Unref(env);
}

void Deliveries::send(Parcels& parcels) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return;
    parcels_.splice(parcels_.end(), parcels);
    wake_.NonBlockingCall();
}

void Deliveries::close() {
    Parcels lost;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closed_ = true;
        lost.swap(parcels_);
    }
    awaited_.clear();
}

void Deliveries::deliver(Napi::Env env) {
    Parcels parcels;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        parcels.swap(parcels_);
    }
    for (Parcel& parcel : parcels) {
        const Napi::HandleScope scope(env);
        const auto found = awaited_.find(parcel.awaited);
        if (found == awaited_.end()) continue;
        Awaited& awaited = found->second;
        try {
            parcel.news(env, awaited);
        } catch (const Napi::Error& error) {
            awaited.deferred.Reject(error.Value());
            parcel.last = true;
        } catch (const std::exception& error) {
            awaited.deferred.Reject(to_js_error(env, error).Value());
            parcel.last = true;
        }
        if (!parcel.last) continue;
        // By its name: what was told may have begun to wait for something else, which moves the places.
        awaited_.erase(parcel.awaited);
        if (awaited_.empty()) wake_.Unref(env);
    }
}

}  // namespace agora
