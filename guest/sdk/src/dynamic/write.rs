//! Columns of a type that is decided when the function is opened.

use super::read::{Fixed, children, fixed};
use super::{ANY, Dynamic};
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::bits::{Bits, ValidityBuilder};
use crate::error::Error;
use crate::write::{Builder, BytesBuilder, OffsetsBuilder, Value, leaf};

/// A column in the making, of a type that is not one of Rust's.
#[derive(Debug)]
pub struct DynamicBuilder {
    /// None until the type is known.
    column: Option<Column>,
    refusal: Option<String>,
}

#[derive(Debug)]
struct Column {
    name: String,
    format: String,
    nullable: bool,
    validity: ValidityBuilder,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(Bits),
    Fixed(Vec<u8>, usize, Fixed),
    Text(BytesBuilder),
    Binary(BytesBuilder),
    List(OffsetsBuilder, usize, Box<Column>),
    FixedList(usize, Box<Column>),
    Struct(Vec<Column>),
    /// The keys and the values.
    Map(OffsetsBuilder, usize, Box<(Column, Column)>),
}

impl Column {
    fn new(schema: &[Field]) -> Result<Self, Error> {
        let unsupported = |format: &str| {
            Error::unsupported(format!(
                "a result of the format `{format}` is not supported"
            ))
        };
        let Some(root) = schema.first() else {
            return Err(unsupported(""));
        };
        let format = root.format.as_str();
        let children = children(schema).ok_or_else(|| unsupported(format))?;
        let child = || match children.as_slice() {
            [child] => Self::new(child),
            _ => Err(unsupported(format)),
        };
        let values = match format {
            "b" => Values::Bool(Bits::default()),
            "u" => Values::Text(BytesBuilder::with_capacity(0)),
            "z" => Values::Binary(BytesBuilder::with_capacity(0)),
            "+l" => Values::List(OffsetsBuilder::with_capacity(0), 0, Box::new(child()?)),
            "+m" => match child()?.values {
                Values::Struct(fields) => match <[Self; 2]>::try_from(fields) {
                    Ok([key, value]) => {
                        let offsets = OffsetsBuilder::with_capacity(0);
                        Values::Map(offsets, 0, Box::new((key, value)))
                    }
                    Err(_) => return Err(unsupported(format)),
                },
                _ => return Err(unsupported(format)),
            },
            "+s" => Values::Struct(
                children
                    .into_iter()
                    .map(Self::new)
                    .collect::<Result<_, _>>()?,
            ),
            _ => match format.strip_prefix("+w:") {
                Some(size) => Values::FixedList(
                    size.parse().map_err(|_| unsupported(format))?,
                    Box::new(child()?),
                ),
                None => {
                    let (width, of) = fixed(format).ok_or_else(|| unsupported(format))?;
                    Values::Fixed(Vec::new(), width, of)
                }
            },
        };
        Ok(Self {
            name: root.name.clone(),
            format: root.format.clone(),
            nullable: root.nullable,
            validity: ValidityBuilder::default(),
            values,
        })
    }

