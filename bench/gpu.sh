#!/usr/bin/env bash
# What a machine with an NVIDIA GPU is needed for, in less than eight minutes: whether the GPU writes what the CPU does,
# keeps within its memory and gives it back, stops when it is told to, and how fast it is beside the CPU and whisper.cpp.
#
#   bench/gpu.sh [MODEL] [AUDIO]      by default a model of random weights in whisper large-v3-turbo's shape, and the samples
#
# Needs an addon (npm run build:native) and a CUDA backend: built beside it (npm run build:cuda), or by itself for the package
# (npm run build:cuda-package), from where it is put beside it. Prints Markdown, ends with 1 where a check fails.
# --rehearse has the CPU in the GPU's place. It has not been run on a GPU yet.
set -euo pipefail
cd "$(dirname "$0")/.."
packaged=build/cuda/build/Release/libagora-ggml-cuda.so
[[ ! -f $packaged ]] || cp --update "$packaged" build/Release/
exec timeout --kill-after=10 470 node --import ./test/support/typescript-loader.mjs bench/gpu.ts "$@"
