# make demo        the main job on sample pictures (or on yours: make demo PHOTOS=dir)
# make test        all tests, and a list of what was not tested
# make check-quick format, lints, and the tests that need no engines
# make python-plugin   the plugin `python`, which runs Python source
# make wheel       the Python package, in the build's folder wheels
# make dist        all packages, into dist/
# make install     the program and the C library, into PREFIX (/usr/local)
#
# Everything is built with one profile and the features of the whole workspace
# (host/workspace-hack), so that wasmtime is compiled a single time.

CARGO   ?= cargo
PYTHON  ?= python3
TARGET  := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
WUDF    := $(TARGET)/release/wudf
VENV    := $(TARGET)/python
# With the newest engines, and with the oldest Spark that is supported.
VENVS   := $(TARGET)/python-new $(TARGET)/python-spark35
# Within these majors; `make test` prints the versions that it had.
NEW     := 'pytest<10' 'pyarrow<27' 'pandas<4' 'polars<3' 'cloudpickle<4' 'duckdb<3' 'onnxruntime<2' 'pyspark==4.3.*'
SPARK35 := 'pytest<10' 'pyarrow<20' 'pandas<2.3' 'numpy<2' 'pyspark==3.5.*'
# Each skipped test is a line in it; tests/skips.py lists them.
SKIPS   := $(abspath $(TARGET))/skips
WHEELS  := $(TARGET)/wheels
PHOTOS  ?=
OUT     ?= demo-output
PREFIX  ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help demo python-plugin test test-built test-python interleavings fuzz miri environments versions check-quick wheel installed-wheel check fmt bench bench-spark bench-peers results docs test-docs build toolchain install install-c dist test-dist clean

help:
	@sed -n 's/^# //p' Makefile | head -n 7

# Where rustup does not install what rust-toolchain.toml names by itself.
toolchain:
	@rustup target add wasm32-wasip2

build: toolchain
	$(CARGO) build --release --workspace --locked

# The program without SQL and `wudf build`, which are half of a build and which the demo does not use;
# later builds take over all the rest. Exit status 1: some files were no pictures,
# which table and page say.
demo: toolchain
	$(CARGO) build --release --locked --package wudf-cli --package workspace-hack --no-default-features
	$(WUDF) demo $(if $(PHOTOS),--photos '$(PHOTOS)') --out '$(OUT)' || test $$? -eq 1

# ONNX Runtime and OpenVINO for the tests of their backends, into a folder of the
# build.
$(VENV)/installed: $(VENV)/onnxruntime $(VENV)/openvino
	@touch '$@'
$(VENV)/bin/python:
	@$(PYTHON) -m venv '$(VENV)'
$(VENV)/onnxruntime $(VENV)/openvino: $(VENV)/bin/python
	@'$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check '$(@F)$($(@F)_VERSION)' \
	  && touch '$@' \
	  || echo 'note: $(@F) could not be installed; tests that need it are skipped'
onnxruntime_VERSION := <2
openvino_VERSION    := >=2025.1,<2027

# Another client of registries, for the tests of distribution.
$(VENV)/oras: $(VENV)/installed
	@'$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check 'oras<0.3' && touch '$@' \
	  || echo 'note: oras could not be installed; the test that needs it is skipped'

# What plugins in Python and JavaScript are built with.
$(VENV)/componentize-py: $(VENV)/installed
	@'$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check 'componentize-py==0.25.*' && touch '$@' \
	  || echo 'note: componentize-py could not be installed; tests that need it are skipped'
NODE          := $(TARGET)/node
COMPONENTIZE  := node_modules/@bytecodealliance/componentize-js/package.json
$(NODE)/$(COMPONENTIZE):
	@mkdir -p '$(NODE)' && npm install --prefix '$(NODE)' --no-audit --no-fund --loglevel=error \
	  '@bytecodealliance/componentize-js@0.23' >/dev/null \
	  || echo 'note: componentize-js could not be installed; tests that need it are skipped'

