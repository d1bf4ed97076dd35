# make demo   the main job on sample pictures (or on yours: make demo PHOTOS=dir)
# make test   all tests
#
# Everything is built with one profile and for the whole workspace at once, so
# that wasmtime is compiled a single time.

CARGO   ?= cargo
PYTHON  ?= python3
TARGET  := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
WUDF    := $(TARGET)/release/wudf
VENV    := $(TARGET)/python
PHOTOS  ?=
OUT     ?= demo-output
PREFIX  ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt bench build toolchain install-c clean

help:
	@sed -n 's/^# //p' Makefile | head -n 2

# Where rustup does not install what rust-toolchain.toml names by itself.
toolchain:
	@rustup target add wasm32-wasip2

build: toolchain
	$(CARGO) build --release --workspace --locked

# Exit status 1: some files were no pictures, which table and page say.
demo: build
	$(WUDF) demo $(if $(PHOTOS),--photos '$(PHOTOS)') --out '$(OUT)' || test $$? -eq 1

# ONNX Runtime for the tests of its backend, into a folder of the build.
$(VENV)/installed:
	@$(PYTHON) -m venv '$(VENV)' \
	  && '$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check onnxruntime \
	  && touch '$@' \
	  || echo 'note: onnxruntime could not be installed; tests that need it are skipped, and say so'

test: build $(VENV)/installed
	VIRTUAL_ENV='$(abspath $(VENV))' $(CARGO) test --release --workspace --locked
	CARGO_TARGET_WASM32_WASIP2_RUNNER='$(abspath $(TARGET))/release/wasi-runner' \
	CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS='-C target-feature=+simd128' \
	  $(CARGO) test --release --locked --target wasm32-wasip2 -p image-features --test vectors

check: toolchain
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings

fmt:
	$(CARGO) fmt --all

bench: build $(VENV)/installed
	VIRTUAL_ENV='$(abspath $(VENV))' \
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 \
	  $(CARGO) bench --workspace --locked --bench boundary --bench pictures --bench start

# The C interface: libraries, header, and what pkg-config reads.
install-c: build
	install -d '$(DESTDIR)$(PREFIX)/lib/pkgconfig' '$(DESTDIR)$(PREFIX)/include'
	install -m 755 '$(TARGET)/release/libwudf.so' '$(DESTDIR)$(PREFIX)/lib'
	install -m 644 '$(TARGET)/release/libwudf.a' '$(DESTDIR)$(PREFIX)/lib'
	install -m 644 host/capi/include/wudf.h '$(DESTDIR)$(PREFIX)/include'
	version=$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml) \
	  && sed "s|@prefix@|$(PREFIX)|; s|@version@|$$version|" host/capi/wudf.pc.in \
	  > '$(DESTDIR)$(PREFIX)/lib/pkgconfig/wudf.pc'

clean:
	$(CARGO) clean
	rm -rf '$(OUT)'
