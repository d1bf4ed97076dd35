//! Which arguments a function takes, and as what: the runtime's rule.

use arrow_schema::DataType;
use wudf::cast;

/// The type as which an argument of type `from` reaches a function that
/// declares `to`: itself, for the runtime to cast row by row, so that a value
/// that does not fit costs its row and not the query; nothing where it never
/// can be cast.
pub(crate) fn argument(from: &DataType, to: &DataType) -> Option<DataType> {
    if matches!(from, DataType::Null) && *to != DataType::Null {
        // A literal; with a type it folds like any other.
        return Some(cast::nullable(to));
    }
    cast::can_cast(from, to).then(|| from.clone())
}

/// Whether a result of type `from` may be declared as `to`: in another layout, or
/// wider, so that no value is lost.
pub(crate) fn result(from: &DataType, to: &DataType) -> bool {
    matches!(cast::conversion(from, to), Ok(cast::Conversion::Widening))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(item: DataType) -> DataType {
        DataType::new_list(item, false)
    }

    #[test]
    fn arguments_stay_as_they_are() {
        use DataType::*;
        let dictionary = Dictionary(Box::new(Int32), Box::new(Utf8));
        let features = DataType::new_fixed_size_list(Float32, 3, true);
        for (from, to) in [
            (Int32, Int64),
            (Int64, Int32),
            (Int64, Float32),
            (Decimal128(10, 2), Float64),
            (Utf8View, Utf8),
            (Utf8, Date32),
            (LargeBinary, Binary),
            (Utf8, Binary),
            (dictionary, Utf8),
            (features, list(Float32)),
            (
                list(Float64),
                DataType::new_fixed_size_list(Float32, 3, false),
            ),
        ] {
            assert_eq!(argument(&from, &to), Some(from.clone()), "{to}");
        }
        assert_eq!(argument(&Null, &Int64), Some(Int64));
        assert_eq!(
            argument(&Null, &list(Int64)),
            Some(DataType::new_list(Int64, true))
        );
    }

    #[test]
    fn what_would_lose_its_meaning_is_refused() {
        use DataType::*;
        for (from, to) in [
            (Utf8, Int64),
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
