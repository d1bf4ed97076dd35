//! Rows as tests write them, and the columns that they make.

use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::write::{Builder, Value};

/// The arguments of a function, as the SDK holds them.
#[diagnostic::on_unimplemented(
    message = "`testing` calls functions of up to 12 arguments",
    label = "this function has more"
)]
pub trait Rows {
    /// One row: a tuple.
    type Row;

    /// A column for each argument.
    #[doc(hidden)]
    fn columns(rows: Vec<Self::Row>, schemas: &[Vec<Field>]) -> Vec<Vec<Node>>;
}

/// What stands for a row of `R`: the tuple of its arguments, or the argument itself
/// where there is only one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of this function's arguments",
    label = "the function takes `{R}`",
    note = "a row is a tuple of the arguments, or the argument itself if there is only one"
)]
pub trait IntoRow<R> {
    /// The tuple.
    #[doc(hidden)]
    fn into_row(self) -> R;
}

impl<R> IntoRow<R> for R {
    fn into_row(self) -> R {
        self
    }
}

impl<T> IntoRow<(T,)> for T {
    fn into_row(self) -> (T,) {
        (self,)
    }
}

fn begin<V: Value>(schema: Option<&Vec<Field>>, rows: usize) -> V::Builder {
    match schema {
        None => V::Builder::with_capacity(rows),
        Some(schema) => V::Builder::with_schema(schema, rows)
            .unwrap_or_else(|error| panic!("the rows do not make a column: {error}")),
    }
}

fn append<V: Value>(value: V, builder: &mut V::Builder) {
    value.append(builder);
    if let Some(refusal) = builder.refusal() {
        panic!("a row's value is not of the argument's type: {refusal}");
    }
}

pub(super) fn finish<B: Builder>(builder: B) -> Vec<Node> {
    let mut nodes = Vec::new();
    builder
        .finish(&mut nodes)
        .unwrap_or_else(|error| panic!("the rows do not make a column: {error}"));
    nodes
}

macro_rules! rows {
    ($(($($name:ident $builder:ident $at:tt),*) $nested:ty;)*) => {
        $(impl<$($name: Value),*> Rows for $nested {
            type Row = ($($name,)*);

            fn columns(rows: Vec<Self::Row>, _schemas: &[Vec<Field>]) -> Vec<Vec<Node>> {
                $(let mut $builder = begin::<$name>(_schemas.get($at), rows.len());)*
                for _row in rows {
                    $(append(_row.$at, &mut $builder);)*
                }
                vec![$(finish($builder)),*]
            }
        })*
    };
}

rows! {
    () ();
    (A a 0) (A, ());
    (A a 0, B b 1) (A, (B, ()));
    (A a 0, B b 1, C c 2) (A, (B, (C, ())));
    (A a 0, B b 1, C c 2, D d 3) (A, (B, (C, (D, ()))));
    (A a 0, B b 1, C c 2, D d 3, E e 4) (A, (B, (C, (D, (E, ())))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5) (A, (B, (C, (D, (E, (F, ()))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6) (A, (B, (C, (D, (E, (F, (G, ())))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7) (A, (B, (C, (D, (E, (F, (G, (H, ()))))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8) (A, (B, (C, (D, (E, (F, (G, (H, (I, ())))))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9) (A, (B, (C, (D, (E, (F, (G, (H, (I, (J, ()))))))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10) (A, (B, (C, (D, (E, (F, (G, (H, (I, (J, (K, ())))))))))));
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11) (A, (B, (C, (D, (E, (F, (G, (H, (I, (J, (K, (L, ()))))))))))));
}
