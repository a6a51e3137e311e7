#!/usr/bin/env bash
# Installs OpenAI's client for Python into build/tools/openai, for the test that drives the HTTP door with it. Does nothing but
# say so where Python or the network is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=build/tools/openai
install() {
  python3 -m venv "$VENV" &&
    "$VENV/bin/pip" install --quiet openai==3.57.0
}
install || echo "OpenAI's client for Python is not installed: it needs Python's venv and its packages" >&2
