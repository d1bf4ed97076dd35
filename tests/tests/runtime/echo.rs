//! Every type goes in and comes out as it was.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int32Builder, ListBuilder, StringBuilder};
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use wudf_tests::host::{builder, kit, small};

const ROWS: usize = 40;

/// Row numbers, of which every fifth is null.
fn rows() -> impl Iterator<Item = Option<usize>> {
    (0..ROWS).map(|i| (i % 5 != 3).then_some(i))
}

fn text(i: usize) -> String {
    ["", "a", "é漢🦀", "a longer one, longer than a view holds"][i % 4].to_owned()
}

fn points(count: usize) -> StructArray {
    let mut tags = ListBuilder::new(StringBuilder::new());
    for i in 0..count {
        tags.append_value((0..i % 3).map(|n| Some(text(n))));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "name",
            Arc::new(StringArray::from_iter_values((0..count).map(text))),
        ),
        (
            "x",
            Arc::new(Float64Array::from_iter_values(
                (0..count).map(|i| i as f64 / 4.0),
            )),
        ),
        (
            "y",
            Arc::new(Float64Array::from_iter(
                (0..count).map(|i| (i % 3 != 1).then_some(i as f64)),
            )),
        ),
        ("tags", Arc::new(tags.finish())),
    ];
    let fields: Fields = columns
        .iter()
        .map(|(n, a)| Field::new(*n, a.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, a)| a).collect();
    let nulls: NullBuffer = (0..count).map(|i| i % 5 != 3).collect();
    StructArray::new(fields, columns, Some(nulls))
}

/// A column for the function of this name.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn column(name: &str) -> Option<ArrayRef> {
    macro_rules! numbers {
        ($array:ident, $ty:ty) => {
            Arc::new($array::from_iter(
                rows().map(|r| r.map(|i| <$ty>::MAX - i as $ty)),
            ))
        };
    }
    fn lists<T: ArrowPrimitiveType>(value: impl Fn(usize) -> Option<T::Native>) -> ArrayRef {
        let lists = rows().map(|r| r.map(|i| (0..i % 4).map(|n| value(i + n)).collect::<Vec<_>>()));
        Arc::new(ListArray::from_iter_primitive::<T, _, _>(lists))
    }
    Some(match name {
        "echo_bool" => Arc::new(BooleanArray::from_iter(
            rows().map(|r| r.map(|i| i % 3 == 0)),
        )),
        "echo_i8" => numbers!(Int8Array, i8),
        "echo_i16" => numbers!(Int16Array, i16),
        "echo_i32" => numbers!(Int32Array, i32),
        "echo_i64" | "echo_option" => numbers!(Int64Array, i64),
        "echo_u8" => numbers!(UInt8Array, u8),
        "echo_u16" => numbers!(UInt16Array, u16),
        "echo_u32" => numbers!(UInt32Array, u32),
        "echo_u64" => numbers!(UInt64Array, u64),
        "echo_f32" => Arc::new(Float32Array::from_iter(
            rows().map(|r| r.map(|i| -0.5 * i as f32)),
        )),
        "echo_f64" => Arc::new(Float64Array::from_iter(
            rows().map(|r| r.map(|i| 1.0 / i as f64)),
        )),
        "echo_string" | "echo_option_string" => {
            Arc::new(StringArray::from_iter(rows().map(|r| r.map(text))))
        }
        "echo_bytes" => Arc::new(BinaryArray::from_iter(
            rows().map(|r| r.map(|i| vec![0xff; i % 7])),
        )),
        "echo_date" => Arc::new(Date32Array::from_iter(
            rows().map(|r| r.map(|i| i as i32 * 1_000 - 9)),
        )),
        "echo_timestamp" => Arc::new(TimestampMicrosecondArray::from_iter(
            rows().map(|r| r.map(|i| i as i64 - 7)),
        )),
        "echo_timestamp_utc" => Arc::new(
            TimestampMicrosecondArray::from_iter(
                rows().map(|r| r.map(|i| i as i64 * 1_000_000_007)),
            )
            .with_timezone("UTC"),
        ),
        "echo_list" => lists::<Float32Type>(|i| Some(i as f32)),
        "echo_list_slice" => lists::<Float64Type>(|i| Some(i as f64)),
        "echo_list_option" => lists::<Int32Type>(|i| (i % 3 != 0).then_some(i as i32)),
        "echo_list_string" => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            rows().for_each(|r| lists.append_option(r.map(|i| (0..i % 4).map(|n| Some(text(n))))));
            Arc::new(lists.finish())
        }
        "echo_list_bool" => {
            let mut lists = ListBuilder::new(BooleanBuilder::new());
            rows().for_each(|r| {
                lists.append_option(r.map(|i| (0..i % 11).map(|n| Some(n % 3 == 1))))
            });
            Arc::new(lists.finish())
        }
        "echo_nested" => {
            let mut lists = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
            for row in rows() {
                for n in 0..row.unwrap_or(0) % 4 {
                    lists.values().append_value((0..n as i32).map(Some));
                }
                lists.append(row.is_some());
            }
            Arc::new(lists.finish())
        }
        "echo_array" => {
            let lists = rows().map(|r| r.map(|i| [0, 1, 2].map(|n| Some((i + n) as f32))));
            Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(lists, 3))
        }
        "echo_struct" => Arc::new(points(ROWS)),
        "echo_list_struct" => {
            let items = (0..ROWS).map(|i| i % 3);
            let offsets = OffsetBuffer::from_lengths(items.clone());
            // Whole structs only: a null one fails its row.
            let (fields, columns, _) = points(items.sum()).into_parts();
            let points = StructArray::new(fields, columns, None);
            let field = Arc::new(Field::new("item", points.data_type().clone(), true));
            let nulls = rows().map(|r| r.is_some()).collect();
            Arc::new(ListArray::new(
                field,
                offsets,
                Arc::new(points),
                Some(nulls),
            ))
        }
        _ => return None,
    })
}

