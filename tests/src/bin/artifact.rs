//! Says where a plugin's file is, for tests that are not in Rust:
//! `artifact kit`.

use std::process::ExitCode;

use wudf_artifacts::SHIPPED;
use wudf_fixtures::ALL;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match SHIPPED.iter().chain(ALL).find(|one| one.name == name) {
        Some(artifact) => {
            println!("{}", artifact.path);
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("there is no plugin `{name}`");
            ExitCode::from(2)
        }
    }
}
