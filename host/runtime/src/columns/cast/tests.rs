//! The rule, pair by pair, and properties that hold for all of them.

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::columns::tests::arrays;

fn of(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn timestamp(unit: TimeUnit, zone: Option<&str>) -> DataType {
    DataType::Timestamp(unit, zone.map(Into::into))
}

fn decimal(values: &[i128], precision: u8, scale: i8) -> ArrayRef {
    let array = Decimal128Array::from_iter_values(values.iter().copied());
    of(array.with_precision_and_scale(precision, scale).unwrap())
}

/// What comes of each value: its text, or `!` and why it failed.
fn cast(array: &ArrayRef, to: &DataType) -> Vec<String> {
    let cast = cast_rows(array, to).unwrap();
    assert!(
        rule::same(cast.values.data_type(), to),
        "{to}: {}",
        cast.values.data_type()
    );
    assert_eq!(cast.values.len(), array.len());
    cast.values.to_data().validate_full().unwrap();
    let mut values: Vec<String> = (0..array.len())
        .map(|i| match cast.values.is_null(i) {
            true => "null".into(),
            false => arrow_cast::display::array_value_to_string(&cast.values, i).unwrap(),
        })
        .collect();
    for (row, why) in cast.failures {
        assert_eq!(values[row], "null", "a failed row has no value");
        values[row] = format!("! {why}");
    }
    values
}

#[test]
fn integers_change_their_width_checked() {
    let numbers = of(Int64Array::from(vec![
        Some(1),
        None,
        Some(-1),
        Some(300),
        Some(i64::MAX),
    ]));
    assert_eq!(
        cast(&numbers, &DataType::UInt8),
        [
            "1",
            "null",
            "! -1 does not fit uint8",
            "! 300 does not fit uint8",
            "! 9223372036854775807 does not fit uint8"
        ]
    );
    let large = of(UInt64Array::from(vec![u64::MAX, 7]));
    assert_eq!(
        cast(&large, &DataType::Int64),
        ["! 18446744073709551615 does not fit int64", "7"]
    );
    assert_eq!(
        cast(&of(Int8Array::from(vec![-7])), &DataType::Int64),
        ["-7"]
    );
}

#[test]
fn integers_become_floats_exactly_or_not_at_all() {
    let numbers = of(Int64Array::from(vec![1 << 53, (1 << 53) + 1, i64::MAX]));
    assert_eq!(
        cast(&numbers, &DataType::Float64),
        [
            "9007199254740992.0",
            "! 9007199254740993 cannot be represented exactly as float64",
            "! 9223372036854775807 cannot be represented exactly as float64"
        ]
    );
    let numbers = of(Int32Array::from(vec![1 << 24, (1 << 24) + 1]));
    assert_eq!(
        cast(&numbers, &DataType::Float32),
        [
            "16777216.0",
            "! 16777217 cannot be represented exactly as float32"
        ]
    );
    let numbers = of(Int16Array::from(vec![2048, 2049]));
    assert_eq!(
        cast(&numbers, &DataType::Float16),
        ["2048", "! 2049 cannot be represented exactly as float16"]
    );
}

#[test]
fn floats_become_integers_only_if_they_are_whole() {
    let numbers = of(Float64Array::from(vec![
        2.0,
        1.7,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        1e300,
    ]));
    assert_eq!(
        cast(&numbers, &DataType::Int32),
        [
            "2",
            "! 1.7 does not fit int32",
            "0",
            "! NaN does not fit int32",
            "! inf does not fit int32",
            "! 1e300 does not fit int32"
        ]
    );
    let wide = of(Float64Array::from(vec![0.1, 1e300, f64::INFINITY]));
    assert_eq!(
        cast(&wide, &DataType::Float32),
        ["0.1", "! 1e300 does not fit float32", "inf"]
    );
    assert_eq!(
        cast(&wide, &DataType::Float16)[1..],
        ["! 1e300 does not fit float16", "inf"]
    );
}

#[test]
fn decimals_become_numbers_and_text() {
    let money = decimal(&[110, -50, 12_345_600], 9, 2);
    assert_eq!(
        cast(&money, &DataType::Float64),
        ["1.1", "-0.5", "123456.0"]
    );
    assert_eq!(
        cast(&money, &DataType::Utf8),
        ["1.10", "-0.50", "123456.00"]
    );
    assert_eq!(
        cast(&money, &DataType::Int32),
        [
            "! 1.10 does not fit int32",
            "! -0.50 does not fit int32",
            "123456"
        ]
    );
    assert_eq!(
        cast(&money, &DataType::Decimal128(5, 1)),
        ["1.1", "-0.5", "! 123456.00 does not fit decimal<5, 1>"]
    );
    assert_eq!(
        cast(&decimal(&[111], 9, 2), &DataType::Decimal128(9, 1)),
        ["! 1.11 does not fit decimal<9, 1>"]
    );
    // The nearest float, whatever the number of digits.
    let long = decimal(
        &[10_000_000_000_000_000_055_511_151_231_257_827_021],
        38,
        38,
    );
    assert_eq!(cast(&long, &DataType::Float64), ["0.1"]);
    let floats = of(Float64Array::from(vec![1.1, 0.125, f64::NAN, 1e12]));
    assert_eq!(
        cast(&floats, &DataType::Decimal128(9, 2)),
        [
            "1.10",
            "! 0.125 does not fit decimal<9, 2>",
            "! NaN does not fit decimal<9, 2>",
            "! 1000000000000.0 does not fit decimal<9, 2>"
        ]
    );
    let floats = of(Float32Array::from(vec![1.1]));
    assert_eq!(cast(&floats, &DataType::Decimal128(9, 2)), ["1.10"]);
    let numbers = of(Int64Array::from(vec![5, 12_345_678]));
    assert_eq!(
        cast(&numbers, &DataType::Decimal128(9, 2)),
        ["5.00", "! 12345678 does not fit decimal<9, 2>"]
    );
}

#[test]
fn text_is_text_and_numbers_are_numbers() {
    let no = [
        (DataType::Utf8, DataType::Int64),
        (DataType::Int64, DataType::Utf8),
        (DataType::Float64, DataType::Utf8),
        (DataType::Utf8, DataType::Float64),
        (DataType::Utf8, DataType::Decimal128(9, 2)),
        (DataType::Binary, DataType::Utf8),
        (DataType::Boolean, DataType::Int64),
        (DataType::Int64, DataType::Boolean),
        (DataType::Int64, DataType::new_list(DataType::Int64, true)),
        (DataType::Int64, timestamp(TimeUnit::Second, None)),
        (DataType::Date32, DataType::Int32),
        (DataType::Utf8, DataType::FixedSizeBinary(4)),
        (
            timestamp(TimeUnit::Second, None),
            timestamp(TimeUnit::Second, Some("UTC")),
        ),
        (
            timestamp(TimeUnit::Second, Some("UTC")),
            timestamp(TimeUnit::Second, None),
        ),
        (timestamp(TimeUnit::Second, Some("UTC")), DataType::Date32),
    ];
    for (from, to) in no {
        assert!(!can_cast(&from, &to), "{from} to {to}");
    }
    let zips = of(StringViewArray::from(vec![
        "00501",
        "a longer text than a view holds",
    ]));
    assert_eq!(cast(&zips, &DataType::Utf8)[0], "00501");
    let error = conversion(
        &timestamp(TimeUnit::Second, None),
        &timestamp(TimeUnit::Second, Some("UTC")),
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("the argument has a time zone"),
        "{message}"
    );
}

#[test]
fn text_and_binary_change_their_layout() {
    let texts = vec![
        Some("a"),
        None,
        Some("é漢🦀"),
        Some("a longer text than a view holds"),
        Some(""),
    ];
    let same = ["a", "null", "é漢🦀", "a longer text than a view holds", ""];
    let all: [ArrayRef; 5] = [
        of(StringArray::from(texts.clone())),
        of(LargeStringArray::from(texts.clone())),
        of(StringViewArray::from(texts.clone())),
        of(texts
            .iter()
            .copied()
            .collect::<DictionaryArray<Int32Type>>()),
        of(RunArray::<Int32Type>::try_new(
            &Int32Array::from_iter_values(1..=5),
            &StringArray::from(texts),
        )
        .unwrap()),
    ];
    for array in &all {
        for to in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
            assert_eq!(cast(array, &to), same, "{} to {to}", array.data_type());
            assert_eq!(
                cast(&array.slice(2, 2), &to),
                same[2..4],
                "{} to {to}",
                array.data_type()
            );
        }
        for to in [
            DataType::Binary,
            DataType::LargeBinary,
            DataType::BinaryView,
        ] {
            assert_eq!(cast(array, &to)[0], "61", "{} to {to}", array.data_type());
        }
    }
    let bytes = of(BinaryArray::from(vec![
        Some(&b"ab"[..]),
        None,
        Some(b"abc"),
    ]));
    assert_eq!(
        cast(&bytes, &DataType::FixedSizeBinary(2)),
        ["6162", "null", "! 3 bytes where there must be 2"]
    );
    let fixed = cast_rows(&bytes, &DataType::FixedSizeBinary(2))
        .unwrap()
        .values;
    assert_eq!(cast(&fixed, &DataType::Binary), ["6162", "null", "null"]);
}