    /// Why the column cannot have a value, if it cannot: nothing is appended of a
    /// value that does not fit as a whole.
    fn check(&self, value: &Dynamic<'_>) -> Result<(), String> {
        let misfit = || {
            Err(format!(
                "a value does not fit the format `{}`: {value:?}",
                self.format
            ))
        };
        let fits = match (&self.values, value) {
            (_, Dynamic::Null) if self.nullable => true,
            (_, Dynamic::Null) => {
                return Err(format!("the field `{}` may not be null", self.name));
            }
            (Values::Bool(_), Dynamic::Bool(_))
            | (Values::Text(_), Dynamic::Text(_))
            | (Values::Binary(_), Dynamic::Binary(_)) => true,
            (Values::Fixed(_, width, of), value) => bytes(value, *width, *of).is_some(),
            (Values::List(_, _, column), Dynamic::List(items)) => {
                return items.iter().try_for_each(|item| column.check(item));
            }
            (Values::FixedList(size, column), Dynamic::List(items)) if items.len() == *size => {
                return items.iter().try_for_each(|item| column.check(item));
            }
            (Values::Struct(columns), Dynamic::Struct(fields)) if columns.len() == fields.len() => {
                let mut pairs = columns.iter().zip(fields);
                return pairs.try_for_each(|(column, (name, value))| {
                    if column.name == *name {
                        column.check(value)
                    } else {
                        Err(format!(
                            "expected the field `{}`, got `{name}`",
                            column.name
                        ))
                    }
                });
            }
            (Values::Map(_, _, columns), Dynamic::Map(entries)) => {
                return entries.iter().try_for_each(|(key, value)| {
                    if *key == Dynamic::Null {
                        return Err("a key of a map may not be null".to_owned());
                    }
                    columns.0.check(key)?;
                    columns.1.check(value)
                });
            }
            _ => false,
        };
        if fits { Ok(()) } else { misfit() }
    }

    /// Appends a value that was checked.
    fn append(&mut self, value: Dynamic<'_>) {
        match (&mut self.values, value) {
            (Values::Bool(bits), Dynamic::Bool(bit)) => bits.push(bit),
            (Values::Text(builder), Dynamic::Text(text)) => text.append(builder),
            (Values::Binary(builder), Dynamic::Binary(bytes)) => bytes.append(builder),
            (Values::Fixed(to, width, of), value) if value != Dynamic::Null => {
                let bytes = bytes(&value, *width, *of);
                to.extend(bytes.unwrap_or_else(|| vec![0; *width]));
            }
            (Values::List(offsets, count, column), Dynamic::List(items)) => {
                *count += items.len();
                offsets.end(*count);
                items.into_iter().for_each(|item| column.append(item));
            }
            (Values::FixedList(_, column), Dynamic::List(items)) => {
                items.into_iter().for_each(|item| column.append(item));
            }
            (Values::Struct(columns), Dynamic::Struct(fields)) => {
                let pairs = columns.iter_mut().zip(fields);
                pairs.for_each(|(column, (_, value))| column.append(value));
            }
            (Values::Map(offsets, count, columns), Dynamic::Map(entries)) => {
                *count += entries.len();
                offsets.end(*count);
                for (key, value) in entries {
                    columns.0.append(key);
                    columns.1.append(value);
                }
            }
            _ => return self.null(),
        }
        self.validity.valid(1);
    }

    fn null(&mut self) {
        self.fill(1);
        self.validity.null();
    }

    fn filler(&mut self, count: usize) {
        self.fill(count);
        self.validity.valid(count);
    }

    /// Appends what stands under nulls.
    fn fill(&mut self, count: usize) {
        match &mut self.values {
            Values::Bool(bits) => bits.push_many(false, count),
            Values::Fixed(bytes, width, _) => bytes.resize(bytes.len() + count * *width, 0),
            Values::Text(builder) | Values::Binary(builder) => builder.filler(count),
            Values::List(offsets, end, _) | Values::Map(offsets, end, _) => {
                (0..count).for_each(|_| offsets.end(*end));
            }
            Values::FixedList(size, column) => column.filler(*size * count),
            Values::Struct(columns) => {
                columns.iter_mut().for_each(|column| column.filler(count));
            }
        }
    }

    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        match self.values {
            Values::Bool(bits) => nodes.push(leaf(self.validity, vec![bits.into_bytes()])),
            Values::Fixed(bytes, ..) => nodes.push(leaf(self.validity, vec![bytes])),
            Values::Text(builder) | Values::Binary(builder) => {
                let mut inner = Vec::new();
                builder.finish(&mut inner)?;
                // Its own bitmap knows no nulls, which are counted here.
                for node in inner {
                    nodes.push(leaf(
                        self.validity.clone(),
                        node.buffers.into_iter().skip(1).collect(),
                    ));
                }
            }
            Values::List(offsets, _, column) => {
                nodes.push(leaf(self.validity, vec![offsets.finish()?]));
                column.finish(nodes)?;
            }
            Values::FixedList(_, column) => {
                nodes.push(leaf(self.validity, vec![]));
                column.finish(nodes)?;
            }
            Values::Struct(columns) => {
                nodes.push(leaf(self.validity, vec![]));
                for column in columns {
                    column.finish(nodes)?;
                }
            }
            Values::Map(offsets, count, columns) => {
                nodes.push(leaf(self.validity, vec![offsets.finish()?]));
                let mut entries = ValidityBuilder::default();
                entries.valid(count);
                nodes.push(leaf(entries, vec![]));
                columns.0.finish(nodes)?;
                columns.1.finish(nodes)?;
            }
        }
        Ok(())
    }
}

