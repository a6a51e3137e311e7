# How old a system may be that runs what is built for other machines (AGORA_CPU_VARIANTS=all): glibc 2.28 and the libstdc++ of
# GCC 8, the oldest that Node.js 20 runs on, whatever this machine has.

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

# std::filesystem alone, from the compiler's static libstdc++: it is in the shared one since GCC 9.
set(AGORA_FILESYSTEM "${CMAKE_CURRENT_BINARY_DIR}/libagora_filesystem.a")
function(agora_take_filesystem)
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-file-name=libstdc++.a
    OUTPUT_VARIABLE libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/filesystem")
  set(members fs_path.o fs_dir.o fs_ops.o)
  file(MAKE_DIRECTORY "${folder}")
  execute_process(COMMAND "${CMAKE_AR}" x "${libstdcxx}" ${members} WORKING_DIRECTORY "${folder}" RESULT_VARIABLE failed)
  if(NOT failed)
    file(REMOVE "${AGORA_FILESYSTEM}")
    execute_process(COMMAND "${CMAKE_AR}" rcs "${AGORA_FILESYSTEM}" ${members} WORKING_DIRECTORY "${folder}"
      RESULT_VARIABLE failed)
  endif()
  if(failed)
    message(STATUS "No static libstdc++ to take std::filesystem from (Fedora, RHEL: `dnf install libstdc++-static`): "
      "what is built needs a system as new as this one")
    set(AGORA_LOW_BASELINE OFF PARENT_SCOPE)
  endif()
endfunction()

if(AGORA_LOW_BASELINE)
  agora_take_filesystem()
endif()
if(AGORA_LOW_BASELINE)
  add_library(agora_baseline OBJECT native/baseline/glibc.c native/baseline/libstdcxx.cpp)
  # Made where the CUDA backend is.
  add_library(agora_baseline_cudart OBJECT EXCLUDE_FROM_ALL native/baseline/cudart.c)
  # Calls of functions by these names must not become calls of themselves. glibc declares that pthread_setspecific() does not
  # read what it is given, of which GCC warns where it is passed on.
  foreach(target agora_baseline agora_baseline_cudart)
    target_compile_options(${target} PRIVATE -O2 -fno-builtin -fno-lto -Wall -Wextra -Wno-maybe-uninitialized
      $<$<COMPILE_LANGUAGE:C>:-std=c11>)
  endforeach()
endif()

# Lowers what a library needs, if anything is to be lowered.
function(agora_lower_baseline target)
  if(NOT AGORA_LOW_BASELINE)
    return()
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:agora_baseline>)
  target_link_libraries(${target} PRIVATE "${AGORA_FILESYSTEM}")
  if(target STREQUAL "ggml-cuda")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:agora_baseline_cudart>)
    set(older -l:librt.so.1)
  endif()
  # Where threads and dlopen were before glibc 2.34.
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,libagora_filesystem.a
    -Wl,--push-state,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2 ${older} -Wl,--pop-state)
endfunction()
