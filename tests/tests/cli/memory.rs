//! Memory stays flat, whatever the size of input and output.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Read as _;
use std::thread;
use std::time::Duration;

use arrow_array::builder::BinaryBuilder;
use tempfile::TempDir;
use wudf_tests::program::{alone, program, wudf};
use wudf_tests::tables::{arc, read_parquet, table, write_parquet};

use super::{folder, write};

const MIB: u64 = 1 << 20;

/// The most memory that a process has had so far; none when it is over.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().unwrap();
    Some(kib * 1024)
}

#[test]
fn a_large_table_takes_little_memory() {
    let folder = folder();
    let mut peaks = Vec::new();
    for rows in [1500, 9000] {
        let size = write_blobs(&folder, rows);
        let line = "run kit.wasm:blob_len in.parquet -o out.parquet --drop content --threads 2";
        let most = peak_of(&folder, line);
        let found = read_parquet(&folder.path().join("out.parquet"));
        assert_eq!(found.num_rows(), rows);
        peaks.push((most, size));
    }
    assert!(peaks[1].1 > 850 * MIB, "{peaks:?}");
    assert_bounded(&peaks);
}

/// Writes a table of 100 kB a row, which nothing compresses; gives the file's size.
fn write_blobs(folder: &TempDir, rows: usize) -> u64 {
    const BYTES: usize = 100_000;
    let mut state = 1_u64;
    let mut blobs = BinaryBuilder::with_capacity(rows, rows * BYTES);
    for _ in 0..rows {
        let blob: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 32).to_le_bytes()
        })
        .take(BYTES / 8)
        .flatten()
        .collect();
        blobs.append_value(blob);
    }
    let input = folder.path().join("in.parquet");
    write_parquet(&input, &table([("content", arc(blobs.finish()))]));
    fs::metadata(&input).unwrap().len()
}

#[test]
fn large_values_take_little_memory() {
    let folder = folder();
    let peaks = [300, 1200].map(|rows| {
        // Each row becomes a mebibyte.
        let text = format!("bytes\n{}", "1048576\n".repeat(rows));
        write(&folder, "in.csv", &text);
        let line =
            "run kit.wasm:big_output in.csv -o /dev/null --output-format arrow-stream --threads 2";
        (peak_of(&folder, line), rows as u64 * MIB)
    });
    assert_bounded(&peaks);
}

/// Runs the program to its end, and says how much memory it took at most.
fn peak_of(folder: &TempDir, line: &str) -> u64 {
    let mut child = wudf(folder.path(), line.split(' ')).start();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak(child.id()).unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    let mut talk = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut talk).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{talk}");
    most
}

/// Checks peaks of memory, each with the size of its data: the last is well below it, and they do not grow with it.
#[track_caller]
fn assert_bounded(peaks: &[(u64, u64)]) {
    for (most, size) in peaks {
        let measured = format!("{} MiB for {} MiB of data", most / MIB, size / MIB);
        eprintln!("peak: {measured}");
        // Less would be a sign that nothing was measured.
        assert!(*most > 16 * MIB, "{measured}");
    }
    let (first, last) = (peaks[0], peaks[peaks.len() - 1]);
    assert!(last.0 < last.1 / 2, "{peaks:?}");
    // How many batches are on their way at one time, up to a bound, and what the allocator keeps move a peak by some
    // 50 MiB from run to run: several times the data may take that, and no more than a tenth of what was added.
    assert!(last.1 >= first.1 * 39 / 10, "{peaks:?}");
    let added = last.1 - first.1;
    assert!(last.0 < first.0 + added / 10, "{peaks:?}");
}

/// Where a process may not reserve terabytes of address space, instances are allocated one
/// by one.
#[test]
fn address_space_may_be_limited() {
    let folder = folder();
    write(&folder, "in.csv", "n\n1\n2\n");
    for kilobytes in [16_000_000, 3_000_000] {
        let mut command = std::process::Command::new("/bin/sh");
        let line = "ulimit -v \"$1\" && exec \"$2\" run kit.wasm:add_one in.csv --threads 2";
        command.args(["-c", line, "sh", &kilobytes.to_string()]);
        command.arg(program()).current_dir(folder.path());
        let output = alone(&mut command).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kilobytes}: {talk}");
        let rows = String::from_utf8_lossy(&output.stdout);
        assert!(rows.contains("| 2 | 3 "), "{rows}");
    }
}
