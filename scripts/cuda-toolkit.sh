#!/usr/bin/env bash
# Puts NVIDIA's CUDA toolkit together from its packages for Python, as far as the CUDA backend needs it (1.1 GB):
#
#   scripts/cuda-toolkit.sh FOLDER && CUDA_HOME=FOLDER npm run build:cuda-package
#
# For machines that have no toolkit of their own. Of CUDA 12 these packages lack the compiler.
set -euo pipefail
folder=$(mkdir -p "${1:?the folder to put it into}" && cd "$1" && pwd)

python3 -m pip install --quiet --no-deps --no-compile --upgrade --target "$folder/wheels" \
  nvidia-cuda-nvcc==13.5.37 nvidia-cuda-crt==13.5.37 nvidia-nvvm==13.5.37 nvidia-cuda-runtime==13.5.37 \
  nvidia-cuda-cccl==13.3.5.0.6 nvidia-cublas==13.10.0.20
toolkit=$folder/wheels/nvidia/cu13
for part in "$toolkit"/*; do ln -sfn "$part" "$folder/$(basename "$part")"; done
ln -sfn lib "$toolkit/lib64"
ln -sfn "$toolkit/lib64" "$folder/lib64"
chmod -R u+x "$toolkit/bin" "$toolkit/nvvm/bin"
# What a linker looks for has no number.
for library in cudart cublas cublasLt; do
  ln -sf "lib$library.so.13" "$toolkit/lib/lib$library.so"
done
# The driver's library is on machines with a GPU only. Here it need only have its name, and its functions' by cuda.h: a linker
# that leaves out what is not used would leave it out otherwise, and the backend would not load where the driver is.
mkdir -p "$toolkit/lib/stubs"
echo '#include <cuda.h>' | cc -E -P -I "$toolkit/include" -x c - | grep -oE '\bcu[A-Z]\w+ *\(' | tr -d ' (' | sort -u |
  sed 's/.*/void &(void) {}/' | cc -shared -nostdlib -Wl,-soname,libcuda.so.1 -x c - -o "$toolkit/lib/stubs/libcuda.so"
"$folder/bin/nvcc" --version
