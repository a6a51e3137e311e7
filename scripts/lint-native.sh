#!/usr/bin/env bash
# Format and static analysis of the C++ code. With --fix the format is corrected in place.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'native/*.cpp' 'native/*.h' 'test/native/*.cpp' 'test/native/*.h' 'bench/*.cpp' 'bench/*.h')
if [[ ${1:-} == --fix ]]; then
  clang-format -i "${sources[@]}"
  exit 0
fi
clang-format --dry-run --Werror "${sources[@]}"

# whisper_cpp.cpp is whisper.cpp itself.
mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep '^native/.*\.cpp$' | grep -v 'reference/whisper_cpp\.cpp$')
cmake -S . -B build/lint -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
  -DCMAKE_JS_INC="$PWD/node_modules/node-api-headers/include;$PWD/node_modules/node-addon-api" >/dev/null
# GCC's options that Clang does not know.
sed -i 's/-fno-gnu-unique//g; s/-Wno-maybe-uninitialized//g' build/lint/compile_commands.json
printf '%s\0' "${units[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p build/lint --quiet
