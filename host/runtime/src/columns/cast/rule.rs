//! Which types become which.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Fields, TimeUnit};

use crate::columns::schema::{ANY, crossing, display, layout};

/// What casting does to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Conversion {
    /// Every value of the one type is one of the other, perhaps in another
    /// layout: int32 to int64, a view to text, structs with more fields.
    Widening,
    /// Values become others, or may have no equal in the other type, and then
    /// their rows fail. For a column that somebody named, not for a guess.
    Checked,
}

use Conversion::{Checked, Widening};

/// The rule.
///
/// # Errors
/// Which part of the type is in the way.
pub(super) fn conversion(from: &DataType, to: &DataType) -> Result<Conversion, String> {
    use DataType::*;
    Ok(match (from, to) {
        (from, to) if *to == ANY => match crosses(&crossing(from)) {
            true => conversion(from, &crossing(from))?,
            false => return Err(format!("plugins have no type for {}", display(from))),
        },
        _ if same(from, to) => Widening,
        (Null, _) => Checked,
        (Dictionary(_, value), to) => conversion(value, to)?,
        (RunEndEncoded(_, value), to) => conversion(value.data_type(), to)?,
        (from, to) if is_number(from) && is_number(to) => numbers(from, to),
        (from, to) if is_text(from) && is_text(to) => Widening,
        (
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_),
            Binary | LargeBinary | BinaryView,
        ) => Widening,
        (Binary | LargeBinary | BinaryView, FixedSizeBinary(_)) => Checked,
        (from, Binary | LargeBinary | BinaryView) if is_text(from) => Checked,
        (from, to) if from.is_decimal() && is_text(to) => Checked,
        (from, Date32 | Timestamp(..) | Time32(_) | Time64(_)) if is_text(from) => Checked,
        (Date64, Date32) | (Date32 | Date64, Timestamp(_, None)) | (Timestamp(_, None), Date32) => {
            Checked
        }
        (Timestamp(one, zone), Timestamp(other, wanted)) if zone.is_some() == wanted.is_some() => {
            units(one, other)
        }
        (Timestamp(_, zone), Timestamp(..)) => {
            let (lacks, has) = match zone {
                Some(_) => ("the argument", "the column"),
                None => ("the column", "the argument"),
            };
            return Err(format!(
                "cannot cast {} to {}: {has} has a time zone and {lacks} has none; \
                 convert it in the query",
                display(from),
                display(to)
            ));
        }
        (Time32(one) | Time64(one), Time32(other) | Time64(other))
        | (Duration(one), Duration(other)) => units(one, other),
        (Map(entries, _), Map(wanted, _)) => {
            let ((key, value), (to_key, to_value)) = (pair(entries)?, pair(wanted)?);
            let key = within(&"key", conversion(key.data_type(), to_key.data_type()))?;
            key.max(within(
                &"value",
                conversion(value.data_type(), to_value.data_type()),
            )?)
        }
        (Map(entries, _), to) if item(to).is_some_and(is_pairs) => {
            let (key, value) = pair(entries)?;
            let fields: Fields = vec![
                key.as_ref().clone().with_name("key"),
                value.as_ref().clone().with_name("value"),
            ]
            .into();
            conversion(&Struct(fields), item(to).unwrap_or(to))?
        }
        (from, Map(wanted, _)) if item(from).is_some_and(is_pairs) => {
            let (key, value) = pair(wanted)?;
            let fields: Fields = vec![
                key.as_ref().clone().with_name("key"),
                value.as_ref().clone().with_name("value"),
            ]
            .into();
            conversion(item(from).unwrap_or(from), &Struct(fields))?.max(Checked)
        }
        (FixedSizeList(_, n), FixedSizeList(_, wanted)) if n != wanted => {
            return Err(format!(
                "cannot cast lists of {n} items to lists of {wanted}"
            ));
        }
        (FixedSizeList(from, _), FixedSizeList(to, _)) => {
            within(&"item", conversion(from.data_type(), to.data_type()))?
        }
        (from, to) => match (item(from), item(to), to) {
            (Some(from), Some(to), FixedSizeList(..)) => {
                within(&"item", conversion(from, to))?.max(Checked)
            }
            (Some(from), Some(to), _) => within(&"item", conversion(from, to))?,
            _ => match (from, to) {
                (Struct(from), Struct(to)) => structs(from, to)?,
                _ => return Err(format!("cannot cast {} to {}", display(from), display(to))),
            },
        },
    })
}

/// Whether plugins have the type, and all in it.
fn crosses(ty: &DataType) -> bool {
    let inside = match ty {
        DataType::Struct(fields) => fields.iter().all(|f| crosses(f.data_type())),
        DataType::Map(entries, _) => crosses(entries.data_type()),
        ty => item(ty).is_none_or(crosses),
    };
    inside && layout(ty).is_some()
}

fn within(
    part: &dyn std::fmt::Display,
    result: Result<Conversion, String>,
) -> Result<Conversion, String> {
    result.map_err(|why| format!("{part}: {why}"))
}

fn structs(from: &Fields, to: &Fields) -> Result<Conversion, String> {
    let mut all = Widening;
    for field in to {
        let mut found = from.iter().filter(|f| f.name() == field.name());
        let one = match (found.next(), found.next()) {
            (Some(found), None) => conversion(found.data_type(), field.data_type()),
            (Some(_), Some(_)) => Err("two fields have this name".into()),
            (None, _) => {
                let names: Vec<_> = from.iter().map(|f| f.name().as_str()).collect();
                Err(format!("missing; the struct has: {}", names.join(", ")))
            }
        };
        all = all.max(within(&format_args!("field `{}`", field.name()), one)?);
    }
    Ok(all)
}

