//! Types as SQL spells them.

use arrow_schema::{DataType, Field};

/// The type as a statement declares it, `FLOAT[]`; Arrow's name for what SQL
/// has none for.
pub fn sql_type(ty: &DataType) -> String {
    use DataType::*;
    match ty {
        Boolean => "BOOLEAN".into(),
        Int8 => "TINYINT".into(),
        Int16 => "SMALLINT".into(),
        Int32 => "INT".into(),
        Int64 => "BIGINT".into(),
        UInt8 => "TINYINT UNSIGNED".into(),
        UInt16 => "SMALLINT UNSIGNED".into(),
        UInt32 => "INT UNSIGNED".into(),
        UInt64 => "BIGINT UNSIGNED".into(),
        Float32 => "FLOAT".into(),
        Float64 => "DOUBLE".into(),
        Utf8 | LargeUtf8 | Utf8View => "TEXT".into(),
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => "BYTEA".into(),
        Date32 => "DATE".into(),
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s) => {
            format!("DECIMAL({p}, {s})")
        }
        Time32(_) | Time64(_) => "TIME".into(),
        Duration(_) => "INTERVAL".into(),
        Map(entries, _) => match entries.data_type() {
            Struct(fields) if fields.len() == 2 => {
                let [key, value] = [&fields[0], &fields[1]].map(|f| sql_type(f.data_type()));
                format!("MAP<{key}, {value}>")
            }
            other => other.to_string(),
        },
        Timestamp(_, None) => "TIMESTAMP".into(),
        Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        List(item) | LargeList(item) | ListView(item) | LargeListView(item) => {
            format!("{}[]", sql_type(item.data_type()))
        }
        FixedSizeList(item, size) => format!("{}[{size}]", sql_type(item.data_type())),
        Struct(fields) => format!("STRUCT<{}>", columns(fields.iter().map(AsRef::as_ref))),
        Dictionary(_, value) => sql_type(value),
        RunEndEncoded(_, value) => sql_type(value.data_type()),
        other => other.to_string(),
    }
}

/// Names and types, `count INT, weight DOUBLE`.
pub(crate) fn columns<'a>(fields: impl IntoIterator<Item = &'a Field>) -> String {
    let columns: Vec<String> = fields
        .into_iter()
        .map(|field| format!("{} {}", field.name(), sql_type(field.data_type())))
        .collect();
    columns.join(", ")
}

/// Types alone, `INT, DOUBLE`.
pub(crate) fn list<'a>(types: impl IntoIterator<Item = &'a DataType>) -> String {
    let types: Vec<String> = types.into_iter().map(sql_type).collect();
    types.join(", ")
}
