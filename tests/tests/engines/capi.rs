//! The C interface: its tests are a program in C (`host/capi/tests`), compiled
//! against both libraries, and run as it is and under a checker of leaks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tempfile::tempdir;
use wudf_fixtures::KIT;

use crate::engines::c::{Link, compile, compiler, folder, program, transcript};
use wudf_test_support::skipped;

const SOURCES: [&str; 6] = [
    "tests/main.c",
    "tests/test.c",
    "tests/types.c",
    "tests/rows.c",
    "tests/wrong.c",
    "tests/life.c",
];

/// The C compiler; without one the test is recorded as skipped.
fn cc() -> Option<PathBuf> {
    let cc = compiler("CC", "cc");
    if cc.is_none() {
        skipped("there is no C compiler `cc` (or CC): the C interface is not tested");
    }
    cc
}

/// The names of the tests, as the header of the C program lists them.
fn names() -> BTreeSet<String> {
    let header = std::fs::read_to_string(folder().join("tests/tests.h")).unwrap();
    let names = header.split("X(").skip(1);
    names
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect()
}

/// The tests that went well.
fn passed(stdout: &[u8]) -> BTreeSet<String> {
    let lines = String::from_utf8_lossy(stdout);
    let names = lines.lines().filter_map(|line| line.strip_prefix("ok "));
    names.map(str::to_owned).collect()
}

fn run(link: Link) {
    let Some(cc) = cc() else { return };
    let out = tempdir().unwrap();
    let tests = out.path().join("tests");
    compile(&cc, link, &["-std=c11"], &SOURCES, &tests).unwrap_or_else(|e| panic!("{e}"));
    let output = program(&tests).arg(KIT.path).output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    assert_eq!(passed(&output.stdout), names(), "{}", transcript(&output));
}

#[test]
fn a_program_in_c_with_the_shared_library() {
    run(Link::Shared);
}

#[test]
fn a_program_in_c_with_the_static_library() {
    run(Link::Static);
}

/// With AddressSanitizer, which includes LeakSanitizer: unlike valgrind (3.19) it works where wasmtime reserves four terabytes of
/// address space. It also reports reads of freed columns, where they happen in the C library's functions.
#[test]
fn a_program_in_c_leaks_nothing() {
    let Some(cc) = cc() else { return };
    let out = tempdir().unwrap();
    let checked = |link: Link| {
        let tests = out.path().join(format!("{link:?}"));
        let flags = ["-std=c11", "-fsanitize=address"];
        compile(&cc, link, &flags, &SOURCES, &tests).map(|()| tests)
    };
    let shared = match checked(Link::Shared) {
        Ok(tests) => tests,
        Err(error) if error.contains("san") => {
            skipped(&format!(
                "the C compiler has no AddressSanitizer: leaks of the C interface are not looked for: {error}"
            ));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let leaks = program(&shared).args([KIT.path, "leak"]).output().unwrap();
    let said = transcript(&leaks);
    if said.contains("LeakSanitizer has encountered a fatal error") {
        skipped(&format!(
            "programs may not be traced: leaks of the C interface are not looked for: {said}"
        ));
        return;
    }
    assert!(!leaks.status.success(), "a leak was not seen: {said}");
    assert!(said.contains("detected memory leaks"), "{said}");

    // The sanitizer keeps what was freed for a while, and memory grows by that.
    let names: BTreeSet<String> = names()
        .into_iter()
        .filter(|name| name != "no_growth")
        .collect();
    for tests in [shared, checked(Link::Static).unwrap()] {
        let output = program(&tests).arg(KIT.path).args(&names).output().unwrap();
        assert!(output.status.success(), "{}", transcript(&output));
        assert_eq!(passed(&output.stdout), names, "{}", transcript(&output));
    }
}

/// The README, pkg-config and these tests have the same link line.
#[test]
fn the_link_line_is_the_one_that_is_written_down() {
    let line = crate::engines::c::STATIC.join(" ");
    for file in ["README.md", "wudf.pc.in"] {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        assert!(text.contains(&line), "{file}: {line}");
    }
}

#[test]
fn the_header_is_c_plus_plus_too() {
    let Some(cxx) = compiler("CXX", "c++") else {
        skipped("there is no C++ compiler `c++` (or CXX): the header is not compiled by one");
        return;
    };
    let out = tempdir().unwrap();
    for link in [Link::Shared, Link::Static] {
        let header = out.path().join(format!("{link:?}"));
        compile(&cxx, link, &["-std=c++11"], &["tests/header.cc"], &header)
            .unwrap_or_else(|e| panic!("{e}"));
        let output = program(&header).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            said,
            concat!(env!("CARGO_PKG_VERSION"), " unknown-plugin\n")
        );
    }
}
