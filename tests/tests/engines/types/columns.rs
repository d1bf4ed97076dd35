//! A column for each type.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss
)]

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};
use wudf::cast::{Cast, cast_rows};

/// How many rows a column has. Row 4 is null.
pub const ROWS: usize = 9;
const NULL: usize = 4;

fn of(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// A value for each row but one.
fn rows<T>(value: impl Fn(usize) -> T) -> impl Iterator<Item = Option<T>> {
    (0..ROWS).map(move |i| (i != NULL).then(|| value(i)))
}

fn text(i: usize) -> &'static str {
    ["", "a", "é漢🦀", "a longer one, longer than a view holds"][i % 4]
}

/// The column for a function that takes `ty`; those named first are of another type, or
/// have values that `ty` has not.
pub fn column(name: &str, ty: &DataType) -> ArrayRef {
    match name {
        "zip" => of(StringViewArray::from_iter(rows(|i| format!("0050{i}")))),
        "permuted" => {
            let fields: Fields = ["lon", "lat", "alt"]
                .map(|name| Field::new(name, DataType::Float64, true))
                .to_vec()
                .into();
            let column = |offset| {
                of(Float64Array::from_iter_values(
                    (0..ROWS).map(|i| i as f64 + offset),
                ))
            };
            let nulls: NullBuffer = (0..ROWS).map(|i| i != NULL).collect();
            let columns = vec![column(0.25), column(100.5), column(1_000.0)];
            of(StructArray::new(fields, columns, Some(nulls)))
        }
        // Row 2 has a digit that microseconds have not.
        "nanoseconds" => of(TimestampNanosecondArray::from_iter(rows(|i| {
            1_700_000_000_000_001_000 + i64::from(i == 2)
        }))),
        "out_of_range" => of(Int64Array::from_iter(rows(|i| {
            if i == 2 { 1 << 40 } else { 7 }
        }))),
        "whole_numbers" => of(Float64Array::from_iter(rows(|i| {
            if i == 2 { 1.7 } else { i as f64 }
        }))),
        "money_as_float" | "money_as_text" => {
            let cents = Decimal128Array::from_iter(rows(|i| 110 + i as i128));
            of(cents.with_precision_and_scale(9, 2).unwrap())
        }
        // Row 2 has three items.
        "list_as_array" => of(ListArray::from_iter_primitive::<Float32Type, _, _>(rows(
            |i| vec![Some(0.5), None, Some(i as f32)][..if i == 2 { 3 } else { 2 }].to_vec(),
        ))),
        _ => typed(ty),
    }
}

/// What [`wudf::cast`] must make of the columns named first.
pub fn check(name: &str, cast: &Cast) {
    let failed: Vec<usize> = cast.failures.iter().map(|(row, _)| *row).collect();
    let fails = [
        "nanoseconds",
        "out_of_range",
        "whole_numbers",
        "list_as_array",
    ];
    let wanted: &[usize] = if fails.contains(&name) { &[2] } else { &[] };
    assert_eq!(failed, wanted, "{name}: {:?}", cast.failures);
    assert!(
        cast.values.is_null(NULL) && cast.values.is_valid(1),
        "{name}"
    );
    match name {
        "zip" => assert_eq!(cast.values.as_string::<i32>().value(1), "00501"),
        "permuted" => {
            let point = cast.values.as_struct();
            let lat = point
                .column_by_name("lat")
                .unwrap()
                .as_primitive::<Float64Type>();
            let lon = point
                .column_by_name("lon")
                .unwrap()
                .as_primitive::<Float64Type>();
            assert_eq!((lat.value(1), lon.value(1)), (101.5, 1.25));
        }
        "nanoseconds" => {
            let stamps = cast.values.as_primitive::<TimestampMicrosecondType>();
            assert_eq!(stamps.value(1), 1_700_000_000_000_001);
        }
        "money_as_text" => assert_eq!(cast.values.as_string::<i32>().value(1), "1.11"),
        "money_as_float" => {
            assert_eq!(cast.values.as_primitive::<Float64Type>().value(1), 1.11);
        }
        _ => {}
    }
}

