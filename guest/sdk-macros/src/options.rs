//! `#[derive(UdfOptions)]` and `#[derive(OptionValue)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Lit, LitStr, Token};

use crate::common::{doc, snake_case, text};
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
                                quote_spanned!(value.span()=> ::core::convert::From::from(#value))
                            }
                            _ => quote_spanned!(value.span()=> #value),
                        }
                    } else {
                        quote_spanned!(meta.path.span()=> ::core::default::Default::default())
                    });
                } else {
                    return Err(meta.error("there is `default`, `name` and `flatten`"));
                }
                Ok(())
            })?;
        }
        Ok(said)
    }
}

pub fn expand_struct(input: DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(
            input.generics.span(),
            "options cannot be generic",
        ));
    }
    let (mut described, mut taken, mut put) = (Vec::new(), Vec::new(), Vec::new());
    for field in row::fields(&input, "a set of options")? {
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

pub fn expand_enum(input: DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(
            input.ident.span(),
            "`OptionValue` is for enums; on a struct, derive `UdfOptions`",
        ));
    };
    let (mut names, mut variants) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new(
                variant.fields.span(),
                "a choice has no data",
            ));
        }
        let said = Said::of(&variant.attrs)?;
        names.push(
            said.name
                .unwrap_or_else(|| snake_case(&text(&variant.ident))),
        );
        variants.push(&variant.ident);
    }
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
        };
    })
}
