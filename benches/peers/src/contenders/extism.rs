//! extism: bytes in, bytes out. A column's buffers are its bytes; what becomes
//! of them is part of the call.

#[path = "../../guests/extism/src/frame.rs"]
mod frame;

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, Int64Array, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use extism::{CompiledPlugin, Plugin, PluginBuilder};

use super::wudf::{arrays, read};
use super::{Case, Columns, Contender, Prepared};
use crate::Failure;

pub struct Extism(CompiledPlugin);

impl Extism {
    /// With its defaults: no limit on memory, and its clock.
    pub fn new(guest: &[u8]) -> Result<Self, Failure> {
        let plugin = PluginBuilder::new(guest).with_cache_disabled();
        Ok(Self(plugin.compile()?))
    }

    fn instance(&self) -> Result<Plugin, Failure> {
        Ok(Plugin::new_from_compiled(&self.0)?)
    }
}

impl Contender for Extism {
    fn prepare<'a>(&'a self, case: &'a Case) -> Result<Prepared<'a>, Failure> {
        let columns = arrays(&case.columns);
        let call = match case.columns {
            Columns::Numbers(_) => numbers,
            Columns::Blobs(_) => blobs,
            Columns::Strings { .. } => strings,
        };
        if case.fresh {
            // Its first call makes the instance.
            let call = move || call(&mut self.instance()?, case.function, &columns);
            return Prepared::new(call, read);
        }
        let mut plugin = self.instance()?;
        Prepared::new(move || call(&mut plugin, case.function, &columns), read)
    }
}

fn numbers(plugin: &mut Plugin, function: &str, columns: &[ArrayRef]) -> Result<ArrayRef, Failure> {
    let bytes: &[u8] = plugin.call(function, values(&columns[0]))?;
    if bytes.len() != columns[0].len() * size_of::<i64>() {
        return Err("not as many numbers as there were".into());
    }
    let values = ScalarBuffer::new(Buffer::from(bytes), 0, columns[0].len());
    Ok(Arc::new(Int64Array::try_new(values, None)?))
}

/// Blob by blob, as its users would. All of them in one call take as long:
/// what calls cost less, copying them together costs more.
fn blobs(plugin: &mut Plugin, function: &str, columns: &[ArrayRef]) -> Result<ArrayRef, Failure> {
    let mut lengths = Vec::with_capacity(columns[0].len());
    for blob in columns[0].as_binary::<i32>().iter().flatten() {
        lengths.push(plugin.call::<&[u8], i64>(function, blob)?);
    }
    Ok(Arc::new(Int64Array::from(lengths)))
}

fn strings(plugin: &mut Plugin, function: &str, columns: &[ArrayRef]) -> Result<ArrayRef, Failure> {
    let strings = columns[0].as_string::<i32>();
    let input = frame::write([
        strings.offsets().inner().inner().as_slice(),
        strings.values().as_slice(),
        values(&columns[1]),
        values(&columns[2]),
    ]);
    let output: &[u8] = plugin.call(function, input)?;
    let [offsets, values] = frame::read(output).ok_or("not the buffers of strings")?;
    if offsets.len() != (strings.len() + 1) * size_of::<i32>() {
        return Err("not as many strings as there were".into());
    }
    let offsets = ScalarBuffer::new(Buffer::from(offsets), 0, strings.len() + 1);
    let offsets = OffsetBuffer::new(offsets);
    Ok(Arc::new(StringArray::try_new(
        offsets,
        Buffer::from(values),
        None,
    )?))
}

fn values(numbers: &ArrayRef) -> &[u8] {
    numbers
        .as_primitive::<Int64Type>()
        .values()
        .inner()
        .as_slice()
}
