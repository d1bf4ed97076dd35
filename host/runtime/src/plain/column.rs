//! A column that grows row by row.

use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType};

use super::lift::{Value, set};
use super::shape::Shape;

/// The values of rows so far.
///
/// Buffers are `Vec`s: unlike Arrow's builders, whose alignment of 64 bytes has the
/// allocator copy whenever they grow, large ones grow where they are.
pub(crate) struct Column {
    data_type: DataType,
    len: usize,
    nulls: NullBufferBuilder,
    body: Body,
}

enum Body {
    Bool(BooleanBufferBuilder),
    /// Numbers, little-endian, of this many bytes each.
    Numbers(usize, Vec<u8>),
    /// Strings or bytes: where each ends, and their bytes.
    Bytes(Vec<i32>, Vec<u8>),
    List(Vec<i32>, Box<Column>),
    Struct(Vec<Column>),
}

impl Column {
    pub(super) fn new(shape: &Shape) -> Self {
        let body = match shape {
            Shape::Option(inner) => return Self::new(inner),
            Shape::Bool => Body::Bool(BooleanBufferBuilder::new(0)),
            Shape::Char | Shape::String | Shape::Bytes | Shape::Enum(_) => {
                Body::Bytes(vec![0], Vec::new())
            }
            Shape::List(item) => Body::List(vec![0], Box::new(Self::new(item))),
            Shape::Flags(_) => Body::List(vec![0], Box::new(Self::new(&Shape::String))),
            Shape::Record(fields) => {
                Body::Struct(fields.iter().map(|(_, shape)| Self::new(shape)).collect())
            }
            Shape::Tuple(shapes) => Body::Struct(shapes.iter().map(Self::new).collect()),
            Shape::Variant(cases) => {
                let values = cases.iter().filter_map(|(_, shape)| shape.as_ref());
                Body::Struct(
                    std::iter::once(&Shape::String)
                        .chain(values)
                        .map(Self::new)
                        .collect(),
                )
            }
            number => Body::Numbers(number.width().unwrap_or(8), Vec::new()),
        };
        Self {
            data_type: shape.arrow().0,
            len: 0,
            nulls: NullBufferBuilder::new(0),
            body,
        }
    }

    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends rows without a value.
    pub(crate) fn push_nulls(&mut self, rows: usize) {
        self.len += rows;
        self.nulls.append_n_nulls(rows);
        match &mut self.body {
            Body::Bool(bits) => bits.append_n(rows, false),
            Body::Numbers(width, bytes) => bytes.resize(bytes.len() + *width * rows, 0),
            Body::Bytes(ends, _) | Body::List(ends, _) => {
                let end = ends.last().copied().unwrap_or(0);
                ends.resize(ends.len() + rows, end);
            }
            Body::Struct(columns) => columns.iter_mut().for_each(|c| c.push_nulls(rows)),
        }
    }

    /// Appends a row's value.
    ///
    /// # Errors
    /// When the value is not of the shape that the column was made for, which the types of
    /// components rule out, or when there would be more than 32-bit offsets can count.
    pub(super) fn push(&mut self, shape: &Shape, value: Value) -> Result<(), String> {
        if let Shape::Option(inner) = shape {
            return match value {
                Value::Null => {
                    self.push_nulls(1);
                    Ok(())
                }
                value => self.push(inner, value),
            };
        }
        match (&mut self.body, shape, value) {
            (Body::Bool(bits), _, Value::Bool(value)) => bits.append(value),
            (Body::Numbers(width, bytes), _, Value::Number(number)) => {
                bytes.extend_from_slice(&number.to_le_bytes()[..*width]);
            }
            (Body::Bytes(ends, bytes), Shape::String | Shape::Char, Value::Text(text)) => {
                push_bytes(ends, bytes, text.as_bytes())?;
            }
            (Body::Bytes(ends, bytes), Shape::Bytes, Value::Bytes(value)) => {
                push_bytes(ends, bytes, &value)?;
            }
            (Body::Bytes(ends, bytes), Shape::Enum(names), Value::Case(case, None)) => {
                push_bytes(ends, bytes, names.get(case).ok_or_else(other)?.as_bytes())?;
            }
            (Body::List(ends, items), Shape::List(_), Value::Bytes(numbers)) => {
                let Body::Numbers(width, bytes) = &mut items.body else {
                    return Err(other());
                };
                let count = numbers.len() / *width;
                push_end(ends, items.len + count)?;
                bytes.extend_from_slice(&numbers);
                items.len += count;
                items.nulls.append_n_non_nulls(count);
            }
            (Body::List(ends, items), Shape::List(item), Value::List(values)) => {
                push_end(ends, items.len + values.len())?;
                for value in values {
                    items.push(item, value)?;
                }
            }
            (Body::List(ends, items), Shape::Flags(names), Value::Flags(bits)) => {
                for name in set(&bits, names) {
                    items.push(&Shape::String, Value::Text(name.clone()))?;
                }
                push_end(ends, items.len)?;
            }
            (Body::Struct(columns), Shape::Record(fields), Value::Fields(values))
                if fields.len() == values.len() =>
            {
                let shapes = fields.iter().map(|(_, shape)| shape);
                for ((column, shape), value) in columns.iter_mut().zip(shapes).zip(values) {
                    column.push(shape, value)?;
                }
            }
            (Body::Struct(columns), Shape::Tuple(shapes), Value::Fields(values))
                if shapes.len() == values.len() =>
            {
                for ((column, shape), value) in columns.iter_mut().zip(shapes).zip(values) {
                    column.push(shape, value)?;
                }
            }
            (Body::Struct(columns), Shape::Variant(cases), Value::Case(case, mut value)) => {
                let mut columns = columns.iter_mut();
                let (tag, _) = cases.get(case).ok_or_else(other)?;
                let tags = columns.next().ok_or_else(other)?;
                tags.push(&Shape::String, Value::Text(tag.clone()))?;
                let shapes = cases.iter().enumerate();
                let shapes = shapes.filter_map(|(i, (_, shape))| Some((i, shape.as_ref()?)));
                for (column, (i, shape)) in columns.zip(shapes) {
                    match value.take_if(|_| i == case) {
                        Some(value) => column.push(shape, *value)?,
                        None => column.push_nulls(1),
                    }
                }
            }
            _ => return Err(other()),
        }
        self.len += 1;
        self.nulls.append_non_null();
        Ok(())
    }

