#!/usr/bin/env bash
# Installs into build/tools what tests use that is written in Go: grpcurl, for reflection, and the generators of protoc for the
# client in Go. Does nothing but say so where Go or the network is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=(
  github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3
  google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
  google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
)
if ! command -v go >/dev/null; then
  echo "grpcurl and protoc-gen-go are not installed: there is no Go" >&2
  exit 0
fi
for tool in "${TOOLS[@]}"; do
  GOBIN="$PWD/build/tools" timeout 300 go install "$tool" ||
    echo "${tool##*/} is not installed: its source cannot be had" >&2
done
