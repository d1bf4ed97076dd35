//! Mixed load for as long as it is told: two tenants with limits of their own share a sandbox, eight threads call functions of
//! four plugins, two of which misbehave. Every answer is checked; memory is read each minute.
//!
//! ```text
//! soak [--minutes N] [--threads N]
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, StringArray};
use serde_json::json;
use wudf::{CallOptions, ErrorKind, Function, Limits, Output, Plugin, Session};
use wudf_benches::{Failure, number};
use wudf_fixtures::{KIT, LIAR, PLAIN, SLUG};

/// The row that functions of the kit misbehave in.
const UNLUCKY: i64 = 13;
const ROWS: usize = 200;

fn main() -> Result<(), Failure> {
    let (mut minutes, mut threads) = (1, 8);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--minutes" => minutes = number(&argument, arguments.next())?,
            "--threads" => threads = number(&argument, arguments.next())?,
            _ => return Err(format!("what is {argument}?").into()),
        }
    }

    let first = Session::builder().threads(2).limits(limits(64)).build()?;
    let second = first.runtime().session().threads(2).limits(limits(32));
    let second = second.build()?;
    let tenants = [Tenant::open(&first)?, Tenant::open(&second)?];
    let tally = Tally::default();
    // What the process has when nobody calls, after each minute.
    let mut memory = Vec::new();
    for minute in 1..=minutes {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (tenants, tally, over) = (&tenants, &tally, &over);
                scope.spawn(move || {
                    let mut turn = thread + minute;
                    while !over.load(Ordering::Relaxed) {
                        tenants[turn % 2].call(turn / 2, tally);
                        turn += 1;
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(60));
            over.store(true, Ordering::Relaxed);
        });
        let now = resident();
        memory.push(now);
        println!(
            "minute {minute}: {now} MiB, {} calls, {} rows failed as they should, {} cancelled, {} wrong",
            tally.calls.load(Ordering::Relaxed),
            tally.failed.load(Ordering::Relaxed),
            tally.cancelled.load(Ordering::Relaxed),
            tally.wrong.load(Ordering::Relaxed),
        );
    }
    let wrong = tally.wrong.load(Ordering::Relaxed);
    if let (Some(first), Some(last)) = (memory.first(), memory.last()) {
        println!("memory: {first} MiB after the first minute, {last} MiB at the end");
        if last * 100 > first * 105 {
            return Err("memory grew by more than 5 %".into());
        }
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(format!("{wrong} answers were wrong").into()),
    }
}

/// What one tenant's plugins may take, in MiB, and for how long.
fn limits(memory: usize) -> Limits {
    let mut limits = Limits::default();
    limits.memory = memory << 20;
    limits.call_time = Duration::from_secs(1);
    limits
}

#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    wrong: AtomicU64,
}

/// The functions of one tenant.
struct Tenant {
    /// `x + 1`.
    adds: Function,
    slug: Function,
    /// A plain plugin's: `x + 1`, row by row.
    plain: Function,
    /// Functions that give their argument, but misbehave in one row.
    misbehave: Vec<Function>,
    liar: Plugin,
}

impl Tenant {
    fn open(session: &Session) -> Result<Self, Failure> {
        let plugin = |name: &str, bytes: &[u8]| Plugin::from_bytes(session, name, bytes);
        let kit = plugin("kit", KIT.bytes)?;
        let open = |name: &str| kit.open(name, &json!({}));
        let names = ["fails", "panics", "spins", "hogs", "recurses"];
        let plain = plugin("plain", PLAIN.bytes)?;
        Ok(Self {
            adds: open("add_one")?,
            slug: plugin("slug", SLUG.bytes)?.open("slug", &json!({}))?,
            plain: plain.open("add_one", &json!({}))?,
            misbehave: names.map(open).into_iter().collect::<Result<_, _>>()?,
            liar: plugin("liar", LIAR.bytes)?,
        })
    }

