//! Runs that are stopped halfway leave no half of a file.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command};
use std::thread;
use std::time::{Duration, Instant};

use wudf_tests::program::wudf_with_signals;

use super::{folder, left, read, run, write};

/// A run that has written part of its output, and waits for more input. The pipe is apart from it because waiting for a
/// process ends what it reads.
fn halfway(folder: &Path) -> (Child, ChildStdin) {
    let line = "run kit.wasm:add_one - -o out.csv";
    let mut child = wudf_with_signals(folder, line.split(' ')).start();
    let rows: String = (0..400_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(rows.as_bytes()).unwrap();
    let began = Instant::now();
    while temporary(folder).is_none_or(|file| file.metadata().map_or(0, |file| file.len()) == 0) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing is written: {:?}",
            left(folder)
        );
        assert!(child.try_wait().unwrap().is_none(), "the run is over");
        thread::sleep(Duration::from_millis(5));
    }
    (child, stdin)
}

/// The file that is being written.
fn temporary(folder: &Path) -> Option<std::path::PathBuf> {
    let mut names = left(folder).into_iter();
    let name = names.find(|name| name.starts_with(".out.csv.tmp-"))?;
    Some(folder.join(name))
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn an_interrupt_leaves_nothing() {
    for (signal, wanted) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let folder = folder();
        let (mut child, _stdin) = halfway(folder.path());
        send(signal, &child);
        let status = child.wait().unwrap();
        let mut talk = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut talk)
            .unwrap();
        assert_eq!(status.code(), Some(wanted), "{signal}: {talk}");
        assert_eq!(talk, "interrupted\n", "{signal}");
        assert_eq!(left(folder.path()), [""; 0], "{signal}");
    }
}

#[test]
fn an_interrupt_leaves_what_was_there() {
    let folder = folder();
    write(&folder, "out.csv", "as it was");
    let (mut child, _stdin) = halfway(folder.path());
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(read(&folder, "out.csv"), "as it was");
    assert_eq!(left(folder.path()), ["out.csv"]);
}

#[test]
fn an_interrupt_ends_a_plugin_that_does_not() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n13\n");
    let line = "run kit.wasm:spins in.csv -o out.csv --time-limit 3600";
    let mut child = wudf_with_signals(folder.path(), line.split(' ')).start();
    let began = Instant::now();
    while left(folder.path()).len() < 2 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the run does not begin"
        );
        thread::sleep(Duration::from_millis(5));
    }
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left(folder.path()), ["in.csv"]);
}

#[test]
fn a_kill_leaves_what_was_there() {
    let folder = folder();
    write(&folder, "out.csv", "as it was");
    let (mut child, _stdin) = halfway(folder.path());
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(read(&folder, "out.csv"), "as it was");
    // And what it could not clean up is in nobody's way.
    write(&folder, "in.csv", "n\n1\n");
    run(
        &folder,
        "run kit.wasm:add_one in.csv -o out.csv --on-error null",
    )
    .ends_with(0);
    assert_eq!(read(&folder, "out.csv"), "n,add_one\n1,2\n");
    // Once it is old it is removed.
    let stale = temporary(folder.path()).unwrap();
    let file = fs::File::options().write(true).open(&stale).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600))
        .unwrap();
    drop(file);
    run(&folder, "run kit.wasm:add_one in.csv -o out.csv").ends_with(0);
    assert_eq!(left(folder.path()), ["in.csv", "out.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_ignored_stays_ignored() {
    let folder = folder();
    write(&folder, "in.csv", "n\n13\n");
    for signal in ["HUP", "INT"] {
        let program = wudf_tests::program::program().display().to_string();
        let script = format!(
            "trap '' {signal}; exec {program} run kit.wasm:spins in.csv -o out.csv --on-error null --time-limit 2"
        );
        let mut child = wudf_tests::program::alone(&mut Command::new("sh"))
            .args(["-c", &script])
            .current_dir(folder.path())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while temporary(folder.path()).is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "{signal}");
            thread::sleep(Duration::from_millis(5));
        }
        send(&format!("-{signal}"), &child);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        assert_eq!(read(&folder, "out.csv"), "n,spins\n13,\n", "{signal}");
        fs::remove_file(folder.path().join("out.csv")).unwrap();
    }
}