/// A chunk of a column with more than 2 GiB before it.
#[test]
fn large_offsets_are_counted_from_the_slice() {
    let far = i64::from(i32::MAX);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, far + 5, far + 6, far + 8]));
    // Nothing but the last bytes is ever touched.
    let values = arrow_buffer::Buffer::from_vec(vec![b'x'; usize::try_from(far).unwrap() + 8]);
    let array = of(LargeBinaryArray::new(offsets, values, None));
    assert_eq!(cast(&array.slice(1, 2), &DataType::Binary), ["78", "7878"]);
}

#[test]
fn timestamps_lose_no_digits() {
    let ns = TimestampNanosecondArray::from(vec![Some(1_000), Some(1_001), None]);
    assert_eq!(
        cast(&of(ns.clone()), &timestamp(TimeUnit::Microsecond, None)),
        [
            "1970-01-01T00:00:00.000001",
            "! 1970-01-01T00:00:00.000001001 cannot be represented exactly as timestamp<us>",
            "null"
        ]
    );
    let zoned = of(ns.with_timezone("+01:00"));
    assert_eq!(
        cast(&zoned, &timestamp(TimeUnit::Nanosecond, Some("+00:00")))[0],
        "1970-01-01T00:00:00.000001Z"
    );
    let far = of(TimestampSecondArray::from(vec![i64::MAX / 1_000, 3]));
    let cast_far = cast(&far, &timestamp(TimeUnit::Nanosecond, None));
    assert!(
        cast_far[0].starts_with('!') && cast_far[1] == "1970-01-01T00:00:03",
        "{cast_far:?}"
    );
    let dates = of(Date64Array::from(vec![86_400_000, 86_400_001]));
    let cast_dates = cast(&dates, &DataType::Date32);
    assert!(
        cast_dates[0] == "1970-01-02" && cast_dates[1].starts_with('!'),
        "{cast_dates:?}"
    );
    let midnight = of(TimestampNanosecondArray::from(vec![86_400_000_000_000, 1]));
    let cast_midnight = cast(&midnight, &DataType::Date32);
    assert!(cast_midnight[0] == "1970-01-02" && cast_midnight[1].starts_with('!'));
    assert_eq!(
        cast(
            &of(Date32Array::from(vec![1])),
            &timestamp(TimeUnit::Microsecond, None)
        ),
        ["1970-01-02T00:00:00"]
    );
    let times = of(Time64NanosecondArray::from(vec![1_000_000_000, 1]));
    let cast_times = cast(&times, &DataType::Time32(TimeUnit::Second));
    assert!(
        cast_times[0] == "00:00:01" && cast_times[1].starts_with('!'),
        "{cast_times:?}"
    );
    let durations = of(DurationSecondArray::from(vec![2, i64::MAX]));
    let cast_durations = cast(&durations, &DataType::Duration(TimeUnit::Nanosecond));
    assert!(!cast_durations[0].starts_with('!') && cast_durations[1].starts_with('!'));
}

