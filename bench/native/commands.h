// What the measuring programs of both sides have in common: they load a model once, then take commands, one per line
// of standard input, and answer each with a line of JSON. So both stay loaded while the driver measures them in turn.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

// Takes the rest of a command's line and returns the answer, JSON.
using Command = std::function<std::string(std::istream& arguments)>;

// In quotes, as JSON has it.
inline std::string quoted(const std::string& text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') json += '\\';
        json += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return json + '"';
}

// Answers commands until the end of the input. A failure is an answer too: {"error": …}.
inline void serve(const std::map<std::string, Command>& commands) {
    std::cout << "{\"ready\":true}" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream arguments(line);
        std::string name;
        arguments >> name;
        try {
            const auto found = commands.find(name);
            if (found == commands.end()) throw std::invalid_argument("no command " + name);
            std::cout << found->second(arguments) << std::endl;
        } catch (const std::exception& error) {
            std::cout << "{\"error\":" << quoted(error.what()) << "}" << std::endl;
        }
    }
}

template <typename T>
T argument(std::istream& arguments, const char* name) {
    T value;
    if (!(arguments >> value)) throw std::invalid_argument(std::string("the argument ") + name + " is missing");
    return value;
}

inline double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// {"seconds": …, "count": …}
inline std::string measured(double seconds, size_t count) {
    std::ostringstream json;
    json << "{\"seconds\":" << seconds << ",\"count\":" << count << "}";
    return json.str();
}

// {"seconds": …, "texts": […]}
inline std::string heard(double seconds, const std::vector<std::string>& texts) {
    std::ostringstream json;
    json << "{\"seconds\":" << seconds << ",\"texts\":[";
    for (size_t i = 0; i < texts.size(); ++i) json << (i == 0 ? "" : ",") << quoted(texts[i]);
    json << "]}";
    return json.str();
}

// A spectrogram in the range of real ones, [bands][3000]: bands that drift up and down, and noise.
inline std::vector<float> spectrogram(int bands) {
    constexpr int kFrames = 3000;
    std::vector<float> mel(static_cast<size_t>(bands) * kFrames);
    uint32_t state = 1;
    for (int band = 0; band < bands; ++band) {
        float level = 0;
        for (int frame = 0; frame < kFrames; ++frame) {
            state = state * 1664525u + 1013904223u;
            const float noise = static_cast<float>(state >> 8) / 8388608.0f - 1;  // -1 to 1
            level = 0.95f * level + 0.2f * noise;
            mel[static_cast<size_t>(band) * kFrames + frame] = std::max(-0.7f, std::min(1.3f, 0.2f + level));
        }
    }
    return mel;
}

// Windows of 16 kHz audio as the driver wrote them: their number, their lengths (int32), then all samples (float32).
inline std::vector<std::vector<float>> read_windows(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const auto read = [&](void* target, size_t bytes) {
        file.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
        if (!file) throw std::runtime_error("cannot read " + path);
    };
    int32_t count;
    read(&count, sizeof count);
    std::vector<int32_t> lengths(static_cast<size_t>(count));
    read(lengths.data(), lengths.size() * sizeof(int32_t));
    std::vector<std::vector<float>> windows;
    for (const int32_t length : lengths) {
        windows.emplace_back(static_cast<size_t>(length));
        read(windows.back().data(), windows.back().size() * sizeof(float));
    }
    return windows;
}

inline void write_floats(const std::string& path, const float* values, size_t count) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(count * sizeof(float)));
    if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench
