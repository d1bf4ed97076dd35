//! Types as format strings of the Arrow C Data Interface
//! (<https://arrow.apache.org/docs/format/CDataInterface.html>).

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, TimeUnit};

/// Deepest nesting of a type, and most fields of one. Far above what anybody
/// writes, far below what hurts.
const MAX_DEPTH: usize = 32;
const MAX_FIELDS: usize = 1_000;

/// Bytes that a value may take by its type alone: 32 MiB. Fixed-size lists are
/// stored whole even where they are null.
const MAX_WIDTH: usize = 32 << 20;

/// Bytes of metadata to a field.
const MAX_METADATA: usize = 16 << 10;

/// One field of a schema tree as the contract has it: parents before their children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldNode {
    pub name: String,
    pub format: String,
    pub nullable: bool,
    pub children: u32,
    pub metadata: Vec<(String, String)>,
}

/// The type of an argument that takes any, and of a result that depends on it, until
/// arguments are bound: `*` in the contract, which has no null type.
pub(crate) const ANY: DataType = DataType::Null;

/// What arrays of a type are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Bits.
    Bool,
    /// Values of this many bytes.
    Primitive(usize),
    /// Values of this many bytes, which are no number.
    FixedSizeBinary(usize),
    /// 32-bit offsets and bytes; UTF-8 or not.
    Bytes,
    /// 64-bit offsets and bytes.
    LargeBytes,
    /// 32-bit offsets and a child.
    List,
    /// 64-bit offsets and a child.
    LargeList,
    /// A child of this many values for each.
    FixedSizeList(usize),
    /// 32-bit offsets and a child of keys and values.
    Map,
    /// Children.
    Struct,
}

/// Bytes that a null of this type takes: fixed sizes, and offsets. As many as fit in a
/// `usize` when there are more.
pub(crate) fn width(ty: &DataType) -> usize {
    match ty {
        DataType::FixedSizeList(item, n) => {
            let n = usize::try_from(*n).unwrap_or(0);
            // Items have a bit each that says whether they are null, and truth values another.
            width(item.data_type())
                .saturating_mul(n)
                .saturating_add(n / 4)
        }
        DataType::Struct(fields) => fields
            .iter()
            .fold(0, |sum, f| width(f.data_type()).saturating_add(sum)),
        DataType::FixedSizeBinary(n) => usize::try_from(*n).unwrap_or(0),
        DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map(..) => 4,
        DataType::LargeUtf8 | DataType::LargeBinary | DataType::LargeList(_) => 8,
        ty => ty.primitive_width().unwrap_or(0),
    }
}

/// The layout of a type that may cross; `None` for one that may not.
pub(crate) fn layout(ty: &DataType) -> Option<Layout> {
    Some(match ty {
        DataType::Boolean => Layout::Bool,
        DataType::Int8 | DataType::UInt8 => Layout::Primitive(1),
        DataType::Int16 | DataType::UInt16 | DataType::Float16 => Layout::Primitive(2),
        DataType::Int32
        | DataType::UInt32
        | DataType::Float32
        | DataType::Date32
        | DataType::Time32(_) => Layout::Primitive(4),
        DataType::Int64
        | DataType::UInt64
        | DataType::Float64
        | DataType::Timestamp(..)
        | DataType::Time64(_)
        | DataType::Duration(_) => Layout::Primitive(8),
        DataType::Decimal128(..) => Layout::Primitive(16),
        DataType::FixedSizeBinary(n) => Layout::FixedSizeBinary(usize::try_from(*n).ok()?),
        DataType::Utf8 | DataType::Binary => Layout::Bytes,
        DataType::LargeUtf8 | DataType::LargeBinary => Layout::LargeBytes,
        DataType::List(_) => Layout::List,
        DataType::LargeList(_) => Layout::LargeList,
        DataType::FixedSizeList(_, n) => Layout::FixedSizeList(usize::try_from(*n).ok()?),
        DataType::Map(..) => Layout::Map,
        DataType::Struct(_) => Layout::Struct,
        _ => return None,
    })
}

/// A plugin's schema as an Arrow field.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn field(schema: &[FieldNode]) -> Result<Field, String> {
    if schema.len() > MAX_FIELDS {
        return Err(format!(
            "{} fields are more than {MAX_FIELDS}",
            schema.len()
        ));
    }
    let mut rest = schema.iter();
    let field = parse(&mut rest, 0)?;
    match rest.len() {
        0 if width(field.data_type()) > MAX_WIDTH => Err(format!(
            "a value of more than {MAX_WIDTH} bytes by its type alone"
        )),
        0 => Ok(field),
        n => Err(format!("{n} fields belong to nothing")),
    }
}

/// Checks a field that the host made itself of a plugin's types.
///
/// # Errors
/// Which bound is exceeded, for people.
pub(crate) fn check(field: &Field) -> Result<(), String> {
    fn count(field: &Field) -> Result<usize, String> {
        let name = field.name();
        if crate::error::printable(name, 256) != *name {
            return Err("a field's name is too long or has control characters".into());
        }
        let children = match field.data_type() {
            DataType::List(item) => count(item)?,
            DataType::Struct(fields) => {
                let mut names: Vec<_> = fields.iter().map(|field| field.name()).collect();
                names.sort_unstable();
                if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(format!("two fields of a struct are called `{}`", pair[0]));
                }
                fields
                    .iter()
                    .map(|field| count(field))
                    .sum::<Result<_, _>>()?
            }
            _ => 0,
        };
        Ok(children + 1)
    }
    match count(field)? {
        fields if fields > MAX_FIELDS => Err(format!("{fields} fields are more than {MAX_FIELDS}")),
        _ => Ok(()),
    }
}

fn parse(rest: &mut std::slice::Iter<'_, FieldNode>, depth: usize) -> Result<Field, String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH}"));
    }
    let head = rest.next().ok_or("a field is missing")?;
    if head.format == "*" && depth > 0 {
        return Err("only an argument or a result as a whole may be of any type".into());
    }
    if crate::error::printable(&head.name, 256) != head.name || head.name.contains(['\n', '\t']) {
        return Err("a field's name is too long or has control characters".into());
    }
    let metadata = head.metadata.iter();
    if metadata.map(|(k, v)| k.len() + v.len() + 16).sum::<usize>() > MAX_METADATA {
        return Err(format!("more than {MAX_METADATA} bytes of metadata"));
    }
    let count = head.children as usize;
    if count > rest.len() {
        return Err(format!(
            "{count} children announced, {} fields left",
            rest.len()
        ));
    }
    let children = (0..count)
        .map(|_| parse(rest, depth + 1))
        .collect::<Result<Vec<_>, _>>()?;
    let ty = data_type(&head.format, children)?;
    let metadata: HashMap<_, _> = head.metadata.iter().cloned().collect();
    Ok(Field::new(&head.name, ty, head.nullable).with_metadata(metadata))
}

