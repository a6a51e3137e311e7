// Checked reading of arguments. src/ has checked them with better messages; this keeps the addon safe by itself.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "engine/error.h"

namespace agora {

[[noreturn]] inline void bad_argument(const std::string& name, const std::string& expected) {
    throw Error(ErrorCode::InvalidArgument, "Expected " + expected + " for " + name, name);
}

inline std::string string_argument(const Napi::Value& value, const std::string& name) {
    if (!value.IsString()) bad_argument(name, "a string");
    std::string text = value.As<Napi::String>();
    if (text.find('\0') != std::string::npos) bad_argument(name, "a string without NUL");
    return text;
}

inline double number_argument(const Napi::Value& value, const std::string& name, double low, double high) {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= low && number <= high)) {
        std::ostringstream range;
        range << "a number from " << low << " to " << high;
        bad_argument(name, range.str());
    }
    return number;
}

inline int integer_argument(const Napi::Value& value, const std::string& name, double low, double high) {
    const double number = number_argument(value, name, low, high);
    if (number != std::floor(number)) bad_argument(name, "an integer");
    return static_cast<int>(number);
}

inline bool boolean_argument(const Napi::Value& value, const std::string& name) {
    if (!value.IsBoolean()) bad_argument(name, "a boolean");
    return value.As<Napi::Boolean>();
}

inline Napi::Object object_argument(const Napi::Value& value, const std::string& name) {
    if (!value.IsObject()) bad_argument(name, "an object");
    return value.As<Napi::Object>();
}

// A number above 0.
inline double positive_argument(const Napi::Value& value, const std::string& name, double high) {
    const double number = number_argument(value, name, 0, high);
    if (number == 0) bad_argument(name, "a number above 0");
    return number;
}

// A number, or null, which switches a threshold off: `off` is the value that never decides.
inline double threshold_argument(const Napi::Value& value, const std::string& name, double low, double high,
                                 double off) {
    return value.IsNull() ? off : number_argument(value, name, low, high);
}

// Draws at temperatures above 0 are repeatable by it.
inline uint32_t seed_argument(const Napi::Value& value) {
    return static_cast<uint32_t>(integer_argument(value, "seed", 0, 2147483647.0));
}

// An array of what `read` makes of a value.
template <typename Item, typename Read>
std::vector<Item> list_argument(const Napi::Value& value, const std::string& name, Read read) {
    if (!value.IsArray()) bad_argument(name, "an array");
    const auto array = value.As<Napi::Array>();
    std::vector<Item> items;
    for (uint32_t i = 0; i < array.Length(); ++i) items.push_back(static_cast<Item>(read(array.Get(i))));
    return items;
}

inline std::vector<int> integers_argument(const Napi::Value& value, const std::string& name, double low, double high) {
    return list_argument<int>(value, name,
                              [&](const Napi::Value& item) { return integer_argument(item, name, low, high); });
}

inline std::vector<float> numbers_argument(const Napi::Value& value, const std::string& name, double low, double high) {
    return list_argument<float>(value, name,
                                [&](const Napi::Value& item) { return number_argument(item, name, low, high); });
}

inline std::vector<std::string> strings_argument(const Napi::Value& value, const std::string& name) {
    return list_argument<std::string>(value, name,
                                      [&](const Napi::Value& item) { return string_argument(item, name); });
}

// A copy: the caller may change or detach its array while a worker reads.
inline std::vector<float> samples_argument(const Napi::Value& value, const std::string& name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
        bad_argument(name, "a Float32Array");
    }
    const auto array = value.As<Napi::Float32Array>();
    return {array.Data(), array.Data() + array.ElementLength()};
}

inline Napi::Float32Array to_js(Napi::Env env, const std::vector<float>& values) {
    Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

}  // namespace agora
