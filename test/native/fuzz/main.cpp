// Reads mutated model files: nothing may crash, hang, take memory beyond what the file is worth, or fail in any other
// way than by an error of ours that blames the file.
//
//   engine_fuzz FIXTURES [--reader NAME] [--runs N] [--seed S] [--first I]
//
// Run I of a reader is the same for the same seed, whatever ran before. What ends the process leaves its number in
// the file $AGORA_FUZZ_STATUS.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <new>
#include <set>

#include "../support.h"
#include "engine/device/backends.h"
#include "engine/error.h"
#include "engine/log.h"
#include "readers.h"

namespace {

// More than any file here is worth, thirty times over.
constexpr size_t kMostBytes = size_t{256} << 20;
// Of one run. A busy machine does not make it longer.
constexpr double kMostSeconds = 20;
// Of one run, before the process is taken to hang.
constexpr unsigned kHangSeconds = 300;
// Of fewer runs all may be refused: a file that is tried again is one.
constexpr uint32_t kFew = 20;

std::atomic<bool> asked_for_too_much{false};

struct Options {
    std::string fixtures, reader;
    uint32_t runs = 300;
    uint32_t seed = 1;
    uint32_t first = 0;
};

Options parse(int count, char** arguments) {
    Options options;
    options.fixtures = count > 1 ? arguments[1] : "";
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string name = arguments[i];
        const std::string value = arguments[i + 1];
        const auto number = [&] { return static_cast<uint32_t>(std::stoul(value)); };
        if (name == "--reader") options.reader = value;
        if (name == "--runs") options.runs = number();
        if (name == "--seed") options.seed = number();
        if (name == "--first") options.first = number();
    }
    return options;
}

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void note(const std::string& text) {
    if (const char* path = std::getenv("AGORA_FUZZ_STATUS")) std::ofstream(path, std::ios::trunc) << text << "\n";
}

// What is wrong with how a file was read; empty where nothing is.
std::string fault_of(const Reader& reader, const std::string& path, Mutator& choice, bool& refused) {
    asked_for_too_much = false;
    const double start = processor_seconds();
    alarm(kHangSeconds);
    std::string fault;
    try {
        reader.read(path, choice);
    } catch (const agora::Error& error) {
        refused = true;
        const bool blames_file =
            error.code() == agora::ErrorCode::ModelInvalid || error.code() == agora::ErrorCode::InvalidArgument;
        if (!blames_file) fault = std::string(agora::to_string(error.code())) + ": " + error.what();
    } catch (const std::exception& error) {
        fault = std::string("no error of ours: ") + error.what();
    }
    alarm(0);
    const double seconds = processor_seconds() - start;
    if (seconds > kMostSeconds) fault = "it took " + std::to_string(seconds) + " s";
    if (asked_for_too_much) fault = "it asked for more than " + std::to_string(kMostBytes >> 20) + " MiB at once";
    return fault;
}

// Number of faults.
int fuzz(const Reader& reader, const Options& options) {
    const TemporaryFile file;
    const double start = processor_seconds();
    uint32_t refused = 0;
    int faults = 0;
    for (uint32_t run = options.first; run < options.first + options.runs; ++run) {
        Mutator mutator(options.seed, reader.name, run);
        const std::string place = "--reader " + reader.name + " --seed " + std::to_string(options.seed) + " --first " +
                                  std::to_string(run) + " --runs 1";
        note(place);
        file.write(mutator.mutated(reader.seeds[mutator.below(reader.seeds.size())]));
        bool was_refused = false;
        const std::string fault = fault_of(reader, file.path(), mutator, was_refused);
        refused += was_refused ? 1 : 0;
        if (fault.empty()) continue;
        ++faults;
        std::printf("FAULT %s: %s\n", place.c_str(), fault.c_str());
    }
    if (options.runs >= kFew && refused == options.runs) {
        ++faults;
        std::printf("FAULT --reader %s: every file was refused, so nothing was tried\n", reader.name.c_str());
    }
    std::printf("%-16s %6u runs, %6u refused, %6u read, %d faults, %.1f s\n", reader.name.c_str(), options.runs,
                refused, options.runs - refused, faults, processor_seconds() - start);
    std::fflush(stdout);
    return faults;
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// AddressSanitizer has a limit of its own. Not inlined: GCC would see one half of a pair alone, and warn.
[[gnu::noinline]] void* operator new(size_t size) {
    if (size > kMostBytes) asked_for_too_much = true;
    void* memory = size > kMostBytes ? nullptr : std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}
#endif

int main(int count, char** arguments) {
    const Options options = parse(count, arguments);
    agora::capture_logs();
    int faults = 0;
    bool known = options.reader.empty();
    for (const Reader& reader : readers(options.fixtures)) {
        if (!options.reader.empty() && options.reader != reader.name) continue;
        known = true;
        faults += fuzz(reader, options);
    }
    if (!known) std::fprintf(stderr, "There is no reader %s\n", options.reader.c_str());
    note("");
    return known && faults == 0 ? 0 : 1;
}
