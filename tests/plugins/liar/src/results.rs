//! Lies about results.

use crate::bindings::exports::wudf::plugin::scalar::{Failure, Output};
use crate::bindings::wudf::plugin::arrow::{Node, Schema};
use crate::bindings::wudf::plugin::types::Problem;
use crate::{Lie, field, other};

/// What would be wrecked on a terminal that prints it.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}fake: all is well\0";

fn number() -> Schema {
    vec![field("", "l", 0)]
}
fn flag() -> Schema {
    vec![field("", "b", 0)]
}
fn text() -> Schema {
    vec![field("", "u", 0)]
}
fn list() -> Schema {
    vec![field("", "+l", 1), field("item", "l", 0)]
}
fn fixed() -> Schema {
    vec![field("", "+w:3", 1), field("item", "f", 0)]
}
fn record() -> Schema {
    vec![field("", "+s", 2), field("a", "l", 0), field("b", "u", 0)]
}
fn decimal() -> Schema {
    vec![field("", "d:3,1", 0)]
}
fn time() -> Schema {
    vec![field("", "ttu", 0)]
}
fn hash() -> Schema {
    vec![field("", "w:4", 0)]
}
fn map() -> Schema {
    let mut schema = vec![
        field("", "+m", 1),
        field("entries", "+s", 2),
        field("key", "l", 0),
        field("value", "l", 0),
    ];
    schema[1].nullable = false;
    schema[2].nullable = false;
    schema
}
fn strict() -> Schema {
    let mut schema = list();
    schema[1].nullable = false;
    schema
}

fn node(length: u64, null_count: u64, buffers: Vec<Vec<u8>>) -> Node {
    Node {
        length,
        null_count,
        buffers,
    }
}

/// `count` numbers, none null.
fn numbers(count: usize) -> Node {
    node(count as u64, 0, vec![vec![], vec![0; count * 8]])
}

/// One-byte values for the rows, under these offsets.
fn texts(rows: u32, offsets: impl Iterator<Item = i32>, values: Vec<u8>) -> Node {
    node(
        rows.into(),
        0,
        vec![vec![], offsets.flat_map(i32::to_le_bytes).collect(), values],
    )
}

/// Lists of one number each, under these offsets.
fn lists(rows: u32, offsets: impl Iterator<Item = i32>, items: usize) -> Vec<Node> {
    let offsets = offsets.flat_map(i32::to_le_bytes).collect();
    vec![node(rows.into(), 0, vec![vec![], offsets]), numbers(items)]
}

/// Maps of one entry each, `null` saying which node after the maps has a null: entries,
/// keys, values.
fn maps(rows: u32, step: i32, null: Option<usize>) -> Vec<Node> {
    let offsets = (0..=rows as i32).flat_map(|at| (at * step).to_le_bytes());
    let mut nodes = vec![
        node(rows.into(), 0, vec![vec![], offsets.collect()]),
        node(rows.into(), 0, vec![vec![]]),
        numbers(rows as usize),
        numbers(rows as usize),
    ];
    if let Some(null) = null {
        let mut bitmap = vec![0xff; rows.div_ceil(8) as usize];
        bitmap[0] = 0xfe;
        nodes[1 + null].null_count = 1;
        nodes[1 + null].buffers[0] = bitmap;
    }
    nodes
}

fn output(values: Vec<Node>) -> Result<Output, Problem> {
    Ok(Output {
        values,
        failures: vec![],
    })
}

/// Nulls in all rows, and these failures.
fn failures(rows: u32, failures: Vec<(u32, String)>) -> Result<Output, Problem> {
    let nulls = vec![0; rows.div_ceil(8) as usize];
    let values = vec![node(
        rows.into(),
        rows.into(),
        vec![nulls, vec![0; rows as usize * 8]],
    )];
    let failures = failures
        .into_iter()
        .map(|(row, message)| Failure {
            row,
            code: "invalid-input".to_owned(),
            message,
        })
        .collect();
    Ok(Output { values, failures })
}

