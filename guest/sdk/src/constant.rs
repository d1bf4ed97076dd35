//! Arguments that are bound to constants: one value for all rows.

use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::read::BLOCK;

/// Which value of a column belongs to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Values in the column; a call's rows where it is none of these.
    length: Option<usize>,
    /// What is left of a row's number.
    mask: usize,
}

impl Span {
    /// A value for each row.
    pub const ROWS: Self = Self {
        length: None,
        mask: usize::MAX,
    };
    /// One value for all.
    const ONE: Self = Self {
        length: Some(1),
        mask: 0,
    };
    /// One value, a block of times, so that it can be read in blocks as others are.
    const BLOCK: Self = Self {
        length: Some(BLOCK),
        mask: BLOCK - 1,
    };

    /// The column's length in a call of this many rows.
    pub fn length(self, rows: usize) -> usize {
        self.length.unwrap_or(rows)
    }

    /// Where the value for this row is.
    #[inline]
    pub fn at(self, row: usize) -> usize {
        row & self.mask
    }

    /// Whether the column may have blocks at all.
    #[inline]
    pub fn has_blocks(self) -> bool {
        self.mask != 0
    }
}

/// Says of each argument which value belongs to a row, and repeats constant numbers for
/// a block.
pub fn spans(schemas: &[Vec<Field>], constants: &[bool], arguments: &mut [Vec<Node>]) -> Vec<Span> {
    if !constants.contains(&true) {
        return vec![Span::ROWS; arguments.len()];
    }
    let pairs = arguments.iter_mut().zip(schemas).zip(constants);
    pairs
        .map(|((nodes, schema), constant)| match constant {
            false => Span::ROWS,
            true => {
                let repeated = match (nodes.as_mut_slice(), schema.as_slice()) {
                    ([node], [field]) => repeat(node, &field.format),
                    _ => false,
                };
                if repeated { Span::BLOCK } else { Span::ONE }
            }
        })
        .collect()
}

/// Repeats a node's only value, if it is of a fixed width.
fn repeat(node: &mut Node, format: &str) -> bool {
    let Some(width) = width(format) else {
        return false;
    };
    let [validity, values] = node.buffers.as_mut_slice() else {
        return false;
    };
    if node.length != 1 || values.len() < width {
        return false;
    }
    *values = values[..width].repeat(BLOCK);
    if !validity.is_empty() {
        let byte = if validity[0] & 1 == 1 { 0xff } else { 0 };
        *validity = vec![byte; BLOCK / 8];
    }
    node.length = BLOCK as u64;
    node.null_count *= BLOCK as u64;
    true
}

/// Bytes of a number of this format.
fn width(format: &str) -> Option<usize> {
    Some(match format {
        "c" | "C" => 1,
        "s" | "S" => 2,
        "i" | "I" | "f" | "tdD" => 4,
        "l" | "L" | "g" => 8,
        _ if format.starts_with("ts") => 8,
        _ => return None,
    })
}