    fn call(&self, turn: usize, tally: &Tally) {
        tally.calls.fetch_add(1, Ordering::Relaxed);
        let right: Result<(), Failure> = match turn % 6 {
            0 => self.adds(turn),
            1 => self.slugs(turn),
            2 => self.plain(turn),
            3 | 4 => self.misbehaves(turn / 6, tally),
            _ => self.lies(turn / 6, tally),
        };
        if let Err(what) = right {
            eprintln!("wrong: {what}");
            tally.wrong.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn adds(&self, turn: usize) -> Result<(), Failure> {
        let from = i64::try_from(turn)?;
        let output = self.adds.evaluate(&[ints(from)])?;
        holds(&output, |row| Some(from + row + 1))
    }

    fn plain(&self, turn: usize) -> Result<(), Failure> {
        let from = i64::try_from(turn)?;
        let output = self.plain.evaluate(&[ints(from)])?;
        holds(&output, |row| Some(from + row + 1))
    }

    fn slugs(&self, turn: usize) -> Result<(), Failure> {
        let titles = (0..ROWS).map(|row| format!("Hello World {turn} {row}"));
        let titles: ArrayRef = Arc::new(StringArray::from_iter_values(titles));
        let output = self.slug.evaluate(&[titles])?;
        let values = output.values.as_string::<i32>();
        let wrong = (0..ROWS).find(|row| values.value(*row) != format!("hello-world-{turn}-{row}"));
        match wrong {
            None => Ok(()),
            Some(row) => Err(format!("slug: row {row} of {output:?}").into()),
        }
    }

    /// One row misbehaves, all others are as they should be; every seventh such call is
    /// cancelled.
    fn misbehaves(&self, turn: usize, tally: &Tally) -> Result<(), Failure> {
        let function = &self.misbehave[turn % self.misbehave.len()];
        let hurried = turn.is_multiple_of(7);
        let options = match hurried {
            true => CallOptions::new().deadline(Instant::now() + Duration::from_millis(5)),
            false => CallOptions::new(),
        };
        let output = match function.evaluate_with(&[ints(0)], &options) {
            Err(error) if hurried && error.kind() == ErrorKind::Cancelled => {
                tally.cancelled.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            output => output?,
        };
        let failures = output.failures.len();
        tally.failed.fetch_add(failures as u64, Ordering::Relaxed);
        if failures != 1 {
            return Err(format!("{function:?}: {:?}", output.failures).into());
        }
        holds(&output, |row| (row != UNLUCKY).then_some(row))
    }

    /// A plugin that breaks the contract is an error, and none of the host's.
    fn lies(&self, turn: usize, tally: &Tally) -> Result<(), Failure> {
        let signatures = self.liar.signatures();
        let signature = signatures.get(turn % signatures.len().max(1));
        let signature = signature.ok_or("the liar has no functions")?;
        let arguments: Vec<ArrayRef> = signature.arguments.iter().map(|_| ints(0)).collect();
        let opened = self.liar.open(&signature.name, &json!({}));
        let failed = match opened.and_then(|function| function.evaluate(&arguments)) {
            Ok(output) => output.failures.len() as u64,
            Err(error) if error.kind() == ErrorKind::Sandbox => return Err(error.into()),
            Err(_) => 1,
        };
        tally.failed.fetch_add(failed, Ordering::Relaxed);
        Ok(())
    }
}

fn ints(from: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(from..from + ROWS as i64))
}

fn holds(output: &Output, wanted: impl Fn(i64) -> Option<i64>) -> Result<(), Failure> {
    let values = output.values.as_primitive::<Int64Type>();
    let rows = 0..ROWS as i64;
    if values.len() == ROWS && rows.zip(values.iter()).all(|(row, v)| v == wanted(row)) {
        return Ok(());
    }
    Err(format!("{:?}, {values:?}", output.failures).into())
}

/// What the process has in memory, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
