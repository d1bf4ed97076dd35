//! Stdout is for data, stderr for talk, and colours for terminals.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};

use wudf_tests::program::wudf;

use super::{folder, left, read, run, write};

const ESCAPE: char = '\u{1b}';

#[test]
fn data_and_talk_are_apart() {
    let folder = folder();
    write(&folder, "in.csv", "n\n12\n13\n");
    let line = "run kit.wasm:fails in.csv -o - --output-format csv";
    let data = "n,fails,error\n12,12,\n13,,13 is unlucky\n";
    let ran = run(&folder, line).ends_with(1);
    assert_eq!(ran.text(), data);
    let talk: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(talk[0], "warning: in.csv, row 2: 13 is unlucky");
    assert!(talk[1].starts_with("2 rows, 1 failed, "), "{talk:?}");
    assert_eq!(talk.len(), 2);

    let loud = run(&folder, &format!("{line} -vv")).ends_with(1);
    assert_eq!(loud.text(), data);
    assert!(loud.stderr.len() > ran.stderr.len());

    let quiet = run(&folder, &format!("{line} --quiet")).ends_with(1);
    assert_eq!(quiet.text(), data);
    assert_eq!(quiet.stderr, "");
    // An error is said all the same.
    let quiet = run(&folder, "run kit.wasm:fails gone.csv --quiet").ends_with(3);
    assert_eq!(quiet.stderr, "error: there is no file or folder gone.csv\n");

    let to_file = run(&folder, "run kit.wasm:fails in.csv -o out.csv").ends_with(1);
    assert_eq!(to_file.text(), "");
    assert_eq!(read(&folder, "out.csv"), data);
}

#[test]
fn what_a_plugin_prints_is_no_data() {
    let folder = folder();
    write(&folder, "in.csv", "text\nsecret\n");
    let ran = run(
        &folder,
        "run kit.wasm:prints in.csv -o - --output-format csv",
    )
    .ends_with(0);
    assert_eq!(ran.text(), "text,prints,error\nsecret,true,\n");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn exit_statuses() {
    let folder = folder();
    write(&folder, "in.csv", "n\n13\n");
    for (line, status) in [
        ("run kit.wasm:add_one in.csv -o out.csv", 0),
        ("run kit.wasm:fails in.csv -o out.csv", 1),
        ("run kit.wasm:panics in.csv -o out.csv", 1),
        ("run kit.wasm:spins in.csv -o out.csv --time-limit 0.2", 1),
        ("run kit.wasm:hogs in.csv -o out.csv --memory 64MiB", 1),
        ("run kit.wasm:fails in.csv -o out.csv --on-error null", 0),
        ("run kit.wasm:fails in.csv -o out.csv --on-error fail", 1),
        ("run kit.wasm:fails in.csv -o out.csv --on-eror fail", 2),
        ("run kit.wasm:gone in.csv -o out.csv", 3),
    ] {
        let ran = run(&folder, line);
        assert_eq!(ran.status, Some(status), "{}", ran.transcript());
    }
    assert_eq!(left(folder.path()), ["in.csv", "out.csv"]);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let folder = folder();
    write(&folder, "in.csv", "n\n13\n");
    let colours = |more: &str, variables: &[(&str, &str)]| {
        let line = format!("run kit.wasm:fails in.csv {more}");
        let mut wudf = wudf(folder.path(), line.split_whitespace());
        for (name, value) in variables {
            wudf = wudf.env(name, value);
        }
        let ran = wudf.run().ends_with(1);
        assert!(!ran.text().contains(ESCAPE), "{}", ran.text());
        ran.stderr.contains(ESCAPE)
    };
    assert!(!colours("", &[]));
    assert!(colours("--color always", &[]));
    assert!(colours("", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colours("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colours("--color never", &[("CLICOLOR_FORCE", "1")]));
    // Who asks on the command line is not overruled.
    assert!(colours("--color always", &[("NO_COLOR", "1")]));
    // Headings of `inspect` are on stdout.
    let headings = |variables: &[(&str, &str)]| {
        let mut wudf = wudf(folder.path(), ["inspect", "image-features"]);
        for (name, value) in variables {
            wudf = wudf.env(name, value);
        }
        wudf.run().ends_with(0).text().contains(ESCAPE)
    };
    assert!(!headings(&[]));
    assert!(headings(&[("CLICOLOR_FORCE", "1")]));
    assert!(!headings(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let folder = folder();
    let rows: String = (0..200_000).map(|n| format!("{n}\n")).collect();
    write(&folder, "in.csv", &format!("n\n{rows}"));
    for format in ["ndjson", "csv", "arrow-stream"] {
        let line = format!("run kit.wasm:add_one in.csv -o - --output-format {format}");
        let mut child = wudf(folder.path(), line.split(' ')).start();
        let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
        let mut first = Vec::new();
        stdout.read_until(b'\n', &mut first).unwrap();
        assert!(!first.is_empty());
        drop(stdout);
        let mut talk = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut talk)
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{format}: {talk}");
        assert_eq!(talk, "", "{format}");
    }
}

#[test]
fn output_replaces_output() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n");
    write(&folder, "out.csv", "a long line that was here before\n");
    run(
        &folder,
        "run kit.wasm:add_one in.csv -o out.csv --on-error null",
    )
    .ends_with(0);
    assert_eq!(read(&folder, "out.csv"), "n,add_one\n1,2\n");
    #[cfg(unix)]
    {
        fs::create_dir(folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere/out.csv", folder.path().join("link.csv")).unwrap();
        write(&folder, "elsewhere/out.csv", "old");
        run(
            &folder,
            "run kit.wasm:add_one in.csv -o link.csv --on-error null",
        )
        .ends_with(0);
        assert!(
            fs::symlink_metadata(folder.path().join("link.csv"))
                .unwrap()
                .is_symlink()
        );
        assert_eq!(read(&folder, "elsewhere/out.csv"), "n,add_one\n1,2\n");
    }
}