fn data_type(format: &str, children: Vec<Field>) -> Result<DataType, String> {
    let shown = || crate::error::printable(format, 40);
    let only = |mut children: Vec<Field>| match (children.pop(), children.is_empty()) {
        (Some(child), true) => Ok(Arc::new(child)),
        _ => Err(format!("a type `{}` has exactly one child", shown())),
    };
    let ty = match format {
        "+l" => DataType::List(only(children)?),
        "+L" => DataType::LargeList(only(children)?),
        "+s" => {
            let mut names: Vec<_> = children.iter().map(Field::name).collect();
            names.sort_unstable();
            if names.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err("two fields of a struct have the same name".into());
            }
            DataType::Struct(children.into())
        }
        "+m" => map(only(children)?)?,
        _ if format.starts_with("+w:") => {
            let size: i32 = format["+w:".len()..]
                .parse()
                .ok()
                .filter(|n| *n >= 0)
                .ok_or_else(|| format!("`{}` is not a fixed-size list", shown()))?;
            DataType::FixedSizeList(only(children)?, size)
        }
        _ if !children.is_empty() => return Err(format!("a type `{}` has no children", shown())),
        "*" => ANY,
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "z" => DataType::Binary,
        "Z" => DataType::LargeBinary,
        "u" => DataType::Utf8,
        "U" => DataType::LargeUtf8,
        "e" => DataType::Float16,
        "tdD" => DataType::Date32,
        "tts" => DataType::Time32(TimeUnit::Second),
        "ttm" => DataType::Time32(TimeUnit::Millisecond),
        "ttu" => DataType::Time64(TimeUnit::Microsecond),
        "ttn" => DataType::Time64(TimeUnit::Nanosecond),
        "tDs" => DataType::Duration(TimeUnit::Second),
        "tDm" => DataType::Duration(TimeUnit::Millisecond),
        "tDu" => DataType::Duration(TimeUnit::Microsecond),
        "tDn" => DataType::Duration(TimeUnit::Nanosecond),
        _ => parametric(format).ok_or_else(|| format!("unknown type `{}`", shown()))?,
    };
    Ok(ty)
}

/// A field as the contract has it.
///
/// # Errors
/// When its type, or one within it, cannot cross.
pub(crate) fn nodes(field: &Field) -> Result<Vec<FieldNode>, String> {
    let mut nodes = Vec::new();
    describe(field, &mut nodes)?;
    Ok(nodes)
}

fn describe(field: &Field, nodes: &mut Vec<FieldNode>) -> Result<(), String> {
    let children: Vec<&Field> = match field.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item],
        DataType::Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    let mut metadata: Vec<(String, String)> = field.metadata().clone().into_iter().collect();
    metadata.sort_unstable();
    nodes.push(FieldNode {
        name: field.name().clone(),
        format: format_of(field.data_type())
            .ok_or_else(|| format!("type {} cannot cross", field.data_type()))?,
        nullable: field.is_nullable(),
        children: u32::try_from(children.len()).map_err(|e| e.to_string())?,
        metadata,
    });
    children
        .into_iter()
        .try_for_each(|child| describe(child, nodes))
}

/// The format string of a type that may cross.
fn format_of(ty: &DataType) -> Option<String> {
    let format = match ty {
        DataType::Boolean => "b",
        DataType::Int8 => "c",
        DataType::UInt8 => "C",
        DataType::Int16 => "s",
        DataType::UInt16 => "S",
        DataType::Int32 => "i",
        DataType::UInt32 => "I",
        DataType::Int64 => "l",
        DataType::UInt64 => "L",
        DataType::Float16 => "e",
        DataType::Float32 => "f",
        DataType::Float64 => "g",
        DataType::Binary => "z",
        DataType::LargeBinary => "Z",
        DataType::Utf8 => "u",
        DataType::LargeUtf8 => "U",
        DataType::Date32 => "tdD",
        DataType::List(_) => "+l",
        DataType::LargeList(_) => "+L",
        DataType::Struct(_) => "+s",
        DataType::Map(..) => "+m",
        DataType::FixedSizeBinary(n) => return Some(format!("w:{n}")),
        DataType::Decimal128(precision, scale) => return Some(format!("d:{precision},{scale}")),
        DataType::Time32(TimeUnit::Second) => "tts",
        DataType::Time32(_) => "ttm",
        DataType::Time64(TimeUnit::Microsecond) => "ttu",
        DataType::Time64(_) => "ttn",
        DataType::Duration(unit) => return Some(format!("tD{}", letter(unit))),
        DataType::FixedSizeList(_, n) => return Some(format!("+w:{n}")),
        DataType::Timestamp(unit, zone) => {
            let unit = letter(unit);
            return Some(format!("ts{unit}:{}", zone.as_deref().unwrap_or("")));
        }
        _ => return None,
    };
    Some(format.to_owned())
}

/// A unit in a format string.
fn letter(unit: &TimeUnit) -> char {
    match unit {
        TimeUnit::Second => 's',
        TimeUnit::Millisecond => 'm',
        TimeUnit::Microsecond => 'u',
        TimeUnit::Nanosecond => 'n',
    }
}

/// The nearest type that may cross, which an argument of any type is given for a
/// column of this one: views, dictionaries and the like are unfolded.
pub(crate) fn crossing(ty: &DataType) -> DataType {
    let field = |f: &FieldRef| {
        let ty = crossing(f.data_type());
        Arc::new(f.as_ref().clone().with_data_type(ty))
    };
    match ty {
        // Nothing but nulls: any type holds them.
        DataType::Null => DataType::Boolean,
        DataType::Dictionary(_, value) => crossing(value),
        DataType::RunEndEncoded(_, values) => crossing(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::ListView(item) => DataType::List(field(item)),
        DataType::LargeListView(item) => DataType::LargeList(field(item)),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(field(item), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, _) => DataType::Map(field(entries), false),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Date64 => DataType::Date32,
        ty => ty.clone(),
    }
}

/// A type with parameters and without children.
fn parametric(format: &str) -> Option<DataType> {
    if let Some(width) = format.strip_prefix("w:") {
        let width: i32 = width.parse().ok()?;
        return (width > 0).then_some(DataType::FixedSizeBinary(width));
    }
    if let Some(decimal) = format.strip_prefix("d:") {
        let (precision, scale) = decimal.split_once(',')?;
        // A third number is a width in bits other than 128.
        let (precision, scale): (u8, i8) = (precision.parse().ok()?, scale.parse().ok()?);
        let fits = (1..=DECIMAL128_MAX_PRECISION).contains(&precision)
            && i16::from(scale).abs() <= i16::from(precision);
        return fits.then_some(DataType::Decimal128(precision, scale));
    }
    let (head, zone) = (format.get(..4)?, format.get(4..)?);
    let unit = match head {
        "tss:" => TimeUnit::Second,
        "tsm:" => TimeUnit::Millisecond,
        "tsu:" => TimeUnit::Microsecond,
        "tsn:" => TimeUnit::Nanosecond,
        _ => return None,
    };
    let fits = zone.len() <= 64 && !zone.chars().any(char::is_control);
    fits.then(|| DataType::Timestamp(unit, (!zone.is_empty()).then(|| zone.into())))
}

/// A map of these entries.
fn map(entries: FieldRef) -> Result<DataType, String> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            if entries.is_nullable() || fields[0].is_nullable() {
                return Err("a map's entries and keys cannot be null".into());
            }
            Ok(DataType::Map(entries, false))
        }
        _ => Err("a type `+m` has one child, a struct of a key and a value".into()),
    }
}

/// A type as people and SQL engines write it: `list<float32>`.
pub(crate) fn display(ty: &DataType) -> String {
    match ty {
        DataType::List(item) | DataType::LargeList(item) => {
            format!("list<{}>", display(item.data_type()))
        }
        DataType::FixedSizeList(item, n) => {
            format!("fixed_size_list<{}, {n}>", display(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|f| format!("{}: {}", f.name(), display(f.data_type())))
                .collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::Boolean => "bool".into(),
        DataType::Date32 => "date".into(),
        ty if *ty == ANY => "any".into(),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let [key, value] = [&fields[0], &fields[1]].map(|f| display(f.data_type()));
                format!("map<{key}, {value}>")
            }
            other => format!("map<{}>", display(other)),
        },
        DataType::FixedSizeBinary(n) => format!("fixed_size_binary<{n}>"),
        DataType::Decimal128(precision, scale) => format!("decimal<{precision}, {scale}>"),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("time<{}>", short(unit)),
        DataType::Duration(unit) => format!("duration<{}>", short(unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp<{}, {zone}>", short(unit)),
        DataType::Timestamp(unit, None) => format!("timestamp<{}>", short(unit)),
        other => other.to_string().to_lowercase(),
    }
}

fn short(unit: &TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}
