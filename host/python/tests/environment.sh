#!/bin/sh
# environment.sh PYTHON FOLDER PACKAGE...: a virtual environment with those of the
# packages that can be installed. Tests that need another are skipped.
set -eu
python=$1 folder=$2
shift 2
pip() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
"$python" -m venv --clear "$folder"
if ! pip install "$@"; then
  # Together they cannot: one by one.
  for package in "$@"; do
    pip install "$package" || echo "note: $package could not be installed; tests that need it are skipped" >&2
  done
fi
if ! "$folder/bin/python" -c 'import pytest'; then
  echo "note: without pytest there are no tests in $folder" >&2
  exit 1
fi
