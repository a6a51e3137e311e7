// The one exception type that leaves engine/. Codes are those of src/errors.ts.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace agora {

enum class ErrorCode {
    InvalidArgument,
    ModelNotFound,
    ModelInvalid,
    DeviceUnavailable,
    OutOfMemory,
    Cancelled,
    Internal,
};

const char* to_string(ErrorCode code);

class Error : public std::runtime_error {
  public:
    // `option` names the one that is wrong, where it is one: as src/types/options.ts has it.
    Error(ErrorCode code, const std::string& message, std::string option = "")
        : std::runtime_error(message), code_(code), option_(std::move(option)) {}

    ErrorCode code() const { return code_; }
    const std::string& option() const { return option_; }

  private:
    ErrorCode code_;
    std::string option_;
};

// What a request that was cancelled is answered with.
Error cancelled();

}  // namespace agora
