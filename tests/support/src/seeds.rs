//! Inputs that fuzzing begins with, and those that it once found something by.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use crate::folders::repository;

/// The folder of a target's seeds.
pub fn seeds_of(target: &str) -> PathBuf {
    repository().join("fuzz/corpus").join(target)
}

/// Runs the body of a fuzz target over its seeds. It says of each whether it was taken.
///
/// # Panics
/// When the body does, or when all seeds are taken or none: then they are no longer
/// of the form that the body reads.
pub fn seeds(target: &str, body: impl Fn(&[u8]) -> bool) {
    let folder = seeds_of(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut taken = [0, 0];
    for file in files {
        let path = file.expect("the folder can be read").path();
        let input = fs::read(&path).expect("a seed can be read");
        match catch_unwind(AssertUnwindSafe(|| body(&input))) {
            Ok(is) => taken[usize::from(is)] += 1,
            Err(panic) => {
                eprintln!("the seed {}", path.display());
                resume_unwind(panic);
            }
        }
    }
    assert!(
        taken.iter().all(|count| *count > 0),
        "{target}: {taken:?} seeds were refused and taken"
    );
}
