//! `#[udf]` on an `impl` block.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, ReturnType, Type};

use crate::attribute;
use crate::common::{self, Row};

/// The functions of the block, by what they are for.
#[derive(Default)]
struct Parts<'a> {
    open: Option<&'a ImplItemFn>,
    models: Option<&'a ImplItemFn>,
    assets: Option<&'a ImplItemFn>,
    list_size: Option<&'a ImplItemFn>,
    returns: Option<&'a ImplItemFn>,
    row: Option<&'a ImplItemFn>,
}

impl<'a> Parts<'a> {
    fn of(item: &'a ItemImpl) -> syn::Result<Self> {
        let mut parts = Self::default();
        for member in &item.items {
            let ImplItem::Fn(function) = member else {
                continue;
            };
            let sizes = function.sig.ident == "list_size";
            let place = if function.sig.receiver().is_some() && !sizes {
                if let Some(row) = parts.row {
                    return Err(syn::Error::new(
                        function.sig.ident.span(),
                        format!(
                            "`{}` already computes a row: put other methods in another `impl` block",
                            row.sig.ident
                        ),
                    ));
                }
                &mut parts.row
            } else {
                match function.sig.ident.to_string().as_str() {
                    "open" => &mut parts.open,
                    "models" => &mut parts.models,
                    "assets" => &mut parts.assets,
                    "list_size" => &mut parts.list_size,
                    "returns" => &mut parts.returns,
                    _ => {
                        return Err(syn::Error::new(
                            function.sig.ident.span(),
                            "this block holds `open`, `models`, `assets`, `list_size`, `returns` and \
                             the method that computes a row: put other functions in another `impl` \
                             block",
                        ));
                    }
                }
            };
            *place = Some(function);
        }
        Ok(parts)
    }
}

