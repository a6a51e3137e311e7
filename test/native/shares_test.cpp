// Who has had how much of a device.
#include "engine/schedule/shares.h"

#include <doctest/doctest.h>

using agora::Priority;
using agora::Turns;

namespace {

class Recordings {
  public:
    // A window of a recording that has no other: true where the recording is taken for a new one.
    bool hear(uint64_t recording) {
        const uint64_t job = ++jobs_;
        agora::Request& request = turns_.arrive(recording, Priority::Interactive, job);
        const bool is_new = request.first_job == job;
        turns_.charge({{&request, 0.1}});
        turns_.leave(request, job);
        return is_new;
    }

  private:
    Turns turns_;
    uint64_t jobs_ = 0;
};

}  // namespace

TEST_CASE("shares: recordings that come more slowly than they are heard are not taken for new ones") {
    Recordings recordings;
    int new_ones = 0;
    for (int window = 0; window < 30; ++window) {
        for (uint64_t recording = 1; recording <= 100; ++recording) new_ones += recordings.hear(recording) ? 1 : 0;
    }
    CHECK(new_ones == 100);
}

TEST_CASE("shares: of the recordings that are over, those are forgotten that were heard longest ago") {
    Recordings recordings;
    for (uint64_t recording = 1; recording <= 5000; ++recording) {
        recordings.hear(recording);
        // Goes on all the time.
        CHECK(recordings.hear(9999) == (recording == 1));
    }
    CHECK_FALSE(recordings.hear(4500));
    CHECK(recordings.hear(1));
}
