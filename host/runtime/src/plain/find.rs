//! Which functions of a component columns can be made of.

use std::collections::BTreeMap;

use arrow_schema::Field;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ResourceType};

use super::PlainFunction;
use super::options::{Maker, schema_of_none};
use super::shape::Shape;
use crate::columns::nulls::nullable_below;
use crate::error::printable;
use crate::signature::{Signature, Volatility};

/// An exported function that cannot be called with columns, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The export, with its interface: `test:own/kit#pick`.
    pub export: String,
    /// Why, for people.
    pub reason: String,
}

/// The functions of a component, and those of its exports that are none.
///
/// # Errors
/// When there is none, when two would have the same name, or when one is beyond the bounds
/// on signatures.
pub(crate) fn functions(
    engine: &Engine,
    component: &Component,
) -> Result<(Vec<PlainFunction>, Vec<Skipped>), String> {
    let ty = component.component_type();
    let infers = ty
        .imports(engine)
        .any(|(name, _)| name.starts_with("wasi:nn/"));
    let mut found: Vec<PlainFunction> = Vec::new();
    let mut skipped = Vec::new();
    let mut add = |interface: Option<&str>, exports: Exports<'_>| -> Result<(), String> {
        for (export, ty) in &exports.functions {
            let is_maker = exports
                .makers
                .iter()
                .any(|(_, maker)| maker.export == *export);
            if is_maker || export.starts_with("[constructor]") {
                continue;
            }
            match PlainFunction::new(interface, export, ty, &exports, infers) {
                Ok(function) => {
                    let name = &function.signature.name;
                    if let Some(other) = found.iter().find(|f| f.signature.name == *name) {
                        return Err(format!(
                            "two exports become the function `{name}`: {} and {}; rename one of them",
                            other.place(),
                            function.place(),
                        ));
                    }
                    found.push(function);
                }
                Err(reason) => skipped.push(Skipped {
                    export: printable(&place(interface, export), 200),
                    reason: printable(&reason, 500),
                }),
            }
        }
        Ok(())
    };
    let own = ty.exports(engine).map(|(name, item)| (name, item.ty));
    let own: Vec<_> = own.collect();
    add(
        None,
        Exports::of(own.iter().map(|(name, item)| (*name, item))),
    )?;
    for (name, item) in &own {
        // Those of WASI are a program's entry, and `exports` is what componentize-py itself
        // calls once, when it builds: no functions of rows.
        if let ComponentItem::ComponentInstance(instance) = item
            && !name.starts_with("wasi:")
            && *name != "exports"
        {
            let items = instance.exports(engine).map(|(name, item)| (name, item.ty));
            let items: Vec<_> = items.collect();
            let exports = Exports::of(items.iter().map(|(name, item)| (*name, item)));
            add(Some(name), exports)?;
        }
    }
    if found.is_empty() {
        let reasons: Vec<_> = skipped
            .iter()
            .map(|skipped| format!("{}: {}", skipped.export, skipped.reason))
            .collect();
        return Err(match reasons.is_empty() {
            true => "it exports no functions".into(),
            false => printable(&reasons.join("; "), 1_000),
        });
    }
    Signature::check_list(found.iter().map(|function| &function.signature))?;
    Ok((found, skipped))
}

