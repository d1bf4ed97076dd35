//! From Arrow buffers to the arguments of one row.
//!
//! A column is bound once a call, which checks its buffers, and then read row
//! by row. Numbers are read [`BLOCK`] rows at a time where there are no nulls, so
//! that the loop over them is unrolled and vectorised: the host interrupts a
//! plugin at the back-edges of its loops, and a back-edge for each `x + 1` costs
//! more than the addition.

mod bytes;
mod fixed;
mod list;
mod map;
mod nested;
mod primitive;
mod text;
mod tuple;

pub(crate) use bytes::Offsets;
pub use bytes::StrColumn;
pub use nested::StructColumn;
pub use text::{FromText, parse_text, text_field};

use crate::batch::Column;
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::Typed;

/// How many rows of numbers are done at a time.
pub const BLOCK: usize = 64;

/// A type that a function can take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a UDF",
    label = "not a type that a column can have",
    note = "an argument is an integer of up to 64 bits, `f32`, `f64`, `Decimal`, `bool`, `char`, `&str` or \
            `String`, `&[u8]`, `Vec<u8>` or `[u8; N]` (binary), `Date`, `Time`, `Timestamp`, \
            `TimestampUtc`, `Duration`, `Json`, an enum that derives `Enum`, a struct that derives `Row`, \
            a tuple, `Vec<T>`, `&[T]`, `[T; N]`, `BTreeMap<K, V>` or `Option<T>` of these"
)]
pub trait Argument: Typed {
    /// The value of one row.
    type Value<'a>;
    /// A bound column.
    type Column<'a>;
    /// Some rows at once.
    type Block<'a>: Copy;

    /// Whether it has a value where the column is null.
    const TAKES_NULLS: bool = false;

    /// Takes this column's nodes and checks that they hold `length` values.
    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error>;

    /// Takes the nodes of one value that stands for all rows. It is read as row 0;
    /// where values are read in blocks, there is a block of it.
    fn bind_constant<'a>(nodes: &mut Nodes<'a>) -> Result<Self::Column<'a>, Error> {
        Self::bind(nodes, 1)
    }

    /// One row's value.
    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<Self::Value<'a>, Absent>;

    /// Whether there are no nulls in the [`BLOCK`] rows from this one, a multiple
    /// of that, and they can be read at once.
    fn whole(_: &Self::Column<'_>, _: usize) -> bool {
        false
    }

    /// Whether all blocks are whole.
    fn all_whole(_: &Self::Column<'_>) -> bool {
        false
    }

    /// [`BLOCK`] rows, if they are whole.
    fn block<'a>(_: &'a Self::Column<'_>, _: usize) -> Self::Block<'a> {
        unreachable!("only whole blocks are read")
    }

    /// One value of a block.
    fn at<'a>(_: Self::Block<'a>, _: usize) -> Self::Value<'a> {
        unreachable!("only whole blocks are read")
    }
}

/// An argument's type, named by way of a trait: so that the compiler complains
/// of a wrong type once, and where it stands.
pub trait IsArgument {
    /// The type itself.
    type Type: Argument;
}

impl<T: Argument> IsArgument for T {
    type Type = T;
}

/// Why a row has no value for an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It is null, and the function does not take nulls: neither will the
    /// result be one.
    Null,
    /// It is there but unfit, which is the row's failure.
    Unfit(&'static str),
}

impl Absent {
    /// What a null is inside another value: the whole is not null, but the
    /// function cannot be given it.
    pub fn inside(self, what: &'static str) -> Self {
        match self {
            Self::Null => Self::Unfit(what),
            unfit => unfit,
        }
    }
}

/// The nodes of one argument that are not bound yet.
#[derive(Debug)]
pub struct Nodes<'a> {
    nodes: std::slice::Iter<'a, Node>,
    schema: &'a [Field],
}

impl<'a> Nodes<'a> {
    /// All nodes of an array of this type. The schema is empty where it is that of the
    /// argument's type.
    pub fn new(nodes: &'a [Node], schema: &'a [Field]) -> Self {
        Self {
            nodes: nodes.iter(),
            schema,
        }
    }

