//! The macros of `wudf-guest`, which re-exports and documents them.

mod attribute;
mod common;
mod enums;
mod function;
mod object;
mod options;
mod row;

use proc_macro::TokenStream;
use syn::{DeriveInput, Item, parse_macro_input};

/// Makes a function, or an `impl` block, a UDF.
///
/// # On a function
///
/// The function computes one row. Its name, its documentation and the names
/// and types of its arguments are the UDF's.
///
/// # On an `impl` block
///
/// The one method that takes `self` computes one row, and may be called
/// anything but `list_size`; the UDF's name is that of the type in `snake_case`, and its
/// documentation that of the block (not of the struct, which the macro does not
/// see), or else of the method. Beside it the block may have
///
/// - `fn open(options: Options, arguments: &Arguments<'_>) -> Result<Self>`, called once
///   for each instance. `Options` derives `UdfOptions`; `Arguments` has the types of the
///   arguments, and the values of those that are the same in all rows. Either may be left
///   out.
///   Without `open`, the type must implement `Default`.
/// - `fn models(options: &Options) -> Vec<String>`: the models that `open` asks
///   for under these options;
/// - `fn assets(options: &Options) -> Vec<String>`: the assets that are read;
/// - `fn list_size(options: &Options) -> u32`: every list that the row method
///   returns has this many items, so that the result is a fixed-size list. Where only the
///   open function knows, because a model decides, it is
///   `fn list_size(&self) -> Option<u32>`: before it is open, the result is a list;
/// - `fn returns(options: &Options, arguments: &Arguments<'_>) -> Result<Schema>`: the
///   type of the result, if it is a `Dynamic`. Either parameter may be left out.
///
/// Other methods belong in another block.
///
/// # Arguments
///
/// `#[udf(name = "...", models = ["..."], assets = ["..."])]`, all of them optional,
/// and
///
/// - `batch` or `batch = 64`: the function computes many rows at once, 64 at most (or
///   1024, if nothing is said). Its arguments are columns, `Column<'_, &str>`, and it
///   returns a `Vec` with a value or a `Result` for each row.
/// - `volatility = "..."`: `immutable` (equal arguments always have equal results),
///   `stable` (within one query) or `volatile`. The default is `stable` for functions
///   with models, because a host may be given another model under the same name, and
///   `immutable` for all others.
/// - `extension = "..."`, `extension_metadata = "..."`: the Arrow extension type of the
///   result, such as `arrow.fixed_shape_tensor`.
#[proc_macro_attribute]
pub fn udf(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let attribute = parse_macro_input!(attribute as attribute::Udf);
    match parse_macro_input!(item as Item) {
        Item::Fn(item) => function::expand(attribute, item),
        Item::Impl(item) => object::expand(attribute, item),
        other => Err(syn::Error::new_spanned(
            other,
            "`#[udf]` goes on a function or an `impl` block",
        )),
    }
    .unwrap_or_else(syn::Error::into_compile_error)
    .into()
}

/// Makes a struct with named fields a type that a column can have.
///
/// On a field, `#[row(name = "...")]` gives another name, and `#[row(extension =
/// "...")]` an Arrow extension type, with `extension_metadata = "..."` where that
/// type has parameters.
///
/// ```
/// use wudf_guest::Row;
///
/// #[derive(Row)]
/// struct Place {
///     #[row(name = "type")]
///     kind: String,
///     #[row(extension = "geoarrow.wkb")]
///     shape: Vec<u8>,
/// }
/// ```
#[proc_macro_derive(Row, attributes(row))]
pub fn row(input: TokenStream) -> TokenStream {
    row::expand(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a struct with named fields the options of a function.
///
/// On a field, `#[option(default = ...)]` gives the value it has when it is left out,
/// `#[option(default)]` the type's `Default`, `#[option(name = "...")]` another
/// name, and `#[option(flatten)]` takes in the fields of another such struct.
#[proc_macro_derive(UdfOptions, attributes(option))]
pub fn udf_options(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    options::expand(&input)
        .unwrap_or_else(|error| {
            let mut tokens = error.into_compile_error();
            tokens.extend(options::placeholder(&input));
            tokens
        })
        .into()
}

/// Makes an enum without data a type that columns and options can have: a text, which
/// is the variant's name in `snake_case` or what `#[value(name = "...")]` gives. A row
/// with another text fails, and so does an option.
///
/// ```
/// use wudf_guest::{Enum, udf};
///
/// #[derive(Enum)]
/// enum Case {
///     Lower,
///     Upper,
///     #[value(name = "-")]
///     Unknown,
/// }
///
/// #[udf]
/// fn case(text: &str) -> Case {
///     match text.chars().next() {
///         Some(first) if first.is_lowercase() => Case::Lower,
///         Some(first) if first.is_uppercase() => Case::Upper,
///         _ => Case::Unknown,
///     }
/// }
/// ```
#[proc_macro_derive(Enum, attributes(value))]
pub fn enums(input: TokenStream) -> TokenStream {
    enums::expand(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
