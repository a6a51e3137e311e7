#include "engine/pages.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <thread>

#include "batched_support.h"
#include "engine/error.h"

using agora::Pages;

namespace {

constexpr size_t kMiB = 1 << 20;

// Resident memory of this process in MiB. Sanitizers keep what was freed for a while, so there it tells nothing.
int64_t resident() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    std::ifstream file("/proc/self/statm");
    int64_t total = 0;
    int64_t pages = 0;
    file >> total >> pages;
    return pages * sysconf(_SC_PAGESIZE) / static_cast<int64_t>(kMiB);
#endif
}

}  // namespace

TEST_CASE("pages are zeros on a page's boundary") {
    for (const auto size : {Pages::Size::Normal, Pages::Size::Huge}) {
        for (const size_t bytes : {size_t{1}, 4096 * size_t{3}, 5 * kMiB + 1}) {
            const Pages pages(bytes, size, "a test");
            CHECK(reinterpret_cast<uintptr_t>(pages.data()) % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)) == 0);
            CHECK(std::all_of(pages.data(), pages.data() + bytes, [](uint8_t value) { return value == 0; }));
            pages.data()[bytes - 1] = 1;
        }
    }
}

TEST_CASE("pages go with their last owner") {
    Pages first(kMiB, Pages::Size::Normal, "a test");
    first.data()[0] = 7;
    Pages second = std::move(first);
    CHECK(second.data()[0] == 7);
    Pages third;
    third = std::move(second);
    CHECK(third.data()[0] == 7);
    third = {};
    CHECK(third.data() == nullptr);
}

TEST_CASE("pages that are freed are the system's again") {
    const int64_t before = resident();
    {
        const Pages pages(64 * kMiB, Pages::Size::Huge, "a test");
        std::fill_n(pages.data(), 64 * kMiB, uint8_t{1});
        CHECK((resident() == 0 || resident() - before > 60));
    }
    CHECK(resident() - before < 4);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

// What the system notes about the pages at `data`: "rd wr …"; empty where it does not say.
std::string page_flags(const uint8_t* data) {
    std::ifstream file("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        unsigned long long first = 0;
        unsigned long long last = 0;
        if (std::sscanf(line.c_str(), "%llx-%llx ", &first, &last) == 2)
            inside = first <= reinterpret_cast<uintptr_t>(data) && reinterpret_cast<uintptr_t>(data) < last;
        else if (inside && line.rfind("VmFlags:", 0) == 0)
            return line.substr(8) + " ";
    }
    return "";
}

}  // namespace

TEST_CASE("normal pages stay small, whatever the system does by itself, and huge ones are asked for") {
    const Pages normal(8 * kMiB, Pages::Size::Normal, "a test");
    const Pages huge(8 * kMiB, Pages::Size::Huge, "a test");
    const bool has_huge = std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").is_open();
    if (!has_huge || page_flags(normal.data()).empty()) return;
    CHECK(page_flags(normal.data()).find(" nh ") != std::string::npos);
    CHECK(page_flags(huge.data()).find(" hg ") != std::string::npos);
}
#endif

TEST_CASE("more pages than there are is an error that says what for") {
    CHECK_THROWS_WITH_AS(Pages(size_t{1} << 56, Pages::Size::Normal, "a test"), "No memory for a test", agora::Error);
}

TEST_CASE("windows leave no memory behind with each thread that decodes them") {
    constexpr size_t kThreads = 4;
    const std::vector<float> audio = read_wav(kEnglishCall);
    agora::BatchedWhisper whisper(kDemoModel, options(2, 8));
    const std::vector<agora::WindowRequest> requests(8, request(audio, 0, 5 * 16000));
    std::vector<int64_t> after;
    std::promise<void> end;
    const std::shared_future<void> ended = end.get_future().share();
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
        std::promise<void> turn;
        std::future<void> over = turn.get_future();
        threads.emplace_back([&, ended, turn = std::move(turn)]() mutable {
            for (const auto& outcome : outcomes(whisper, requests)) CHECK(!outcome.error);
            after.push_back(resident());
            turn.set_value();
            ended.wait();  // a thread that has ended gives what it kept to the next
        });
        over.wait();
    }
    end.set_value();
    for (auto& thread : threads) thread.join();
    CHECK(after.back() - after.front() < 40);
}