#[test]
fn text_is_parsed_as_dates_and_times() {
    let text = |values: &[&str]| of(StringArray::from(values.to_vec()));
    let dates = text(&["2026-01-31", "2026-01-31T12:00:00", "31.1.2026", ""]);
    let cast_dates = cast(&dates, &DataType::Date32);
    assert_eq!(cast_dates[0], "2026-01-31");
    assert!(
        cast_dates[1..].iter().all(|d| d.starts_with("! `")),
        "{cast_dates:?}"
    );
    let stamps = text(&[
        "2026-01-31T12:30:00.000001",
        "2026-01-31T12:30:00.000000001",
        "2026-01-31T12:30:00.0000010001",
        "2026-01-31T12:30:00Z",
        "2026-01-31 12:30:00",
    ]);
    let naive = cast(&stamps, &timestamp(TimeUnit::Microsecond, None));
    assert_eq!(
        (&*naive[0], &*naive[4]),
        ("2026-01-31T12:30:00.000001", "2026-01-31T12:30:00")
    );
    assert!(
        naive[1..4].iter().all(|t| t.starts_with("! `")),
        "{naive:?}"
    );
    let zoned = cast(&stamps, &timestamp(TimeUnit::Microsecond, Some("+00:00")));
    assert_eq!(zoned[3], "2026-01-31T12:30:00Z");
    assert!(
        zoned[0].contains("with a UTC offset") && zoned[4].starts_with('!'),
        "{zoned:?}"
    );
    let times = text(&["12:30:00", "noon"]);
    let times = cast(&times, &DataType::Time64(TimeUnit::Microsecond));
    assert!(
        times[0] == "12:30:00" && times[1].starts_with('!'),
        "{times:?}"
    );
}

