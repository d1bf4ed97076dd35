//! `#[derive(Enum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr};

use crate::common::{snake_case, text};

/// The text that stands for a variant, if `#[value(name = "...")]` gives it.
fn name(attributes: &[Attribute]) -> syn::Result<Option<String>> {
    let mut name = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("value"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("unknown attribute; the only one is `name`"));
            }
            name = Some(meta.value()?.parse::<LitStr>()?.value());
            Ok(())
        })?;
    }
    Ok(name)
}

pub fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(
            input.ident.span(),
            "`Enum` is for enums; on a struct, derive `Row` for columns or `UdfOptions` for options",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(
            input.generics.span(),
            "an enum of a column or an option cannot be generic",
        ));
    }
    if data.variants.is_empty() {
        return Err(syn::Error::new(
            input.ident.span(),
            "an enum of a column or an option has one variant or more",
        ));
    }
    let (mut names, mut variants) = (Vec::<String>::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new(
                variant.fields.span(),
                "a variant cannot have fields: its value is a text",
            ));
        }
        let name = name(&variant.attrs)?.unwrap_or_else(|| snake_case(&text(&variant.ident)));
        if names.contains(&name) {
            return Err(syn::Error::new(
                variant.ident.span(),
                format!("two variants have the value \"{name}\""),
            ));
        }
        names.push(name);
        variants.push(&variant.ident);
    }
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let expected = format!("expected {}", quoted.join(" or "));
    let name = &input.ident;
    let at = 0..variants.len();
    Ok(quote! {
        #[allow(unused_qualifications)]
        const _: () = {
            use ::wudf_guest::__private as __wudf;

            const NAMES: &[&str] = &[#(#names),*];

            impl __wudf::OptionValue for #name {
                fn schema() -> __wudf::Json {
                    __wudf::choice_schema(NAMES)
                }
                fn parse(json: &__wudf::Json) -> ::core::result::Result<Self, __wudf::OptionError> {
                    match __wudf::choice(json, NAMES)? {
                        #(#at => ::core::result::Result::Ok(Self::#variants),)*
                        _ => ::core::unreachable!("a choice has a position among its names"),
                    }
                }
                fn to_json(&self) -> __wudf::Json {
                    __wudf::Json::from(match self {
                        #(Self::#variants => #names,)*
                    })
                }
            }

            impl __wudf::FromText for #name {
                fn from_text(text: &str) -> ::core::result::Result<Self, &'static str> {
                    match text {
                        #(#names => ::core::result::Result::Ok(Self::#variants),)*
                        _ => ::core::result::Result::Err(#expected),
                    }
                }
            }

            impl __wudf::Item for #name {}

            impl __wudf::Typed for #name {
                fn describe(
                    name: &str,
                    nullable: bool,
                    schema: &mut ::std::vec::Vec<__wudf::Field>,
                ) {
                    schema.push(__wudf::text_field::<Self>(name, nullable));
                }
            }

            impl __wudf::Argument for #name {
                type Value<'v> = #name;
                type Column<'v> = __wudf::StrColumn<'v>;
                type Block<'v> = ();

                fn bind<'v>(
                    nodes: &mut __wudf::Nodes<'v>,
                    length: usize,
                ) -> ::core::result::Result<Self::Column<'v>, __wudf::Error> {
                    <&str as __wudf::Argument>::bind(nodes, length)
                }

                fn get<'v>(
                    column: &'v Self::Column<'_>,
                    row: usize,
                ) -> ::core::result::Result<Self::Value<'v>, __wudf::Absent> {
                    __wudf::parse_text(column, row)
                }
            }

            impl __wudf::Value for #name {
                type Builder = <&'static str as __wudf::Value>::Builder;

                fn append(self, to: &mut Self::Builder) {
                    let name = match self {
                        #(Self::#variants => #names,)*
                    };
                    __wudf::Value::append(name, to);
                }
            }
        };
    })
}
