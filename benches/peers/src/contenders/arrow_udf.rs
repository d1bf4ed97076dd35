//! arrow-udf-runtime: a record batch in, a record batch out, by Arrow IPC.

use std::sync::Arc;

use arrow_array_58::cast::AsArray as _;
use arrow_array_58::types::Int64Type;
use arrow_array_58::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_schema_58::DataType;
use arrow_udf_runtime::wasm::Runtime;

use super::{Case, Columns, Contender, Prepared, Results};
use crate::Failure;

pub struct ArrowUdf(Runtime);

impl ArrowUdf {
    /// With its defaults: no limits, and no clock.
    pub fn new(guest: &[u8]) -> Result<Self, Failure> {
        Ok(Self(Runtime::new(guest)?))
    }
}

impl Contender for ArrowUdf {
    fn prepare<'a>(&'a self, case: &'a Case) -> Result<Prepared<'a>, Failure> {
        let batch = batch(&case.columns)?;
        let returns = match case.columns {
            Columns::Numbers(_) | Columns::Blobs(_) => DataType::Int64,
            Columns::Strings { .. } => DataType::Utf8,
        };
        let schema = batch.schema();
        let types = schema.fields().iter().map(|f| f.data_type().clone());
        let function = self
            .0
            .find_function(case.function, types.collect::<Vec<_>>(), returns)?;
        if case.fresh {
            // A clone has the compiled module and no instance, and its first
            // call makes one.
            let call = move || Ok(self.0.clone().call(&function, &batch)?);
            return Prepared::new(call, read);
        }
        Prepared::new(move || Ok(self.0.call(&function, &batch)?), read)
    }
}

fn batch(columns: &Columns) -> Result<RecordBatch, Failure> {
    let numbers =
        |of: &[i64]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(of.iter().copied())) };
    let columns = match columns {
        Columns::Numbers(of) => vec![("x", numbers(of))],
        Columns::Blobs(of) => {
            let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values(of));
            vec![("blob", blobs)]
        }
        Columns::Strings {
            strings,
            start,
            length,
        } => {
            let strings: ArrayRef = Arc::new(StringArray::from_iter_values(strings));
            vec![
                ("s", strings),
                ("start", numbers(start)),
                ("length", numbers(length)),
            ]
        }
    };
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn read(batch: RecordBatch) -> Result<Results, Failure> {
    let array = batch.column(0);
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
