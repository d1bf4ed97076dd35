//! Columns over the Arrow C Data Interface: what is whole comes in as it was, what is not is refused.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder, StringViewBuilder};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray,
    FixedSizeBinaryArray, FixedSizeListArray, Int64Array, LargeStringArray, RunArray, StringArray,
    StructArray,
};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field};
use wudf_c_arrays::arrays::{adopt, borrow, data_type};

fn columns() -> Vec<ArrayRef> {
    let ints = Int64Array::from(vec![Some(1), None, Some(-3), Some(4), None]);
    let texts = StringArray::from(vec![
        Some("a"),
        None,
        Some(""),
        Some("a longer text"),
        Some("é"),
    ]);
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut views = StringViewBuilder::new();
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for n in 0..5 {
        (0..n).for_each(|i| {
            lists
                .values()
                .append_option((i != 2).then(|| "x".repeat(i)))
        });
        lists.append(n != 3);
        views.append_option((n != 1).then(|| "more than a view holds itself ".repeat(n)));
        (0..n % 3).for_each(|i| {
            maps.keys().append_value(format!("k{i}"));
            maps.values().append_option((i != 1).then_some("v"));
        });
        maps.append(n != 4).expect("keys and values");
    }
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let items: ArrayRef = Arc::new(Int64Array::from_iter(
        (0..10).map(|n| (n != 7).then_some(n)),
    ));
    let nulls = Some(vec![true, false, true, true, true].into());
    let fields = vec![
        Field::new("n", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ];
    let parts: Vec<ArrayRef> = vec![Arc::new(ints.clone()), Arc::new(texts.clone())];
    let keys = vec![Some("b"), Some("a"), None, Some("b"), Some("b")];
    let runs = arrow_array::Int32Array::from(vec![2, 5]);
    vec![
        Arc::new(BooleanArray::from(vec![
            Some(true),
            None,
            Some(false),
            Some(true),
            None,
        ])),
        Arc::new(BinaryArray::from_iter_values([
            &b"\xff"[..],
            b"",
            b"abc",
            b"",
            b"d",
        ])),
        Arc::new(LargeStringArray::from(vec!["a", "bc", "", "d", "efg"])),
        Arc::new(Decimal128Array::from(vec![1, -2, 3, i128::MAX / 2, 5])),
        Arc::new(
            FixedSizeBinaryArray::try_from_iter((0..5_u8).map(|n| [n; 3])).expect("equal sizes"),
        ),
        Arc::new(FixedSizeListArray::new(item, 2, items, nulls.clone())),
        Arc::new(StructArray::new(fields.into(), parts, nulls)),
        Arc::new(keys.into_iter().collect::<DictionaryArray<Int8Type>>()),
        Arc::new(
            RunArray::<Int32Type>::try_new(&runs, &StringArray::from(vec!["a", "b"]))
                .expect("runs"),
        ),
        Arc::new(lists.finish()),
        Arc::new(views.finish()),
        Arc::new(maps.finish()),
        Arc::new(ints),
        Arc::new(texts),
    ]
}

#[test]
fn whole_columns_come_in_as_they_were() {
    for column in columns() {
        let ty = column.data_type();
        let schema = FFI_ArrowSchema::try_from(ty).expect("a schema");
        // SAFETY: arrow made it.
        assert_eq!(unsafe { data_type(&schema) }.as_ref(), Ok(ty));
        for (from, len) in [(0, 5), (0, 0), (1, 3), (4, 1), (5, 0)] {
            let slice = column.slice(from, len);
            let array = FFI_ArrowArray::new(&slice.to_data());
            // SAFETY: arrow made it, and it lives until the end of the scope.
            let borrowed = unsafe { borrow(&array, ty) }.expect("a whole array");
            assert_eq!(&borrowed, &slice, "{ty} from {from}");
            drop(borrowed);
            // SAFETY: as above, and nobody else has it.
            let adopted = unsafe { adopt(array, ty) }.expect("a whole array");
            assert_eq!(&adopted, &slice, "{ty} from {from}");
            // A part of it keeps all of it alive.
            let part = adopted.slice(0, len / 2);
            drop(adopted);
            assert_eq!(&part, &slice.slice(0, len / 2));
        }
    }
}

#[test]
fn what_is_not_there_is_refused() {
    // SAFETY: NULL is said to be taken.
    unsafe {
        assert!(data_type(std::ptr::null()).is_err());
        assert!(data_type(&FFI_ArrowSchema::empty()).is_err());
        assert!(borrow(std::ptr::null(), &DataType::Int64).is_err());
        assert!(borrow(&FFI_ArrowArray::empty(), &DataType::Int64).is_err());
        assert!(adopt(FFI_ArrowArray::empty(), &DataType::Int64).is_err());
    }
}

/// Each lie alone, in every column that can tell it.
#[test]
fn lies_are_refused() {
    type Lie = fn(&mut FFI_ArrowArray);
    let lies: [(&str, Lie); 9] = [
        ("a negative length", |array| array.length = -1),
        ("an absurd length", |array| array.length = i64::MAX),
        ("a negative offset", |array| array.offset = -1),
        ("an absurd offset", |array| array.offset = i64::MAX - 3),
        ("nulls below none", |array| array.null_count = -2),
        ("more nulls than values", |array| array.null_count = 6),
        ("a buffer too many", |array| array.n_buffers += 40),
        ("a child too many", |array| array.n_children += 1),
        ("no buffers", |array| array.buffers = std::ptr::null_mut()),
    ];
    for column in columns() {
        let ty = column.data_type();
        for (what, lie) in lies {
            let mut array = FFI_ArrowArray::new(&column.to_data());
            lie(&mut array);
            let fits = match what {
                // Views may have any number of buffers, whose lengths would then be read from one that is not there.
                "a buffer too many" => matches!(ty, DataType::Utf8View),
                // Runs have none.
                "no buffers" => array.n_buffers == 0,
                _ => false,
            };
            if !fits {
                // SAFETY: what it points to is as arrow made it.
                assert!(unsafe { borrow(&array, ty) }.is_err(), "{what} in {ty}");
            }
        }
    }
}

/// Offsets, keys and texts that only a look at the values shows to be wrong.
#[test]
fn wrong_values_are_refused() {
    let offsets = |offsets: [i32; 3], ty: DataType| {
        let values = arrow_buffer::Buffer::from(b"ab\xffd");
        // SAFETY: it is never read as an array; what takes it has to refuse it.
        let data = unsafe {
            arrow_data::ArrayData::builder(ty.clone())
                .len(2)
                .add_buffer(arrow_buffer::Buffer::from_slice_ref(offsets))
                .add_buffer(values)
                .build_unchecked()
        };
        let array = FFI_ArrowArray::new(&data);
        // SAFETY: as far as its offsets go there are bytes.
        unsafe { adopt(array, &ty) }
    };
    assert!(offsets([0, 1, 2], DataType::Utf8).is_ok());
    assert!(offsets([0, 2, 4], DataType::Binary).is_ok());
    for wrong in [[0, 2, 4], [0, 2, 1], [-1, 0, 2], [0, 3, 2]] {
        assert!(offsets(wrong, DataType::Utf8).is_err(), "{wrong:?}");
    }
}
