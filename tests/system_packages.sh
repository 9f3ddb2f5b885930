#!/usr/bin/env bash
# The Debian packages that the tests use: chromium for the pages, PostgreSQL beside SQLite.
# Installed where we are root on Debian; elsewhere said, and the tests that need them are skipped
# with that reason.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
# The tests start the server themselves, from its own folder: its programs are not on the PATH.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    # Else the package would make a database of its own and start a server on port 5432.
    apt-get -qq install -y --no-install-recommends postgresql-common >/dev/null
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/passerelle-tests.conf
  fi
  apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "not installed: ${missing[*]}. The tests that need them will be skipped (have them from your system's packages)"
fi
