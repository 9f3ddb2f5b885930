#!/usr/bin/env bash
# Lock one set of requirements with hashes and without addresses: lock.sh base|dev|model|build
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --no-header --python-version 3.11)
case "$1" in
  base) "${compile[@]}" pyproject.toml -o requirements/base.txt ;;
  build) echo 'setuptools>=77' | "${compile[@]}" - -o requirements/build.txt ;;
  dev | model) "${compile[@]}" --group "$1" -c requirements/base.txt -o "requirements/$1.txt" ;;
  *) echo "lock.sh base|dev|model|build" >&2; exit 2 ;;
esac
