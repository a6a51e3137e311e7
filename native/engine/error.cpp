#include "engine/error.h"

namespace agora {

const char* to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::InvalidArgument:
            return "INVALID_ARGUMENT";
        case ErrorCode::ModelNotFound:
            return "MODEL_NOT_FOUND";
        case ErrorCode::ModelInvalid:
            return "MODEL_INVALID";
        case ErrorCode::DeviceUnavailable:
            return "DEVICE_UNAVAILABLE";
        case ErrorCode::OutOfMemory:
            return "OUT_OF_MEMORY";
        case ErrorCode::Cancelled:
            return "CANCELLED";
        case ErrorCode::Internal:
            break;
    }
    return "INTERNAL";
}

Error cancelled() {
    return {ErrorCode::Cancelled, "The request was cancelled"};
}

}  // namespace agora
