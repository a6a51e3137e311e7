#!/usr/bin/env bash
# Installs grpcurl into build/tools, for the tests of reflection. Does nothing but say so where Go or the network is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=v1.9.3
if ! command -v go >/dev/null; then
  echo "grpcurl is not installed: there is no Go" >&2
  exit 0
fi
GOBIN="$PWD/build/tools" timeout 300 go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$VERSION" ||
  echo "grpcurl is not installed: its source cannot be had" >&2