macro_rules! lies {
    ($($name:ident $returns:ident |$rows:ident| $call:expr;)*) => {
        /// The lies about results.
        pub const LIES: &[Lie] = &[$(Lie {
            name: stringify!($name),
            returns: $returns,
            call: |$rows, _| $call,
        }),*];
    };
}

lies! {
    honest number |rows| output(vec![numbers(rows as usize)]);

    nodes_none number |_rows| output(vec![]);
    nodes_missing list |rows| output(lists(rows, 0..=rows as i32, rows as usize)[..1].to_vec());
    nodes_extra number |rows| output(vec![numbers(rows as usize), numbers(rows as usize)]);
    nodes_million number |rows| output(vec![numbers(rows as usize); 1_000_000]);
    buffers_none number |rows| output(vec![node(rows.into(), 0, vec![])]);
    buffers_missing number |rows| output(vec![node(rows.into(), 0, vec![vec![]])]);
    buffers_extra number |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![0; rows as usize * 8], vec![1]])]);
    buffers_million number |rows| output(vec![node(rows.into(), 0, vec![vec![]; 1_000_000])]);

    values_short number |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![0; rows as usize * 8 - 1]])]);
    values_empty number |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![]])]);
    flags_short flag |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![0; rows as usize / 8]])]);
    bitmap_short number |rows| output(vec![node(rows.into(), 1, vec![vec![0; rows as usize / 8], vec![0; rows as usize * 8]])]);

    null_count_high number |rows| output(vec![node(rows.into(), 1, vec![vec![0xff; rows.div_ceil(8) as usize], vec![0; rows as usize * 8]])]);
    null_count_low number |rows| output(vec![node(rows.into(), 1, vec![vec![0; rows.div_ceil(8) as usize], vec![0; rows as usize * 8]])]);
    null_count_zero number |rows| output(vec![node(rows.into(), 0, vec![vec![0; rows.div_ceil(8) as usize], vec![0; rows as usize * 8]])]);
    null_count_huge number |rows| output(vec![node(rows.into(), u64::MAX, vec![vec![0; rows.div_ceil(8) as usize], vec![0; rows as usize * 8]])]);
    nulls_without_bitmap number |rows| output(vec![node(rows.into(), 1, vec![vec![], vec![0; rows as usize * 8]])]);
    nulls_not_nullable strict |rows| {
        let mut nodes = lists(rows, 0..=rows as i32, rows as usize);
        nodes[1].null_count = rows.into();
        nodes[1].buffers[0] = vec![0; rows.div_ceil(8) as usize];
        output(nodes)
    };

    rows_more number |rows| output(vec![numbers(rows as usize + 1)]);
    rows_fewer number |rows| output(vec![numbers(rows as usize - 1)]);
    rows_none number |_rows| output(vec![numbers(0)]);
    length_huge number |rows| output(vec![node(u64::MAX, 0, vec![vec![], vec![0; rows as usize * 8]])]);
    length_overflows number |rows| output(vec![node(1 << 61, 0, vec![vec![], vec![0; rows as usize * 8]])]);
    item_length_huge list |rows| {
        let mut nodes = lists(rows, 0..=rows as i32, rows as usize);
        nodes[1].length = u64::MAX;
        output(nodes)
    };

    offsets_empty text |rows| output(vec![texts(rows, [].into_iter(), vec![b'x'; rows as usize])]);
    offsets_short text |rows| output(vec![texts(rows, 0..rows as i32, vec![b'x'; rows as usize])]);
    offsets_decreasing text |rows| output(vec![texts(rows, (0..=rows as i32).map(|at| if at == 0 { 0 } else { rows as i32 - at }), vec![b'x'; rows as usize])]);
    offsets_past_end text |rows| output(vec![texts(rows, (0..=rows as i32).map(|at| at * 2), vec![b'x'; rows as usize])]);
    offsets_huge text |rows| output(vec![texts(rows, (0..=rows as i32).map(|at| if at == 0 { 0 } else { i32::MAX }), vec![b'x'; rows as usize])]);
    offsets_negative text |rows| output(vec![texts(rows, (0..=rows as i32).map(|at| -at), vec![b'x'; rows as usize])]);
    offsets_not_from_zero text |rows| output(vec![texts(rows, 1..=rows as i32 + 1, vec![b'x'; rows as usize + 1])]);
    list_offsets_decreasing list |rows| output(lists(rows, (0..=rows as i32).map(|at| if at == 0 { 0 } else { rows as i32 - at }), rows as usize));
    list_offsets_past_end list |rows| output(lists(rows, (0..=rows as i32).map(|at| at * 2), rows as usize));
    list_offsets_negative list |rows| output(lists(rows, (0..=rows as i32).map(|at| -at), rows as usize));

    text_not_utf8 text |rows| output(vec![texts(rows, 0..=rows as i32, vec![0xff; rows as usize])]);
    // Whole it is UTF-8; every value is half a character.
    text_cut_characters text |rows| output(vec![texts(rows, 0..=rows as i32, "é".repeat(rows as usize / 2 + 1).into_bytes())]);

    items_short list |rows| output(lists(rows, 0..=rows as i32, rows as usize - 1));
    fixed_items_short fixed |rows| output(vec![node(rows.into(), 0, vec![vec![]]), node(u64::from(rows) * 3 - 1, 0, vec![vec![], vec![0; rows as usize * 12 - 4]])]);
    fixed_items_one_each fixed |rows| output(vec![node(rows.into(), 0, vec![vec![]]), node(rows.into(), 0, vec![vec![], vec![0; rows as usize * 4]])]);
    decimal_too_large decimal |rows| output(vec![node(rows.into(), 0, vec![vec![], 1_000i128.to_le_bytes().repeat(rows as usize)])]);
    time_of_two_days time |rows| output(vec![node(rows.into(), 0, vec![vec![], (2 * 86_400_000_000i64).to_le_bytes().repeat(rows as usize)])]);
    hash_short hash |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![0; rows as usize * 4 - 1]])]);
    map_honest map |rows| output(maps(rows, 1, Some(2)));
    map_null_entry map |rows| output(maps(rows, 1, Some(0)));
    map_null_key map |rows| output(maps(rows, 1, Some(1)));
    map_offsets_past_end map |rows| output(maps(rows, 2, None));
    map_offsets_negative map |rows| output(maps(rows, -1, None));
    fields_short record |rows| {
        let b = texts(rows - 1, 0..rows as i32, vec![b'x'; rows as usize]);
        output(vec![node(rows.into(), 0, vec![vec![]]), numbers(rows as usize), b])
    };

    failures_out_of_range number |rows| failures(rows, vec![(rows, "no such row".into())]);
    failures_far_out number |rows| failures(rows, vec![(u32::MAX, "no such row".into())]);
    failures_twice number |rows| failures(rows, vec![(0, "once".into()), (0, "twice".into())]);
    failures_descending number |rows| failures(rows, (0..rows).rev().map(|row| (row, "backwards".into())).collect());
    failures_too_many number |rows| failures(rows, (0..1_000_000).map(|row| (row % rows, String::new())).collect());
    failures_huge number |rows| failures(rows, vec![(0, "x".repeat(64 << 20))]);
    failures_all_large number |rows| failures(rows, (0..rows).map(|row| (row, "x".repeat(1 << 16))).collect());
    failures_escapes number |rows| failures(rows, vec![(0, ESCAPES.into())]);
    failures_with_values number |rows| Ok(Output {
        values: vec![numbers(rows as usize)],
        failures: vec![Failure {
            row: 0,
            code: "invalid-input".into(),
            message: "it failed and has a value".into(),
        }],
    });

    error_escapes number |_rows| Err(other(ESCAPES));
    error_huge number |_rows| Err(other("x".repeat(64 << 20)));
    error_empty number |_rows| Err(other(""));
    output_huge number |rows| output(vec![node(rows.into(), 0, vec![vec![], vec![0; 1 << 30]])]);
    traps number |_rows| panic!("{ESCAPES}");
}