fn structs(names: [&str; 2], nullable: bool, nulls: Option<NullBuffer>) -> ArrayRef {
    let fields: Fields = names
        .map(|n| Field::new(n, DataType::Float64, nullable))
        .to_vec()
        .into();
    let columns: Vec<ArrayRef> = vec![
        of(Float64Array::from(vec![1.0, 3.0])),
        of(Float64Array::from(vec![2.0, 4.0])),
    ];
    of(StructArray::new(fields, columns, nulls))
}

/// `{lon, lat}` given for `{lat, lon}` must not swap the values, whatever may be
/// null and however deep.
#[test]
fn structs_match_by_name() {
    for (given, wanted) in [(true, true), (false, true), (true, false), (false, false)] {
        let array = structs(["lon", "lat"], given, None);
        let to = structs(["lat", "lon"], wanted, None).data_type().clone();
        assert_eq!(cast(&array, &to)[0], "{lat: 2.0, lon: 1.0}");
        let list = |array: &ArrayRef| {
            let item = Arc::new(Field::new("item", array.data_type().clone(), given));
            of(ListArray::new(
                item,
                OffsetBuffer::from_lengths([2]),
                array.clone(),
                None,
            ))
        };
        let to = DataType::new_list(to, wanted);
        assert_eq!(
            cast(&list(&array), &to),
            ["[{lat: 2.0, lon: 1.0}, {lat: 4.0, lon: 3.0}]"]
        );
        let to = structs(["lat", "lng"], wanted, None).data_type().clone();
        let error = conversion(array.data_type(), &to).unwrap_err().to_string();
        assert!(
            error.contains("`lng`") && error.contains("lon, lat"),
            "{error}"
        );
    }
    let wide = structs(["lon", "lat"], true, None);
    let to: Fields = vec![Field::new("lat", DataType::Int32, true)].into();
    assert_eq!(cast(&wide, &DataType::Struct(to)), ["{lat: 2}", "{lat: 4}"]);
    let twice = structs(["lat", "lat"], true, None);
    let to: Fields = vec![Field::new("lat", DataType::Float64, true)].into();
    assert!(!can_cast(twice.data_type(), &DataType::Struct(to)));
}

