#include "engine/schedule/window_queue.h"

#include <doctest/doctest.h>

namespace {

struct Waiting {
    bool cancelled() const { return is_cancelled; }

    int number;
    bool is_cancelled = false;
};

using Queue = agora::WindowQueue<Waiting>;

void push(Queue& queue, std::initializer_list<int> numbers) {
    for (const int number : numbers) queue.push(std::make_unique<Waiting>(Waiting{number}));
}

std::vector<int> take_all(Queue& queue) {
    std::vector<int> numbers;
    while (const auto window = queue.take()) numbers.push_back(window->number);
    return numbers;
}

}  // namespace

TEST_CASE("windows are taken in the order in which they came") {
    Queue queue;
    push(queue, {3, 1, 2});
    CHECK(take_all(queue) == std::vector<int>{3, 1, 2});
    CHECK(queue.take() == nullptr);
}

TEST_CASE("whoever brings a window while nobody runs the engine is told to run it, and nobody else is") {
    Queue queue;
    CHECK(queue.push(std::make_unique<Waiting>(Waiting{1})));
    CHECK_FALSE(queue.push(std::make_unique<Waiting>(Waiting{2})));
    CHECK_FALSE(queue.stop());
    take_all(queue);
    CHECK_FALSE(queue.push(std::make_unique<Waiting>(Waiting{3})));
    take_all(queue);
    CHECK(queue.stop());
    CHECK(queue.push(std::make_unique<Waiting>(Waiting{4})));
}

TEST_CASE("those who look ahead see the windows that are next, and leave them where they are") {
    Queue queue;
    push(queue, {1, 2, 3});
    std::vector<int> seen;
    const auto look = [&](Waiting& window) {
        seen.push_back(window.number);
        window.is_cancelled = window.number == 2;
    };
    queue.look_ahead(2, look);
    CHECK(seen == std::vector<int>{1, 2});
    seen.clear();
    queue.look_ahead(9, look);
    CHECK(seen == std::vector<int>{1, 2, 3});

    const auto cancelled = queue.take_cancelled();
    REQUIRE(cancelled.size() == 1);
    CHECK(cancelled.front()->number == 2);
    CHECK(take_all(queue) == std::vector<int>{1, 3});
}
