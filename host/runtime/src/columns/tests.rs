//! Properties of the boundary: what goes in comes out, and nothing that a
//! plugin could return gets past the checks or crashes them.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, LargeBinaryBuilder, LargeListBuilder,
    LargeStringBuilder, ListBuilder, MapBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, FixedSizeListArray, StructArray};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;
use proptest::sample::Index;

use super::schema::FieldNode;
use super::{Returned, lift, lower, schema, size};

type Values = Vec<Option<u64>>;

fn primitive<T: ArrowPrimitiveType>(values: &Values, of: fn(u64) -> T::Native) -> ArrayRef {
    let mut builder = PrimitiveBuilder::<T>::new();
    values.iter().for_each(|v| builder.append_option(v.map(of)));
    Arc::new(builder.finish())
}

fn text(value: u64) -> String {
    "aé漢🦀"
        .chars()
        .cycle()
        .take((value % 7) as usize)
        .collect()
}

fn strings(values: &Values) -> ArrayRef {
    let mut builder = StringBuilder::new();
    values
        .iter()
        .for_each(|v| builder.append_option(v.map(text)));
    Arc::new(builder.finish())
}

fn list(values: &Values) -> ArrayRef {
    let mut builder = ListBuilder::new(PrimitiveBuilder::<Float32Type>::new());
    for value in values {
        if let Some(v) = value {
            (0..v % 5).for_each(|i| builder.values().append_option((i != 3).then_some(i as f32)));
        }
        builder.append(value.is_some());
    }
    Arc::new(builder.finish())
}

fn map(values: &Values) -> ArrayRef {
    let mut builder = MapBuilder::new(
        None,
        StringBuilder::new(),
        PrimitiveBuilder::<Int64Type>::new(),
    );
    for value in values {
        for i in 0..value.unwrap_or(0) % 4 {
            builder.keys().append_value(format!("k{i}"));
            builder.values().append_option((i != 2).then_some(i as i64));
        }
        builder.append(value.is_some()).unwrap();
    }
    Arc::new(builder.finish())
}

/// Kinds of arrays that are no structs.
const SIMPLE: usize = 24;
/// All kinds of arrays.
pub(super) const KINDS: usize = 2 * SIMPLE;

