//! Who is compared, and with what.

mod arrow_udf;
mod extism;
mod wudf;

use std::hint::black_box;

pub use arrow_udf::ArrowUdf;
pub use extism::Extism;
pub use wudf::Wudf;

use crate::Failure;
use crate::measure::Work;

/// One thing to compute. All have it in memory before the clock starts, as the
/// columns of the Arrow that they take.
pub struct Case {
    pub name: &'static str,
    pub function: &'static str,
    pub columns: Columns,
    /// Whether each call is the first one of a new instance.
    pub fresh: bool,
}

/// What a function gets.
pub enum Columns {
    Numbers(Vec<i64>),
    Blobs(Vec<Vec<u8>>),
    Strings {
        strings: Vec<String>,
        start: Vec<i64>,
        length: Vec<i64>,
    },
}

/// What a function gives, in plain values, so that it can be compared.
#[derive(Debug, PartialEq)]
pub enum Results {
    Numbers(Vec<i64>),
    Strings(Vec<String>),
}

/// A contender that is ready for a case, and has computed it once.
pub struct Prepared<'a> {
    pub work: Work<'a>,
    pub results: Results,
}

impl<'a> Prepared<'a> {
    /// From a call, and from how its results are read.
    fn new<A>(
        mut call: impl FnMut() -> Result<A, Failure> + 'a,
        read: impl FnOnce(A) -> Result<Results, Failure>,
    ) -> Result<Self, Failure> {
        let results = read(call()?)?;
        let work = Box::new(move || {
            black_box(call()?);
            Ok(())
        });
        Ok(Self { work, results })
    }
}

/// A runtime with the guest compiled.
pub trait Contender {
    fn prepare<'a>(&'a self, case: &'a Case) -> Result<Prepared<'a>, Failure>;
}