/// What a component or an interface exports.
struct Exports<'a> {
    functions: Vec<(&'a str, &'a ComponentFunc)>,
    /// What makes each resource, by its name.
    makers: Vec<(&'a str, Maker)>,
    /// Why nothing makes a resource, by its name.
    unmade: Vec<(&'a str, String)>,
}

impl<'a> Exports<'a> {
    fn of(items: impl Iterator<Item = (&'a str, &'a ComponentItem)> + Clone) -> Self {
        let functions: Vec<_> = items
            .clone()
            .filter_map(|(name, item)| match item {
                ComponentItem::ComponentFunc(ty) => Some((name, ty)),
                _ => None,
            })
            .collect();
        let mut exports = Self {
            functions,
            makers: Vec::new(),
            unmade: Vec::new(),
        };
        for (name, item) in items {
            if let ComponentItem::Resource(resource) = item {
                match exports.maker(name, *resource) {
                    Ok(maker) => exports.makers.push((name, maker)),
                    Err(reason) => exports.unmade.push((name, reason)),
                }
            }
        }
        exports
    }

    /// The resource's constructor; else the first of its static functions that returns one.
    fn maker(&self, name: &str, resource: ResourceType) -> Result<Maker, String> {
        let constructor = format!("[constructor]{name}");
        let statics = format!("[static]{name}.");
        let mut all = self.functions.iter();
        let made = all
            .clone()
            .find(|(export, _)| *export == constructor)
            .or_else(|| {
                all.find(|(export, ty)| export.starts_with(&statics) && makes(ty, resource))
            });
        let (export, ty) = made.ok_or(format!(
            "nothing makes its resource `{name}`: it has neither a constructor nor a static function that returns one"
        ))?;
        Maker::new(export, ty).map_err(|reason| format!("{export}: {reason}"))
    }
}

/// Whether a function returns such a resource, or a `result` of one.
fn makes(ty: &ComponentFunc, resource: ResourceType) -> bool {
    let ty = ty.results().next();
    let ty = match &ty {
        Some(Type::Result(result)) => result.ok(),
        _ => ty,
    };
    matches!(ty, Some(Type::Own(own)) if own == resource)
}

/// `interface#export`.
fn place(interface: Option<&str>, export: &str) -> String {
    match interface {
        Some(interface) => format!("{interface}#{export}"),
        None => export.to_owned(),
    }
}

impl PlainFunction {
    fn new(
        interface: Option<&str>,
        export: &str,
        ty: &ComponentFunc,
        exports: &Exports<'_>,
        infers: bool,
    ) -> Result<Self, String> {
        let mut params = ty.params();
        let (name, maker) = match export.strip_prefix("[method]") {
            Some(method) => {
                let (resource, name) = method.split_once('.').unwrap_or((method, method));
                if let Some((_, reason)) = exports.unmade.iter().find(|(r, _)| *r == resource) {
                    return Err(reason.clone());
                }
                let maker = exports.makers.iter().find(|(r, _)| *r == resource);
                let (_, maker) = maker.ok_or("a method of a resource that is not exported")?;
                // The first parameter is the resource itself.
                params.next();
                (name, Some(maker.clone()))
            }
            None if export.starts_with('[') => {
                return Err("a static function of a resource".into());
            }
            None => (export, None),
        };
        let mut arguments = Vec::new();
        let mut fields = Vec::new();
        for (name, ty) in params {
            let shape = Shape::new(&ty, 0).map_err(|e| format!("argument `{name}`: {e}"))?;
            fields.push(Field::new(name.replace('-', "_"), shape.arrow().0, true));
            arguments.push(shape);
        }
        let mut results = ty.results();
        let (Some(result), None) = (results.next(), results.next()) else {
            return Err("it returns nothing".into());
        };
        let of_result = |e| format!("result: {e}");
        let (returns, fails) = match &result {
            Type::Result(result) => {
                let ok = result.ok().ok_or("its `result` has no value")?;
                let error = result.err().map(|ty| {
                    Shape::new(&ty, 0).map_err(|e| format!("the error of its result: {e}"))
                });
                (
                    Shape::new(&ok, 0).map_err(of_result)?,
                    Some(error.transpose()?),
                )
            }
            ty => (Shape::new(ty, 0).map_err(of_result)?, None),
        };
        let name = name.replace('-', "_");
        Ok(Self {
            signature: Signature {
                doc: String::new(),
                arguments: fields,
                returns: nullable_below(&Field::new(&name, returns.arrow().0, true)),
                declared: Field::new(&name, returns.arrow().0, true),
                // Nothing of the world changes for it, but its own state may.
                volatility: Volatility::Stable,
                models: Vec::new(),
                assets: Vec::new(),
                properties: BTreeMap::new(),
                options: maker.as_ref().map_or_else(schema_of_none, Maker::schema),
                name,
            },
            interface: interface.map(str::to_owned),
            export: export.to_owned(),
            maker,
            arguments,
            returns,
            fails,
            infers,
        })
    }

    fn place(&self) -> String {
        printable(&place(self.interface.as_deref(), &self.export), 200)
    }
}