    /// Appends the rows of a column of the same shape, whose memory goes back as it is
    /// copied: at no time is there more than what there is and one column twice.
    ///
    /// # Errors
    /// When there would be more than 32-bit offsets can count.
    pub(crate) fn append(&mut self, other: Self) -> Result<(), String> {
        self.len += other.len;
        match other.nulls.build() {
            Some(nulls) => self.nulls.append_buffer(&nulls),
            None => self.nulls.append_n_non_nulls(other.len),
        }
        match (&mut self.body, other.body) {
            (Body::Bool(bits), Body::Bool(more)) => bits.append_buffer(&more.build()),
            (Body::Numbers(_, bytes), Body::Numbers(_, more)) => bytes.extend_from_slice(&more),
            (Body::Bytes(ends, bytes), Body::Bytes(more_ends, more)) => {
                append_ends(ends, &more_ends, bytes.len(), more.len())?;
                bytes.extend_from_slice(&more);
            }
            (Body::List(ends, items), Body::List(more_ends, more)) => {
                append_ends(ends, &more_ends, items.len, more.len)?;
                items.append(*more)?;
            }
            (Body::Struct(columns), Body::Struct(more)) => {
                for (column, more) in columns.iter_mut().zip(more) {
                    column.append(more)?;
                }
            }
            _ => return Err(self::other()),
        }
        Ok(())
    }

    /// The array of all rows.
    ///
    /// # Errors
    /// Arrow's, when the buffers are no array, which would be a fault here.
    pub(crate) fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(make_array(self.data()?))
    }

    fn data(self) -> Result<ArrayData, ArrowError> {
        let data = ArrayData::builder(self.data_type)
            .len(self.len)
            .nulls(self.nulls.build())
            // Whether a `Vec` of bytes lies as numbers need it, is the allocator's to say.
            .align_buffers(true);
        match self.body {
            Body::Bool(bits) => data.add_buffer(bits.build().into_inner()),
            Body::Numbers(_, bytes) => data.add_buffer(Buffer::from_vec(bytes)),
            Body::Bytes(ends, bytes) => data
                .add_buffer(Buffer::from_vec(ends))
                .add_buffer(Buffer::from_vec(bytes)),
            Body::List(ends, items) => data
                .add_buffer(Buffer::from_vec(ends))
                .add_child_data(items.data()?),
            Body::Struct(columns) => {
                let columns = columns.into_iter().map(Self::data);
                data.child_data(columns.collect::<Result<_, _>>()?)
            }
        }
        .build()
    }
}

fn push_bytes(ends: &mut Vec<i32>, bytes: &mut Vec<u8>, value: &[u8]) -> Result<(), String> {
    push_end(ends, bytes.len() + value.len())?;
    bytes.extend_from_slice(value);
    Ok(())
}

fn push_end(ends: &mut Vec<i32>, end: usize) -> Result<(), String> {
    ends.push(offset(end)?);
    Ok(())
}

fn append_ends(
    ends: &mut Vec<i32>,
    more: &[i32],
    before: usize,
    count: usize,
) -> Result<(), String> {
    offset(before + count)?;
    let before = offset(before)?;
    ends.extend(more.iter().skip(1).map(|end| before + end));
    Ok(())
}

fn offset(n: usize) -> Result<i32, String> {
    i32::try_from(n).map_err(|_| {
        "the results of one batch do not fit in one array: pass fewer rows at a time".into()
    })
}

fn other() -> String {
    "a value of another type than the function's".into()
}
