# ggml as shared libraries under names of our own, with the CPU backends as modules that are chosen at run time.
#
# Names of our own, because the dynamic linker takes a library that is already loaded under the same soname for ours:
# another addon's ggml (node-llama-cpp's, say) would be bound to this one.

set(BUILD_SHARED_LIBS ON)
set(GGML_BACKEND_DL ON CACHE BOOL "" FORCE)
set(GGML_NATIVE OFF CACHE BOOL "" FORCE)
# ggml's own threads instead of OpenMP: no run-time library to find on the user's machine.
set(GGML_OPENMP OFF CACHE BOOL "" FORCE)
set(GGML_LLAMAFILE ON CACHE BOOL "" FORCE)
set(GGML_CCACHE OFF CACHE BOOL "" FORCE)
set(GGML_ALL_WARNINGS OFF CACHE BOOL "" FORCE)
set(GGML_BUILD_TESTS OFF CACHE BOOL "" FORCE)
set(GGML_BUILD_EXAMPLES OFF CACHE BOOL "" FORCE)

file(STRINGS "${AGORA_WHISPER_CPP_DIR}/CMakeLists.txt" version_line REGEX "project\\(\"?whisper")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" AGORA_WHISPER_VERSION "${version_line}")

# This machine's generation, as ggml names them; feature lists as in ggml/src/CMakeLists.txt.
function(agora_native_variant out_name out_features)
  file(READ /proc/cpuinfo cpuinfo)
  string(REGEX MATCH "flags[^\n]*" flags "${cpuinfo}")
  set(flags "${flags} ")
  set(base "SSE42 AVX F16C FMA AVX2 BMI2")
  set(variants
    "sapphirerapids:${base} AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16 AMX_TILE AMX_INT8"
    "zen4:${base} AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16"
    "cooperlake:${base} AVX512 AVX512_VNNI AVX512_BF16"
    "icelake:${base} AVX512 AVX512_VBMI AVX512_VNNI"
    "cascadelake:${base} AVX512 AVX512_VNNI"
    "cannonlake:${base} AVX512 AVX512_VBMI"
    "skylakex:${base} AVX512"
    "alderlake:${base} AVX_VNNI"
    "haswell:${base}"
    "piledriver:SSE42 AVX F16C FMA"
    "ivybridge:SSE42 AVX F16C"
    "sandybridge:SSE42 AVX"
    "sse42:SSE42")
  # Flag names of /proc/cpuinfo for each feature.
  set(flag_SSE42 sse4_2)
  set(flag_AVX avx)
  set(flag_F16C f16c)
  set(flag_FMA fma)
  set(flag_AVX2 avx2)
  set(flag_BMI2 bmi2)
  set(flag_AVX_VNNI avx_vnni)
  set(flag_AVX512 avx512f avx512cd avx512vl avx512dq avx512bw)
  set(flag_AVX512_VBMI avx512vbmi)
  set(flag_AVX512_VNNI avx512_vnni)
  set(flag_AVX512_BF16 avx512_bf16)
  set(flag_AMX_TILE amx_tile)
  set(flag_AMX_INT8 amx_int8)
  foreach(variant IN LISTS variants)
    string(REGEX REPLACE ":.*" "" name "${variant}")
    string(REGEX REPLACE ".*:" "" features "${variant}")
    string(REPLACE " " ";" features "${features}")
    set(usable TRUE)
    foreach(feature IN LISTS features)
      foreach(flag IN LISTS flag_${feature})
        if(NOT flags MATCHES " ${flag} ")
          set(usable FALSE)
        endif()
      endforeach()
    endforeach()
    if(usable)
      set(${out_name} ${name} PARENT_SCOPE)
      set(${out_features} ${features} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${out_name} x64 PARENT_SCOPE)
  set(${out_features} "" PARENT_SCOPE)
endfunction()

if(AGORA_CPU_VARIANTS STREQUAL "native" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND EXISTS /proc/cpuinfo)
  agora_native_variant(AGORA_NATIVE_VARIANT native_features)
  message(STATUS "CPU variant of this machine: ${AGORA_NATIVE_VARIANT}")
  set(GGML_CPU_ALL_VARIANTS OFF CACHE BOOL "" FORCE)
  foreach(feature SSE42 AVX AVX2 BMI2 AVX_VNNI FMA F16C AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16 AMX_TILE AMX_INT8 AMX_BF16)
    if(feature IN_LIST native_features)
      set(GGML_${feature} ON CACHE BOOL "" FORCE)
    else()
      set(GGML_${feature} OFF CACHE BOOL "" FORCE)
    endif()
  endforeach()
else()
  set(GGML_CPU_ALL_VARIANTS ON CACHE BOOL "" FORCE)
endif()

if(AGORA_TESTS OR AGORA_BENCH)
  # These programs link one CPU backend directly.
  set(GGML_BACKEND_DL OFF CACHE BOOL "" FORCE)
  set(GGML_CPU_ALL_VARIANTS OFF CACHE BOOL "" FORCE)
  if(NOT AGORA_NATIVE_VARIANT)
    set(AGORA_NATIVE_VARIANT ${CMAKE_SYSTEM_PROCESSOR})
  endif()
endif()

