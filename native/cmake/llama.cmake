# libllama, the language model of Borealis, as a static library on the ggml of ggml.cmake.
#
# whisper.cpp carries it for an example of its own, at the age of its ggml.

set(AGORA_LLAMA_DIR "${AGORA_WHISPER_CPP_DIR}/examples/talk-llama")
if(NOT EXISTS "${AGORA_LLAMA_DIR}/llama-model.cpp")
  message(FATAL_ERROR "No libllama at ${AGORA_LLAMA_DIR}: this checkout of whisper.cpp lacks examples/talk-llama")
endif()

file(GLOB AGORA_LLAMA_SOURCES "${AGORA_LLAMA_DIR}/llama*.cpp" "${AGORA_LLAMA_DIR}/unicode*.cpp")
file(GLOB AGORA_LLAMA_MODELS "${AGORA_LLAMA_DIR}/models/*.cpp")
add_library(agora_llama STATIC ${AGORA_LLAMA_SOURCES} ${AGORA_LLAMA_MODELS})
target_include_directories(agora_llama SYSTEM PUBLIC "${AGORA_LLAMA_DIR}" "${AGORA_WHISPER_CPP_DIR}/ggml/include")
target_link_libraries(agora_llama PUBLIC ggml Threads::Threads)
target_compile_options(agora_llama PRIVATE -w -O2 -fvisibility=hidden -fvisibility-inlines-hidden ${AGORA_NO_UNIQUE})
if(AGORA_SANITIZE)
  # Instrumented, but neither optimised nor for a debugger: that takes a third of the time to compile.
  target_compile_options(agora_llama PRIVATE -O0 -g0)
endif()

# Over a hundred small files read the same large headers: together they take a fifth of the time. Those with functions
# of their own may clash with each other and stay apart, as does everything that is large by itself.
set_target_properties(agora_llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
set_source_files_properties(${AGORA_LLAMA_SOURCES} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
foreach(source IN LISTS AGORA_LLAMA_MODELS)
  file(STRINGS "${source}" own_functions REGEX "^(static|namespace) " LIMIT_COUNT 1)
  if(own_functions)
    set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endforeach()