/// Values of a type, some of them at its ends.
fn typed(ty: &DataType) -> ArrayRef {
    use DataType::*;
    let cast = |array: ArrayRef| {
        let cast = cast_rows(&array, ty).unwrap_or_else(|e| panic!("{ty}: {e}"));
        assert!(cast.failures.is_empty(), "{ty}: {:?}", cast.failures);
        cast.values
    };
    // The bits of integers as another type of their width.
    let bits = |array: ArrayRef| {
        let data = array.to_data().into_builder().data_type(ty.clone());
        make_array(data.build().unwrap())
    };
    match ty {
        Boolean => of(BooleanArray::from_iter(rows(|i| i % 3 == 0))),
        Int8 => of(Int8Array::from_iter(rows(|i| {
            if i == 0 { i8::MIN } else { i as i8 }
        }))),
        Int16 => of(Int16Array::from_iter(rows(|i| {
            if i == 0 { i16::MIN } else { i as i16 }
        }))),
        Int32 => of(Int32Array::from_iter(rows(|i| {
            if i == 0 { i32::MIN } else { i as i32 }
        }))),
        Int64 => of(Int64Array::from_iter(rows(|i| {
            if i == 0 { i64::MIN } else { i as i64 }
        }))),
        UInt8 => of(UInt8Array::from_iter(rows(|i| u8::MAX - i as u8))),
        UInt16 => of(UInt16Array::from_iter(rows(|i| u16::MAX - i as u16))),
        UInt32 => of(UInt32Array::from_iter(rows(|i| u32::MAX - i as u32))),
        UInt64 => of(UInt64Array::from_iter(rows(|i| u64::MAX - i as u64))),
        Float16 | Float32 | Float64 => {
            cast(of(Float64Array::from_iter(rows(|i| i as f64 / 4.0 - 1.0))))
        }
        Decimal128(precision, scale) => {
            let most = 10i128.pow(u32::from(*precision)) - 1;
            let decimals = Decimal128Array::from_iter(rows(|i| most - i as i128));
            of(decimals
                .with_precision_and_scale(*precision, *scale)
                .unwrap())
        }
        Utf8 | LargeUtf8 => cast(of(StringArray::from_iter(rows(text)))),
        Binary | LargeBinary => cast(of(BinaryArray::from_iter(rows(|i| vec![0xff; i % 5])))),
        FixedSizeBinary(4) => cast(of(BinaryArray::from_iter(rows(|i| [i as u8, 0, 255, 1])))),
        Date32 | Time32(_) => bits(of(Int32Array::from_iter(rows(|i| 3_600 * i as i32)))),
        Time64(_) | Duration(_) => bits(of(Int64Array::from_iter(rows(|i| 3_600_000 * i as i64)))),
        Timestamp(..) => bits(of(Int64Array::from_iter(rows(|i| {
            1_700_000_000 + 1_000_000 * i as i64
        })))),
        List(item) if item.data_type() == &Int32 => {
            of(ListArray::from_iter_primitive::<Int32Type, _, _>(rows(
                |i| {
                    (0..i % 3)
                        .map(|n| (n != 1).then_some(n as i32))
                        .collect::<Vec<_>>()
                },
            )))
        }
        LargeList(_) => {
            let mut lists = LargeListBuilder::new(StringBuilder::new());
            rows(|i| (0..i % 3).map(|n| Some(text(n))).collect::<Vec<_>>())
                .for_each(|row| lists.append_option(row));
            of(lists.finish())
        }
        FixedSizeList(_, 3) => of(
            FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
                rows(|i| [Some(i as f32), None, Some(0.5)]),
                3,
            ),
        ),
        Struct(fields) => {
            let columns: Vec<ArrayRef> = fields
                .iter()
                .map(|field| match field.is_nullable() {
                    true => typed(field.data_type()),
                    false => of(StringArray::from_iter_values((0..ROWS).map(text))),
                })
                .collect();
            let nulls: NullBuffer = (0..ROWS).map(|i| i != NULL).collect();
            of(StructArray::new(fields.clone(), columns, Some(nulls)))
        }
        List(item) => match item.data_type() {
            Struct(fields) => {
                let days = of(Date32Array::from_iter_values((0..ROWS).map(|i| i as i32)));
                let mut tags = ListBuilder::new(StringBuilder::new());
                (0..ROWS).for_each(|i| tags.append_value((0..i % 3).map(|n| Some(text(n)))));
                let tags = cast_rows(&of(tags.finish()), fields[1].data_type())
                    .unwrap()
                    .values;
                let columns = vec![days, tags];
                let items = StructArray::new(fields.clone(), columns, None);
                let lengths = (0..ROWS).map(|i| if i % 4 == 1 { 4 } else { usize::from(i == 2) });
                let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths);
                let nulls: NullBuffer = (0..ROWS).map(|i| i != NULL).collect();
                of(ListArray::new(
                    item.clone(),
                    offsets,
                    of(items),
                    Some(nulls),
                ))
            }
            _ => cast(of(ListArray::from_iter_primitive::<Float32Type, _, _>(
                rows(|i| vec![Some(i as f32)]),
            ))),
        },
        Map(..) => {
            let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
            for row in rows(|i| i % 3) {
                for n in 0..row.unwrap_or(0) {
                    maps.keys().append_value(format!("k{n}"));
                    maps.values().append_option((n != 1).then_some(n as i64));
                }
                maps.append(row.is_some()).unwrap();
            }
            of(maps.finish())
        }
        other => panic!("{other} has no column"),
    }
}
