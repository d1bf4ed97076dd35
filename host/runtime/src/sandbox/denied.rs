//! `wasi:http`, which some languages' runtimes import without being asked: it is there, and
//! every request is denied.
//!
//! Nothing of it is written out here. Its functions are made of the types that a component
//! imports: what returns a `result` whose error has the case `HTTP-request-denied` returns
//! that, and the others return the smallest value of their type.

use std::borrow::Cow;

use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Linker, ResourceDynamic, ResourceType, Val};
use wasmtime::{AsContextMut, Error, Result};

use crate::instance::State;
use crate::runtime;

/// The package whose interfaces are denied.
const PACKAGE: &str = "wasi:http/";

/// The case of `wasi:http/types.error-code` for it.
const DENIED: &str = "HTTP-request-denied";

/// The sandbox's linker, and what it denies as far as the component imports it.
pub(crate) fn linker<'a>(
    runtime: &'a runtime::Inner,
    component: &Component,
) -> Result<Cow<'a, Linker<State>>> {
    let engine = &runtime.engine;
    let ty = component.component_type();
    if !ty
        .imports(engine)
        .any(|(name, _)| name.starts_with(PACKAGE))
    {
        return Ok(Cow::Borrowed(&runtime.linker));
    }
    let mut linker = runtime.linker.clone();
    // Interfaces use resources of others, which come before them.
    let mut known: Vec<ResourceType> = Vec::new();
    let mut own = 0;
    for (name, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            continue;
        };
        let denied = name.starts_with(PACKAGE);
        for (export, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::Resource(ty) if !known.contains(&ty) => {
                    known.push(ty);
                    if denied {
                        let ty = ResourceType::host_dynamic(own);
                        linker.instance(name)?.resource(export, ty, |_, _| Ok(()))?;
                        own += 1;
                    }
                }
                ComponentItem::ComponentFunc(_) if denied => {
                    let called = format!("{name}#{export}");
                    linker.instance(name)?.func_new(
                        export,
                        move |mut store, ty, arguments, results| {
                            // Handles that are lent must be given back.
                            for argument in arguments {
                                if let Val::Resource(resource) = argument {
                                    resource.resource_drop(&mut store)?;
                                }
                            }
                            for (result, ty) in results.iter_mut().zip(ty.results()) {
                                *result = Smallest {
                                    store: &mut store,
                                    own,
                                }
                                .of(&ty)
                                .ok_or_else(|| Error::msg(format!("{called}: HTTP is denied")))?;
                            }
                            Ok(())
                        },
                    )?;
                }
                _ => {}
            }
        }
    }
    Ok(Cow::Owned(linker))
}

/// Makes the smallest value of a type: nothing, zero, an empty list.
struct Smallest<S> {
    store: S,
    /// How many resources are denied, which are numbered.
    own: u32,
}

impl<S: AsContextMut> Smallest<S> {
    /// None for a resource of another package, which cannot be made here.
    fn of(&mut self, ty: &Type) -> Option<Val> {
        Some(match ty {
            Type::Bool => Val::Bool(false),
            Type::S8 => Val::S8(0),
            Type::U8 => Val::U8(0),
            Type::S16 => Val::S16(0),
            Type::U16 => Val::U16(0),
            Type::S32 => Val::S32(0),
            Type::U32 => Val::U32(0),
            Type::S64 => Val::S64(0),
            Type::U64 => Val::U64(0),
            Type::Float32 => Val::Float32(0.0),
            Type::Float64 => Val::Float64(0.0),
            Type::Char => Val::Char(' '),
            Type::String => Val::String(String::new()),
            Type::List(_) => Val::List(Vec::new()),
            Type::Option(_) => Val::Option(None),
            Type::Flags(_) => Val::Flags(Vec::new()),
            Type::Enum(ty) => Val::Enum(ty.names().next()?.to_owned()),
            Type::Record(ty) => {
                let fields = ty.fields();
                let fields = fields.map(|f| Some((f.name.to_owned(), self.of(&f.ty)?)));
                Val::Record(fields.collect::<Option<_>>()?)
            }
            Type::Tuple(ty) => {
                let values = ty.types().map(|ty| self.of(&ty));
                Val::Tuple(values.collect::<Option<_>>()?)
            }
            Type::Variant(ty) => {
                let mut cases = ty.cases();
                let case = cases.find(|case| case.name == DENIED);
                let case = case.or_else(|| ty.cases().next())?;
                let value = match &case.ty {
                    Some(ty) => Some(Box::new(self.of(ty)?)),
                    None => None,
                };
                Val::Variant(case.name.to_owned(), value)
            }
            Type::Result(ty) => {
                let denies = |ty: &Type| match ty {
                    Type::Variant(ty) => ty.cases().any(|case| case.name == DENIED),
                    _ => false,
                };
                let ok = match ty.ok() {
                    _ if ty.err().as_ref().is_some_and(denies) => None,
                    Some(ty) => self.of(&ty).map(|value| Some(Box::new(value))),
                    None => Some(None),
                };
                match (ok, ty.err()) {
                    (Some(value), _) => Val::Result(Ok(value)),
                    (None, Some(ty)) => Val::Result(Err(Some(Box::new(self.of(&ty)?)))),
                    (None, None) => Val::Result(Err(None)),
                }
            }
            Type::Own(ty) => {
                let mut own = 0..self.own;
                let own = own.find(|own| *ty == ResourceType::host_dynamic(*own))?;
                let resource = ResourceDynamic::new_own(0, own);
                Val::Resource(resource.try_into_resource_any(&mut self.store).ok()?)
            }
            _ => return None,
        })
    }
}
