// Memory that this process may still take.
#pragma once

#include <cstdint>

namespace agora {

// Bytes available before the machine, the control group or the address-space limit says no.
uint64_t available_memory();

}  // namespace agora
