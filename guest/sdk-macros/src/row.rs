//! `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, LitStr};

use crate::common::{column, nested, text, with_lifetime, with_static};

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

/// What `#[row(...)]` says of a field.
#[derive(Default)]
struct Said {
    name: Option<LitStr>,
    extension: Option<LitStr>,
    extension_metadata: Option<LitStr>,
}

impl Said {
    fn of(field: &Field) -> syn::Result<Self> {
        let mut said = Self::default();
        for attribute in &field.attrs {
            if !attribute.path().is_ident("row") {
                continue;
            }
            attribute.parse_nested_meta(|meta| {
                let place = if meta.path.is_ident("name") {
                    &mut said.name
                } else if meta.path.is_ident("extension") {
                    &mut said.extension
                } else if meta.path.is_ident("extension_metadata") {
                    &mut said.extension_metadata
                } else {
                    return Err(meta.error(
                        "unknown attribute; expected `name`, `extension` or `extension_metadata`",
                    ));
                };
                *place = Some(meta.value()?.parse()?);
                Ok(())
            })?;
        }
        match (&said.extension, &said.extension_metadata) {
            (None, Some(metadata)) => Err(syn::Error::new(
                metadata.span(),
                "`extension_metadata` goes with `extension`",
            )),
            _ => Ok(said),
        }
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
    let mut described = Vec::new();
    for field in &fields {
        column(&field.ty)?;
        let said = Said::of(field)?;
        let name = match &said.name {
            Some(name) => name.value(),
            None => field.ident.as_ref().map(text).unwrap_or_default(),
        };
        let ty = with_static(&field.ty);
        let extend = said.extension.map(|extension| {
            let metadata = said.extension_metadata.iter();
            quote!(__wudf::extend(&mut schema[at], #extension, ::core::concat!(#(#metadata)*));)
        });
        let at = extend.as_ref().map(|_| quote!(let at = schema.len();));
        described.push(quote! {
            #at
            <#ty as __wudf::Typed>::describe(#name, false, schema);
            #extend
        });
    }
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
                    #(#described)*
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
