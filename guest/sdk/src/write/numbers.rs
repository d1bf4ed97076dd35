//! Lists of numbers, of a type that is decided when the function is opened.

use super::{Builder, Value, leaf};
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::bits::ValidityBuilder;
use crate::dynamic::{ANY, Schema};
use crate::error::Error;
use crate::model::Element;
use crate::schema::{ITEM, Typed, field};

/// How many bytes a column makes room for at first: tensors are large, and a batch may fail
/// in its first row.
const ROOM: usize = 4 << 20;

/// A list of numbers as a result, of the type and size that the function `returns` of the
/// `#[udf]` block says with [`Schema::numbers`]: a tensor whose elements the options
/// decide. It is copied as a whole, where the items of a `Dynamic` are appended one by one.
///
/// ```
/// use wudf_guest::{Numbers, Schema, UdfOptions, udf};
///
/// #[derive(UdfOptions)]
/// struct Options {
///     #[option(default = false)]
///     bytes: bool,
/// }
///
/// struct Ends {
///     bytes: bool,
///     ends: [u8; 2],
///     wide: [f32; 2],
/// }
///
/// /// The first and the last byte.
/// #[udf]
/// impl Ends {
///     fn open(options: Options) -> Self {
///         Self { bytes: options.bytes, ends: [0; 2], wide: [0.0; 2] }
///     }
///
///     fn returns(options: &Options) -> Schema {
///         match options.bytes {
///             true => Schema::numbers::<u8>(2),
///             false => Schema::numbers::<f32>(2),
///         }
///     }
///
///     fn ends(&mut self, data: &[u8]) -> Option<Numbers<'_>> {
///         self.ends = [*data.first()?, *data.last()?];
///         self.wide = self.ends.map(f32::from);
///         Some(match self.bytes {
///             true => Numbers::new(&self.ends),
///             false => Numbers::new(&self.wide),
///         })
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers<'a> {
    format: &'static str,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// These numbers.
    pub fn new<T: Element>(numbers: &'a [T]) -> Self {
        Self {
            format: T::FORMAT,
            count: numbers.len(),
            bytes: bytemuck::cast_slice(numbers),
        }
    }
}

impl Schema {
    /// Lists of `size` numbers, none of them null.
    pub fn numbers<T: Element>(size: u32) -> Self {
        Self(vec![
            field("", format!("+w:{size}"), true, 1),
            field(ITEM, T::FORMAT, false, 0),
        ])
    }
}

impl Typed for Numbers<'_> {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, ANY, nullable, 0));
    }
}

/// A column of lists of numbers.
#[derive(Debug)]
pub struct NumbersBuilder {
    /// The format of the numbers, how many there are in a list, and the bytes of one list.
    /// None where the type is not known.
    of: Option<(String, usize, usize)>,
    bytes: Vec<u8>,
    count: usize,
    validity: ValidityBuilder,
    refusal: Option<String>,
}

impl Builder for NumbersBuilder {
    fn with_capacity(_: usize) -> Self {
        Self {
            of: None,
            bytes: Vec::new(),
            count: 0,
            validity: ValidityBuilder::default(),
            refusal: None,
        }
    }
    fn with_schema(schema: &[Field], rows: usize) -> Result<Self, Error> {
        let unfit = || Error::internal("`Numbers` are returned as `Schema::numbers` says");
        let [list, item] = schema else {
            return Err(unfit());
        };
        let size = list.format.strip_prefix("+w:").ok_or_else(unfit)?;
        let size: usize = size.parse().map_err(|_| unfit())?;
        let width = width(&item.format).ok_or_else(unfit)?;
        let list = size.saturating_mul(width);
        Ok(Self {
            of: Some((item.format.clone(), size, list)),
            bytes: Vec::with_capacity(list.saturating_mul(rows).min(ROOM)),
            ..Self::with_capacity(0)
        })
    }
    fn null(&mut self) {
        self.filler(1);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        let Some((_, size, bytes)) = self.of else {
            return;
        };
        self.bytes.resize(self.bytes.len() + bytes * count, 0);
        self.count += size * count;
    }
    const REFUSES: bool = true;
    fn refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        if self.of.is_none() {
            return Err(Error::internal(
                "`Numbers` are of the type that `returns` says, and there is no `returns`",
            ));
        }
        nodes.push(leaf(self.validity, vec![]));
        let mut items = ValidityBuilder::default();
        items.valid(self.count);
        nodes.push(leaf(items, vec![self.bytes]));
        Ok(())
    }
}

/// The bytes of a number of this format.
fn width(format: &str) -> Option<usize> {
    Some(match format {
        "C" => 1,
        "e" => 2,
        "f" | "i" => 4,
        "g" | "l" => 8,
        _ => return None,
    })
}

impl Value for Numbers<'_> {
    type Builder = NumbersBuilder;

    fn append(self, to: &mut NumbersBuilder) {
        let Some((format, size, _)) = &to.of else {
            return;
        };
        if self.format != format || self.count != *size {
            to.refusal = Some(format!(
                "the result is {} numbers of the format `{}` where `returns` says {size} of `{format}`",
                self.count, self.format
            ));
            return;
        }
        to.bytes.extend_from_slice(self.bytes);
        to.count += self.count;
        to.validity.valid(1);
    }
}
