//! What is fed with random bytes: what plugins say of types, and what they return.
//!
//! `fuzz/` runs these functions under libFuzzer, the test below over the seeds that it keeps.
//! Each says whether it took its input, and panics where a property does not hold.

use arrow_array::Array as _;
use arrow_schema::Field;

use super::schema::{self, ANY, FieldNode};
use super::size::RowSizes;
use super::{Returned, join, lift, lower, nulls};

/// Rows of a call, and bytes of its results.
const ROWS: u64 = 2_048;
const BYTES: usize = 16 << 20;

/// Reads a format string, with as many children as it takes.
pub fn format(input: &[u8]) -> bool {
    let Ok(format) = str::from_utf8(input) else {
        return false;
    };
    let node = |format: &str, name: &str, children| FieldNode {
        name: name.into(),
        format: format.into(),
        nullable: false,
        children,
        metadata: vec![],
    };
    let (key, value) = (node("u", "key", 0), node("l", "value", 0));
    let below = [
        vec![],
        vec![value.clone()],
        vec![node("+s", "entries", 2), key, value],
    ];
    let fields = below.into_iter().filter_map(|below| {
        let mut nodes = vec![node(format, "x", u32::from(!below.is_empty()))];
        nodes.extend(below);
        schema::field(&nodes).ok()
    });
    fields.inspect(check).count() > 0
}

/// Reads a schema, as [`nodes`] has it.
pub fn schema(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else {
        return false;
    };
    let field = schema::field(&nodes(text));
    field.as_ref().is_ok_and(|field| {
        check(field);
        true
    })
}

/// Lifts what follows a schema and a byte of 0: the number of rows, then nodes, each a length,
/// a number of nulls, a number of buffers and the buffers, each its length and its bytes.
pub fn lift(input: &[u8]) -> bool {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (text, rest) = (parts.next(), &mut parts.next().unwrap_or_default());
    let text = text.and_then(|text| str::from_utf8(text).ok());
    let Ok(field) = schema::field(&nodes(text.unwrap_or_default())) else {
        return false;
    };
    let rows = (number(rest) % (ROWS + 1)) as usize;
    // As before a batch runs.
    let room = schema::width(field.data_type()).saturating_mul(rows) <= BYTES;
    if *field.data_type() == ANY || !room {
        return false;
    }
    let mut returned = Vec::new();
    while !rest.is_empty() {
        returned.push(Returned {
            length: number(rest),
            null_count: number(rest),
            buffers: (0..number(rest) % 8).map(|_| bytes(rest)).collect(),
        });
    }
    let Ok(array) = lift::lift(&field, returned, rows) else {
        return false;
    };
    assert_eq!(array.len(), rows);
    assert_eq!(array.data_type(), field.data_type());
    let below = nulls::nullable_below(&field.with_nullable(true));
    let array = nulls::push_down(&array, below.data_type()).expect("nulls of structs");
    // More than a batch may return is refused here.
    if join::size(&array) > BYTES {
        return true;
    }
    array.to_data().validate_full().expect("a valid array");
    let nodes = lower::lower(&array).into_iter().map(|node| Returned {
        length: node.length,
        null_count: node.null_count,
        buffers: node.buffers.iter().map(|buffer| buffer.to_vec()).collect(),
    });
    let again = lift::lift(&below, nodes.collect(), rows);
    assert_eq!(&again.expect("what has been lifted once"), &array);
    let sizes = RowSizes::of(&array);
    let all = (0..rows).map(|row| sizes.row(row)).sum::<usize>();
    assert!(sizes.rows(0, rows).is_none_or(|sum| sum == all));
    if let Ok(twice) = join::join(&[array.clone(), array.clone()]) {
        assert_eq!(&twice.slice(rows, rows), &array);
    }
    true
}

/// What holds for every type that is taken.
fn check(field: &Field) {
    let ty = field.data_type();
    let shown = schema::display(ty);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    if *ty == ANY {
        return;
    }
    let nodes = schema::nodes(field).expect("a type that crosses");
    assert_eq!(schema::field(&nodes).as_ref(), Ok(field));
    assert_eq!(&schema::crossing(ty), ty);
    assert!(schema::nodes(&nulls::nullable_below(field)).is_ok());
}

/// A schema: a line for each field, parents before children, with tabs between its format,
/// the number of its children, `?` where it may be null, its name, and `KEY=VALUE`s.
fn nodes(text: &str) -> Vec<FieldNode> {
    let node = |line: &str| {
        let mut parts = line.split('\t');
        let mut next = || parts.next().unwrap_or_default();
        FieldNode {
            format: next().into(),
            children: next().parse().unwrap_or(0),
            nullable: next() == "?",
            name: next().into(),
            metadata: parts
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        }
    };
    text.lines().map(node).collect()
}

/// A byte, or eight bytes behind one of 255.
fn number(rest: &mut &[u8]) -> u64 {
    match rest.split_first() {
        None => 0,
        Some((255, tail)) => {
            let (head, tail) = tail.split_at(tail.len().min(8));
            *rest = tail;
            let mut number = [0; 8];
            number[..head.len()].copy_from_slice(head);
            u64::from_le_bytes(number)
        }
        Some((byte, tail)) => {
            *rest = tail;
            u64::from(*byte)
        }
    }
}

fn bytes(rest: &mut &[u8]) -> Vec<u8> {
    let length = usize::try_from(number(rest)).unwrap_or(usize::MAX);
    let (head, tail) = rest.split_at(length.min(rest.len()));
    *rest = tail;
    head.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Node;
    use crate::columns::tests::{KINDS, array};

    fn written(field: &Field) -> String {
        let line = |node: FieldNode| {
            let may_be_null = if node.nullable { "?" } else { "" };
            let pairs = node.metadata.iter().map(|(k, v)| format!("\t{k}={v}"));
            let (format, children, name) = (node.format, node.children, node.name);
            format!("{format}\t{children}\t{may_be_null}\t{name}") + &pairs.collect::<String>()
        };
        let lines = schema::nodes(field).unwrap().into_iter().map(line);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// As [`super::lift`] reads it.
    fn encoded(field: &Field, rows: u64, nodes: &[Node]) -> Vec<u8> {
        let number = |n: u64, to: &mut Vec<u8>| match u8::try_from(n) {
            Ok(byte) if byte < 255 => to.push(byte),
            _ => {
                to.push(255);
                to.extend(n.to_le_bytes());
            }
        };
        let mut to = written(field).into_bytes();
        to.push(0);
        number(rows, &mut to);
        for node in nodes {
            number(node.length, &mut to);
            number(node.null_count, &mut to);
            number(node.buffers.len() as u64, &mut to);
            for buffer in &node.buffers {
                number(buffer.len() as u64, &mut to);
                to.extend(buffer.as_slice());
            }
        }
        to
    }

    /// One of each type that the properties of columns are tested with.
    #[test]
    fn arrays_of_all_types_are_taken() {
        let values = vec![Some(7), None, Some(3), Some(0)];
        for kind in 0..KINDS {
            let array = array(kind, &values);
            let field = Field::new("x", array.data_type().clone(), true);
            assert!(schema(written(&field).as_bytes()), "{field}");
            let input = encoded(&field, 4, &lower::lower(&array));
            assert!(lift(&input), "{field}");
            let seeds = wudf_test_support::seeds_of("lift");
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(seeds.join(format!("type-{kind:02}")), input).unwrap();
            }
        }
    }

    #[test]
    fn seeds() {
        wudf_test_support::seeds("format", format);
        wudf_test_support::seeds("schema", schema);
        wudf_test_support::seeds("lift", lift);
    }
}