if(GGML_CUDA)
  find_package(CUDAToolkit)
  if(NOT CUDAToolkit_FOUND)
    message(FATAL_ERROR "No CUDA toolkit was found. Install NVIDIA's CUDA toolkit, or set CUDACXX to its nvcc")
  endif()
  foreach(library cudart_static cublas cuda_driver)
    if(NOT TARGET CUDA::${library})
      list(APPEND missing ${library})
    endif()
  endforeach()
  if(missing)
    list(JOIN missing ", " missing)
    message(FATAL_ERROR "The CUDA toolkit ${CUDAToolkit_VERSION} in ${CUDAToolkit_BIN_DIR} is incomplete, it lacks: "
      "${missing}. Install the whole toolkit (NVIDIA's packages cuda-toolkit, or cuda-cudart-dev, libcublas-dev and cuda-driver-dev)")
  endif()
  # One GPU per process: no library for several to find on the user's machine.
  set(GGML_CUDA_NCCL OFF CACHE BOOL "" FORCE)
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag("-march=armv9.2-a+sme" AGORA_KNOWS_SME)
endif()

add_subdirectory("${AGORA_WHISPER_CPP_DIR}/ggml" ggml EXCLUDE_FROM_ALL)

function(agora_all_targets out directory)
  get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
  get_property(subdirectories DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
  foreach(subdirectory IN LISTS subdirectories)
    agora_all_targets(more "${subdirectory}")
    list(APPEND targets ${more})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

agora_all_targets(AGORA_GGML_TARGETS "${AGORA_WHISPER_CPP_DIR}/ggml")
foreach(target IN LISTS AGORA_GGML_TARGETS)
  get_target_property(type ${target} TYPE)
  if(NOT type MATCHES "SHARED_LIBRARY|MODULE_LIBRARY|STATIC_LIBRARY|OBJECT_LIBRARY")
    continue()
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX,CUDA>:-w>)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${AGORA_NO_UNIQUE}>)
  if(AGORA_NO_UNIQUE)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${AGORA_NO_UNIQUE}>)
  endif()
  if(target MATCHES "^ggml-cpu" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 drops the stores to an AMX tile configuration (see the header).
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-include${CMAKE_CURRENT_SOURCE_DIR}/native/ggml/amx_tile_loadconfig.h>)
  endif()
  if(target MATCHES "^ggml-cpu-armv9" AND NOT AGORA_KNOWS_SME)
    # GCC before 14 knows no SME. ggml has no code of its own that uses it: all that is lost is the name of the feature.
    # The processors that these variants are for have everything else that is asked for here.
    get_target_property(options ${target} COMPILE_OPTIONS)
    string(REGEX REPLACE "-march=armv9\\.2-a([^;]*)\\+sme" "-march=armv8.6-a\\1" options "${options}")
    set_property(TARGET ${target} PROPERTY COMPILE_OPTIONS "${options}")
  endif()
  if(target MATCHES "^ggml-cpu" AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    get_target_property(sources ${target} SOURCES)
    if(sources MATCHES "ggml-cpu\\.c(;|$)")
      list(FILTER sources EXCLUDE REGEX "/ggml-cpu\\.c$")
      set_property(TARGET ${target} PROPERTY SOURCES ${sources}
        "${CMAKE_CURRENT_SOURCE_DIR}/native/ggml/ggml_cpu.c" "${CMAKE_CURRENT_SOURCE_DIR}/native/ggml/barrier.c")
      target_include_directories(${target} PRIVATE "${AGORA_WHISPER_CPP_DIR}/ggml/src/ggml-cpu")
    endif()
  endif()
  if(type MATCHES "SHARED_LIBRARY|MODULE_LIBRARY")
    if(target STREQUAL "ggml-cpu")
      set(name agora-ggml-cpu-${AGORA_NATIVE_VARIANT})
    else()
      set(name agora-${target})
    endif()
    list(APPEND AGORA_LIBRARIES lib${name}.so)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
    # No version suffix: one file per library, so that packages hold no links.
    set_property(TARGET ${target} PROPERTY VERSION)
    set_property(TARGET ${target} PROPERTY SOVERSION)
    # Threads and registries in these libraries outlive whoever loaded them.
    target_link_options(${target} PRIVATE -Wl,-Bsymbolic -Wl,-z,nodelete)
    agora_lower_baseline(${target})
  endif()
endforeach()

if(GGML_CUDA)
  # The run-time library is small and differs with every toolkit: it becomes part of the backend.
  foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
    get_target_property(libraries ggml-cuda ${property})
    string(REGEX REPLACE "CUDA::cudart(;|$)" "CUDA::cudart_static\\1" libraries "${libraries}")
    set_property(TARGET ggml-cuda PROPERTY ${property} "${libraries}")
  endforeach()
  # cuBLAS is where it was at build time, the driver where the system has it. Other machines have another place for it,
  # which they are told of (AGORA_CUDA_LIBRARIES).
  if(NOT AGORA_LOW_BASELINE)
    get_target_property(cublas CUDA::cublas IMPORTED_LOCATION)
    get_filename_component(cublas "${cublas}" DIRECTORY)
    set_property(TARGET ggml-cuda PROPERTY INSTALL_RPATH "$ORIGIN;${cublas}")
  endif()
endif()

# What an earlier build with other settings left would be loaded beside this one.
file(GLOB AGORA_LEFTOVERS RELATIVE "${AGORA_OUTPUT_DIR}" "${AGORA_OUTPUT_DIR}/libagora-ggml*.so")
list(REMOVE_ITEM AGORA_LEFTOVERS ${AGORA_LIBRARIES})
foreach(file IN LISTS AGORA_LEFTOVERS)
  file(REMOVE "${AGORA_OUTPUT_DIR}/${file}")
endforeach()
