//! From Arrow buffers to the arguments of one row.
//!
//! A column is bound once a call, which checks its buffers, and then read row
//! by row. Numbers are read [`BLOCK`] rows at a time where there are no nulls, so
//! that the loop over them is unrolled and vectorised: the host interrupts a
//! plugin at the back-edges of its loops, and a back-edge for each `x + 1` costs
//! more than the addition.

mod bytes;
mod list;
mod nested;
mod primitive;

pub use nested::StructColumn;

use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::bits::Validity;
use crate::constant::Span;
use crate::error::Error;
use crate::schema::Typed;

/// How many rows of numbers are done at a time.
pub const BLOCK: usize = 64;

/// A type that a function can take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a UDF",
    label = "not a type that a column can have",
    note = "an argument is a number, `bool`, `&str`, `String`, `&[u8]` or `Vec<u8>` (binary), `Date`, \
            `Timestamp`, `TimestampUtc`, a `Vec<T>`, `&[T]` or `[T; N]` of these, an `Option<T>` of \
            these, or a struct that derives `Row`"
)]
pub trait Argument: Typed {
    /// The value of one row.
    type Value<'a>;
    /// A bound column.
    type Column<'a>;
    /// Some rows at once.
    type Block<'a>: Copy;

    /// Takes this column's nodes and checks that they hold `length` values.
    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error>;

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
}

impl<'a> Nodes<'a> {
    /// All nodes of an array.
    pub fn new(nodes: &'a [Node]) -> Self {
        Self {
            nodes: nodes.iter(),
        }
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

/// All arguments of a function, or all fields of a struct: a tuple.
pub trait Arguments {
    /// The values of one row.
    type Values<'a>;
    /// The bound columns.
    type Columns<'a>;
    /// Some rows at once.
    type Blocks<'a>: Copy;
    /// How many there are.
    const COUNT: usize;

    /// Appends the fields of these names.
    fn describe(names: &[&str], schema: &mut Vec<Field>);
    /// One schema for each, nullable: a null argument makes a null result.
    fn schemas(names: &[&str]) -> Vec<Vec<Field>>;
    /// Takes the nodes of all.
    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Columns<'a>, Error>;
    /// Takes one array for each, of exactly as many values as its span has in a call of
    /// `length` rows.
    fn bind_each<'a>(
        names: &[&str],
        arrays: &'a [Vec<Node>],
        spans: &[Span],
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
}

/// Binds a whole argument.
fn bind_one<'a, A: Argument>(
    name: &str,
    array: &'a [Node],
    length: usize,
) -> Result<A::Column<'a>, Error> {
    let at = |error: Error| error.within(&format!("argument `{name}`"));
    if array
        .first()
        .is_some_and(|root| root.length != length as u64)
    {
        return Err(at(misfit(format!(
            "{} values where {length} are due",
            array[0].length
        ))));
    }
    let mut nodes = Nodes::new(array);
    let column = A::bind(&mut nodes, length).map_err(at)?;
    nodes.end().map_err(at)?;
    Ok(column)
}

fn one_schema<A: Argument>(name: &str) -> Vec<Field> {
    let mut schema = Vec::new();
    A::describe(name, true, &mut schema);
    schema
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),*))*) => {
        $(
            #[allow(unused_variables, clippy::unused_unit)]
            impl<$($name: Argument),*> Arguments for ($($name,)*) {
                type Values<'a> = ($($name::Value<'a>,)*);
                type Columns<'a> = ($(($name::Column<'a>, Span),)*);
                type Blocks<'a> = ($($name::Block<'a>,)*);
                const COUNT: usize = <[usize]>::len(&[$($at),*]);

                fn describe(
                    names: &[&str],
                    schema: &mut Vec<Field>,
                ) {
                    $($name::describe(names[$at], false, schema);)*
                }
                fn schemas(
                    names: &[&str],
                ) -> Vec<Vec<Field>> {
                    vec![$(one_schema::<$name>(names[$at])),*]
                }
                fn bind<'a>(
                    nodes: &mut Nodes<'a>,
                    length: usize,
                ) -> Result<Self::Columns<'a>, Error> {
                    Ok(($(($name::bind(nodes, length)?, Span::ROWS),)*))
                }
                fn bind_each<'a>(
                    names: &[&str],
                    arrays: &'a [Vec<Node>],
                    spans: &[Span],
                    length: usize,
                ) -> Result<Self::Columns<'a>, Error> {
                    if arrays.len() != Self::COUNT {
                        return Err(misfit(format!(
                            "{} arguments where {} are due",
                            arrays.len(),
                            Self::COUNT
                        )));
                    }
                    Ok(($((bind_one::<$name>(names[$at], &arrays[$at], spans[$at].length(length))?, spans[$at]),)*))
                }
                #[inline]
                fn get<'a>(
                    columns: &'a Self::Columns<'_>,
                    row: usize,
                ) -> Result<Self::Values<'a>, Absent> {
                    Ok(($($name::get(&columns.$at.0, columns.$at.1.at(row))?,)*))
                }
                #[inline]
                fn whole(columns: &Self::Columns<'_>, row: usize) -> bool {
                    Self::COUNT > 0
                        $(&& columns.$at.1.has_blocks() && $name::whole(&columns.$at.0, columns.$at.1.at(row)))*
                }
                #[inline]
                fn all_whole(columns: &Self::Columns<'_>) -> bool {
                    Self::COUNT > 0 $(&& columns.$at.1.has_blocks() && $name::all_whole(&columns.$at.0))*
                }
                #[inline]
                fn block<'a>(columns: &'a Self::Columns<'_>, row: usize) -> Self::Blocks<'a> {
                    ($($name::block(&columns.$at.0, columns.$at.1.at(row)),)*)
                }
                #[inline]
                fn at<'a>(blocks: Self::Blocks<'a>, row: usize) -> Self::Values<'a> {
                    ($($name::at(blocks.$at, row),)*)
                }
            }
        )*
    };
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
}
