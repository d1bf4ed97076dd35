//! What the host grants and what it does not.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wudf_guest::{Model, Result, Tensor, UdfOptions, asset, fail, udf};

/// Writes to standard output and standard error.
#[udf(volatility = "volatile")]
pub fn prints(text: &str) -> bool {
    println!("out: {text}");
    eprintln!("err: {text}");
    true
}

/// What `std` says of the time, and a random number: `system`, `monotonic` and
/// `random`, each a number.
#[udf(volatility = "volatile")]
pub fn random_and_time() -> String {
    let system = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let start = Instant::now();
    // The keys of a hash map are the randomness that `std` asks for.
    let random = RandomState::new().build_hasher().finish();
    format!(
        "system={system} monotonic={} random={random}",
        start.elapsed().as_nanos()
    )
}

/// Tries to read a file, a directory, the environment and the arguments, and to
/// reach the network, and says what it found.
#[udf(volatility = "volatile")]
pub fn looks_around(path: &str) -> String {
    fn found<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
        match result {
            Ok(what) => format!("FOUND {what:?}"),
            Err(error) => format!("refused: {error}"),
        }
    }
    let env: Vec<_> = std::env::vars_os().collect();
    let args: Vec<_> = std::env::args_os().collect();
    [
        format!("file: {}", found(std::fs::read(path))),
        format!("write: {}", found(std::fs::write("wudf-was-here", "x"))),
        format!(
            "directory: {}",
            found(std::fs::read_dir("/").map(Iterator::count))
        ),
        format!("environment: {env:?}"),
        format!("arguments: {args:?}"),
        format!(
            "tcp: {}",
            found(std::net::TcpStream::connect("127.0.0.1:80").map(|_| ()))
        ),
        format!(
            "listen: {}",
            found(std::net::TcpListener::bind("127.0.0.1:0").map(|_| ()))
        ),
        format!(
            "udp: {}",
            found(std::net::UdpSocket::bind("127.0.0.1:0").map(|_| ()))
        ),
    ]
    .join("\n")
}

/// The name of the asset that [`asset_word`] reads.
const WORDS: &str = "words";

/// Lines of an asset.
#[derive(Debug)]
#[expect(
    non_camel_case_types,
    reason = "it is named like the functions beside it"
)]
pub struct asset_word {
    words: String,
}

/// The line of the asset `words` with this number, counted from 0.
#[udf(assets = ["words"])]
impl asset_word {
    fn open() -> Result<Self> {
        let words = String::from_utf8(asset::read(WORDS)?)?;
        Ok(Self { words })
    }

    fn line(&self, i: i64) -> Option<&str> {
        self.words.lines().nth(usize::try_from(i).ok()?)
    }
}

/// Which model, and how its input is shaped.
#[derive(Debug, UdfOptions)]
pub struct InferOptions {
    /// The model.
    #[option(default = "identity")]
    model: String,
    /// The input's name, which may be empty where the model has one.
    #[option(default)]
    input: String,
    /// The outputs wanted; the catalogue's if none are named.
    #[option(default)]
    outputs: Vec<String>,
    /// The input's dimensions; one row of what the argument has if none are
    /// given.
    #[option(default)]
    dims: Vec<u32>,
}

/// A model.
#[derive(Debug)]
#[expect(
    non_camel_case_types,
    reason = "it is named like the functions beside it"
)]
pub struct infer {
    model: Model,
    options: InferOptions,
}

/// The first output of a model.
#[udf]
impl infer {
    fn open(options: InferOptions) -> Result<Self> {
        let outputs: Vec<_> = options.outputs.iter().map(String::as_str).collect();
        let model = match outputs.as_slice() {
            [] => Model::by_name(&options.model)?,
            outputs => Model::by_name_with_outputs(&options.model, outputs)?,
        };
        Ok(Self { model, options })
    }

    fn models(options: &InferOptions) -> [&String; 1] {
        [&options.model]
    }

    fn extract(&mut self, x: &[f32]) -> Result<Vec<f32>> {
        let row = [1, x.len() as u32];
        let dims = if self.options.dims.is_empty() {
            &row[..]
        } else {
            &self.options.dims
        };
        let outputs = self
            .model
            .run(&[(&self.options.input, Tensor::new(dims, x))])?;
        match outputs.into_iter().next() {
            Some((_, first)) => Ok(first.into_vec()?),
            None => fail!("the model gave no output"),
        }
    }
}
