//! Plain plugins: components that export ordinary WIT functions and know
//! nothing of columns. The WIT signature is the schema; the host calls such a
//! function once for each row.
//!
//! This is the door for every language with a component toolchain, not the
//! fast way: a value is converted twice on each side. The one shape for which
//! that would hurt, bytes to numbers, takes a typed way around it.

mod shape;
mod values;

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_schema::Field;
use serde_json::json;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Func, Instance, Val};
use wasmtime::{AsContextMut, Engine};

use crate::columns::nulls::nullable_below;
use crate::contract::RawFailure;
use crate::error::printable;
use crate::signature::{Signature, Volatility};
use shape::Shape;

/// A function that a component exports.
pub(crate) struct PlainFunction {
    pub signature: Signature,
    /// The exported instance that holds it; none for the component itself.
    interface: Option<String>,
    export: String,
    arguments: Vec<Shape>,
    returns: Shape,
    /// Whether the function returns a `result`, whose error is the row's.
    fallible: bool,
}

/// The functions of a component that columns can be made of. Others are left
/// out, with a word to the log.
///
/// # Errors
/// When there is none, and why.
pub(crate) fn functions(
    engine: &Engine,
    component: &Component,
) -> Result<Vec<PlainFunction>, String> {
    let mut found: Vec<PlainFunction> = Vec::new();
    let mut refused = Vec::new();
    let mut add = |interface: Option<&str>, export: &str, ty: &ComponentFunc| {
        let function = PlainFunction::new(interface, export, ty).and_then(|function| {
            let name = &function.signature.name;
            match found.iter().any(|other| other.signature.name == *name) {
                true => Err("another function has that name".into()),
                false => Ok(function),
            }
        });
        match function {
            Ok(function) => found.push(function),
            Err(reason) => refused.push(printable(&format!("{export}: {reason}"), 200)),
        }
    };
    for (name, item) in component.component_type().exports(engine) {
        match &item.ty {
            ComponentItem::ComponentFunc(ty) => add(None, name, ty),
            // Those of WASI are a program's entry, not functions of rows.
            ComponentItem::ComponentInstance(instance) if !name.starts_with("wasi:") => {
                for (export, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = &item.ty {
                        add(Some(name), export, ty);
                    }
                }
            }
            _ => {}
        }
    }
    for reason in &refused {
        tracing::info!("no function of rows: {reason}");
    }
    match (found.is_empty(), refused.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err("it exports no functions".into()),
        (true, false) => Err(printable(&refused.join("; "), 1_000)),
    }
}

impl PlainFunction {
    fn new(interface: Option<&str>, export: &str, ty: &ComponentFunc) -> Result<Self, String> {
        if export.starts_with('[') {
            return Err("methods are not functions of rows".into());
        }
        let mut arguments = Vec::new();
        let mut fields = Vec::new();
        for (name, ty) in ty.params() {
            let shape = Shape::new(&ty, 0).map_err(|e| format!("argument {name}: {e}"))?;
            let (data_type, _) = shape.arrow();
            fields.push(Field::new(name.replace('-', "_"), data_type, true));
            arguments.push(shape);
        }
        let mut results = ty.results();
        let (Some(result), None) = (results.next(), results.next()) else {
            return Err("returns nothing".into());
        };
        let (returns, fallible) = Shape::of_result(&result).map_err(|e| format!("result: {e}"))?;
        let name = export.replace('-', "_");
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
                options: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
                name,
            },
            interface: interface.map(str::to_owned),
            export: export.to_owned(),
            arguments,
            returns,
            fallible,
        })
    }

    /// Finds the function in an instance.
    pub(crate) fn find(&self, mut store: impl AsContextMut, instance: &Instance) -> Option<Func> {
        let parent = match &self.interface {
            Some(name) => Some(instance.get_export_index(&mut store, None, name)?),
            None => None,
        };
        let index = instance.get_export_index(&mut store, parent.as_ref(), &self.export)?;
        instance.get_func(&mut store, index)
    }

    /// Calls the function for each row. The values, and which rows failed with
    /// what message.
    ///
    /// # Errors
    /// What ended the instance.
    pub(crate) fn call(
        &self,
        mut store: impl AsContextMut,
        func: &Func,
        arguments: &[ArrayRef],
        rows: usize,
    ) -> wasmtime::Result<(ArrayRef, Vec<RawFailure>)> {
        if let [Shape::Bytes] = self.arguments.as_slice()
            && let Ok(typed) = func.typed::<(&[u8],), (Result<Vec<f32>, String>,)>(&store)
        {
            return values::numbers_of_bytes(store, &typed, &arguments[0]);
        }
        let mut values: Vec<Option<Val>> = Vec::with_capacity(rows);
        let mut failures = Vec::new();
        let mut parameters = Vec::with_capacity(arguments.len());
        for row in 0..rows {
            parameters.clear();
            let mut failed = None;
            for (array, shape) in arguments.iter().zip(&self.arguments) {
                match values::read(array, row, shape) {
                    Ok(Some(value)) => parameters.push(value),
                    Ok(None) => break,
                    Err(message) => {
                        failed = Some(message);
                        break;
                    }
                }
            }
            if parameters.len() < arguments.len() {
                // As in SQL: no value for a null, and no call.
                failures.extend(failed.map(|message| values::failure(row, message)));
                values.push(None);
                continue;
            }
            let mut result = [Val::Bool(false)];
            func.call(&mut store, &parameters, &mut result)?;
            let [result] = result;
            values.push(match result {
                Val::Result(Ok(value)) if self.fallible => value.map(|value| *value),
                Val::Result(Err(error)) if self.fallible => {
                    failures.push(values::failure(row, values::message(error.as_deref())));
                    None
                }
                value => Some(value),
            });
        }
        let array = values::column(&self.returns, values).map_err(wasmtime::Error::msg)?;
        Ok((array, failures))
    }
}
