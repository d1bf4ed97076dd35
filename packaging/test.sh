#!/usr/bin/env bash
# make test-dist: installs each package in dist/ on bare Debian systems, unpacked from
# Debian's own packages, and uses it there. No Rust, no network, nothing of this
# repository inside.
#
#     packaging/test.sh [DIST]
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(realpath "${1:-dist}")

[ "$(id -u)" = 0 ] || { echo 'run this as root: it changes its root folder' >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo 'mmdebstrap is missing: apt-get install mmdebstrap' >&2; exit 1; }

work=$(mktemp -d)
clean_up() {
  for system in "$work"/*/proc; do umount "$system" 2>/dev/null || true; done
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
passed=0
ok() { passed=$((passed + 1)); echo "ok $*"; }
fail() { echo "FAILED $*" >&2; exit 1; }

# system SUITE PACKAGES: a fresh one in $work/SUITE, with the packages to install in /dist.
system() {
  mmdebstrap --quiet --variant=minbase --include="$2" "$1" "$work/$1" ${MIRROR:+"$MIRROR"}
  mkdir "$work/$1/dist" "$work/$1/work"
  cp "$dist"/* "$work/$1/dist"
  mount --bind /proc "$work/$1/proc"
  ! inside "$1" 'command -v cargo rustc' || fail "$1 has Rust"
}
# inside SUITE COMMAND: runs it there, in an environment of its own.
inside() {
  chroot "$work/$1" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LC_ALL=C.UTF-8 bash -euc "cd /work; $2"
}

echo '== checksums'
(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || fail 'checksums'
ok 'SHA256SUMS'
"${PYTHON:-python3}" - "$dist"/wudf-*.cdx.json <<'PY' || fail 'bill of materials'
import json, sys
bom = json.load(open(sys.argv[1]))
names = {one["name"] for one in bom["components"]}
assert bom["bomFormat"] == "CycloneDX" and {"wasmtime", "arrow-array", "rten"} <= names, names
PY
ok 'bill of materials'

program_tests() { # SUITE
  inside "$1" 'wudf --version && wudf doctor >/dev/null' || fail "$1: the program does not start"
  ok "$1: program starts"
  inside "$1" 'wudf demo --out demo && test -s demo/features.parquet && test -s demo/index.html' >/dev/null 2>&1 ||
    fail "$1: wudf demo"
  ok "$1: wudf demo"
  inside "$1" "wudf sql \"SELECT count(*) AS n FROM 'demo/features.parquet'\" --format csv | grep -qx '2[0-9]'" ||
    fail "$1: wudf sql"
  ok "$1: wudf sql"
}
c_tests() { # SUITE FLAGS
  inside "$1" "cc -std=c11 $3 $2 -o vectors &&
    ./vectors image-features:image_features out.f32 -m resnet50 seeded:tiny -- demo/pictures/* >/dev/null && test -s out.f32" ||
    fail "$1: the example in C"
  ok "$1: example in C against the library"
}

for suite in bullseye bookworm; do
  echo "== Debian $suite"
  case $suite in
    bullseye) system $suite gcc,libc6-dev,pkg-config,ca-certificates ;;
    *) system $suite gcc,libc6-dev,pkg-config,ca-certificates,python3-venv,man-db ;;
  esac
  inside $suite 'tar -xzf /dist/wudf-*-x86_64-linux.tar.gz -C /opt --strip-components=1 --one-top-level=wudf'
  inside $suite '/opt/wudf/bin/wudf --version' >/dev/null || fail "$suite: the program of the tarball"
  inside $suite 'test "$(PKG_CONFIG_PATH=/opt/wudf/lib/pkgconfig pkg-config --variable=libdir wudf | xargs realpath)" = /opt/wudf/lib' ||
    fail "$suite: wudf.pc of the tarball"
  ok "$suite: tarball"
  inside $suite 'dpkg -i /dist/wudf_*_amd64.deb >/dev/null' || fail "$suite: dpkg -i"
  ok "$suite: dpkg -i"
  program_tests $suite
  c_tests $suite '$(pkg-config --cflags --libs wudf)' /usr/share/doc/wudf/examples/vectors.c
  inside $suite 'objdump -p /usr/lib/x86_64-linux-gnu/libwudf.so | grep -q "SONAME *libwudf.so.0$"' || fail "$suite: SONAME"
  inside $suite 'bash -n /usr/share/bash-completion/completions/wudf && test -s /usr/share/man/man1/wudf-run.1' ||
    fail "$suite: completions and man pages"
  ok "$suite: SONAME, completions, man pages"
done

echo '== the wheel, in an empty environment'
inside bookworm 'python3 -m venv venv && venv/bin/pip install --quiet --no-index /dist/wudf-*manylinux_2_28*.whl' ||
  fail 'pip install'
ok 'pip install'
inside bookworm "venv/bin/python - <<'PY'
import wudf
embed = wudf.load('image-features', models={'resnet50': 'seeded:tiny'})
assert str(embed.signature).startswith('image_features(image: binary)'), embed.signature
PY" || fail 'wudf in Python'
ok 'wudf.load, with no other package'
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$work/bookworm/wheels" pyarrow
inside bookworm "venv/bin/pip install --quiet --no-index /wheels/pyarrow-*.whl && venv/bin/python - <<'PY'
import pathlib, wudf
embed = wudf.load('image-features', models={'resnet50': 'seeded:tiny'}, on_error='null')
pictures = [one.read_bytes() for one in sorted(pathlib.Path('demo/pictures').iterdir())]
vectors = embed([*pictures, b'no picture', None])
assert len(vectors) == len(pictures) + 2 and vectors.null_count == 2, vectors
assert len(pictures) > 20 and len(vectors[0]) == 16
PY" || fail 'pictures to vectors in Python'
ok 'pictures to vectors in Python'
inside bookworm 'dpkg -r wudf >/dev/null && ! command -v wudf' || fail 'dpkg -r'
ok 'dpkg -r'

echo '== the container image'
if command -v buildah >/dev/null; then
  # On the bare system in place of the public image: no registry is asked.
  export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
  storage=(--root "$work/images" --runroot "$work/images-run")
  umount "$work/bookworm/proc"
  rm -rf "$work/bookworm/work" "$work/bookworm/dist" "$work/bookworm/wheels" "$work/bookworm/opt/wudf"
  base=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" copy --quiet "$base" "$work/bookworm" / >/dev/null
  buildah "${storage[@]}" commit --quiet "$base" localhost/bare >/dev/null
  buildah "${storage[@]}" build --quiet --pull=never --build-arg BASE=localhost/bare --tag localhost/wudf \
    --file "$dist/Containerfile" "$dist" >/dev/null || fail 'Containerfile'
  image=$(buildah "${storage[@]}" from --pull=never localhost/wudf)
  buildah "${storage[@]}" run "$image" -- wudf --version >/dev/null || fail 'wudf in the container'
  ok 'Containerfile builds, and wudf runs in the image'
else
  echo 'not tested: Containerfile (buildah is not installed: apt-get install buildah)'
fi

echo "$passed passed, 0 failed"
