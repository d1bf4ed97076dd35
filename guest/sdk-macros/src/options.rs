//! `#[derive(UdfOptions)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Expr, ExprLit, Lit, LitStr, Token};

use crate::common::{doc, text};
use crate::row;

/// What `#[option(...)]` says.
#[derive(Default)]
struct Said {
    name: Option<String>,
    default: Option<TokenStream>,
    flatten: bool,
}

impl Said {
    fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut said = Self::default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("option"))
        {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    said.name = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("flatten") {
                    said.flatten = true;
                } else if meta.path.is_ident("default") {
                    said.default = Some(if meta.input.peek(Token![=]) {
                        let value: Expr = meta.value()?.parse()?;
                        match &value {
                            Expr::Lit(ExprLit {
                                lit: Lit::Str(_), ..
                            }) => {
                                quote_spanned!(value.span()=> ::wudf_guest::__private::default_text(#value))
                            }
                            _ => quote_spanned!(value.span()=> #value),
                        }
                    } else {
                        quote_spanned!(meta.path.span()=> ::core::default::Default::default())
                    });
                } else {
                    return Err(meta.error("unknown attribute; expected `default`, `name` or `flatten`"));
                }
                Ok(())
            })?;
        }
        Ok(said)
    }
}

/// An implementation that only keeps errors from being followed by others.
pub fn placeholder(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(unused_qualifications)]
        const _: () = {
            use ::wudf_guest::__private as __wudf;

            impl __wudf::UdfOptions for #name {
                fn describe(_: &mut ::std::vec::Vec<__wudf::Described>) {}
                fn take(
                    _: &mut __wudf::Map<::std::string::String, __wudf::Json>,
                ) -> ::core::result::Result<Self, __wudf::OptionError> {
                    ::core::unreachable!("this does not compile")
                }
                fn put(&self, _: &mut __wudf::Map<::std::string::String, __wudf::Json>) {}
            }
        };
    }
}

pub fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(
            input.generics.span(),
            "options cannot be generic",
        ));
    }
    let (mut described, mut taken, mut put) = (Vec::new(), Vec::new(), Vec::new());
    for field in row::fields(input, "a set of options")? {
        let Some(ident) = &field.ident else { continue };
        let (ty, said) = (&field.ty, Said::of(&field.attrs)?);
        if said.flatten {
            let of = quote_spanned!(ty.span()=> <#ty as __wudf::UdfOptions>);
            described.push(quote!(#of::describe(options);));
            taken.push(quote!(#ident: #of::take(object)?));
            put.push(quote!(#of::put(&self.#ident, object);));
            continue;
        }
        let name = said.name.unwrap_or_else(|| text(ident));
        let doc = doc(&field.attrs);
        let default = match said.default {
            Some(default) => quote!(::core::option::Option::Some(#default)),
            None => quote!(::core::option::Option::None),
        };
        let is = quote_spanned!(ty.span()=> <#ty as __wudf::IsOption>::Type);
        let describe = quote!(__wudf::describe::<#is>);
        let take = quote!(__wudf::take::<#is>);
        described.push(quote!(options.push(#describe(#name, #doc, #default));));
        taken.push(quote!(#ident: #take(object, #name, #default)?));
        put.push(quote! {
            object.insert(
                ::std::string::String::from(#name),
                __wudf::OptionValue::to_json(&self.#ident),
            );
        });
    }
    let name = &input.ident;
    Ok(quote! {
        #[allow(unused_qualifications)]
        const _: () = {
            use ::wudf_guest::__private as __wudf;

            impl __wudf::UdfOptions for #name {
                fn describe(options: &mut ::std::vec::Vec<__wudf::Described>) {
                    #(#described)*
                }
                fn take(
                    object: &mut __wudf::Map<::std::string::String, __wudf::Json>,
                ) -> ::core::result::Result<Self, __wudf::OptionError> {
                    ::core::result::Result::Ok(Self { #(#taken),* })
                }
                fn put(&self, object: &mut __wudf::Map<::std::string::String, __wudf::Json>) {
                    #(#put)*
                }
            }

            impl __wudf::OptionValue for #name {
                fn schema() -> __wudf::Json {
                    __wudf::object_schema::<Self>()
                }
                fn parse(json: &__wudf::Json) -> ::core::result::Result<Self, __wudf::OptionError> {
                    __wudf::object_value(json)
                }
                fn to_json(&self) -> __wudf::Json {
                    __wudf::object_json(self)
                }
            }
        };
    })
}