    /// The type of the whole array.
    pub fn schema(&self) -> &'a [Field] {
        self.schema
    }

    /// The next node: of at least `length` values, with as many buffers.
    pub fn take<const N: usize>(
        &mut self,
        length: usize,
    ) -> Result<(&'a Node, [&'a [u8]; N]), Error> {
        let node = self
            .nodes
            .next()
            .ok_or_else(|| misfit("nodes are missing"))?;
        if node.length < length as u64 {
            return Err(misfit(format!(
                "{} values where {length} are due",
                node.length
            )));
        }
        if node.buffers.len() != N {
            return Err(misfit(format!(
                "{} buffers where {N} are due",
                node.buffers.len()
            )));
        }
        Ok((node, std::array::from_fn(|at| node.buffers[at].as_slice())))
    }

    /// That there are no nodes left.
    pub fn end(&self) -> Result<(), Error> {
        match self.nodes.len() {
            0 => Ok(()),
            left => Err(misfit(format!("{left} nodes too many"))),
        }
    }
}

/// A node's validity.
pub(crate) fn validity<'a>(
    node: &Node,
    bitmap: &'a [u8],
    length: usize,
) -> Result<Validity<'a>, Error> {
    Validity::new(bitmap, node.null_count, length)
        .ok_or_else(|| misfit("the validity bitmap is too short"))
}

/// Arguments that are not those of the signature.
pub(crate) fn misfit(message: impl std::fmt::Display) -> Error {
    Error::arguments(message)
}

/// All arguments of a function, or all fields of a struct, as a nested tuple: `(A,
/// (B, ()))`. There may be any number of them, and two implementations do.
pub trait Arguments {
    /// The values of one row.
    type Values<'a>;
    /// The bound columns.
    type Columns<'a>;
    /// Some rows at once.
    type Blocks<'a>: Copy;
    /// The values of many rows, a column for each argument.
    type Gathered<'a>: Default;
    /// How many there are.
    const COUNT: usize;
    /// Whether one of them takes nulls.
    const TAKE_NULLS: bool;

    /// Appends one schema for each, nullable: a null argument makes a null result.
    fn schemas(names: &[&str], schemas: &mut Vec<Vec<Field>>);
    /// Takes the nodes of all.
    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Columns<'a>, Error>;
    /// Takes one array for each, of exactly `length` values or of one that stands
    /// for all rows. There must be as many of them as names.
    fn bind_each<'a>(
        names: &[&str],
        arrays: &'a [Vec<Node>],
        schemas: &'a [Vec<Field>],
        length: usize,
    ) -> Result<Self::Columns<'a>, Error>;
    /// One row's values.
    fn get<'a>(columns: &'a Self::Columns<'_>, row: usize) -> Result<Self::Values<'a>, Absent>;
    /// Whether the rows from this one can be read in a block.
    fn whole(columns: &Self::Columns<'_>, row: usize) -> bool;
    /// Whether all rows can be read in blocks.
    fn all_whole(columns: &Self::Columns<'_>) -> bool;
    /// [`BLOCK`] rows.
    fn block<'a>(columns: &'a Self::Columns<'_>, row: usize) -> Self::Blocks<'a>;
    /// One row of a block.
    fn at<'a>(blocks: Self::Blocks<'a>, row: usize) -> Self::Values<'a>;
    /// Appends one row's values to those of others.
    fn gather<'a>(gathered: &mut Self::Gathered<'a>, values: Self::Values<'a>);
}

/// The arguments of one call.
pub fn bind_all<'a, A: Arguments>(
    names: &[&str],
    arrays: &'a [Vec<Node>],
    schemas: &'a [Vec<Field>],
    length: usize,
) -> Result<A::Columns<'a>, Error> {
    if arrays.len() != A::COUNT {
        return Err(misfit(format!(
            "expected {} arguments, got {}",
            A::COUNT,
            arrays.len()
        )));
    }
    A::bind_each(names, arrays, schemas, length)
}

/// A column, or one value that stands for all rows.
#[derive(Debug)]
pub struct Bound<C> {
    column: C,
    /// A constant is row 0, whichever row is asked for.
    mask: usize,
}

impl<C> Bound<C> {
    fn column(column: C) -> Self {
        Self {
            column,
            mask: usize::MAX,
        }
    }

    fn constant(column: C) -> Self {
        Self { column, mask: 0 }
    }
}

/// Binds a whole argument.
fn bind_one<'a, A: Argument>(
    name: &str,
    array: &'a [Node],
    schema: &'a [Field],
    length: usize,
) -> Result<Bound<A::Column<'a>>, Error> {
    let at = |error: Error| error.within(&format!("argument `{name}`"));
    let mut nodes = Nodes::new(array, schema);
    let bound = match array.first().map(|root| root.length) {
        Some(1) if length != 1 => A::bind_constant(&mut nodes).map(Bound::constant),
        Some(other) if other != length as u64 => {
            Err(misfit(format!("{other} values in a call of {length} rows")))
        }
        _ => A::bind(&mut nodes, length).map(Bound::column),
    };
    let bound = bound.map_err(at)?;
    nodes.end().map_err(at)?;
    Ok(bound)
}

