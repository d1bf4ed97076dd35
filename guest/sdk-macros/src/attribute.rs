//! `#[udf(...)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitInt, LitStr, Token, bracketed};

/// How many rows a batch has at most if nothing is said.
const ROWS: u32 = 1024;

/// What the attribute says.
#[derive(Default)]
pub struct Udf {
    name: Option<LitStr>,
    volatility: Option<LitStr>,
    extension: Option<LitStr>,
    extension_metadata: Option<LitStr>,
    /// Whether it computes many rows at once, and how many at most.
    pub batch: Option<u32>,
    /// The models, when they do not depend on options.
    pub models: Option<(Ident, Vec<LitStr>)>,
    /// The assets, when they do not depend on options.
    pub assets: Option<(Ident, Vec<LitStr>)>,
}

impl Parse for Udf {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut udf = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let alone = key == "batch" && !input.peek(Token![=]);
            if !alone {
                input.parse::<Token![=]>()?;
            }
            let again = match key.to_string().as_str() {
                "name" => udf.name.replace(input.parse()?).is_some(),
                "volatility" => udf.volatility.replace(input.parse()?).is_some(),
                "extension" => udf.extension.replace(input.parse()?).is_some(),
                "extension_metadata" => udf.extension_metadata.replace(input.parse()?).is_some(),
                "batch" if alone => udf.batch.replace(ROWS).is_some(),
                "batch" => {
                    let rows: LitInt = input.parse()?;
                    let count = rows.base10_parse()?;
                    if count == 0 {
                        return Err(syn::Error::new(rows.span(), "a batch has one row or more"));
                    }
                    udf.batch.replace(count).is_some()
                }
                "models" => udf.models.replace((key.clone(), strings(input)?)).is_some(),
                "assets" => udf.assets.replace((key.clone(), strings(input)?)).is_some(),
                other => {
                    return Err(syn::Error::new(
                        key.span(),
                        format!(
                            "unknown argument `{other}`; expected `name`, `batch`, `volatility`, \
                             `models`, `assets`, `extension` or `extension_metadata`"
                        ),
                    ));
                }
            };
            if again {
                return Err(syn::Error::new(key.span(), "given twice"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(udf)
    }
}

fn strings(input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let list;
    bracketed!(list in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?
        .into_iter()
        .collect())
}

impl Udf {
    /// The function's name.
    pub fn name(&self, default: String) -> syn::Result<String> {
        let Some(name) = &self.name else {
            return Ok(default);
        };
        let text = name.value();
        let mut letters = text.chars();
        let good = letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if good {
            Ok(text)
        } else {
            Err(syn::Error::new(
                name.span(),
                "a name is a letter, then letters, digits and `_`",
            ))
        }
    }

    /// The volatility, as an expression.
    pub fn volatility(&self, has_models: bool) -> syn::Result<TokenStream> {
        let variant = match self.volatility.as_ref().map(LitStr::value).as_deref() {
            None if has_models => quote!(Stable),
            None | Some("immutable") => quote!(Immutable),
            Some("stable") => quote!(Stable),
            Some("volatile") => quote!(Volatile),
            Some(_) => {
                return Err(syn::Error::new_spanned(
                    &self.volatility,
                    "a volatility is \"immutable\", \"stable\" or \"volatile\"",
                ));
            }
        };
        Ok(quote!(::wudf_guest::__private::Volatility::#variant))
    }

    /// The result's extension type, as a function of `Udf`.
    pub fn extension(&self) -> syn::Result<TokenStream> {
        let Some(name) = &self.extension else {
            return match &self.extension_metadata {
                Some(metadata) => Err(syn::Error::new_spanned(
                    metadata,
                    "`extension_metadata` goes with `extension`",
                )),
                None => Ok(TokenStream::new()),
            };
        };
        let metadata = self.extension_metadata.iter();
        Ok(quote! {
            const EXTENSION: ::core::option::Option<(&'static str, &'static str)> =
                ::core::option::Option::Some((#name, ::core::concat!(#(#metadata)*)));
        })
    }
}
