//! The program `wudf`, from its start to its first row: what somebody at a terminal waits for, and every process of an engine.
//!
//! ```text
//! first_row [--rounds N] [--wudf PROGRAM]...
//! ```
//!
//! Starts the program that was built beside this bench, over one row, with a cache of its own that is warm. With `--wudf` it
//! starts others, each in turn: one build beside another.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wudf_benches::{Failure, Spread, record};
use wudf_fixtures::KIT;

/// One command line.
struct Case {
    what: &'static str,
    arguments: Vec<String>,
    /// To the first line, and to the end of the program.
    times: Vec<(Duration, Duration)>,
}

impl Case {
    fn new(what: &'static str, arguments: &[&str]) -> Self {
        Self {
            what,
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            times: Vec::new(),
        }
    }

    /// `wudf run` of a function over one input, to a pipe.
    fn run(what: &'static str, function: &str, input: &Path, more: &[&str]) -> Self {
        let input = input.to_string_lossy();
        let mut arguments = vec!["run", function, &input];
        arguments.extend(["--quiet", "-o", "-", "--output-format", "ndjson"]);
        arguments.extend(more);
        Self::new(what, &arguments)
    }
}

fn main() -> Result<(), Failure> {
    let (mut rounds, mut programs) = (30_usize, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--rounds" => rounds = value()?.parse::<usize>()?.max(1),
            "--wudf" => programs.push(PathBuf::from(value()?)),
            _ => return Err(format!("what is {argument}?").into()),
        }
    }
    if programs.is_empty() {
        programs.push(beside_this()?);
    }

    let folder = tempfile::tempdir()?;
    let number = folder.path().join("number.ndjson");
    std::fs::write(&number, "{\"x\":1}\n")?;
    let picture = folder.path().join("picture.jpg");
    let photos = wudf_benches::photos(None)?;
    std::fs::write(&picture, photos.first().ok_or("there is no photograph")?)?;
    let add_one = format!("{}:add_one", KIT.path);
    let tensor = "image-features:image_tensor";
    // A network of 5 kB: what remains is what any model pays. The real one shows what that leaves out.
    let tiny = ["--model", "resnet50=seeded:tiny", "--backend", "rten"];
    let resnet50 = ["--model", "resnet50=seeded:resnet50", "--backend", "rten"];
    let cases = || {
        [
            Case::new("wudf --version", &["--version"]),
            Case::run("a trivial plugin", &add_one, &number, &[]),
            Case::run("picture to tensor", tensor, &picture, &[]),
            Case::run(
                "picture to features, tiny",
                "image-features",
                &picture,
                &tiny,
            ),
            Case::run(
                "picture to features, resnet50",
                "image-features",
                &picture,
                &resnet50,
            ),
        ]
    };
    let mut measured: Vec<_> = programs.iter().map(|program| (program, cases())).collect();
    // The first round fills the caches, the second reads what it wrote.
    for round in 0..rounds + 2 {
        for (program, cases) in &mut measured {
            for case in cases {
                let times = start(program, case, folder.path())?;
                if round >= 2 {
                    case.times.push(times);
                }
            }
        }
    }

    for (program, cases) in measured {
        println!("{}, {rounds} rounds in turn:", program.display());
        for case in &cases {
            let of = |part: fn(&(Duration, Duration)) -> Duration| {
                let times = case.times.iter();
                Spread::of(times.map(|times| 1e3 * part(times).as_secs_f64()).collect())
            };
            let (first, end) = (of(|times| times.0)?, of(|times| times.1)?);
            println!(
                "{:<20} {:6.1} ms to the first row (quartiles {:.1} to {:.1}, fastest {:.1}), {:.1} to its end (fastest {:.1})",
                case.what, first.median, first.low, first.high, first.least, end.median, end.least
            );
            record("first_row", case.what, first.figure("ms"))?;
        }
    }
    Ok(())
}

/// The program of the build that this bench belongs to.
fn beside_this() -> Result<PathBuf, Failure> {
    let bench = std::env::current_exe()?;
    let folder = bench.ancestors().nth(2).ok_or("this bench is nowhere")?;
    let program = folder.join(format!("wudf{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        let program = program.display();
        return Err(format!("there is no {program}: cargo build --release --workspace").into());
    }
    Ok(program)
}

/// Starts the program: the time to its first line, and to its end.
fn start(program: &Path, case: &Case, folder: &Path) -> Result<(Duration, Duration), Failure> {
    // Neither the user's caches nor rules nor registries, nor what other benches want of the C library.
    let mut command = Command::new(program);
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA"] {
        command.env(variable, folder);
    }
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("WUDF_") || name.starts_with("MALLOC_") {
            command.env_remove(&variable);
        }
    }
    command
        .args(case.arguments.iter().map(OsStr::new))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let begin = Instant::now();
    let mut child = command.spawn()?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no pipe")?);
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line)?;
    let first = begin.elapsed();
    let more = stdout.read_to_end(&mut Vec::new())?;
    let status = child.wait()?;
    let end = begin.elapsed();
    if !status.success() || line.is_empty() || more > 0 {
        let (program, arguments) = (program.display(), case.arguments.join(" "));
        return Err(format!("not one row, {status}: {program} {arguments}").into());
    }
    Ok((first, end))
}
