// Graphs that are kept to be computed again, within a limit of bytes: the least recently used go first.
#pragma once

#include <cstddef>
#include <limits>
#include <list>
#include <map>
#include <utility>

#include "engine/error.h"

namespace agora {

// `Plan` has bytes(). Used by one thread at a time.
template <typename Key, typename Plan>
class PlanCache {
  public:
    // The newest plan is kept whatever it takes, so that what it computed can be read: in all there are at most `bytes`
    // or that one.
    explicit PlanCache(size_t bytes, size_t count = std::numeric_limits<size_t>::max())
        : most_bytes_(bytes), most_plans_(count) {}

    // The plan of that key, by `make` where there is none. Valid until the next call. Throws what `make` throws; where
    // that is OutOfMemory, all others have been given up for it first.
    template <typename Make>
    Plan& get(const Key& key, const Make& make) {
        const auto found = places_.find(key);
        if (found != places_.end()) {
            plans_.splice(plans_.begin(), plans_, found->second);
            return plans_.front().second;
        }
        // One that is too large to be kept makes room before the next one takes it.
        if (bytes_ > most_bytes_) shrink(0);
        plans_.emplace_front(key, made(make));
        places_[key] = plans_.begin();
        bytes_ += plans_.front().second.bytes();
        shrink(1);
        return plans_.front().second;
    }

    // Gives all up but the plan that was asked for last.
    void keep_newest() { shrink(1, true); }

    void clear() {
        plans_.clear();
        places_.clear();
        bytes_ = 0;
    }

    size_t bytes() const { return bytes_; }
    size_t size() const { return plans_.size(); }

  private:
    template <typename Make>
    Plan made(const Make& make) {
        try {
            return make();
        } catch (const Error& error) {
            if (error.code() != ErrorCode::OutOfMemory || plans_.empty()) throw;
        }
        clear();
        return make();
    }

    // All but `needed` plans at most go: so many that the rest is within the limits, or `all`.
    void shrink(size_t needed, bool all = false) {
        while (plans_.size() > needed && (all || bytes_ > most_bytes_ || plans_.size() > most_plans_)) {
            bytes_ -= plans_.back().second.bytes();
            places_.erase(plans_.back().first);
            plans_.pop_back();
        }
    }

    using Plans = std::list<std::pair<Key, Plan>>;  // the last used first

    size_t most_bytes_, most_plans_;
    size_t bytes_ = 0;
    Plans plans_;
    std::map<Key, typename Plans::iterator> places_;
};

}  // namespace agora
