//! Functions of Python source, by the command line and in SQL.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use wudf_adapter::separate;
use wudf_test_support::skipped;
use wudf_tests::program::{Ran, alone, program, release, wudf};

const WORDS: &str = "def words(title: str) -> int:\n    return len(title.split())\n\n\
                     def first(title: str, n: int) -> str | None:\n    return title[:int(n)] or None\n";

/// A folder with a source and a table, and the folder of the plugin; none where that was not built.
fn place() -> Option<(TempDir, PathBuf)> {
    let beside = release().with_file_name("share").join("wudf/plugins");
    let plugins = separate::file("python").map_or(beside, |file| file.with_file_name(""));
    if !plugins.join("python.wasm").is_file() {
        skipped("python.wasm is not built (make python-plugin does)");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("words.py"), WORDS).unwrap();
    let table = "title,n\nto be or not,2\n\"über, den\",3\nx,0\n";
    fs::write(folder.path().join("titles.csv"), table).unwrap();
    Some((folder, plugins))
}

fn run(place: &(TempDir, PathBuf), words: &[&str]) -> Ran {
    wudf(place.0.path(), words)
        .env("WUDF_PLUGINS", &place.1)
        .run()
}

#[test]
fn a_file_of_source_runs_over_a_table() {
    let Some(place) = place() else { return };
    let line = ["run", "python:words", "titles.csv", "--source", "words.py"];
    let csv = ["-o", "-", "--output-format", "csv", "--on-error", "null"];
    let ran = run(&place, &[&line[..], &csv[..]].concat()).ends_with(0);
    assert_eq!(
        ran.text(),
        "title,n,words\nto be or not,2,4\n\"über, den\",3,2\nx,0,1\n"
    );
    // Two columns, by the names of the arguments.
    let line = ["run", "python:first", "titles.csv", "--source", "words.py"];
    let ran = run(&place, &[&line[..], &csv[..]].concat()).ends_with(0);
    assert_eq!(
        ran.text(),
        "title,n,first\nto be or not,2,to\n\"über, den\",3,übe\nx,0,\n"
    );
    for (words, why) in [
        (
            &["run", "python", "titles.csv", "--source", "words.py"][..],
            "the source has 2 functions; say which by the option `function`: there is words, first",
        ),
        (
            &["run", "python:gone", "titles.csv", "--source", "words.py"],
            "the source has no function `gone`; there is words, first",
        ),
        (
            &["run", "python:words", "titles.csv"],
            "the option `source` is missing",
        ),
        (
            &["run", "python:words", "titles.csv", "--source", "gone.py"],
            "cannot read gone.py",
        ),
        (
            &[
                "run",
                "image-features",
                "titles.csv",
                "--source",
                "words.py",
            ],
            "has no option source",
        ),
        (
            &[
                "run",
                "python:words",
                "titles.csv",
                "--source",
                "words.py",
                "--option",
                "function=first",
            ],
            "the function is words, and its option function says \"first\"",
        ),
    ] {
        let ran = run(&place, words).ends_with(3);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
}

#[test]
fn sql_has_functions_of_python() {
    let Some(place) = place() else { return };
    let sql = "CREATE FUNCTION words(title VARCHAR) RETURNS INT LANGUAGE python AS $$
                 def words(title: str) -> int:
                     return len(title.split())
               $$;
               SELECT words(title) AS n, arrow_typeof(words(title)) AS type FROM 'titles.csv'";
    let ran = run(&place, &["sql", sql, "--format", "csv"]).ends_with(0);
    assert_eq!(ran.text(), "n,type\n4,Int32\n2,Int32\n1,Int32\n");
    let create = |rest: &str| format!("CREATE FUNCTION f{rest}; SELECT f(n) FROM 'titles.csv'");
    let f = "def f(x: int) -> int: return 10 // x";
    for (statement, why) in [
        (
            create(&format!("(x INT) RETURNS INT LANGUAGE python AS $${f}$$")),
            "python:f: row 2: ZeroDivisionError: ",
        ),
        (
            create(&format!("(x TEXT) LANGUAGE python AS $${f}$$")),
            "takes (x BIGINT), which is not what f(TEXT) declares",
        ),
        (
            create(&format!("(x INT) RETURNS TEXT LANGUAGE python AS $${f}$$")),
            "returns BIGINT, which does not become the TEXT that f declares",
        ),
        (
            create("(x INT) LANGUAGE python AS $$def g(x: int) -> int: return x$$"),
            "the source has no function `f`; there is g",
        ),
        (create("(x INT) LANGUAGE python"), "f needs AS $$ source $$"),
    ] {
        let ran = run(&place, &["sql", &statement]).ends_with(3);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
}

#[test]
fn the_plugin_is_looked_for_in_a_few_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A program that is installed where no plugin is.
    fs::create_dir(at("bin")).unwrap();
    let installed = at("bin/wudf");
    if fs::hard_link(program(), &installed).is_err() {
        fs::copy(program(), &installed).unwrap();
    }
    let inspect = || {
        let mut command = Command::new(&installed);
        alone(&mut command).args(["inspect", "python"]);
        command
            .env("WUDF_PLUGINS", at("named"))
            .env("XDG_DATA_HOME", at("data"));
        let output = command.output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let said = inspect();
    for part in ["named", "data/wudf/plugins", "share/wudf/plugins"] {
        let part = at(part).display().to_string();
        assert!(said.contains(&part), "{part}: {said}");
    }
    for part in [
        "python is a file of its own, python.wasm",
        "set WUDF_PLUGINS",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The last one first, so that each comes before those that were there.
    for name in ["share/wudf/plugins", "data/wudf/plugins", "named"] {
        fs::create_dir_all(at(name)).unwrap();
        fs::write(at(name).join("python.wasm"), format!("in {name}")).unwrap();
        let said = inspect();
        assert!(said.contains("not a WebAssembly file"), "{said}");
        fs::write(at(name).join("python.wasm"), wudf_fixtures::KIT.bytes).unwrap();
        assert!(!inspect().contains("error"), "{name}");
    }
}
