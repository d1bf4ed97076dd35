//! A plugin that breaks the contract in every way that it can, written without
//! the SDK, which would not let it.
//!
//! Each function is one lie about results, or one attack on what the host
//! offers, and its name says which; `honest` is neither. Lies about signatures
//! cannot be options of a function: they are chosen by writing the name of one
//! over the file's placeholder, as `wudf_fixtures::liar` does.

#![cfg(target_arch = "wasm32")]

mod attacks;
mod results;
mod signatures;

use bindings::exports::wudf::plugin::scalar::{
    Argument, Function, Guest, GuestFunction, Output, Signature,
};
use bindings::wudf::plugin::arrow::{Array, Field, Schema};
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

/// What a function does when it is called: with how many rows, and the model
/// that the options name.
type Call = fn(u32, &str) -> Result<Output, Problem>;

/// One function: its name, the type it says that it returns, what it does.
struct Lie {
    name: &'static str,
    returns: fn() -> Schema,
    call: Call,
}

/// All functions, in the order of the signatures.
fn lies() -> impl Iterator<Item = &'static Lie> {
    results::LIES.iter().chain(attacks::LIES)
}

fn field(name: &str, format: &str, children: u32) -> Field {
    let (name, format) = (name.to_owned(), format.to_owned());
    Field {
        name,
        format,
        nullable: true,
        children,
        metadata: Vec::new(),
    }
}

fn signature(lie: &Lie) -> Signature {
    Signature {
        name: lie.name.to_owned(),
        doc: String::new(),
        arguments: vec![vec![field("x", "l", 0)]],
        returns: (lie.returns)(),
        properties: Vec::new(),
        models: Vec::new(),
        assets: Vec::new(),
        options: r#"{"type":"object","properties":{"model":{"type":"string"}}}"#.to_owned(),
    }
}

fn problem(code: &str, message: impl Into<String>) -> Problem {
    Problem {
        code: code.to_owned(),
        message: message.into(),
        properties: Vec::new(),
    }
}

fn other(message: impl Into<String>) -> Problem {
    problem("internal", message)
}

struct Liar;

struct Bound {
    lie: &'static Lie,
    model: String,
}

impl Guest for Liar {
    type Function = Bound;

    fn signatures() -> Vec<Signature> {
        signatures::lie(lies().map(signature).collect())
    }
}

impl GuestFunction for Bound {
    fn open(name: String, options: String, _: Vec<Argument>) -> Result<Function, Problem> {
        signatures::open()?;
        let lie = lies()
            .find(|lie| lie.name == name)
            .ok_or_else(|| problem("function", name))?;
        // Good enough for the one option there is.
        let model = options
            .split_once("\"model\"")
            .and_then(|(_, rest)| rest.split('"').nth(1));
        Ok(Function::new(Self {
            lie,
            model: model.unwrap_or_default().to_owned(),
        }))
    }

    fn signature(&self) -> Signature {
        signatures::bound(signature(self.lie))
    }

    fn call(&self, rows: u32, _: Vec<Array>) -> Result<Output, Problem> {
        (self.lie.call)(rows, &self.model)
    }
}

bindings::export!(Liar with_types_in bindings);
