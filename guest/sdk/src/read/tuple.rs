//! Tuples: structs whose fields are `f0`, `f1` and so on.

use super::{Absent, Argument, Arguments, Nodes, StructColumn};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::error::Error;
use crate::schema::{Typed, field};
use crate::types::Item;
use crate::write::{StructBuilder, Value};

macro_rules! tuples {
    ($(($count:literal; $($name:ident $field:literal $value:ident $at:tt),*) $nested:ty, $pattern:pat, $builders:ty;)*) => {
        $(
            impl<$($name),*> Item for ($($name,)*) {}

            impl<$($name: Typed),*> Typed for ($($name,)*) {
                fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                    schema.push(field(name, "+s", nullable, $count));
                    $($name::describe($field, false, schema);)*
                }
            }

            impl<$($name: Argument),*> Argument for ($($name,)*) {
                type Value<'a> = ($($name::Value<'a>,)*);
                type Column<'a> = StructColumn<'a, <$nested as Arguments>::Columns<'a>>;
                type Block<'a> = ();

                fn bind<'a>(
                    nodes: &mut Nodes<'a>,
                    length: usize,
                ) -> Result<Self::Column<'a>, Error> {
                    StructColumn::bind::<$nested>(nodes, length)
                }
                fn get<'a>(
                    column: &'a Self::Column<'_>,
                    row: usize,
                ) -> Result<Self::Value<'a>, Absent> {
                    let $pattern = column.get::<$nested>(row)?;
                    Ok(($($value,)*))
                }
            }

            impl<$($name: Value),*> Value for ($($name,)*) {
                type Builder = StructBuilder<$builders>;

                fn append(self, to: &mut Self::Builder) {
                    let $pattern = to.row();
                    $(self.$at.append($value);)*
                }
            }
        )*
    };
}

tuples! {
    (1; A "f0" a 0) (A, ()), (a, ()), (A::Builder, ());
    (2; A "f0" a 0, B "f1" b 1) (A, (B, ())), (a, (b, ())), (A::Builder, (B::Builder, ()));
    (3; A "f0" a 0, B "f1" b 1, C "f2" c 2) (A, (B, (C, ()))), (a, (b, (c, ()))), (A::Builder, (B::Builder, (C::Builder, ())));
    (4; A "f0" a 0, B "f1" b 1, C "f2" c 2, D "f3" d 3) (A, (B, (C, (D, ())))), (a, (b, (c, (d, ())))), (A::Builder, (B::Builder, (C::Builder, (D::Builder, ()))));
    (5; A "f0" a 0, B "f1" b 1, C "f2" c 2, D "f3" d 3, E "f4" e 4) (A, (B, (C, (D, (E, ()))))), (a, (b, (c, (d, (e, ()))))), (A::Builder, (B::Builder, (C::Builder, (D::Builder, (E::Builder, ())))));
    (6; A "f0" a 0, B "f1" b 1, C "f2" c 2, D "f3" d 3, E "f4" e 4, F "f5" f 5) (A, (B, (C, (D, (E, (F, ())))))), (a, (b, (c, (d, (e, (f, ())))))), (A::Builder, (B::Builder, (C::Builder, (D::Builder, (E::Builder, (F::Builder, ()))))));
    (7; A "f0" a 0, B "f1" b 1, C "f2" c 2, D "f3" d 3, E "f4" e 4, F "f5" f 5, G "f6" g 6) (A, (B, (C, (D, (E, (F, (G, ()))))))), (a, (b, (c, (d, (e, (f, (g, ()))))))), (A::Builder, (B::Builder, (C::Builder, (D::Builder, (E::Builder, (F::Builder, (G::Builder, ())))))));
    (8; A "f0" a 0, B "f1" b 1, C "f2" c 2, D "f3" d 3, E "f4" e 4, F "f5" f 5, G "f6" g 6, H "f7" h 7) (A, (B, (C, (D, (E, (F, (G, (H, ())))))))), (a, (b, (c, (d, (e, (f, (g, (h, ())))))))), (A::Builder, (B::Builder, (C::Builder, (D::Builder, (E::Builder, (F::Builder, (G::Builder, (H::Builder, ()))))))));
}