#[test]
fn what_is_under_a_null_fails_nothing() {
    let nulls = Some(NullBuffer::from(vec![true, false]));
    let array = structs(["x", "y"], true, nulls);
    let to: Fields = vec![Field::new("y", DataType::UInt8, true)].into();
    assert_eq!(
        cast(&array, &DataType::Struct(to.clone())),
        ["{y: 2}", "null"]
    );
    // 3.5 is under a null struct, and a null list.
    let fields: Fields = vec![Field::new("y", DataType::Float64, true)].into();
    let halves: Vec<ArrayRef> = vec![of(Float64Array::from(vec![1.0, 3.5]))];
    let nulls = Some(NullBuffer::from(vec![true, false]));
    let array = of(StructArray::new(fields, halves, nulls));
    assert_eq!(cast(&array, &DataType::Struct(to)), ["{y: 1}", "null"]);
    let item = Arc::new(Field::new("item", DataType::Float64, true));
    let array = of(ListArray::new(
        item,
        OffsetBuffer::from_lengths([1, 1]),
        of(Float64Array::from(vec![1.0, 3.5])),
        Some(NullBuffer::from(vec![true, false])),
    ));
    assert_eq!(
        cast(&array, &DataType::new_list(DataType::Int8, true)),
        ["[1]", "null"]
    );
    let fixed = DataType::new_fixed_size_list(DataType::Int8, 2, true);
    assert_eq!(
        cast(&array, &fixed),
        ["! 1 items where there must be 2", "null"]
    );
}

#[test]
fn lists_change_their_layout_and_fail_by_row() {
    let mut builder = ListBuilder::new(Int64Builder::new());
    builder.append_value([Some(1), Some(2)]);
    builder.append_null();
    builder.append_value([Some(1), Some(300), None]);
    builder.append_value([Some(400), Some(5)]);
    let list = of(builder.finish());
    let item = |ty| Arc::new(Field::new("x", ty, false));
    for to in [
        DataType::List(item(DataType::UInt8)),
        DataType::LargeList(item(DataType::UInt8)),
        DataType::ListView(item(DataType::UInt8)),
        DataType::LargeListView(item(DataType::UInt8)),
    ] {
        assert_eq!(
            cast(&list, &to),
            [
                "[1, 2]",
                "null",
                "! item 1: 300 does not fit uint8",
                "! item 0: 400 does not fit uint8"
            ]
        );
    }
    let to = DataType::FixedSizeList(item(DataType::Int16), 2);
    let fixed = cast_rows(&list, &to).unwrap().values;
    assert_eq!(
        cast(&list, &to),
        [
            "[1, 2]",
            "null",
            "! 3 items where there must be 2",
            "[400, 5]"
        ]
    );
    assert_eq!(
        cast(&fixed, &DataType::new_list(DataType::Int64, true)),
        ["[1, 2]", "null", "null", "[400, 5]"]
    );
    let view = cast_rows(&list, &DataType::ListView(item(DataType::Int64)))
        .unwrap()
        .values;
    assert_eq!(
        cast(
            &view.slice(2, 2),
            &DataType::new_list(DataType::Int64, true)
        ),
        ["[1, 300, ]", "[400, 5]"]
    );
    let longer = DataType::FixedSizeList(item(DataType::Int64), 3);
    assert!(!can_cast(fixed.data_type(), &longer));
}

