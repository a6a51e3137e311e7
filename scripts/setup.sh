#!/usr/bin/env bash
# Installs what agora-transcribe needs on Debian or Ubuntu, then the package itself:
#   a C++ compiler, CMake and make to build the addon, and FFmpeg to decode everything but plain WAV.
# Where it may not install system packages it says which are missing.
set -euo pipefail
if (($#)); then
  echo "$0 takes no arguments: it installs what is missing, then builds. AGORA_CPU_VARIANTS=all builds for every processor." >&2
  exit 2
fi
cd "$(dirname "$0")/.."

missing=()
command -v c++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
command -v cmake >/dev/null || missing+=(cmake)
command -v ffmpeg >/dev/null || missing+=(ffmpeg)

if ((${#missing[@]})); then
  if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. Install them with your system's package manager, then run this again." >&2
    exit 1
  fi
  if [[ $EUID -eq 0 ]]; then
    as_root=()
  elif command -v sudo >/dev/null; then
    as_root=(sudo)
  else
    echo "Missing: ${missing[*]}. As root: apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]} …" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

if ! command -v node >/dev/null || ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "Node.js 20.19 or 22.12, or newer, is needed; found: $(node --version 2>/dev/null || echo none). See https://nodejs.org/en/download" >&2
  exit 1
fi

npm ci --no-audit --no-fund >&2
