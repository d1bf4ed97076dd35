#!/usr/bin/env bash
# Cargo as maturin calls it in build.sh: what it compiles goes through cargo-zigbuild, for
# the glibc that $WUDF_DIST_TARGET names.
set -euo pipefail

export CARGO=$WUDF_DIST_CARGO
[ "${1-}" = rustc ] || exec "$CARGO" "$@"

arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --target) arguments+=(--target "$WUDF_DIST_TARGET"); shift ;;
    --target=*) arguments+=(--target "$WUDF_DIST_TARGET") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
exec cargo-zigbuild "${arguments[@]}"
