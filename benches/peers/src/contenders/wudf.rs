//! wudf: columns in, a column out.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use serde_json::Value;
use wudf::{Cache, Plugin, Runtime};

use super::{Case, Columns, Contender, Prepared, Results};
use crate::Failure;

pub struct Wudf(Plugin);

impl Wudf {
    /// With the default limits, and the clock running that ends plugins.
    pub fn new(guest: &[u8]) -> Result<Self, Failure> {
        let runtime = Runtime::builder().cache(Cache::Off).build()?;
        let session = runtime.session().threads(1).build()?;
        Ok(Self(Plugin::from_bytes(&session, "guest", guest)?))
    }
}

impl Contender for Wudf {
    fn prepare<'a>(&'a self, case: &'a Case) -> Result<Prepared<'a>, Failure> {
        let columns = arrays(&case.columns);
        let open = || self.0.open(case.function, &Value::Null);
        if case.fresh {
            return Prepared::new(move || Ok(open()?.call(&columns)?), read);
        }
        let function = open()?;
        Prepared::new(move || Ok(function.call(&columns)?), read)
    }
}

/// The columns as arrays of the Arrow that wudf takes.
pub fn arrays(columns: &Columns) -> Vec<ArrayRef> {
    let numbers =
        |of: &[i64]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(of.iter().copied())) };
    match columns {
        Columns::Numbers(of) => vec![numbers(of)],
        Columns::Blobs(of) => vec![Arc::new(BinaryArray::from_iter_values(of))],
        Columns::Strings {
            strings,
            start,
            length,
        } => vec![
            Arc::new(StringArray::from_iter_values(strings)),
            numbers(start),
            numbers(length),
        ],
    }
}

/// The values of an array that has no nulls.
pub fn read(array: ArrayRef) -> Result<Results, Failure> {
    if array.null_count() > 0 {
        return Err("there are nulls".into());
    }
    if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
        return Ok(Results::Numbers(numbers.values().to_vec()));
    }
    let strings = array.as_string_opt::<i32>().ok_or("not strings")?;
    Ok(Results::Strings(
        strings.iter().flatten().map(str::to_owned).collect(),
    ))
}
