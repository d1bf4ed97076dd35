//! What several macros need.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, Ident, Lifetime, Lit, Meta, Pat,
    PathArguments, PathSegment, ReturnType, Signature, Type,
};

/// The text of the documentation comments.
pub fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    paragraphs(&lines)
}

/// The lines of each paragraph joined: where they were broken is a matter of the
/// source, and the first line is to stand alone.
fn paragraphs(lines: &[String]) -> String {
    let mut text = String::new();
    let (mut code, mut fenced) = (false, false);
    for line in lines {
        let fence = line.trim_start().starts_with("```");
        let words = |first: char| first.is_alphanumeric() || "`\"'([&$".contains(first);
        let starts = fenced || text.is_empty() || text.ends_with('\n');
        if !starts && !code && !fence && line.starts_with(words) {
            text.push(' ');
        } else if !text.is_empty() {
            text.push('\n');
        }
        code ^= fence;
        fenced = fence;
        text.push_str(line);
    }
    text.trim().to_owned()
}

/// The type with every lifetime replaced by this one, those that are left out
/// too. Traits are implemented for types, and a type names its lifetimes.
pub fn with_lifetime(ty: &Type, lifetime: &str) -> Type {
    struct Replace(Lifetime);

    impl VisitMut for Replace {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = self.0.clone();
        }
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(self.0.clone());
            visit_mut::visit_type_reference_mut(self, reference);
        }
        fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
            visit_mut::visit_path_segment_mut(self, segment);
            // Its lifetime may be left out.
            if (segment.ident == "Cow" || segment.ident == "Column")
                && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
                && !matches!(arguments.args.first(), Some(GenericArgument::Lifetime(_)))
            {
                let lifetime = GenericArgument::Lifetime(self.0.clone());
                arguments.args.insert(0, lifetime);
            }
        }
    }

    let mut ty = ty.clone();
    Replace(Lifetime::new(lifetime, Span::call_site())).visit_type_mut(&mut ty);
    ty
}

/// The type as it stands in `impl` blocks.
pub fn with_static(ty: &Type) -> Type {
    with_lifetime(ty, "'static")
}

/// An identifier's text, without `r#`.
pub fn text(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

/// `ResNet50Features` as `res_net50_features`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let starts = letter.is_uppercase()
            && before != '_'
            && (!before.is_uppercase() || letters.peek().is_some_and(|next| next.is_lowercase()));
        if starts {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        before = letter;
    }
    snake
}

/// A function's arguments but for `self`, and what it returns.
pub struct Row {
    /// The arguments' names.
    pub names: Vec<String>,
    /// The arguments' types, without lifetimes of their own.
    pub types: Vec<Type>,
    /// The type returned, without lifetimes of its own.
    pub returns: Type,
}

/// How many arguments hosts accept.
const MOST_ARGUMENTS: usize = 100;

/// `(a, (b, (c, ())))`: how the SDK holds arguments and fields.
pub fn nested<T: ToTokens>(items: impl DoubleEndedIterator<Item = T>) -> TokenStream {
    items.rfold(quote!(()), |rest, item| quote!((#item, #rest)))
}

/// Reads the function that computes a row.
pub fn row(signature: &Signature) -> syn::Result<Row> {
    if let Some(asyncness) = &signature.asyncness {
        return Err(syn::Error::new(asyncness.span(), "a UDF cannot be async"));
    }
    if let Some(parameter) = signature.generics.type_params().next() {
        return Err(syn::Error::new(
            parameter.span(),
            "a UDF cannot be generic: its columns have one type each",
        ));
    }
    if let Some(parameter) = signature.generics.const_params().next() {
        return Err(syn::Error::new(
            parameter.span(),
            "a UDF cannot be generic: its columns have one type each",
        ));
    }
    let (mut names, mut types) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else {
            continue;
        };
        let Pat::Ident(pattern) = &*argument.pat else {
            return Err(syn::Error::new(
                argument.pat.span(),
                "an argument must be a name: it is what users of the function see",
            ));
        };
        // `_x` is an argument that this function happens not to use.
        let name = text(&pattern.ident);
        names.push(name.trim_start_matches('_').to_owned());
        types.push(column(&argument.ty)?);
    }
    if let Some(input) = signature
        .inputs
        .iter()
        .nth(MOST_ARGUMENTS + usize::from(signature.receiver().is_some()))
    {
        return Err(syn::Error::new(
            input.span(),
            format!("a UDF has at most {MOST_ARGUMENTS} arguments"),
        ));
    }
    let returns = match &signature.output {
        ReturnType::Type(_, ty) => column(ty)?,
        ReturnType::Default => {
            return Err(syn::Error::new(
                signature.paren_token.span.close(),
                "a UDF must return a value: the result of each row",
            ));
        }
    };
    Ok(Row {
        names,
        types,
        returns,
    })
}

/// The type of a column, without lifetimes of its own, unless it is one that no column
/// has.
pub fn column(ty: &Type) -> syn::Result<Type> {
    if let Type::ImplTrait(ty) = ty {
        return Err(syn::Error::new(ty.span(), "a column has one type: name it"));
    }
    if let Type::Reference(reference) = ty
        && let Some(mutability) = &reference.mutability
    {
        return Err(syn::Error::new(
            mutability.span(),
            "an argument is read only: `&` without `mut`",
        ));
    }
    let mut instead = Instead(None);
    instead.visit_type_mut(&mut ty.clone());
    match instead.0 {
        Some(error) => Err(error),
        None => Ok(with_static(ty)),
    }
}

/// Looks for types that have no column, but a type beside them has.
struct Instead(Option<syn::Error>);

impl VisitMut for Instead {
    fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
        let name = segment.ident.to_string();
        let (why, instead) = match name.as_str() {
            "usize" => ("its size depends on the machine", "`u64`"),
            "isize" => ("its size depends on the machine", "`i64`"),
            "u128" | "i128" => (
                "Arrow has no such integers",
                "`u64`, `i64` or `Decimal<38, 0>`",
            ),
            "HashMap" => ("its entries have no order", "`BTreeMap`"),
            _ => return visit_mut::visit_path_segment_mut(self, segment),
        };
        self.0.get_or_insert_with(|| {
            let message = format!("a column cannot have the type `{name}`: {why}; use {instead}");
            syn::Error::new(segment.ident.span(), message)
        });
    }
}