fn map_type(key: DataType, value: DataType) -> DataType {
    let fields = vec![Field::new("k", key, false), Field::new("v", value, true)];
    let entries = Field::new("pairs", DataType::Struct(fields.into()), false);
    DataType::Map(Arc::new(entries), false)
}

#[test]
fn maps_and_lists_of_pairs_become_each_other() {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    builder.keys().append_value("a");
    builder.values().append_value(1);
    builder.append(true).unwrap();
    builder.append(false).unwrap();
    builder.keys().append_value("b");
    builder.values().append_value(300);
    builder.append(true).unwrap();
    let map = of(builder.finish());
    let small = map_type(DataType::LargeUtf8, DataType::UInt8);
    assert_eq!(
        cast(&map, &small),
        ["{a: 1}", "null", "! item 0: 300 does not fit uint8"]
    );
    let fields: Fields = vec![
        Field::new("value", DataType::Int64, true),
        Field::new("key", DataType::Utf8, true),
    ]
    .into();
    let pairs = DataType::new_list(DataType::Struct(fields), true);
    assert_eq!(
        cast(&map, &pairs),
        ["[{value: 1, key: a}]", "null", "[{value: 300, key: b}]"]
    );
    let list = cast_rows(&map, &pairs).unwrap().values;
    let back = map_type(DataType::Utf8, DataType::Int64);
    assert_eq!(cast(&list, &back), ["{a: 1}", "null", "{b: 300}"]);

    // Two entries, of which the second has no key; then one whole one.
    let fields: Fields = vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("value", DataType::Int64, true),
    ]
    .into();
    let entries = StructArray::new(
        fields,
        vec![
            of(StringArray::from(vec![Some("a"), None, Some("c")])),
            of(Int64Array::from(vec![1, 2, 3])),
        ],
        None,
    );
    let item = Arc::new(Field::new("item", entries.data_type().clone(), true));
    let list = of(ListArray::new(
        item,
        OffsetBuffer::from_lengths([2, 1]),
        of(entries),
        None,
    ));
    assert_eq!(
        cast(&list, &back),
        ["! entry 1 of the map has no key", "{c: 3}"]
    );
}

#[test]
fn nulls_are_of_every_type() {
    for to in [
        DataType::Int8,
        DataType::Decimal128(9, 2),
        DataType::FixedSizeBinary(3),
        map_type(DataType::Utf8, DataType::Int64),
        DataType::new_fixed_size_list(DataType::Utf8, 2, false),
    ] {
        assert_eq!(cast(&of(NullArray::new(3)), &to), ["null"; 3], "{to}");
        assert_eq!(cast(&of(NullArray::new(0)), &to), [""; 0], "{to}");
    }
}

#[test]
fn guesses_are_made_of_what_cannot_fail() {
    use DataType::*;
    let widening = [
        (Int32, Int64),
        (UInt32, Int64),
        (UInt32, Float64),
        (Float16, Float32),
        (LargeBinary, Binary),
        (Utf8View, Utf8),
        (Int32, Decimal128(12, 2)),
        (Decimal128(9, 2), Decimal128(11, 3)),
    ];
    for (from, to) in widening {
        assert_eq!(
            conversion(&from, &to).ok(),
            Some(Conversion::Widening),
            "{from} to {to}"
        );
    }
    let checked = [
        (Int64, Int32),
        (UInt64, Int64),
        (Int8, UInt8),
        (Int64, Float64),
        (Utf8, Binary),
        (Utf8, Date32),
        (Decimal128(9, 2), Float64),
        (Decimal128(9, 2), Utf8),
        (Decimal128(9, 2), Decimal128(9, 3)),
        (Int32, Decimal128(11, 2)),
    ];
    for (from, to) in checked {
        assert_eq!(
            conversion(&from, &to).ok(),
            Some(Conversion::Checked),
            "{from} to {to}"
        );
    }
}