/// The block, and an implementation of `Udf` that calls it.
pub fn expand(attribute: attribute::Udf, item: ItemImpl) -> syn::Result<TokenStream> {
    if let Some((_, path, _)) = &item.trait_ {
        return Err(syn::Error::new(
            path.span(),
            "`#[udf]` goes on an `impl` block without a trait",
        ));
    }
    let Type::Path(path) = &*item.self_ty else {
        return Err(syn::Error::new(
            item.self_ty.span(),
            "`#[udf]` goes on the `impl` block of a struct",
        ));
    };
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new(
            item.generics.span(),
            "a UDF cannot be generic: its columns have one type each",
        ));
    }
    let parts = Parts::of(&item)?;
    let Some(method) = parts.row else {
        return Err(syn::Error::new(
            item.self_ty.span(),
            "a method that takes `&self` or `&mut self` must compute a row, such as `fn extract(&mut \
             self, image: &[u8]) -> Vec<f32>`",
        ));
    };
    if let Some(receiver) = method.sig.receiver()
        && receiver.reference.is_none()
    {
        return Err(syn::Error::new(
            receiver.span(),
            "rows follow one another: `&self` or `&mut self`",
        ));
    }
    let row = common::row(&method.sig)?;
    let ident = path
        .path
        .segments
        .last()
        .map(|last| common::text(&last.ident))
        .unwrap_or_default();
    let name = attribute.name(common::snake_case(&ident))?;
    let mut doc = common::doc(&item.attrs);
    if doc.is_empty() {
        doc = common::doc(&method.attrs);
    }

    let ty = &item.self_ty;
    let call = &method.sig.ident;
    let arguments: Vec<_> = (0..row.names.len())
        .map(|at| format_ident!("a{at}"))
        .collect();
    let pattern = common::nested(arguments.iter());
    let has_models = parts.models.is_some();
    let constants = constants(&attribute, has_models, &name, &doc, &row)?;
    let (options, open) = open(&parts, ty)?;
    let hooks = hooks(&attribute, &parts)?;
    let call = coded(&quote!(<#ty>::#call(self, #(#arguments),*)));
    let compute = if attribute.batch.is_some() {
        batch(&pattern, &call)
    } else {
        // Not by the block: what a row gives may borrow from `self`.
        let block = quote! {
            for row in 0..::wudf_guest::__private::BLOCK {
                let #pattern =
                    <Self::Arguments as ::wudf_guest::__private::Arguments>::at(blocks, row);
                ::wudf_guest::__private::Outcome::put(#call, results);
            }
        };
        single(&pattern, &call, &block)
    };
    Ok(quote! {
        #item

        #[allow(unused_qualifications)]
        const _: () = {
            impl ::wudf_guest::__private::Udf for #ty {
                type Options = #options;
                #constants
                #open
                #hooks

                #compute
            }
        };
    })
}

/// What a call returned, with the codes and the causes of errors where their types have
/// them.
pub fn coded(call: &TokenStream) -> TokenStream {
    quote! {{
        #[allow(unused_imports)]
        use ::wudf_guest::__private::AsReturned as _;
        ::wudf_guest::__private::Returned(#call).coded()
    }}
}

/// `Udf::batch`.
pub fn batch(arguments: &TokenStream, call: &TokenStream) -> TokenStream {
    quote! {
        fn batch(
            &mut self,
            #arguments: ::wudf_guest::__private::Gathered<'_, Self>,
            to: ::wudf_guest::__private::BatchOf<'_, Self>,
        ) -> ::core::result::Result<(), ::wudf_guest::__private::Error> {
            ::wudf_guest::__private::BatchOutcome::put_all(#call, to)
        }
    }
}

/// `Udf::row`, and `Udf::block` with this body.
pub fn single(pattern: &TokenStream, call: &TokenStream, block: &TokenStream) -> TokenStream {
    quote! {
        #[inline]
        fn row(
            &mut self,
            #pattern: ::wudf_guest::__private::Values<'_, Self>,
            results: &mut ::wudf_guest::__private::Results<Self>,
        ) {
            ::wudf_guest::__private::Outcome::put(#call, results);
        }

        #[inline]
        fn block(
            &mut self,
            blocks: ::wudf_guest::__private::Blocks<'_, Self>,
            results: &mut ::wudf_guest::__private::Results<Self>,
        ) {
            #block
        }
    }
}

/// The types and constants of `Udf`.
pub fn constants(
    attribute: &attribute::Udf,
    has_models: bool,
    name: &str,
    doc: &str,
    row: &Row,
) -> syn::Result<TokenStream> {
    let Row {
        names,
        types,
        returns,
    } = row;
    let has_models = has_models || attribute.models.is_some();
    let volatility = attribute.volatility(has_models)?;
    let extension = attribute.extension()?;
    // All of a projection has the span of the type that is written: errors are put there.
    let many = attribute.batch.is_some();
    let types = common::nested(types.iter().map(|ty| match many {
        true => quote_spanned!(ty.span()=> <#ty as ::wudf_guest::__private::IsColumn>::Type),
        false => quote_spanned!(ty.span()=> <#ty as ::wudf_guest::__private::IsArgument>::Type),
    }));
    let returns = match many {
        true => {
            quote_spanned!(returns.span()=> <#returns as ::wudf_guest::__private::BatchOutcome>::Outcome)
        }
        false => {
            quote_spanned!(returns.span()=> <#returns as ::wudf_guest::__private::IsOutcome>::Type)
        }
    };
    let batch = attribute.batch.map(|rows| {
        quote!(const BATCH: ::core::option::Option<u32> = ::core::option::Option::Some(#rows);)
    });
    Ok(quote! {
        type Arguments = #types;
        type Returns = #returns;
        const NAME: &'static str = #name;
        const DOC: &'static str = #doc;
        const ARGUMENTS: &'static [&'static str] = &[#(#names),*];
        const VOLATILITY: ::wudf_guest::__private::Volatility = #volatility;
        #extension
        #batch
    })
}

/// The models and assets that the attribute says.
pub fn fixed(attribute: &attribute::Udf) -> TokenStream {
    let list = |name: &str, names: &Option<(syn::Ident, Vec<syn::LitStr>)>| {
        let constant = format_ident!("{name}");
        names
            .as_ref()
            .map(|(_, names)| quote!(const #constant: &'static [&'static str] = &[#(#names),*];))
    };
    let (models, assets) = (
        list("MODELS", &attribute.models),
        list("ASSETS", &attribute.assets),
    );
    quote!(#models #assets)
}

/// The options' type, and `Udf::open`.
fn open(parts: &Parts<'_>, ty: &Type) -> syn::Result<(TokenStream, TokenStream)> {
    let result = quote!(::core::result::Result<Self, ::wudf_guest::__private::Error>);
    let Some(open) = parts.open else {
        let default =
            quote_spanned!(ty.span()=> ::wudf_guest::__private::OpenByDefault::open_by_default());
        let open = quote! {
            fn open((): (), _: &::wudf_guest::__private::Given<'_>) -> #result {
                ::core::result::Result::Ok(#default)
            }
        };
        return Ok((quote!(()), open));
    };
    let ReturnType::Type(_, returns) = &open.sig.output else {
        return Err(syn::Error::new(
            open.sig.span(),
            "`open` must return `Self` or a `Result<Self, _>`",
        ));
    };
    let mut options = quote!(());
    let pass = pass(open, |ty| options = quote_spanned!(ty.span()=> #ty))?;
    let opened = quote_spanned!(returns.span()=> ::wudf_guest::__private::Opens::<Self>::opened);
    let open = quote! {
        #[allow(unused_variables)]
        fn open(
            options: Self::Options,
            arguments: &::wudf_guest::__private::Given<'_>,
        ) -> #result {
            #opened(Self::open(#(#pass),*))
        }
    };
    Ok((options, open))
}

/// What a function is passed of options and arguments: the arguments are what it takes
/// as a reference to `Arguments`.
fn pass(function: &ImplItemFn, mut options: impl FnMut(&Type)) -> syn::Result<Vec<TokenStream>> {
    let mut pass = Vec::new();
    for (at, input) in function.sig.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else { continue };
        if is_arguments(&input.ty) {
            pass.push(quote!(arguments));
        } else if at == 0 {
            options(&input.ty);
            pass.push(quote!(options));
        } else {
            return Err(syn::Error::new(
                function.sig.inputs.span(),
                format!(
                    "`{}` takes the options, `&Arguments<'_>`, or both in this order",
                    function.sig.ident
                ),
            ));
        }
    }
    Ok(pass)
}

/// Whether a type is a reference to `Arguments`.
fn is_arguments(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    let Type::Path(path) = &*reference.elem else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Arguments")
}

/// `Udf::models`, `assets`, `list_size` and `returns`.
fn hooks(attribute: &attribute::Udf, parts: &Parts<'_>) -> syn::Result<TokenStream> {
    let mut hooks = fixed(attribute);
    for (hook, said) in [
        (parts.models, &attribute.models),
        (parts.assets, &attribute.assets),
    ] {
        let Some(hook) = hook else { continue };
        let name = &hook.sig.ident;
        if let Some((key, _)) = said {
            return Err(syn::Error::new(
                key.span(),
                "given here and by a function of the block: keep one of them",
            ));
        }
        hooks.extend(quote! {
            fn #name(options: &Self::Options) -> ::std::vec::Vec<::std::string::String> {
                let names = <Self>::#name(options);
                ::core::iter::Iterator::collect(::core::iter::Iterator::map(
                    ::core::iter::IntoIterator::into_iter(names),
                    ::core::convert::Into::into,
                ))
            }
        });
    }
    if let Some(hook) = parts.list_size {
        let sized = quote_spanned!(hook.sig.ident.span()=> ::wudf_guest::__private::sized_results(rows, said));
        // Of the options, or of the open function.
        let size = match hook.sig.receiver() {
            None => quote! {
                fn list_size(options: &Self::Options) -> ::core::option::Option<u32> {
                    ::core::option::Option::Some(<Self>::list_size(options))
                }
            },
            Some(_) => quote! {
                fn open_list_size(&self) -> ::core::option::Option<u32> {
                    <Self>::list_size(self)
                }
            },
        };
        hooks.extend(quote! {
            #size
            fn results(
                rows: usize,
                said: &::wudf_guest::__private::Said,
            ) -> ::core::result::Result<
                ::wudf_guest::__private::Results<Self>,
                ::wudf_guest::__private::Error,
            > {
                #sized
            }
        });
    }
    if let Some(hook) = parts.returns {
        let pass = pass(hook, |_| {})?;
        let schema = match &hook.sig.output {
            ReturnType::Type(_, ty) => {
                quote_spanned!(ty.span()=> ::wudf_guest::__private::ReturnsSchema::schema)
            }
            ReturnType::Default => quote!(::wudf_guest::__private::ReturnsSchema::schema),
        };
        hooks.extend(quote! {
            #[allow(unused_variables)]
            fn returns(
                options: &Self::Options,
                arguments: &::wudf_guest::__private::Given<'_>,
            ) -> ::core::result::Result<
                ::core::option::Option<::wudf_guest::__private::Schema>,
                ::wudf_guest::__private::Error,
            > {
                #schema(<Self>::returns(#(#pass),*))
            }
        });
    }
    Ok(hooks)
}
