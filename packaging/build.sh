#!/usr/bin/env bash
# make dist: what is installed without Rust, into dist/.
#
# Everything is linked against glibc 2.28, whatever this machine has, by Zig's linker:
# Debian 10, RHEL 8, Amazon Linux 2023 and all that came later run it.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
cargo=${CARGO:-cargo}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
glibc=2.28
triple=x86_64-unknown-linux-gnu
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
crates="wudf-guest-macros wudf-guest wudf wudf-backends wudf-registry wudf-artifacts wudf-adapter wudf-datafusion"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export CARGO_TARGET_DIR=$target

say() { printf '\n== %s\n' "$*" >&2; }

[ "$(uname -sm)" = 'Linux x86_64' ] || { echo 'packages are built on x86-64 Linux' >&2; exit 1; }

say 'tools'
tools=$target/dist-tools
if ! cmp -s packaging/requirements.txt "$tools/requirements.txt"; then
  rm -rf "$tools"
  "$python" -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check -r packaging/requirements.txt
  cp packaging/requirements.txt "$tools/requirements.txt"
fi
# Both look for Zig as the Python package that stands beside them.
export PATH=$tools/bin:$PATH

# Finished packages only: built beside, then renamed.
dist=$(mktemp -d "$PWD/.dist.XXXXXX")
trap 'rm -rf "$dist"' EXIT

say "program, library and module, for glibc $glibc"
"$cargo" zigbuild --profile dist --locked --target "$triple.$glibc" \
  --package wudf-cli --package wudf-capi --package wudf-python --package workspace-hack
built=$target/$triple/dist

say 'wheel and sdist'
# maturin's own --zig names another linker than cargo-zigbuild does, which would compile
# all of it a second time.
CARGO=$PWD/packaging/cargo-for-maturin.sh WUDF_DIST_CARGO=$cargo WUDF_DIST_TARGET=$triple.$glibc \
  maturin build --profile dist --locked --quiet --compatibility "manylinux_${glibc/./_}" --target "$triple" \
  --manifest-path host/python/Cargo.toml --target-dir "$target" --out "$dist"
maturin sdist --manifest-path host/python/Cargo.toml --out "$dist"
auditwheel show "$dist"/wudf-*.whl

say 'the plugin python'
# A file of its own, for those who have the wheel; `make install` takes it from the build's folder.
plugin=$target/share/wudf/plugins/python.wasm
mkdir -p "${plugin%/*}"
"$built/wudf" build guest/plugins/python --output "$plugin"
install -m 644 "$plugin" "$dist/python.wasm"

say 'tarball'
# DESTDIR PREFIX LIBDIR. The program writes its own completions and man pages.
install_into() {
  make --no-print-directory --silent install BUILT="$built" DESTDIR="$1" PREFIX="$2" LIBDIR="$3"
  # Larger than all the rest, and for few.
  rm "$1$3/libwudf.a"
}
name=wudf-$version-x86_64-linux
stage=$dist/stage
install_into "$stage/$name" '' /lib
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
  -C "$stage" -czf "$dist/$name.tar.gz" "$name"

say 'Debian package'
root=$stage/deb
install_into "$root" /usr /usr/lib/x86_64-linux-gnu
mkdir "$root/DEBIAN"
sed "s/@version@/$version/; s/@size@/$(du -sk --apparent-size "$root/usr" | cut -f1)/; s/@glibc@/$glibc/" \
  packaging/control.in > "$root/DEBIAN/control"
printf 'activate-noawait ldconfig\n' > "$root/DEBIAN/triggers"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# xz: Debian 11 and older do not know zstd.
dpkg-deb --root-owner-group -Zxz --build "$root" "$dist/wudf_${version}_amd64.deb" >&2
sed "s/@version@/$version/" packaging/Containerfile > "$dist/Containerfile"

say 'crates'
rm -rf guest/artifacts/prebuilt
trap 'rm -rf "$dist" guest/artifacts/prebuilt' EXIT
install -D -m 644 "$built"/plugins/wasm32-wasip2/plugin/image_features.wasm \
  guest/artifacts/prebuilt/image-features.wasm
selected=()
for crate in $crates; do selected+=(--package "$crate"); done
# prebuilt/ is in no commit, which cargo would call dirty.
# Verifying builds each crate from what is in its package, without optimisation: some ten
# minutes on two cores. WUDF_DIST_VERIFY=0 leaves that out.
[ "${WUDF_DIST_VERIFY:-1}" = 1 ] || selected+=(--no-verify)
"$cargo" package --locked --allow-dirty "${selected[@]}"
for crate in $crates; do cp "$target/package/$crate-$version.crate" "$dist/"; done

say 'bill of materials and checksums'
"$tools/bin/python" packaging/sbom.py "$dist/wudf-$version.cdx.json" wudf-cli wudf-capi wudf-python
rm -rf "$stage"
(cd "$dist" && sha256sum -- * > SHA256SUMS)

chmod 755 "$dist"
rm -rf dist
mv "$dist" dist
trap - EXIT
rm -rf guest/artifacts/prebuilt
ls -l dist >&2
