#!/usr/bin/env bash
# The Debian packages that the tests use: chromium for the pages. Installed where we are root on
# Debian; elsewhere said, and the tests that need them are skipped with that reason.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends chromium >/dev/null
else
  echo "chromium is not installed: the browser tests will be skipped (have it from your system's packages)"
fi
