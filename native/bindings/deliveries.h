// What worker threads bring to the JavaScript thread of one environment, as long as that is there.
#pragma once

#include <napi.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace agora {

class Deliveries : public std::enable_shared_from_this<Deliveries> {
  public:
    // Something that the JavaScript thread waits for: it is told of its news, the last of which settles it.
    struct Awaited {
        Napi::Promise::Deferred deferred;
        Napi::FunctionReference listener;  // may be empty
    };
    using News = std::function<void(Napi::Env, Awaited&)>;
    struct Parcel {
        uint64_t awaited;
        News news;
        bool last;
    };
    using Parcels = std::list<Parcel>;

    static std::shared_ptr<Deliveries> create(Napi::Env env);
    // On the JavaScript thread. Keeps the event loop alive until the last news has come.
    uint64_t await(Napi::Env env, Awaited awaited);

    // Nobody waits for it any more. On the JavaScript thread.
    void forget(Napi::Env env, uint64_t awaited);

    // From any thread: brings news of what is awaited, in the order in which they are sent; takes them out of
    // `parcels`, and no memory. Nothing happens when the environment has gone. What the news hold may be freed on
    // any thread.
    void send(Parcels& parcels);

    // On the JavaScript thread, when its environment goes: nothing is delivered any more.
    void close();

  private:
    void deliver(Napi::Env env);

    // Of the JavaScript thread alone.
    std::unordered_map<uint64_t, Awaited> awaited_;
    uint64_t last_id_ = 0;

    std::mutex mutex_;
    bool closed_ = false;
    Parcels parcels_;
    Napi::ThreadSafeFunction wake_;  // without a hold on the event loop while nothing is awaited
};

}  // namespace agora
