//! Options of every kind.

use wudf_guest::{Enum, Error, Result, UdfOptions, udf};

/// A choice.
#[derive(Clone, Copy, Debug, Enum)]
pub enum Flavour {
    /// The default.
    Vanilla,
    /// `"dark_chocolate"`.
    DarkChocolate,
}

/// Options within options.
#[derive(Debug, UdfOptions)]
pub struct Inner {
    /// How deep.
    #[option(default = 1)]
    depth: u8,
}

/// Options that another struct takes in.
#[derive(Debug, UdfOptions)]
pub struct Shared {
    /// Whether to say more.
    #[option(default = false)]
    verbose: bool,
}

/// Every kind of option.
#[derive(Debug, UdfOptions)]
pub struct EchoOptions {
    /// A string.
    #[option(default = "hello")]
    text: String,
    /// A whole number.
    #[option(default = 224)]
    count: u32,
    /// A negative number, too.
    #[option(default = -1)]
    offset: i64,
    /// A fraction.
    #[option(default = 0.1)]
    ratio: f32,
    /// A number.
    #[option(default = 2.5)]
    weight: f64,
    /// One of two.
    #[option(default = Flavour::Vanilla)]
    flavour: Flavour,
    /// Three numbers.
    #[option(default = [0.485, 0.456, 0.406])]
    mean: [f32; 3],
    /// Any number of strings.
    #[option(default)]
    names: Vec<String>,
    /// Need not be given, and has no default.
    maybe: Option<String>,
    /// Options within.
    #[option(default = Inner { depth: 1 })]
    inner: Inner,
    #[option(flatten)]
    shared: Shared,
}

/// The options that were given.
#[derive(Debug)]
#[expect(
    non_camel_case_types,
    reason = "it is named like the functions beside it"
)]
pub struct options_echo {
    text: String,
}

/// The options, as Rust prints them.
#[udf]
impl options_echo {
    fn open(options: EchoOptions) -> Self {
        Self {
            text: format!("{options:?}"),
        }
    }

    fn echo(&self, _row: i64) -> &str {
        &self.text
    }
}

/// How long the lists are.
#[derive(Debug, UdfOptions)]
pub struct SizedOptions {
    /// How many items each list has. It must be given.
    size: u32,
}

/// Lists of one size.
#[derive(Debug)]
pub struct Sized {
    size: u32,
}

/// A list of as many items as the option says, and one more where the argument
/// is 13.
#[udf(name = "sized_list")]
impl Sized {
    fn open(options: SizedOptions) -> Result<Self> {
        if options.size == 0 {
            return Err(Error::options("option `size`: a list must have an item"));
        }
        Ok(Self { size: options.size })
    }

    fn list_size(options: &SizedOptions) -> u32 {
        options.size
    }

    fn list(&self, x: i64) -> Vec<f32> {
        vec![x as f32; self.size as usize + usize::from(x == 13)]
    }
}