fn targets() -> Vec<DataType> {
    use DataType::*;
    let fields = |ty: &DataType| Fields::from(vec![Field::new("f0", ty.clone(), true)]);
    let mut all = vec![
        Int8,
        UInt8,
        Int64,
        UInt64,
        Float16,
        Float32,
        Float64,
        Decimal128(9, 2),
        Decimal128(38, 0),
        Utf8,
        LargeUtf8,
        Utf8View,
        Binary,
        LargeBinary,
        BinaryView,
        FixedSizeBinary(8),
        Date32,
        timestamp(TimeUnit::Second, None),
        timestamp(TimeUnit::Nanosecond, None),
        Time32(TimeUnit::Second),
        Time64(TimeUnit::Nanosecond),
        Duration(TimeUnit::Second),
        Duration(TimeUnit::Microsecond),
        map_type(LargeUtf8, Int8),
    ];
    let lists: Vec<_> = [Utf8, Int8, Float16, Float64]
        .into_iter()
        .flat_map(|ty| {
            [
                DataType::new_list(ty.clone(), false),
                DataType::new_large_list(ty.clone(), true),
                DataType::new_fixed_size_list(ty, 3, true),
            ]
        })
        .collect();
    all.extend(lists);
    let structs: Vec<_> = all.iter().map(|ty| Struct(fields(ty))).collect();
    all.extend(structs);
    all
}

proptest! {
    /// Whatever is cast to whatever: no panic, valid arrays, null where it was
    /// null and where the row failed, and a slice gives a slice of the same.
    #[test]
    fn casting_is_by_row(array in arrays(), cut in any::<prop::sample::Index>()) {
        for to in targets() {
            if !can_cast(array.data_type(), &to) {
                prop_assert!(cast_rows(&array, &to).is_err());
                continue;
            }
            let whole = cast_rows(&array, &to).unwrap();
            whole.values.to_data().validate_full().unwrap();
            prop_assert_eq!(whole.values.len(), array.len());
            prop_assert!(rule::same(whole.values.data_type(), &to));
            let failed = |row| whole.failures.iter().any(|(r, _)| *r == row);
            for row in 0..array.len() {
                prop_assert_eq!(whole.values.is_null(row), array.is_null(row) || failed(row));
                prop_assert!(!(array.is_null(row) && failed(row)), "a null failed");
            }
            if conversion(array.data_type(), &to).unwrap() == Conversion::Widening {
                prop_assert!(whole.failures.is_empty(), "{:?}", whole.failures);
            }
            let from = cut.index(array.len() + 1);
            let part = cast_rows(&array.slice(from, array.len() - from), &to).unwrap();
            prop_assert_eq!(&part.values, &whole.values.slice(from, array.len() - from));
            let moved: Vec<_> = part.failures.iter().map(|(r, m)| (r + from, m.clone())).collect();
            let rest: Vec<_> = whole.failures.iter().filter(|(r, _)| *r >= from).cloned().collect();
            prop_assert_eq!(moved, rest);
        }
    }

    /// Numbers keep their value or fail.
    #[test]
    fn numbers_keep_their_value(n in any::<i64>(), shift in 0u32..64) {
        let n = n >> shift;
        let array = of(Int64Array::from(vec![n]));
        macro_rules! check {
            ($($ty:ident: $to:expr),*) => {$(
                let cast = cast_rows(&array, &$to).unwrap();
                let back = cast_rows(&cast.values, &DataType::Int64).unwrap();
                match cast.failures.is_empty() {
                    true => prop_assert_eq!(back.values.as_primitive::<Int64Type>().value(0), n),
                    false => prop_assert!(<$ty>::try_from(n).is_err() || $to.is_floating() || $to.is_decimal()),
                }
            )*};
        }
        check!(i8: DataType::Int8, u8: DataType::UInt8, i16: DataType::Int16, u16: DataType::UInt16,
               i32: DataType::Int32, u32: DataType::UInt32, u64: DataType::UInt64,
               i64: DataType::Float16, i64: DataType::Float32, i64: DataType::Float64, i64: DataType::Decimal128(20, 1));
    }
}