/// The bytes of a value in a column of a fixed width, if it fits.
fn bytes(value: &Dynamic<'_>, width: usize, of: Fixed) -> Option<Vec<u8>> {
    let int = |value: i64| {
        let bits = 8 * width as u32;
        let fits = bits >= 64 || (-(1_i64 << (bits - 1))..1_i64 << (bits - 1)).contains(&value);
        fits.then(|| value.to_le_bytes()[..width].to_vec())
    };
    match (of, value) {
        (Fixed::Int, Dynamic::Int(value)) => int(*value),
        (Fixed::UInt, Dynamic::UInt(value)) => {
            let fits = width >= 8 || *value < 1 << (8 * width);
            fits.then(|| value.to_le_bytes()[..width].to_vec())
        }
        (Fixed::Float, Dynamic::Float(value)) if width == 4 => {
            Some((*value as f32).to_le_bytes().to_vec())
        }
        (Fixed::Float, Dynamic::Float(value)) => Some(value.to_le_bytes().to_vec()),
        (Fixed::Decimal(wanted), Dynamic::Decimal { unscaled, scale }) if wanted == *scale => {
            Some(unscaled.to_le_bytes().to_vec())
        }
        (Fixed::Binary, Dynamic::Binary(bytes)) if bytes.len() == width => Some(bytes.to_vec()),
        (Fixed::Date, Dynamic::Date(date)) => Some(date.0.to_le_bytes().to_vec()),
        (Fixed::Time(wanted), Dynamic::Time(value, unit))
        | (Fixed::Timestamp(wanted), Dynamic::Timestamp(value, unit))
        | (Fixed::Duration(wanted), Dynamic::Duration(value, unit))
            if wanted == *unit =>
        {
            int(*value)
        }
        _ => None,
    }
}

impl Builder for DynamicBuilder {
    fn with_capacity(_: usize) -> Self {
        Self {
            column: None,
            refusal: None,
        }
    }
    fn with_schema(schema: &[Field], _: usize) -> Result<Self, Error> {
        Ok(Self {
            column: Some(Column::new(schema)?),
            refusal: None,
        })
    }
    fn null(&mut self) {
        if let Some(column) = &mut self.column {
            column.null();
        }
    }
    fn filler(&mut self, count: usize) {
        if let Some(column) = &mut self.column {
            column.filler(count);
        }
    }
    const REFUSES: bool = true;
    fn refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        match self.column {
            Some(column) => column.finish(nodes),
            None => Err(Error::arguments(format!(
                "the type of the result is not known (`{ANY}`): open the function with its arguments"
            ))),
        }
    }
}

impl Value for Dynamic<'_> {
    type Builder = DynamicBuilder;

    fn append(self, to: &mut DynamicBuilder) {
        let Some(column) = &mut to.column else { return };
        match column.check(&self) {
            Ok(()) => column.append(self),
            Err(refusal) => to.refusal = Some(refusal),
        }
    }
}
