//! `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields};

use crate::common::{nested, text, with_lifetime, with_static};

/// A struct's named fields, of which there must be some.
pub fn fields<'a>(input: &'a DeriveInput, what: &str) -> syn::Result<Vec<&'a Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().collect()),
            _ => Err(syn::Error::new(
                input.ident.span(),
                format!("{what} has named fields"),
            )),
        },
        _ => Err(syn::Error::new(
            input.ident.span(),
            format!("{what} is a struct"),
        )),
    }
}

pub fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let fields = fields(&input, "a row")?;
    if let Some(parameter) = input.generics.type_params().next() {
        return Err(syn::Error::new(
            parameter.span(),
            "a row cannot be generic: a column has one type",
        ));
    }
    if fields.is_empty() {
        return Err(syn::Error::new(
            input.ident.span(),
            "a row has one field or more",
        ));
    }
    let name = &input.ident;
    let lifetimes = input.generics.lifetimes().count();
    let (generics, any, of_value) = match lifetimes {
        0 => (quote!(), quote!(), quote!()),
        1 => (quote!(<'x>), quote!(<'x>), quote!(<'v>)),
        _ => {
            return Err(syn::Error::new(
                input.generics.span(),
                "a row has at most one lifetime",
            ));
        }
    };
    let count = fields.len() as u32;
    let idents: Vec<_> = fields
        .iter()
        .filter_map(|field| field.ident.as_ref())
        .collect();
    let names: Vec<_> = idents.iter().map(|ident| text(ident)).collect();
    let types = nested(fields.iter().map(|field| {
        let ty = with_static(&field.ty);
        quote_spanned!(ty.span()=> <#ty as __wudf::IsArgument>::Type)
    }));
    let builders = nested(fields.iter().map(|field| {
        let ty = with_lifetime(&field.ty, "'x");
        quote_spanned!(ty.span()=> <#ty as __wudf::Value>::Builder)
    }));
    let values: Vec<_> = (0..fields.len()).map(|at| format_ident!("f{at}")).collect();
    let pattern = nested(values.iter());
    Ok(quote! {
        #[allow(unused_qualifications)]
        const _: () = {
            use ::wudf_guest::__private as __wudf;

            type __Fields = #types;

            impl #generics __wudf::Item for #name #any {}

            impl #generics __wudf::Typed for #name #any {
                fn describe(
                    name: &str,
                    nullable: bool,
                    schema: &mut ::std::vec::Vec<__wudf::Field>,
                ) {
                    schema.push(__wudf::field(name, "+s", nullable, #count));
                    <__Fields as __wudf::Arguments>::describe(&[#(#names),*], schema);
                }
            }

            impl #generics __wudf::Argument for #name #any {
                type Value<'v> = #name #of_value;
                type Column<'v> =
                    __wudf::StructColumn<'v, <__Fields as __wudf::Arguments>::Columns<'v>>;
                type Block<'v> = ();

                fn bind<'v>(
                    nodes: &mut __wudf::Nodes<'v>,
                    length: usize,
                ) -> ::core::result::Result<Self::Column<'v>, __wudf::Error> {
                    __wudf::StructColumn::bind::<__Fields>(nodes, length)
                }

                fn get<'v>(
                    column: &'v Self::Column<'_>,
                    row: usize,
                ) -> ::core::result::Result<Self::Value<'v>, __wudf::Absent> {
                    let #pattern = column.get::<__Fields>(row)?;
                    ::core::result::Result::Ok(#name { #(#idents: #values),* })
                }
            }

            impl #generics __wudf::Value for #name #any {
                type Builder = __wudf::StructBuilder<#builders>;

                fn append(self, to: &mut Self::Builder) {
                    let #pattern = to.row();
                    #(__wudf::Value::append(self.#idents, #values);)*
                }
            }
        };
    })
}
