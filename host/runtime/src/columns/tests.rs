//! Properties of the boundary: what goes in comes out, and nothing that a
//! plugin could return gets past the checks or crashes them.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, LargeStringBuilder, ListBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int64Type,
    TimestampMicrosecondType, UInt16Type,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, StringViewArray, StructArray,
};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;
use proptest::sample::Index;

use super::schema::FieldNode;
use super::{Returned, cast, lift, lower, schema};

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

/// An array of one of the types that may cross.
fn array(kind: usize, values: &Values) -> ArrayRef {
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
        _ => {
            let columns = vec![array(kind - 12, values), list(values)];
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

fn arrays() -> impl Strategy<Value = ArrayRef> {
    let values = prop::collection::vec(prop::option::weighted(0.8, any::<u64>()), 0..70);
    (0usize..24, values, any::<Index>(), any::<Index>()).prop_map(|(kind, values, from, len)| {
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
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => vec![f],
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
    ] {
        let error = schema::field(&[one(bad, 0)]).unwrap_err();
        assert!(!error.contains('\x1b'), "{error:?}");
    }
    assert!(schema::field(&[]).is_err());
    assert!(schema::field(&[one("+s", u32::MAX)]).is_err());
    assert!(schema::field(&[one("l", 1), one("l", 0)]).is_err());
    assert!(schema::field(&[one("l", 0), one("l", 0)]).is_err());
    let deep: Vec<_> = (0..500)
        .map(|_| one("+l", 1))
        .chain([one("l", 0)])
        .collect();
    assert!(schema::field(&deep).unwrap_err().contains("deeper"));
}

#[test]
fn engines_types_become_the_plugins() {
    let views: ArrayRef = Arc::new(StringViewArray::from(vec![
        Some("a"),
        None,
        Some("a longer text than a view holds"),
    ]));
    let words: ArrayRef = Arc::new(
        vec!["x", "y", "x"]
            .into_iter()
            .collect::<DictionaryArray<arrow_array::types::Int32Type>>(),
    );
    let small = primitive::<Int8Type>(&vec![Some(1), None], |v| v as i8);
    for (array, to) in [
        (&views, DataType::Utf8),
        (&views, DataType::Binary),
        (&words, DataType::Utf8),
        (&small, DataType::Int64),
    ] {
        assert!(
            cast::castable(array.data_type(), &to),
            "{} to {to}",
            array.data_type()
        );
        let cast = cast::cast(array.clone(), &to).unwrap();
        assert_eq!(
            (cast.data_type(), cast.len(), cast.null_count()),
            (&to, array.len(), array.null_count())
        );
    }
    let wrong = [
        (DataType::Int64, DataType::Int32),
        (DataType::Float64, DataType::Float32),
        (DataType::Binary, DataType::Utf8),
        (DataType::Int64, DataType::Utf8),
        (DataType::Int64, DataType::Float64),
    ];
    for (from, to) in wrong {
        assert!(
            !cast::castable(&from, &to),
            "{from} loses something as {to}"
        );
    }
}
