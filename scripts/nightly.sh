#!/usr/bin/env bash
# What takes too long for every change: the packages of both processors, the whole demonstration on 64-bit Arm by an emulator, and
# the CUDA backend for every architecture. Hours on two cores.
#
#   scripts/nightly.sh [arm64] [cuda]      by default both
#
# Needs what .ci/run installs; CUDA's toolkit is put together in build/cuda-toolkit unless CUDA_HOME names one.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=" ${*:-arm64 cuda} "
package=(--for linux-x64-gnu)

npm ci --no-audit --no-fund
if [[ $parts == *" arm64 "* ]]; then
  npm run --silent test:arm64
  npm run --silent test:arm64:demo -- --whole
  package+=(--for linux-arm64-gnu)
fi
if [[ $parts == *" cuda "* ]]; then
  if [[ -z ${CUDA_HOME:-} ]]; then
    export CUDA_HOME=$PWD/build/cuda-toolkit
    bash scripts/cuda-toolkit.sh "$CUDA_HOME"
  fi
  npm run --silent build:cuda-package
  package+=(--cuda)
fi
npm run --silent package -- "${package[@]}"
AGORA_PACKAGES=build/packages npm run --silent test:install