/// An array of one of the types that may cross.
pub(super) fn array(kind: usize, values: &Values) -> ArrayRef {
    match kind {
        0 => {
            let mut builder = BooleanBuilder::new();
            values
                .iter()
                .for_each(|v| builder.append_option(v.map(|v| v % 3 == 0)));
            Arc::new(builder.finish())
        }
        1 => primitive::<Int8Type>(values, |v| v as i8),
        2 => primitive::<UInt16Type>(values, |v| v as u16),
        3 => primitive::<Int64Type>(values, |v| v as i64),
        4 => primitive::<Float64Type>(values, |v| v as f64),
        5 => primitive::<Date32Type>(values, |v| v as i32),
        6 => primitive::<TimestampMicrosecondType>(values, |v| v as i64),
        7 => strings(values),
        8 => {
            let mut builder = BinaryBuilder::new();
            values
                .iter()
                .for_each(|v| builder.append_option(v.map(|v| vec![0xff; (v % 9) as usize])));
            Arc::new(builder.finish())
        }
        9 => {
            let mut builder = LargeStringBuilder::new();
            values
                .iter()
                .for_each(|v| builder.append_option(v.map(text)));
            Arc::new(builder.finish())
        }
        10 => list(values),
        11 => {
            let items: Values = values
                .iter()
                .flat_map(|v| [*v, v.map(|v| v / 3), None])
                .collect();
            let item = Arc::new(Field::new("item", DataType::Int64, true));
            let nulls = values
                .iter()
                .map(Option::is_some)
                .collect::<Vec<_>>()
                .into();
            Arc::new(FixedSizeListArray::new(
                item,
                3,
                primitive::<Int64Type>(&items, |v| v as i64),
                Some(nulls),
            ))
        }
        12 => {
            let half = |v: u64| <Float16Type as ArrowPrimitiveType>::Native::from_f64(v as f64);
            primitive::<Float16Type>(values, half)
        }
        13 => {
            let decimal = primitive::<Decimal128Type>(values, |v| i128::from(v % 1_000_000_000));
            let decimal = decimal.as_primitive::<Decimal128Type>().clone();
            Arc::new(decimal.with_precision_and_scale(9, 2).unwrap())
        }
        14 => {
            let mut builder = FixedSizeBinaryBuilder::new(8);
            for value in values {
                match value {
                    Some(v) => builder.append_value(v.to_le_bytes()).unwrap(),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        15 => primitive::<Time32SecondType>(values, |v| (v % 86_400) as i32),
        16 => primitive::<Time32MillisecondType>(values, |v| (v % 86_400_000) as i32),
        17 => primitive::<Time64MicrosecondType>(values, |v| (v % 86_400_000_000) as i64),
        18 => primitive::<Time64NanosecondType>(values, |v| (v % 86_400_000_000_000) as i64),
        19 => primitive::<DurationSecondType>(values, |v| v as i64),
        20 => primitive::<DurationNanosecondType>(values, |v| v as i64),
        21 => map(values),
        22 => {
            let mut builder = LargeBinaryBuilder::new();
            values
                .iter()
                .for_each(|v| builder.append_option(v.map(|v| vec![7; (v % 5) as usize])));
            Arc::new(builder.finish())
        }
        23 => {
            let mut builder = LargeListBuilder::new(StringBuilder::new());
            for value in values {
                (0..value.unwrap_or(0) % 3).for_each(|i| builder.values().append_value(text(i)));
                builder.append(value.is_some());
            }
            Arc::new(builder.finish())
        }
        _ => {
            let columns = vec![array(kind - SIMPLE, values), list(values)];
            let fields: Fields = columns
                .iter()
                .enumerate()
                .map(|(i, c)| Field::new(format!("f{i}"), c.data_type().clone(), true))
                .collect();
            let nulls = values
                .iter()
                .map(|v| v.is_none_or(|v| v % 4 != 0))
                .collect::<Vec<_>>()
                .into();
            Arc::new(StructArray::new(fields, columns, Some(nulls)))
        }
    }
}

pub(super) fn arrays() -> impl Strategy<Value = ArrayRef> {
    let values = prop::collection::vec(prop::option::weighted(0.8, any::<u64>()), 0..70);
    (0..KINDS, values, any::<Index>(), any::<Index>()).prop_map(|(kind, values, from, len)| {
        let array = array(kind, &values);
        let from = from.index(array.len() + 1);
        array.slice(from, len.index(array.len() - from + 1))
    })
}

/// As if the plugin had returned what it was given.
fn returned(array: &ArrayRef) -> Vec<Returned> {
    lower::lower(array)
        .into_iter()
        .map(|node| Returned {
            length: node.length,
            null_count: node.null_count,
            buffers: node.buffers.iter().map(|b| b.to_vec()).collect(),
        })
        .collect()
}

/// The plugin's way to say a type.
fn said(field: &Field) -> Vec<FieldNode> {
    let ty = field.data_type();
    let children: Vec<&Field> = match ty {
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::FixedSizeList(f, _)
        | DataType::Map(f, _) => vec![f],
        DataType::Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        _ => vec![],
    };
    let format = match ty {
        DataType::Boolean => "b".into(),
        DataType::Int8 => "c".into(),
        DataType::UInt16 => "S".into(),
        DataType::Int64 => "l".into(),
        DataType::Float32 => "f".into(),
        DataType::Float64 => "g".into(),
        DataType::Date32 => "tdD".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "tsu:".into(),
        DataType::Utf8 => "u".into(),
        DataType::LargeUtf8 => "U".into(),
        DataType::Binary => "z".into(),
        DataType::List(_) => "+l".into(),
        DataType::FixedSizeList(_, n) => format!("+w:{n}"),
        DataType::Struct(_) => "+s".into(),
        DataType::LargeList(_) => "+L".into(),
        DataType::Map(..) => "+m".into(),
        DataType::LargeBinary => "Z".into(),
        DataType::Float16 => "e".into(),
        DataType::Decimal128(p, s) => format!("d:{p},{s}"),
        DataType::FixedSizeBinary(n) => format!("w:{n}"),
        DataType::Time32(TimeUnit::Second) => "tts".into(),
        DataType::Time32(_) => "ttm".into(),
        DataType::Time64(TimeUnit::Microsecond) => "ttu".into(),
        DataType::Time64(_) => "ttn".into(),
        DataType::Duration(TimeUnit::Second) => "tDs".into(),
        DataType::Duration(_) => "tDn".into(),
        other => panic!("{other} is not in these tests"),
    };
    let head = FieldNode {
        name: field.name().clone(),
        format,
        nullable: field.is_nullable(),
        children: children.len() as u32,
        metadata: vec![],
    };
    std::iter::once(head)
        .chain(children.into_iter().flat_map(said))
        .collect()
}

fn field_of(array: &ArrayRef) -> Field {
    Field::new("x", array.data_type().clone(), true)
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(array in arrays()) {
        let back = lift::lift(&field_of(&array), returned(&array), array.len()).unwrap();
        prop_assert_eq!(&back, &array);
    }

    #[test]
    fn schemas_come_back(array in arrays()) {
        let field = field_of(&array);
        prop_assert_eq!(schema::field(&said(&field)).unwrap(), field);
    }

    /// Buffers cut short, lengthened or flipped, counts and lengths changed,
    /// nodes lost or doubled: an error or a valid array, never a panic.
    #[test]
    fn lies_do_no_harm(
        array in arrays(),
        which in any::<Index>(),
        lie in 0usize..9,
        at in any::<Index>(),
        number in prop_oneof![any::<u64>(), 0u64..100, Just(u64::MAX), Just(1 << 40)],
    ) {
        let mut nodes = returned(&array);
        let i = which.index(nodes.len());
        let node = &mut nodes[i];
        let b = at.index(node.buffers.len());
        match lie {
            0 => node.length = number,
            1 => node.null_count = number,
            2 => { node.buffers.remove(b); }
            3 => node.buffers.push(vec![0; 8]),
            4 => { let keep = at.index(node.buffers[b].len() + 1); node.buffers[b].truncate(keep); }
            5 => {
                if !node.buffers[b].is_empty() {
                    let byte = at.index(node.buffers[b].len());
                    node.buffers[b][byte] ^= (number as u8) | 1;
                }
            }
            6 => { nodes.remove(i); }
            7 => { let twin = Returned { length: node.length, null_count: node.null_count, buffers: node.buffers.clone() }; nodes.push(twin); }
            _ => node.buffers[b] = number.to_le_bytes().repeat(at.index(80)),
        }
        if let Ok(back) = lift::lift(&field_of(&array), nodes, array.len()) {
            prop_assert_eq!(back.len(), array.len());
            back.to_data().validate_full().unwrap();
        }
    }
}

#[test]
fn types_that_may_not_cross_are_said_to() {
    let one = |format: &str, children| FieldNode {
        name: "x".into(),
        format: format.into(),
        nullable: true,
        children,
        metadata: vec![],
    };
    for bad in [
        "",
        "q",
        "vu",
        "tsq:",
        "+w:-1",
        "+w:99999999999",
        "+l",
        "+ud:0",
        "l\x1b[2J",
        "ts",
        "tdé",
        "tdm",
        "ttx",
        "tDq",
        "d:",
        "d:0,0",
        "d:39,2",
        "d:9,12",
        "d:9,2,256",
        "w:0",
        "w:-1",
        "w:x",
        "+m",
    ] {
        let error = schema::field(&[one(bad, 0)]).unwrap_err();
        assert!(!error.contains('\x1b'), "{error:?}");
    }
    assert!(schema::field(&[]).is_err());
    assert!(schema::field(&[one("+s", u32::MAX)]).is_err());
    assert!(schema::field(&[one("l", 1), one("l", 0)]).is_err());
    // A map's entries are two, and neither they nor its keys are null.
    let not_null = |format: &str, children| FieldNode {
        nullable: false,
        ..one(format, children)
    };
    let (entries, key) = (not_null("+s", 2), not_null("u", 0));
    let named = |field: &FieldNode, name: &str| FieldNode {
        name: name.into(),
        ..field.clone()
    };
    let value = named(&one("l", 0), "value");
    assert!(schema::field(&[one("+m", 1), entries.clone(), key.clone(), value.clone()]).is_ok());
    assert!(schema::field(&[one("+m", 1), one("+s", 2), key.clone(), value.clone()]).is_err());
    assert!(schema::field(&[one("+m", 1), entries, named(&key, "a"), named(&key, "a")]).is_err());
    assert!(schema::field(&[one("+m", 1), not_null("+s", 1), key]).is_err());
    assert!(schema::field(&[one("+m", 1), one("l", 0)]).is_err());
    assert!(schema::field(&[one("l", 0), one("l", 0)]).is_err());
    let deep: Vec<_> = (0..500)
        .map(|_| one("+l", 1))
        .chain([one("l", 0)])
        .collect();
    assert!(schema::field(&deep).unwrap_err().contains("deeper"));
}

/// Wrong in a way that only this type can be.
#[test]
fn values_out_of_their_types_range_are_refused() {
    let decimal = Field::new("x", DataType::Decimal128(3, 0), true);
    let node = |values: &[i128], validity: Vec<u8>| Returned {
        length: values.len() as u64,
        null_count: validity.iter().map(|b| 2 - u64::from(b.count_ones())).sum(),
        buffers: vec![
            validity,
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ],
    };
    let lift = |field: &Field, node| lift::lift(field, vec![node], 2).map(|a| a.null_count());
    assert_eq!(lift(&decimal, node(&[999, -999], vec![])), Ok(0));
    // What is under a null does not matter.
    assert_eq!(lift(&decimal, node(&[1, 1_000], vec![1])), Ok(1));
    let error = lift(&decimal, node(&[1, -1_000], vec![])).unwrap_err();
    assert!(
        error.contains("value 1") && error.contains("3 digits"),
        "{error}"
    );

    let time = Field::new("x", DataType::Time64(TimeUnit::Microsecond), true);
    let node = |value: i64| Returned {
        length: 2,
        null_count: 0,
        buffers: vec![
            vec![],
            [0, value].iter().flat_map(|v| v.to_le_bytes()).collect(),
        ],
    };
    assert_eq!(lift(&time, node(86_399_999_999)), Ok(0));
    for wrong in [86_400_000_000, -1, i64::MAX] {
        let error = lift(&time, node(wrong)).unwrap_err();
        assert!(error.contains("one day"), "{error}");
    }
}

#[test]
fn maps_with_null_keys_or_entries_are_refused() {
    let values: Values = vec![Some(2), Some(1)];
    let array = map(&values);
    let field = field_of(&array);
    for (node, name) in [(1, "entries"), (2, "key")] {
        let mut nodes = returned(&array);
        nodes[node].buffers[0] = vec![0b110];
        nodes[node].null_count = 1;
        let error = lift::lift(&field, nodes, 2).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
    // Offsets that go back.
    let mut nodes = returned(&array);
    nodes[0].buffers[1] = [0i32, 3, 2].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert!(lift::lift(&field, nodes, 2).is_err());
}

/// A node of no buffers but validity, all of whose values are null where there is one.
fn bare(length: u64, validity: Vec<u8>) -> Returned {
    let ones: u32 = validity.iter().map(|b| b.count_ones()).sum();
    let null_count = if validity.is_empty() {
        0
    } else {
        length - u64::from(ones)
    };
    Returned {
        length,
        null_count,
        buffers: vec![validity],
    }
}

fn offsets(offsets: &[i32]) -> Vec<u8> {
    offsets.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Lengths whose products with the size of a value leave 64 bits.
#[test]
fn lengths_that_no_memory_has_are_refused() {
    let item = Arc::new(Field::new(
        "item",
        DataType::FixedSizeBinary(32 << 20),
        true,
    ));
    let field = Field::new("x", DataType::List(item), true);
    let mut list = bare(1, vec![]);
    list.buffers.push(offsets(&[0, 0]));
    let mut items = bare(1 << 40, vec![]);
    items.buffers.push(vec![]);
    let error = lift::lift(&field, vec![list, items], 1).unwrap_err();
    assert!(error.contains("absurd"), "{error}");
}

/// Arrow makes a bit for each item to see that none is null under a list that is not: here
/// for 68 billion items of no bytes, one bit at a time.
#[test]
fn items_of_no_bytes_cost_no_time() {
    let lists: i32 = 512;
    let size = 1 << 27;
    let nothing = DataType::Struct(Fields::empty());
    let item = Arc::new(Field::new("item", nothing, false));
    let fixed = Field::new("fixed", DataType::FixedSizeList(item, size), true);
    let inner = Field::new("item", DataType::Struct(vec![fixed].into()), true);
    let field = Field::new("x", DataType::List(Arc::new(inner)), true);
    let mut list = bare(1, vec![]);
    list.buffers.push(offsets(&[0, lists]));
    // All but the first are not null.
    let mut valid = vec![0xff; 64];
    valid[0] = 0xfe;
    let lists = lists as u64;
    let nodes = vec![
        list,
        bare(lists, valid.clone()),
        bare(lists, valid),
        bare(lists * size as u64, vec![]),
    ];
    let begin = std::time::Instant::now();
    let array = lift::lift(&field, nodes, 1).unwrap();
    let to = super::nulls::nullable_below(&field);
    let pushed = super::nulls::push_down(&array, to.data_type()).unwrap();
    assert_eq!(pushed.len(), 1);
    let took = begin.elapsed();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}

/// Items of fixed-size lists may be null only where the list is.
#[test]
fn items_that_may_not_be_null_are_looked_at() {
    let item = Arc::new(Field::new("item", DataType::Int8, false));
    let field = Field::new("x", DataType::FixedSizeList(item, 2), true);
    let nodes = |items: u8| {
        let mut values = bare(4, vec![items]);
        values.buffers.push(vec![0; 4]);
        vec![bare(2, vec![0b01]), values]
    };
    assert_eq!(
        lift::lift(&field, nodes(0b0011), 2).unwrap().null_count(),
        1
    );
    for wrong in [0b1100, 0b1101, 0b0001] {
        assert!(lift::lift(&field, nodes(wrong), 2).is_err(), "{wrong:b}");
    }
}

/// Fields of a null struct are null, at every depth, and say that they may be.
#[test]
fn fields_under_null_structs_are_null() {
    let inner: Fields = vec![Field::new("port", DataType::Int64, false)].into();
    let item = Field::new("item", DataType::Struct(inner.clone()), true);
    let fields: Fields = vec![
        Field::new("host", DataType::Utf8, false),
        Field::new("at", DataType::Struct(inner), false),
        Field::new("all", DataType::List(Arc::new(item)), true),
    ]
    .into();
    let declared = Field::new("x", DataType::Struct(fields), true);
    let to = super::nulls::nullable_below(&declared);
    // As a plugin leaves it: defaults under the nulls.
    let whole = |ty: &DataType| match ty {
        DataType::Utf8 => Arc::new(arrow_array::StringArray::from(vec![""; 2])) as ArrayRef,
        DataType::Struct(f) => Arc::new(StructArray::new(
            f.clone(),
            vec![primitive::<Int64Type>(&vec![Some(0); 2], |v| v as i64)],
            None,
        )),
        _ => arrow_array::new_null_array(ty, 2),
    };
    let DataType::Struct(fields) = declared.data_type() else {
        unreachable!()
    };
    let columns = fields.iter().map(|f| whole(f.data_type())).collect();
    let nulls = Some(vec![true, false].into());
    let array: ArrayRef = Arc::new(StructArray::new(fields.clone(), columns, nulls));
    let pushed = super::nulls::push_down(&array, to.data_type()).unwrap();
    assert_eq!(pushed.data_type(), to.data_type());
    let pushed = pushed.as_struct();
    assert_eq!(pushed.column(0).null_count(), 1);
    assert_eq!(pushed.column(1).null_count(), 1);
    assert_eq!(pushed.column(1).as_struct().column(0).null_count(), 1);
    pushed.to_data().validate_full().unwrap();
}

/// A slice weighs what its own rows do, so that a slice of a large column is not
/// cut into single rows.
#[test]
fn slices_of_lists_weigh_their_own_items() {
    let lists = list(&(0..1_000).map(Some).collect());
    let size::RowSizes::Fixed(whole) = size::RowSizes::of(&lists) else {
        panic!("lists are averaged")
    };
    let slice = lists.slice(0, 10);
    let size::RowSizes::Fixed(part) = size::RowSizes::of(&slice) else {
        panic!("lists are averaged")
    };
    assert!(
        part <= 2 * whole,
        "{part} bytes a row of a slice, {whole} of the whole"
    );
}