#[test]
fn everything_comes_back() {
    let mut limits = small();
    limits.chunk_rows = 9;
    let session = builder().limits(limits).threads(2).build().unwrap();
    let kit = kit(&session);
    let mut echoes = 0;
    for signature in kit
        .signatures()
        .iter()
        .filter(|s| s.name.starts_with("echo_"))
    {
        let name = signature.name.as_str();
        let column = column(name).unwrap_or_else(|| panic!("no column for {name}"));
        let echo = kit.open(name, &serde_json::Value::Null).unwrap();
        for (from, len) in [
            (0, ROWS),
            (3, 21),
            (8, 8),
            (17, 1),
            (3, 1),
            (5, 0),
            (ROWS, 0),
        ] {
            let slice = column.slice(from, len);
            let output = echo.evaluate(std::slice::from_ref(&slice)).unwrap();
            assert!(output.failures.is_empty(), "{name}: {:?}", output.failures);
            assert_eq!(
                output.values.data_type(),
                signature.returns.data_type(),
                "{name}"
            );
            output.values.to_data().validate_full().unwrap();
            let wanted = arrow_cast::cast(&slice, output.values.data_type()).unwrap();
            assert_eq!(&output.values, &wanted, "{name} {from} {len}");
        }
        echoes += 1;
    }
    assert_eq!(echoes, 27);
}

#[test]
fn a_column_of_nulls_comes_back_as_nulls() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let kit = kit(&session);
    for name in [
        "echo_i64",
        "echo_string",
        "echo_nested",
        "echo_array",
        "echo_struct",
    ] {
        let echo = kit.open(name, &serde_json::Value::Null).unwrap();
        for nulls in [
            new_null_array(echo.signature().arguments[0].data_type(), 5),
            new_null_array(&DataType::Null, 5),
        ] {
            let values = echo.call(&[nulls]).unwrap();
            assert_eq!(
                (values.len(), values.logical_null_count()),
                (5, 5),
                "{name}"
            );
        }
    }
}