# The plugin `python`, a file of its own, for as long as it is newer than its sources.
PLUGINS := $(TARGET)/share/wudf/plugins
python-plugin: $(PLUGINS)/python.wasm
$(PLUGINS)/python.wasm: $(VENV)/componentize-py $(wildcard wit/*.wit wit/deps/*/*.wit) \
    $(wildcard guest/plugins/python/wudf.toml guest/plugins/python/src/*.py guest/plugins/python/src/_udf/*.py) | build
	@mkdir -p '$(@D)'
	VIRTUAL_ENV='$(abspath $(VENV))' $(WUDF) build guest/plugins/python --output '$@'

# What packages a wheel.
$(VENV)/maturin: $(VENV)/installed
	@'$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2' && touch '$@'

# maturin builds one package, from what the workspace's build has compiled.
wheel: build $(VENV)/maturin
	rm -rf '$(WHEELS)'
	CARGO='$(CARGO)' '$(VENV)/bin/maturin' build --release --locked --quiet \
	  --manifest-path host/python/Cargo.toml --target-dir '$(abspath $(TARGET))' --out '$(WHEELS)'

# Engines are large, and kept; the wheel is installed anew each time.
$(TARGET)/python-new/installed: host/python/tests/environment.sh
	@$< '$(PYTHON)' '$(@D)' $(NEW) && touch '$@'
$(TARGET)/python-spark35/installed: host/python/tests/environment.sh
	@$< '$(PYTHON)' '$(@D)' $(SPARK35) && touch '$@'

installed-wheel: wheel $(VENVS:=/installed)
	@for venv in $(VENVS); do \
	  "$$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall '$(WHEELS)'/wudf-*.whl || exit 1; \
	done

# On the installed wheel, which hides no source tree.
test-python: installed-wheel
	@for venv in $(VENVS); do \
	  echo "pytest in $$venv" \
	  && WUDF_PLUGINS='$(abspath $(PLUGINS))' WUDF_TEST_WHEEL="$$(echo '$(abspath $(WHEELS))'/wudf-*.whl)" \
	     WUDF_TEST_KIT="$$('$(TARGET)/release/artifact' kit)" \
	     WUDF_TEST_PLAIN="$$('$(TARGET)/release/artifact' plain)" \
	     "$$venv/bin/python" -m pytest -p no:cacheprovider -q host/python/tests || exit 1; \
	done

# All Python environments, and what is in them: nothing of ours, so it can go on beside a build.
environments: $(VENV)/installed $(VENV)/oras $(VENV)/maturin $(VENV)/componentize-py $(NODE)/$(COMPONENTIZE) $(VENVS:=/installed)

# What was skipped is listed last, and under CI fails unless tests/skips.allowed has it.
# One Spark cluster serves all tests that run with the newest Spark.
test: export WUDF_SKIPS := $(SKIPS)
test: build $(VENV)/installed $(VENV)/oras $(VENV)/componentize-py $(NODE)/$(COMPONENTIZE) installed-wheel
	@$(MAKE) --no-print-directory python-plugin || echo 'note: the plugin python could not be built; tests that need it are skipped'
	@rm -f '$(SKIPS)'
	@'$(TARGET)/python-new/bin/python' host/python/tests/spark_cluster.py --for-tests \
	  $(MAKE) --no-print-directory test-built; status=$$?; \
	$(MAKE) --no-print-directory versions; \
	$(PYTHON) tests/skips.py '$(SKIPS)' && exit $$status

test-built:
	VIRTUAL_ENV='$(abspath $(VENV))' WUDF_TEST_PYTHON='$(abspath $(TARGET)/python-new/bin/python)' \
	WUDF_TEST_PYTHON_ORAS='$(abspath $(VENV)/bin/python)' WUDF_PLUGINS='$(abspath $(PLUGINS))' \
	$(if $(wildcard $(VENV)/componentize-py),WUDF_TEST_COMPONENTIZE_PY='$(abspath $(VENV)/bin/componentize-py)') \
	$(if $(wildcard $(NODE)/$(COMPONENTIZE)),WUDF_TEST_COMPONENTIZE_JS='$(abspath $(NODE)/$(COMPONENTIZE))') \
	  $(CARGO) test --release --workspace --locked
	CARGO_TARGET_WASM32_WASIP2_RUNNER='$(abspath $(TARGET))/release/wasi-runner' \
	CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS='-C target-feature=+simd128' \
	  $(CARGO) test --release --locked --target wasm32-wasip2 -p image-features --test vectors
	@$(MAKE) --no-print-directory interleavings test-python test-docs fuzz miri SECONDS=10

# What threads share, under a scheduler that tries their interleavings: a build of its own, of a few
# small crates.
interleavings:
	CARGO_TARGET_DIR='$(abspath $(TARGET))/interleavings' \
	  $(CARGO) test --release --locked --manifest-path tests/interleavings/Cargo.toml

# Fuzzes every target of fuzz/, or FUZZ='lift onnx', for SECONDS each. Findings are in fuzz/artifacts.
# It wants a nightly compiler and cargo-fuzz, as Miri wants its component; within `make test` both
# are listed as not tested without.
SECONDS ?= 60
fuzz:
	@FUZZ_TARGET_DIR='$(abspath $(TARGET))/fuzz' fuzz/run '$(SECONDS)' $(FUZZ)

# What has `unsafe` and needs no sandbox, under Miri.
miri:
	@tests/miri

# The Python packages that the tests ran with.
versions:
	@for venv in '$(VENV)' $(VENVS); do \
	  printf 'versions in %s:' "$$venv" \
	  && "$$venv/bin/python" -m pip list --format freeze --disable-pip-version-check \
	     | grep -E '^(pyarrow|pandas|numpy|polars|duckdb|pyspark|cloudpickle|onnxruntime|openvino|oras|componentize-py|pytest)==' \
	     | tr '\n' ' ' | sed 's/^/ /; s/ $$//' && echo || exit 1; \
	done

# Without engines, Python environments and the program: what a change is tried with first. tests/README.md says what is in it.
check-quick: export WUDF_SKIPS := $(SKIPS)
check-quick: toolchain
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings
	@rm -f '$(SKIPS)'
	$(CARGO) test --release --workspace --locked --lib --bins \
	  --test columns --test compile --test open --test pictures --test registry
	$(CARGO) test --release --workspace --locked --test host -- --skip parity::
	@$(PYTHON) tests/skips.py '$(SKIPS)'

check: toolchain
	$(PYTHON) tests/features.py '$(CARGO)'
	$(CARGO) fmt --all --check
	$(CARGO) fmt --all --check --manifest-path benches/peers/Cargo.toml
	$(CARGO) fmt --all --check --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --all --check --manifest-path tests/interleavings/Cargo.toml
	$(CARGO) clippy --release --workspace --all-targets --locked -- -D warnings

fmt:
	$(CARGO) fmt --all
	$(CARGO) fmt --all --manifest-path benches/peers/Cargo.toml
	$(CARGO) fmt --all --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --all --manifest-path tests/interleavings/Cargo.toml

bench: build $(VENV)/installed
	VIRTUAL_ENV='$(abspath $(VENV))' \
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 \
	  $(CARGO) bench --workspace --locked --bench boundary --bench epochs --bench pictures --bench start --bench first_row --bench batcher --bench scale

# Three ways to write one Spark job, side by side; benches/spark/README.md says more.
SPARK_BENCH := $(abspath $(TARGET))/bench-spark
$(SPARK_BENCH)/python/installed: benches/spark/requirements.txt
	'$(PYTHON)' -m venv '$(@D)' \
	  && '$(@D)/bin/python' -m pip install --quiet --disable-pip-version-check -r '$<' && touch '$@'

bench-spark: wheel $(SPARK_BENCH)/python/installed
	'$(SPARK_BENCH)/python/bin/python' -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall '$(WHEELS)'/wudf-*.whl
	'$(SPARK_BENCH)/python/bin/python' benches/spark/bench.py --folder '$(SPARK_BENCH)' $(BENCH)

# Other runtimes beside this one, in a workspace of their own; benches/peers/README.md says more.
# PROFILE=dist measures what ships.
PEERS   := $(abspath $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR)/peers,benches/peers/target))
PROFILE ?= release
PEER    := --manifest-path benches/peers/Cargo.toml --target-dir '$(PEERS)' --locked --ignore-rust-version

bench-peers:
	@rustup target add wasm32-wasip2 wasm32-wasip1 wasm32-unknown-unknown
	@set -e; for guest in wudf:wasm32-wasip2 arrow-udf:wasm32-wasip1 extism:wasm32-unknown-unknown; do \
	  case $$guest in wudf:*) unroll='\037-Cllvm-args=-unroll-threshold=600';; *) unroll=;; esac; \
	  CARGO_ENCODED_RUSTFLAGS="$$(printf "%s$$unroll" -Ctarget-feature=+simd128)" \
	    $(CARGO) build $(PEER) --profile plugin --package "guest-$${guest%%:*}" --target "$${guest##*:}"; \
	done
	$(CARGO) build $(PEER) --profile $(PROFILE)
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 \
	  '$(PEERS)/$(PROFILE)/peers' --guests '$(PEERS)' $(BENCH)

# Every bench, whose figures go into benches/results/MACHINE.jsonl and from there into
# the tables of RESULTS.md and README.md. SECTIONS='pictures spark' runs only these.
results: build wheel $(VENV)/installed $(SPARK_BENCH)/python/installed
	VIRTUAL_ENV='$(abspath $(VENV))' '$(PYTHON)' benches/results.py run $(if $(MACHINE),--machine '$(MACHINE)') \
	  --python '$(SPARK_BENCH)/python/bin/python' $(SECTIONS)

# The guides as a website, in the build's folder.
docs:
	@command -v mdbook >/dev/null || { echo 'make docs needs mdbook: cargo install mdbook' >&2; exit 1; }
	mdbook build docs --dest-dir '$(abspath $(TARGET))/book'
	@echo '$(TARGET)/book/index.html'

# Links, command lines, code blocks and figures of all documentation; its Rust is
# compiled by `cargo test`.
test-docs: build
	'$(PYTHON)' tests/docs.py --wudf '$(WUDF)'

# The program, the C library and what belongs to them, from a build (BUILT), into a
# system, a folder of the user's or a package's root.
BUILT   ?= $(TARGET)/release
LIBDIR  ?= $(PREFIX)/lib
DOCS    := $(PREFIX)/share
VERSION  = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME   = libwudf.so.$(firstword $(subst ., ,$(VERSION)))

install: install-c
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(DOCS)/man/man1' '$(DESTDIR)$(DOCS)/doc/wudf/examples'
	install -m 755 '$(BUILT)/wudf' '$(DESTDIR)$(PREFIX)/bin'
	$(if $(wildcard $(PLUGINS)/python.wasm),install -D -m 644 '$(PLUGINS)/python.wasm' '$(DESTDIR)$(DOCS)/wudf/plugins/python.wasm')
	'$(BUILT)/wudf' man '$(DESTDIR)$(DOCS)/man/man1'
	set -e; for place in bash:bash-completion/completions/wudf zsh:zsh/site-functions/_wudf fish:fish/vendor_completions.d/wudf.fish; do \
	  install -d "$$(dirname "$(DESTDIR)$(DOCS)/$${place#*:}")"; \
	  '$(BUILT)/wudf' completions "$${place%%:*}" > "$(DESTDIR)$(DOCS)/$${place#*:}"; \
	done
	install -m 644 LICENSE README.md $(wildcard CHANGELOG.md) '$(DESTDIR)$(DOCS)/doc/wudf'
	install -m 644 host/capi/examples/vectors.c '$(DESTDIR)$(DOCS)/doc/wudf/examples'

# The library alone: shared, static, header, and what pkg-config reads, which finds the rest
# from where it lies when there is no PREFIX.
install-c: $(if $(filter $(TARGET)/release,$(BUILT)),build)
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(PREFIX)/include'
	install -m 755 '$(BUILT)/libwudf.so' '$(DESTDIR)$(LIBDIR)/libwudf.so.$(VERSION)'
	ln -sf 'libwudf.so.$(VERSION)' '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf '$(SONAME)' '$(DESTDIR)$(LIBDIR)/libwudf.so'
	install -m 644 '$(BUILT)/libwudf.a' '$(DESTDIR)$(LIBDIR)'
	install -m 644 host/capi/include/wudf.h '$(DESTDIR)$(PREFIX)/include'
	sed 's|@prefix@|$(or $(PREFIX),$${pcfiledir}/../..)|; s|@libdir@|$(if $(PREFIX),$(LIBDIR),$${prefix}$(LIBDIR))|; s|@version@|$(VERSION)|' \
	  host/capi/wudf.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/wudf.pc'

# Packages, for machines without Rust: packaging/build.sh says what and how.
dist: toolchain
	PYTHON='$(PYTHON)' CARGO='$(CARGO)' packaging/build.sh

# Installs and uses each of them on bare Debian systems, which it unpacks.
test-dist:
	packaging/test.sh dist

clean:
	$(CARGO) clean
	rm -rf '$(OUT)'
