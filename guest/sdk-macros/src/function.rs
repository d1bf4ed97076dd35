//! `#[udf]` on a function.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ItemFn;

use crate::{attribute, common, object};

/// The function, and beside it a type of the same name (types and functions do
/// not share names), which is what `plugin!` lists.
pub fn expand(attribute: attribute::Udf, item: ItemFn) -> syn::Result<TokenStream> {
    let (ident, visibility) = (&item.sig.ident, &item.vis);
    let row = common::row(&item.sig)?;
    let name = attribute.name(common::text(ident))?;
    let doc = common::doc(&item.attrs);
    let arguments: Vec<_> = (0..row.names.len())
        .map(|at| format_ident!("a{at}"))
        .collect();
    let pattern = common::nested(arguments.iter());
    let constants = object::constants(&attribute, false, &name, &doc, &row)?;
    let fixed = object::fixed(&attribute);
    let call = object::coded(&quote!(#ident(#(#arguments),*)));
    let compute = if attribute.batch.is_some() {
        object::batch(&pattern, &call)
    } else {
        let block = quote! {
            ::wudf_guest::__private::Outcome::put_block(results, |row| {
                let #pattern =
                    <Self::Arguments as ::wudf_guest::__private::Arguments>::at(blocks, row);
                #call
            });
        };
        object::single(&pattern, &call, &block)
    };
    Ok(quote! {
        #item

        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}

        #[allow(unused_qualifications)]
        const _: () = {
            impl ::wudf_guest::__private::Udf for #ident {
                type Options = ();
                #constants
                #fixed

                fn open(
                    (): (),
                    _: &::wudf_guest::__private::Given<'_>,
                ) -> ::core::result::Result<Self, ::wudf_guest::__private::Error> {
                    ::core::result::Result::Ok(#ident {})
                }

                #compute
            }
        };
    })
}
