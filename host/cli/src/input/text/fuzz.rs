//! What is fed with random bytes: the types of columns of text.
//!
//! `fuzz/` runs these functions under libFuzzer, the test below over the seeds that it keeps.
//! Each says whether it took its input, and panics where a property does not hold. That
//! is a build of its own, which has [`kind`](super::kind) and [`shape`](super::shape) and nothing else of the program.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, StringArray};
use arrow_schema::DataType;

use super::kind::{Kinds, convert, name, named};
use super::shape::Shape;

/// Types a column of the input's lines, and makes values of them.
pub fn kinds(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else {
        return false;
    };
    let mut kinds = Kinds::default();
    // Empty texts are nulls, which are of any type.
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.for_each(|line| kinds.add(line));
    let ty = kinds.data_type();
    let texts: ArrayRef = Arc::new(StringArray::from(text.lines().collect::<Vec<_>>()));
    let values = convert(&texts, &ty).expect("a type that texts can be cast to");
    let values = values.expect("a type that holds all values");
    assert_eq!(values.data_type(), &ty);
    for (row, line) in text.lines().enumerate() {
        assert_eq!(
            values.is_null(row),
            line.is_empty() && ty != DataType::Utf8,
            "{line:?}"
        );
    }
    // Types are also what users declare: a value or a misfit.
    for declared in ["INT", "DOUBLE", "DATE", "TIMESTAMPTZ", "BOOLEAN"] {
        let declared = named(declared).expect("a type");
        let _ = name(&declared);
        let _ = convert(&texts, &declared).expect("a type that texts can be cast to");
    }
    ty != DataType::Utf8
}

/// Reads lines of JSON, and finds the columns that hold them.
pub fn shape(input: &[u8]) -> bool {
    let mut shape = Shape::default();
    // However a file is cut, it has the same columns.
    let mut joined = Shape::default();
    for (line, number) in input.split(|byte| *byte == b'\n').zip(1..) {
        let mut one = Shape::default();
        if shape.add(line, number).is_err() || one.add(line, number).is_err() {
            return false;
        }
        joined.merge(&one);
    }
    match (shape.columns(|_| false), joined.columns(|_| false)) {
        (Ok(columns), Ok(others)) => assert_eq!(columns, others),
        (columns, others) => assert_eq!(columns.is_err(), others.is_err()),
    }
    shape.columns(|_| true).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds() {
        wudf_test_support::seeds("kinds", kinds);
        wudf_test_support::seeds("shape", shape);
    }
}
