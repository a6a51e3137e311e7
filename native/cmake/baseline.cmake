# How old a system may be that runs what is built for other machines (AGORA_CPU_VARIANTS=all): glibc 2.28, the oldest that
# Node.js 20 runs on, whatever this machine has.

set(AGORA_LOW_BASELINE OFF)
if(AGORA_CPU_VARIANTS STREQUAL "all" AND NOT AGORA_TESTS AND NOT AGORA_BENCH AND NOT AGORA_SANITIZE
    AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|aarch64)$"
    AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LINK_OPTIONS -l:libpthread.so.0 -l:libdl.so.2)
  check_cxx_source_compiles("#include <iostream>\n#ifndef __GLIBC__\n#error\n#endif\nint main() { std::cout << 1; }"
    AGORA_CAN_LOWER_BASELINE)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(AGORA_CAN_LOWER_BASELINE)
    set(AGORA_LOW_BASELINE ON)
  else()
    message(STATUS "No old libpthread and libdl to link with: what is built needs a system as new as this one")
  endif()
endif()

if(AGORA_LOW_BASELINE)
  add_library(agora_baseline OBJECT native/baseline/glibc.c)
  # Calls of functions by these names must not become calls of themselves. glibc declares that pthread_setspecific() does not
  # read what it is given, of which GCC warns where it is passed on.
  target_compile_options(agora_baseline PRIVATE -std=c11 -O2 -fno-builtin -fno-lto -Wall -Wextra -Wno-maybe-uninitialized)
endif()

# Lowers what a library needs, if anything is to be lowered.
function(agora_lower_baseline target)
  if(NOT AGORA_LOW_BASELINE)
    return()
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:agora_baseline>)
  # Where threads and dlopen were before glibc 2.34.
  target_link_options(${target} PRIVATE
    -Wl,--push-state,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2 -Wl,--pop-state)
endfunction()
