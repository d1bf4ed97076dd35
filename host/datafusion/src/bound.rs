//! Functions with the constants of a query bound.

use std::sync::{Mutex, PoisonError};

use arrow_schema::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use wudf::Argument;
use wudf_adapter::Udf;

use crate::udf::external;

/// How many are kept. A query has a few, and each takes an instance.
const KEPT: usize = 16;

/// What was bound for earlier batches.
#[derive(Debug, Default)]
pub(crate) struct Bound(Mutex<Vec<(Vec<Key>, Udf)>>);

#[derive(Debug, PartialEq)]
enum Key {
    Constant(ScalarValue),
    Column(DataType),
}

impl Bound {
    /// The function with those of the arguments bound that are constants.
    pub(crate) fn to(&self, udf: &Udf, arguments: &[ColumnarValue]) -> Result<Udf> {
        let keys: Vec<_> = arguments
            .iter()
            .map(|argument| match argument {
                ColumnarValue::Scalar(value) => Key::Constant(value.clone()),
                ColumnarValue::Array(array) => Key::Column(array.data_type().clone()),
            })
            .collect();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bound)) = lock().iter().find(|(known, _)| *known == keys) {
            return Ok(bound.clone());
        }
        let name = |at: usize| {
            let field = udf.signature().argument(at);
            field.map_or("", |field| field.name())
        };
        let bound = keys.iter().enumerate().map(|(at, key)| {
            Ok(match key {
                Key::Constant(value) => Argument::constant(name(at), value.to_array()?),
                Key::Column(ty) => Argument::column(Field::new(name(at), ty.clone(), true)),
            })
        });
        let bound = udf
            .bind_arguments(&bound.collect::<Result<Vec<_>>>()?)
            .map_err(external)?;
        let mut kept = lock();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((keys, bound.clone()));
        Ok(bound)
    }
}