impl Arguments for () {
    type Values<'a> = ();
    type Columns<'a> = ();
    type Blocks<'a> = ();
    type Gathered<'a> = ();
    const COUNT: usize = 0;
    const TAKE_NULLS: bool = false;

    fn schemas(_: &[&str], _: &mut Vec<Vec<Field>>) {}
    fn bind(_: &mut Nodes<'_>, _: usize) -> Result<(), Error> {
        Ok(())
    }
    fn bind_each(_: &[&str], _: &[Vec<Node>], _: &[Vec<Field>], _: usize) -> Result<(), Error> {
        Ok(())
    }
    #[inline]
    fn get((): &(), _: usize) -> Result<(), Absent> {
        Ok(())
    }
    #[inline]
    fn whole((): &(), _: usize) -> bool {
        true
    }
    #[inline]
    fn all_whole((): &()) -> bool {
        true
    }
    #[inline]
    fn block((): &(), _: usize) {}
    #[inline]
    fn at<'a>((): (), _: usize) -> Self::Values<'a> {}
    fn gather((): &mut (), (): ()) {}
}

impl<A: Argument, B: Arguments> Arguments for (A, B) {
    type Values<'a> = (A::Value<'a>, B::Values<'a>);
    type Columns<'a> = (Bound<A::Column<'a>>, B::Columns<'a>);
    type Blocks<'a> = (A::Block<'a>, B::Blocks<'a>);
    type Gathered<'a> = (Column<'a, A>, B::Gathered<'a>);
    const COUNT: usize = 1 + B::COUNT;
    const TAKE_NULLS: bool = A::TAKES_NULLS || B::TAKE_NULLS;

    fn schemas(names: &[&str], schemas: &mut Vec<Vec<Field>>) {
        if let Some((name, names)) = names.split_first() {
            let mut schema = Vec::new();
            A::describe(name, true, &mut schema);
            schemas.push(schema);
            B::schemas(names, schemas);
        }
    }
    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Columns<'a>, Error> {
        let first = Bound::column(A::bind(nodes, length)?);
        Ok((first, B::bind(nodes, length)?))
    }
    fn bind_each<'a>(
        names: &[&str],
        arrays: &'a [Vec<Node>],
        schemas: &'a [Vec<Field>],
        length: usize,
    ) -> Result<Self::Columns<'a>, Error> {
        let (Some((name, names)), Some((array, arrays))) =
            (names.split_first(), arrays.split_first())
        else {
            return Err(misfit("an argument is missing"));
        };
        let (schema, schemas) = match schemas.split_first() {
            Some((schema, schemas)) => (schema.as_slice(), schemas),
            None => (&[][..], schemas),
        };
        let first = bind_one::<A>(name, array, schema, length)?;
        Ok((first, B::bind_each(names, arrays, schemas, length)?))
    }
    #[inline]
    fn get<'a>(
        (first, rest): &'a Self::Columns<'_>,
        row: usize,
    ) -> Result<Self::Values<'a>, Absent> {
        Ok((A::get(&first.column, row & first.mask)?, B::get(rest, row)?))
    }
    #[inline]
    fn whole((first, rest): &Self::Columns<'_>, row: usize) -> bool {
        A::whole(&first.column, row & first.mask) && B::whole(rest, row)
    }
    #[inline]
    fn all_whole((first, rest): &Self::Columns<'_>) -> bool {
        A::all_whole(&first.column) && B::all_whole(rest)
    }
    #[inline]
    fn block<'a>((first, rest): &'a Self::Columns<'_>, row: usize) -> Self::Blocks<'a> {
        (
            A::block(&first.column, row & first.mask),
            B::block(rest, row),
        )
    }
    #[inline]
    fn at<'a>((first, rest): Self::Blocks<'a>, row: usize) -> Self::Values<'a> {
        (A::at(first, row), B::at(rest, row))
    }
    #[inline]
    fn gather<'a>((first, rest): &mut Self::Gathered<'a>, (value, values): Self::Values<'a>) {
        first.push(value);
        B::gather(rest, values);
    }
}
