// The one exception type that leaves engine/. Codes are those of src/errors.ts.
#pragma once

#include <stdexcept>
#include <string>

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
    Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

    ErrorCode code() const { return code_; }

  private:
    ErrorCode code_;
};

// What a request that was cancelled is answered with.
Error cancelled();

}  // namespace agora
