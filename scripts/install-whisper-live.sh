#!/usr/bin/env bash
# Installs WhisperLive's client into build/tools/whisper-live, for the tests of its protocol: without its server, whose
# dependencies are large, and without what its microphone needs. Does nothing but say so where Python or the network is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=build/tools/whisper-live
install() {
  python3 -m venv "$VENV" &&
    "$VENV/bin/pip" install --quiet --no-deps whisper-live==0.9.0 &&
    "$VENV/bin/pip" install --quiet websocket-client==1.9.2 numpy==2.4.6 av==18.1.0 scipy==1.17.1
}
install || echo "WhisperLive's client is not installed: it needs Python's venv and its packages" >&2
