//! Functions whose types are decided when they are opened, written without the SDK:
//! `echo` gives back what it is given, `last` the last of any number of columns,
//! `describe` says of each row what it knew of its argument at `open`. And one for each
//! type of `tests/types.txt`, which gives back what it is given.

#![cfg(target_arch = "wasm32")]

mod types;

use bindings::exports::wudf::plugin::scalar::{
    Argument, Function, Guest, GuestFunction, Output, Signature,
};
use bindings::wudf::plugin::arrow::{Array, Field, Node, Schema};
use bindings::wudf::plugin::types::Problem;

#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used
)]
mod bindings {
    // The contract in Rust, and nothing else of the SDK.
    include!("../../../../guest/sdk/src/generated.rs");
}

/// What a function does with its columns.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Echo,
    Last,
    Describe,
}

const FUNCTIONS: &[(&str, Does)] = &[
    ("echo", Does::Echo),
    ("last", Does::Last),
    ("describe", Does::Describe),
];

struct Echo;

struct Bound {
    name: &'static str,
    does: Does,
    /// The type of one that is declared with it.
    declared: Option<Schema>,
    arguments: Vec<Argument>,
}

fn field(name: &str, format: &str) -> Schema {
    vec![Field {
        name: name.to_owned(),
        format: format.to_owned(),
        nullable: true,
        children: 0,
        metadata: Vec::new(),
    }]
}

fn renamed(mut schema: Schema, name: &str) -> Schema {
    if let Some(root) = schema.first_mut() {
        root.name = name.to_owned();
        root.nullable = true;
    }
    schema
}

fn signature(
    name: &str,
    does: Does,
    declared: Option<&Schema>,
    arguments: &[Argument],
) -> Signature {
    let types: Vec<Schema> = match (declared, arguments) {
        (Some(declared), _) => vec![declared.clone()],
        (None, []) => vec![field("x", "*")],
        (None, arguments) => (1..)
            .zip(arguments)
            .map(|(at, argument)| {
                let name = if at == 1 {
                    "x".to_owned()
                } else {
                    format!("x{at}")
                };
                renamed(argument.schema.clone(), &name)
            })
            .collect(),
    };
    let returns = match does {
        Does::Describe => field("", "u"),
        _ => renamed(types.last().cloned().unwrap_or_default(), ""),
    };
    let mut properties = vec![
        ("volatility".to_owned(), "immutable".to_owned()),
        // In no list: hosts ignore it.
        ("colour".to_owned(), "blue".to_owned()),
    ];
    if does == Does::Last {
        properties.push(("variadic".to_owned(), "true".to_owned()));
    }
    Signature {
        name: name.to_owned(),
        doc: String::new(),
        arguments: types,
        returns,
        options: "{\"type\":\"object\",\"additionalProperties\":false}".to_owned(),
        models: Vec::new(),
        assets: Vec::new(),
        properties,
    }
}

impl Guest for Echo {
    type Function = Bound;

    fn signatures() -> Vec<Signature> {
        let any = FUNCTIONS.iter();
        let any = any.map(|(name, does)| signature(name, *does, None, &[]));
        let typed = types::all().map(|(name, ty)| signature(name, Does::Echo, Some(&ty), &[]));
        any.chain(typed).collect()
    }
}

impl GuestFunction for Bound {
    fn open(name: String, _: String, arguments: Vec<Argument>) -> Result<Function, Problem> {
        let any = FUNCTIONS.iter().map(|(name, does)| (*name, *does, None));
        let typed = types::all().map(|(name, ty)| (name, Does::Echo, Some(ty)));
        let (name, does, declared) = any
            .chain(typed)
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| Problem {
                code: "function".to_owned(),
                message: format!("no function is called {name}"),
                properties: Vec::new(),
            })?;
        Ok(Function::new(Self {
            name,
            does,
            declared,
            arguments,
        }))
    }

    fn signature(&self) -> Signature {
        signature(
            self.name,
            self.does,
            self.declared.as_ref(),
            &self.arguments,
        )
    }

    fn call(&self, rows: u32, mut arguments: Vec<Array>) -> Result<Output, Problem> {
        let values = match self.does {
            Does::Echo | Does::Last => arguments.pop().unwrap_or_default(),
            Does::Describe => describe(rows as usize, &self.arguments, &arguments),
        };
        Ok(Output {
            values,
            failures: Vec::new(),
        })
    }
}

/// The same text in each row: the format of each argument, the bytes of constants, and
/// how many values came.
fn describe(rows: usize, bound: &[Argument], given: &[Array]) -> Array {
    let said: Vec<String> = bound
        .iter()
        .zip(given)
        .map(|(argument, array)| {
            let format: String = argument.schema.iter().map(|f| f.format.as_str()).collect();
            let constant = argument.constant.as_ref().map(|nodes| {
                let values = nodes.first().and_then(|node| node.buffers.last());
                format!(" = {:?}", values.map_or(&[][..], Vec::as_slice))
            });
            let length = array.first().map_or(0, |node| node.length);
            format!("{format}{} in {length}", constant.unwrap_or_default())
        })
        .collect();
    let said = said.join(", ");
    let offsets = (0..=rows).flat_map(|at| ((at * said.len()) as i32).to_le_bytes());
    vec![Node {
        length: rows as u64,
        null_count: 0,
        buffers: vec![
            Vec::new(),
            offsets.collect(),
            said.repeat(rows).into_bytes(),
        ],
    }]
}

bindings::export!(Echo with_types_in bindings);
