//! The macros of `wudf-guest`, which re-exports and documents them.

mod attribute;
mod common;
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
/// anything; the UDF's name is that of the type in `snake_case`, and its
/// documentation that of the block. Beside it the block may have
///
/// - `fn open(options: Options) -> Result<Self>`, called once for each instance.
///   `Options` derives `UdfOptions`; without an argument there are no options.
///   Without `open`, the type's `Default` is used.
/// - `fn models(options: &Options) -> Vec<String>`: the models that `open` asks
///   for under these options;
/// - `fn assets(options: &Options) -> Vec<String>`: the assets that are read;
/// - `fn list_size(options: &Options) -> u32`: every list that the row method
///   returns has this many items, so that the result is a fixed-size list.
///
/// Other methods belong in another block.
///
/// # Arguments
///
/// `#[udf(name = "...", volatility = "...", models = ["..."], assets = ["..."])]`,
/// all of them optional. The volatility is `immutable` if nothing is said, else
/// `stable` or `volatile`.
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
#[proc_macro_derive(Row)]
pub fn row(input: TokenStream) -> TokenStream {
    row::expand(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a struct with named fields the options of a function.
///
/// On a field, `#[option(default = ...)]` gives what it is when it is left out,
/// `#[option(default)]` the type's `Default`, `#[option(name = "...")]` another
/// name, and `#[option(flatten)]` takes in the fields of another such struct.
#[proc_macro_derive(UdfOptions, attributes(option))]
pub fn udf_options(input: TokenStream) -> TokenStream {
    options::expand_struct(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an enum without data an option, whose values are the variants' names
/// in `snake_case` or what `#[option(name = "...")]` says.
#[proc_macro_derive(OptionValue, attributes(option))]
pub fn option_value(input: TokenStream) -> TokenStream {
    options::expand_enum(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
