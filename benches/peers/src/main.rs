//! What crossing the sandbox's wall costs in wudf and in other runtimes: the
//! same functions over the same columns, on one thread, in one process, in turn.
//!
//! `make bench-peers` builds the guests and starts this.

mod contenders;
mod measure;
mod results;
mod versions;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contenders::{ArrowUdf, Case, Columns, Contender, Extism, Prepared, Results, Wudf};
use measure::{Ratio, Times, Work, in_turn};

type Failure = Box<dyn std::error::Error>;

const ROWS: usize = 8_192;

const USAGE: &str = "usage: peers --guests FOLDER [--rounds N] [--case PART-OF-ITS-NAME]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let options = Options::read(std::env::args().skip(1))?;
    malloc_is_pinned()?;

    // Where cargo puts what it builds for these targets.
    let guest = |target: &str, name: &str| read(&options.guests, target, name);
    eprintln!("compiling the guests");
    let wudf = Wudf::new(&guest("wasm32-wasip2", "guest_wudf")?)?;
    let arrow_udf = ArrowUdf::new(&guest("wasm32-wasip1", "guest_arrow_udf")?)?;
    let extism = Extism::new(&guest("wasm32-unknown-unknown", "guest_extism")?)?;
    let contenders: [(&str, &dyn Contender); 3] = [
        ("wudf", &wudf),
        ("arrow-udf-runtime", &arrow_udf),
        ("extism", &extism),
    ];

    for (name, _) in contenders {
        let version = versions::of(name)?;
        println!("{version}");
        // wudf's own is that of the repository.
        if let Some((name, version)) = version.split_once(' ').filter(|(name, _)| *name != "wudf") {
            results::version(name, version)?;
        }
    }
    println!("\n| | wudf | arrow-udf-runtime | times wudf | extism | times wudf |");
    println!("|---|---|---|---|---|---|");
    let wanted = |case: &Case| {
        options
            .case
            .as_deref()
            .is_none_or(|part| case.name.contains(part))
    };
    for case in cases().into_iter().filter(wanted) {
        eprintln!("{}: {} rounds", case.name, options.rounds);
        let mut works: Vec<Work<'_>> = Vec::new();
        for (name, contender) in contenders {
            let Prepared { work, results } = contender
                .prepare(&case)
                .map_err(|error| format!("{name}, {}: {error}", case.name))?;
            if results != expected(&case) {
                return Err(format!("{name}, {}: the results are wrong", case.name).into());
            }
            works.push(work);
        }
        let times = in_turn(options.rounds, &mut works)?;
        let [wudf, arrow_udf, extism] = times.as_slice() else {
            return Err("not the times of three".into());
        };
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            case.name,
            show(wudf),
            show(arrow_udf),
            show_ratio(&arrow_udf.over(wudf)),
            show(extism),
            show_ratio(&extism.over(wudf)),
        );
        for ((name, _), times) in contenders.iter().zip(&times) {
            results::time(&format!("{}: {name}", case.name), times)?;
        }
        for ((name, _), times) in contenders.iter().zip(&times).skip(1) {
            results::ratio(&format!("{}: {name} / wudf", case.name), &times.over(wudf))?;
        }
    }
    println!(
        "\nMedian of {} rounds (fastest); how many times as long, median of the rounds (quarters; of the fastest rounds).",
        options.rounds
    );
    Ok(())
}

struct Options {
    guests: PathBuf,
    rounds: usize,
    case: Option<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let (mut guests, mut rounds, mut case) = (None, 60, None);
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            match argument.as_str() {
                "--guests" => guests = Some(value.into()),
                "--rounds" => rounds = value.parse()?,
                "--case" => case = Some(value),
                _ => return Err(USAGE.into()),
            }
        }
        if rounds == 0 {
            return Err("there is no median of no rounds".into());
        }
        let guests = guests.ok_or(USAGE)?;
        Ok(Self {
            guests,
            rounds,
            case,
        })
    }
}

/// glibc gives large blocks back to the kernel and takes them anew for each
/// call, unless it is told not to: then large columns measure page faults.
fn malloc_is_pinned() -> Result<(), Failure> {
    const VARIABLES: [&str; 2] = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"];
    if cfg!(target_env = "gnu")
        && let Some(unset) = VARIABLES.iter().find(|v| std::env::var_os(v).is_none())
    {
        return Err(format!(
            "{unset} is not set, and so the blobs would measure the kernel's page faults: \
             start this by `make bench-peers`, which sets it"
        )
        .into());
    }
    Ok(())
}

fn read(folder: &Path, target: &str, name: &str) -> Result<Vec<u8>, Failure> {
    let file = folder
        .join(target)
        .join("plugin")
        .join(name)
        .with_extension("wasm");
    std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn cases() -> Vec<Case> {
    let case = |name, function, columns| Case {
        name,
        function,
        columns,
        fresh: false,
    };
    let strings = || Columns::Strings {
        strings: (0..ROWS)
            .map(|i| format!("the string number {i}"))
            .collect(),
        start: vec![4; ROWS],
        length: vec![12; ROWS],
    };
    let numbers = |rows: i64| Columns::Numbers((0..rows).collect());
    vec![
        case("empty call, one row", "nothing", numbers(1)),
        case("`x + 1`, 8,192 i64", "add_one", numbers(ROWS as i64)),
        case(
            "length of 64 blobs of 150 kB",
            "blob_len",
            Columns::Blobs(vec![vec![7; 150_000]; 64]),
        ),
        case("`substr`, 8,192 strings, slices", "substr", strings()),
        case(
            "`substr`, 8,192 strings, new strings",
            "substr_owned",
            strings(),
        ),
        Case {
            fresh: true,
            ..case("a new instance and its first row", "nothing", numbers(1))
        },
    ]
}

/// What the functions give when they are called here.
fn expected(case: &Case) -> Results {
    match &case.columns {
        Columns::Numbers(numbers) => {
            let of = match case.function {
                "add_one" => functions::add_one,
                _ => functions::nothing,
            };
            Results::Numbers(numbers.iter().map(|&x| of(x)).collect())
        }
        Columns::Blobs(blobs) => {
            Results::Numbers(blobs.iter().map(|blob| functions::blob_len(blob)).collect())
        }
        Columns::Strings {
            strings,
            start,
            length,
        } => Results::Strings(
            strings
                .iter()
                .zip(start)
                .zip(length)
                .map(|((s, &start), &length)| functions::substr(s, start, length).to_owned())
                .collect(),
        ),
    }
}

fn show(times: &Times) -> String {
    format!("{} ({})", time(times.median()), time(times.fastest()))
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} us", s * 1e6),
        s => format!("{:.2} ms", s * 1e3),
    }
}

fn show_ratio(ratio: &Ratio) -> String {
    let Ratio {
        median,
        quarters: (low, high),
        fastest,
    } = ratio;
    format!("**{median:.2}** ({low:.2} to {high:.2}; {fastest:.2})")
}