fn units(from: &TimeUnit, to: &TimeUnit) -> Conversion {
    // More digits can overflow, fewer can lose some.
    if from == to { Widening } else { Checked }
}

/// Between numbers.
fn numbers(from: &DataType, to: &DataType) -> Conversion {
    let (bits, signed) = integer(from);
    let widens = if from.is_integer() && to.is_integer() {
        let (wanted, negative) = integer(to);
        match (signed, negative) {
            (false, true) => bits < wanted,
            (true, false) => false,
            _ => bits <= wanted,
        }
    } else if from.is_integer() {
        match to {
            // A float holds every integer of as many bits as its fraction has, and one.
            DataType::Float16 => bits <= 8,
            DataType::Float32 => bits <= 16,
            DataType::Float64 => bits <= 32,
            DataType::Decimal128(precision, scale) => {
                let digits = match bits {
                    8 => 3,
                    16 => 5,
                    32 => 10,
                    _ if signed => 19,
                    _ => 20,
                };
                i16::from(*precision) - i16::from(*scale) >= digits
            }
            _ => false,
        }
    } else if from.is_floating() && to.is_floating() {
        from.primitive_width() <= to.primitive_width()
    } else {
        match (decimal(from), decimal(to)) {
            (Some((p, s)), Some((q, t))) => {
                t >= s && i16::from(q) - i16::from(t) >= i16::from(p) - i16::from(s)
            }
            _ => false,
        }
    };
    if widens { Widening } else { Checked }
}

fn integer(ty: &DataType) -> (usize, bool) {
    (
        ty.primitive_width().unwrap_or(0) * 8,
        ty.is_signed_integer(),
    )
}

pub(super) fn decimal(ty: &DataType) -> Option<(u8, i8)> {
    match ty {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => Some((*p, *s)),
        _ => None,
    }
}

/// Integers, floats and decimals; as a target only what a plugin may have.
pub(super) fn is_number(ty: &DataType) -> bool {
    ty.is_integer() || ty.is_floating() || ty.is_decimal()
}

pub(super) fn is_text(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Text and binary.
pub(super) fn is_bytes(ty: &DataType) -> bool {
    use DataType::*;
    is_text(ty) || matches!(ty, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

/// The type of a list's items.
pub(super) fn item(ty: &DataType) -> Option<&DataType> {
    use DataType::*;
    match ty {
        List(item)
        | LargeList(item)
        | ListView(item)
        | LargeListView(item)
        | FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// A struct as engines without maps have for a map's entries.
fn is_pairs(ty: &DataType) -> bool {
    matches!(ty, DataType::Struct(fields) if fields.len() == 2
        && fields.find("key").is_some() && fields.find("value").is_some())
}

/// A map's key and value.
pub(super) fn pair(entries: &FieldRef) -> Result<(&FieldRef, &FieldRef), String> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Ok((&fields[0], &fields[1])),
        other => Err(format!("a map's entries are {other}, not keys and values")),
    }
}

/// Whether arrays of the one type are arrays of the other as they are. What
/// items are called, and what may be null, does not matter; the names of a
/// struct's fields, and their order, do.
pub(super) fn same(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        (List(a), List(b))
        | (LargeList(a), LargeList(b))
        | (ListView(a), ListView(b))
        | (LargeListView(a), LargeListView(b)) => same(a.data_type(), b.data_type()),
        (FixedSizeList(a, n), FixedSizeList(b, m)) => n == m && same(a.data_type(), b.data_type()),
        (Struct(a), Struct(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.name() == b.name() && same(a.data_type(), b.data_type()))
        }
        (Map(a, _), Map(b, _)) => match (pair(a), pair(b)) {
            (Ok((k, v)), Ok((l, w))) => {
                same(k.data_type(), l.data_type()) && same(v.data_type(), w.data_type())
            }
            _ => false,
        },
        _ => from == to,
    }
}

/// The type with nulls allowed everywhere in it but in a map's keys. Whether a
/// null may be where it is, is the plugin's to say, of the row that has it.
pub fn nullable(ty: &DataType) -> DataType {
    use DataType::*;
    let field = |f: &FieldRef| {
        let ty = nullable(f.data_type());
        Arc::new(f.as_ref().clone().with_data_type(ty).with_nullable(true))
    };
    match ty {
        List(item) => List(field(item)),
        LargeList(item) => LargeList(field(item)),
        ListView(item) => ListView(field(item)),
        LargeListView(item) => LargeListView(field(item)),
        FixedSizeList(item, n) => FixedSizeList(field(item), *n),
        Struct(fields) => Struct(fields.iter().map(field).collect()),
        Map(entries, sorted) => match pair(entries) {
            Ok((key, value)) => {
                let key = key.as_ref().clone().with_nullable(false);
                let fields = Struct(vec![Arc::new(key), field(value)].into());
                let entries = entries.as_ref().clone().with_data_type(fields);
                Map(Arc::new(entries.with_nullable(false)), *sorted)
            }
            Err(_) => ty.clone(),
        },
        ty => ty.clone(),
    }
}
