//! Which arguments a function takes, and as what.

use std::sync::Arc;

use arrow_cast::can_cast_types;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use wudf::castable;

/// The type as which an argument of type `from` reaches a function that
/// declares `to`: itself where the runtime casts without loss, the declared
/// one where DataFusion is to cast, and nothing where neither will do.
pub(crate) fn argument(from: &DataType, to: &DataType) -> Option<DataType> {
    if matches!(from, DataType::Null) {
        // A literal; with a type it folds like any other.
        return Some(relaxed(to));
    }
    if castable(from, to) {
        return Some(from.clone());
    }
    (converts(from, to) && can_cast_types(from, &relaxed(to))).then(|| relaxed(to))
}

/// Whether DataFusion would cast by itself. Casts of numbers are checked when
/// the query runs.
fn converts(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        _ if castable(from, to) => true,
        (Dictionary(_, value), to) => converts(value, to),
        (RunEndEncoded(_, value), to) => converts(value.data_type(), to),
        (from, to) if from.is_integer() && (to.is_integer() || to.is_floating()) => true,
        (from, to) if from.is_floating() && to.is_floating() => true,
        (from, to) if from.is_decimal() && to.is_floating() => true,
        (Utf8 | LargeUtf8 | Utf8View, Date32 | Date64 | Timestamp(..)) => true,
        (Date32 | Date64 | Timestamp(_, None), Timestamp(..)) => true,
        (
            List(from)
            | LargeList(from)
            | ListView(from)
            | LargeListView(from)
            | FixedSizeList(from, _),
            List(to) | LargeList(to) | FixedSizeList(to, _),
        ) => converts(from.data_type(), to.data_type()),
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(f, t)| f.name() == t.name() && converts(f.data_type(), t.data_type()))
        }
        _ => false,
    }
}

/// The type with nulls allowed everywhere within: what is to be cast may hold
/// some, and whether that is right is the plugin's to say, row by row.
fn relaxed(ty: &DataType) -> DataType {
    let field = |field: &FieldRef| -> FieldRef {
        let ty = relaxed(field.data_type());
        Arc::new(Field::new(field.name(), ty, true))
    };
    match ty {
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
        ty => ty.clone(),
    }
}

/// Whether a result of type `from` may be declared as `to`: what is cast
/// without loss, to views and the like, too.
pub(crate) fn result(from: &DataType, to: &DataType) -> bool {
    castable(from, &plain(to)) && can_cast_types(from, to)
}

/// The type without what only lays the same values out in another way.
fn plain(ty: &DataType) -> DataType {
    let field = |field: &FieldRef| -> FieldRef {
        let ty = plain(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(ty))
    };
    match ty {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(field(item))
        }
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Fields>()),
        ty => ty.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    fn list(item: DataType) -> DataType {
        DataType::new_list(item, false)
    }

    #[test]
    fn what_loses_nothing_stays_as_it_is() {
        use DataType::*;
        let dictionary = Dictionary(Box::new(Int32), Box::new(Utf8));
        for (from, to) in [
            (Int32, Int64),
            (Utf8View, Utf8),
            (LargeBinary, Binary),
            (BinaryView, Binary),
            (Utf8, Binary),
            (dictionary, Utf8),
            (
                DataType::new_fixed_size_list(Float32, 3, true),
                list(Float32),
            ),
        ] {
            assert_eq!(argument(&from, &to), Some(from.clone()), "{to}");
        }
    }

    #[test]
    fn literals_become_what_is_wanted() {
        use DataType::*;
        let stamp = Timestamp(TimeUnit::Microsecond, None);
        for (from, to) in [
            (Null, Int64),
            (Int64, Int32),
            (Int64, UInt8),
            (Int64, Float32),
            (Float64, Float32),
            (Decimal128(10, 2), Float64),
            (Utf8, Date32),
            (Utf8View, stamp.clone()),
            (Date32, stamp),
        ] {
            assert_eq!(argument(&from, &to), Some(to.clone()), "{from}");
        }
        assert_eq!(
            argument(&list(Int64), &list(Float32)),
            Some(DataType::new_list(Float32, true))
        );
        assert_eq!(
            argument(
                &list(Float64),
                &DataType::new_fixed_size_list(Float32, 3, false)
            ),
            Some(DataType::new_fixed_size_list(Float32, 3, true))
        );
    }

    #[test]
    fn what_would_lose_its_meaning_is_refused() {
        use DataType::*;
        for (from, to) in [
            (Utf8, Int64),
            (Float64, Int64),
            (Int64, Utf8),
            (Binary, Utf8),
            (Boolean, Int64),
            (Int64, list(Int64)),
        ] {
            assert_eq!(argument(&from, &to), None, "{from} to {to}");
        }
    }

    #[test]
    fn results_are_declared_in_any_layout() {
        use DataType::*;
        let features = DataType::new_fixed_size_list(Float32, 3, false);
        assert!(result(&features, &DataType::new_list(Float32, true)));
        assert!(result(&features, &DataType::new_list(Float64, true)));
        assert!(result(&Utf8, &Utf8View));
        assert!(!result(&Int64, &Int32));
        assert!(!result(
            &features,
            &DataType::new_fixed_size_list(Float32, 4, true)
        ));
    }
}
