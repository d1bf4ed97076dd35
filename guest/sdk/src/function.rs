//! Functions: what `#[udf]` implements and `plugin!` lists.

use std::cell::RefCell;
use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::Range;

use crate::arguments::Arguments as Given;
use crate::batch::{self, BatchOf, Gathered};
use crate::bindings::exports::wudf::plugin::scalar::{
    Argument, Function as Handle, Guest, GuestFunction, Output, Signature,
};
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::bindings::wudf::plugin::types::Problem;
use crate::dynamic::{ANY, Schema};
use crate::error::{Error, any_error, code};
use crate::options::{self, UdfOptions};
use crate::read::{Arguments, BLOCK, bind_all};
use crate::schema::extend;
use crate::write::{self, Builder, FixSize, Outcome, Sink};

/// What may be assumed of a function's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// Equal arguments give equal results, always.
    Immutable,
    /// Equal arguments give equal results while one query runs.
    Stable,
    /// Nothing.
    Volatile,
}

impl Volatility {
    fn word(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::Stable => "stable",
            Self::Volatile => "volatile",
        }
    }
}

/// The values of one row of a function's arguments.
pub type Values<'a, U> = <<U as Udf>::Arguments as Arguments>::Values<'a>;
/// Some rows of a function's arguments.
pub type Blocks<'a, U> = <<U as Udf>::Arguments as Arguments>::Blocks<'a>;
/// A function's bound arguments.
pub type Columns<'a, U> = <<U as Udf>::Arguments as Arguments>::Columns<'a>;
/// What a function's results go to.
pub type Results<U> = write::Results<<U as Udf>::Returns>;

/// A function. `#[udf]` writes this; it is not meant to be written by hand.
pub trait Udf: Sized + 'static {
    /// The types of the arguments.
    type Arguments: Arguments;
    /// The type that the function returns.
    type Returns: Outcome;
    /// The options that `open` takes.
    type Options: UdfOptions;

    /// The function's name.
    const NAME: &'static str;
    /// What it does.
    const DOC: &'static str;
    /// The arguments' names.
    const ARGUMENTS: &'static [&'static str];
    /// What may be assumed of its results.
    const VOLATILITY: Volatility;

    /// The extension type of its results: name and metadata.
    const EXTENSION: Option<(&'static str, &'static str)> = None;

    /// The models and the assets that it uses under all options.
    const MODELS: &'static [&'static str] = &[];
    /// The assets that it reads under all options.
    const ASSETS: &'static [&'static str] = &[];

    /// The function with these options and arguments.
    fn open(options: Self::Options, arguments: &Given<'_>) -> Result<Self, Error>;

    /// The models that it asks for under these options.
    fn models(_: &Self::Options) -> Vec<String> {
        owned(Self::MODELS)
    }

    /// The assets that it reads under these options.
    fn assets(_: &Self::Options) -> Vec<String> {
        owned(Self::ASSETS)
    }

    /// How many items all lists have that it returns, if these options say so.
    fn list_size(_: &Self::Options) -> Option<u32> {
        None
    }

    /// How many items all lists have that it returns, if it knows now that it is open.
    fn open_list_size(&self) -> Option<u32> {
        None
    }

    /// The type that it returns, if these options and arguments say so.
    fn returns(_: &Self::Options, _: &Given<'_>) -> Result<Option<Schema>, Error> {
        Ok(None)
    }

    /// An empty column of results.
    fn results(rows: usize, said: &Said) -> Result<Results<Self>, Error> {
        let schema = said.returns.as_ref().map_or(&[][..], Schema::fields);
        match schema {
            [] => Ok(Sink::new(rows)),
            schema => Ok(Sink::with_builder(Builder::with_schema(schema, rows)?)),
        }
    }

    /// How many rows it computes at once at most, if it does not compute one by one.
    const BATCH: Option<u32> = None;

    /// Computes one row.
    fn row(&mut self, _: Values<'_, Self>, _: &mut Results<Self>) {
        unreachable!("a function of many rows is not called with one")
    }

    /// Computes one block of rows.
    fn block(&mut self, _: Blocks<'_, Self>, _: &mut Results<Self>) {
        unreachable!("a function of many rows is not called with a block")
    }

    /// Computes many rows.
    fn batch(&mut self, _: Gathered<'_, Self>, _: BatchOf<'_, Self>) -> Result<(), Error> {
        unreachable!("a function of single rows is not called with many")
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// What options and arguments say of a function's signature.
#[derive(Debug, Default)]
pub struct Said {
    size: Option<u32>,
    returns: Option<Schema>,
    models: Vec<String>,
    assets: Vec<String>,
    /// The types of the arguments, where the caller knows them.
    arguments: Vec<Vec<Field>>,
}

impl Said {
    fn by<U: Udf>(options: &U::Options, arguments: &Given<'_>) -> Result<Self, Error> {
        let returns = U::returns(options, arguments)?;
        let declared = Schema::of::<<U::Returns as Outcome>::Value>();
        if let Some(returns) = &returns
            && declared.format() != ANY
            && *returns != declared
        {
            return Err(Error::internal(format!(
                "`returns` says the format `{}`, and the function returns `{}`: only a `Dynamic` has a \
                 type that is decided in `returns`",
                returns.format(),
                declared.format()
            )));
        }
        Ok(Self {
            size: U::list_size(options),
            returns,
            models: U::models(options),
            assets: U::assets(options),
            arguments: arguments.schemas(),
        })
    }

    /// What is so under all options: some must be given, and have no default to go by.
    fn by_default<U: Udf>() -> Self {
        let said = options::parse::<U::Options>("{}")
            .and_then(|options| Self::by::<U>(&options, &Given::unknown(U::ARGUMENTS)));
        said.unwrap_or_else(|_| Self {
            models: owned(U::MODELS),
            assets: owned(U::ASSETS),
            ..Self::default()
        })
    }
}

fn signature<U: Udf>(said: &Said) -> Signature {
    let mut arguments = Vec::new();
    U::Arguments::schemas(U::ARGUMENTS, &mut arguments);
    for (declared, given) in arguments.iter_mut().zip(&said.arguments) {
        // What may be of any type is of the caller's.
        if let ([root], [first, ..]) = (declared.as_slice(), given.as_slice())
            && root.format == ANY
        {
            let bound = Field {
                name: root.name.clone(),
                nullable: true,
                ..first.clone()
            };
            *declared = given.clone();
            declared[0] = bound;
        }
    }
    let mut returns = match &said.returns {
        Some(schema) => schema.clone().into_result(),
        None => Schema::of::<<U::Returns as Outcome>::Value>().into_result(),
    };
    if let (Some(size), Some(root)) = (said.size, returns.first_mut()) {
        root.format = format!("+w:{size}");
    }
    if let (Some((name, metadata)), Some(root)) = (U::EXTENSION, returns.first_mut()) {
        extend(root, name, metadata);
    }
    let mut properties = vec![("volatility".to_owned(), U::VOLATILITY.word().to_owned())];
    if U::Arguments::COUNT > 0 && !U::Arguments::TAKE_NULLS {
        properties.push(("nulls".to_owned(), "skip".to_owned()));
    }
    if let Some(rows) = U::BATCH {
        properties.push(("rows-per-call".to_owned(), rows.to_string()));
    }
    Signature {
        name: U::NAME.to_owned(),
        doc: U::DOC.to_owned(),
        arguments,
        returns,
        properties,
        models: said.models.clone(),
        assets: said.assets.clone(),
        options: options::schema::<U::Options>(),
    }
}

/// Computes all rows of a call.
pub fn call<U: Udf>(
    udf: &mut U,
    said: &Said,
    rows: usize,
    arguments: &[Vec<Node>],
) -> Result<Output, Error> {
    let columns = bind_all::<U::Arguments>(U::ARGUMENTS, arguments, &said.arguments, rows)?;
    let mut results = U::results(rows, said)?;
    if U::BATCH.is_some() {
        batch::call(udf, &columns, rows, &mut results)?;
        return results.finish();
    }
    let mut row = 0;
    while row < rows {
        let mut end = rows - rows % BLOCK;
        if !U::Arguments::all_whole(&columns) {
            let whole = |row: &usize| U::Arguments::whole(&columns, *row);
            let blocks = (row..end).step_by(BLOCK).take_while(whole).count();
            end = row + blocks * BLOCK;
        }
        if row < end {
            blocks(udf, &columns, row..end, &mut results);
            row = end;
        }
        for row in row..rows.min(row + BLOCK) {
            match U::Arguments::get(&columns, row) {
                Ok(values) => udf.row(values, &mut results),
                Err(absent) => results.absent(absent),
            }
        }
        row += BLOCK;
    }
    results.finish()
}

/// Computes whole blocks: a loop of its own, so that nothing of the loop around
/// it takes up registers.
#[inline(never)]
fn blocks<U: Udf>(
    udf: &mut U,
    columns: &Columns<'_, U>,
    rows: Range<usize>,
    results: &mut Results<U>,
) {
    for row in rows.step_by(BLOCK) {
        udf.block(U::Arguments::block(columns, row), results);
    }
}

/// Lists whose size the options fix.
pub fn sized_results<B: FixSize>(rows: usize, said: &Said) -> Result<Sink<B>, Error> {
    let mut builder = B::with_capacity(rows);
    if let Some(size) = said.size {
        builder.fix_size(size, rows);
    }
    Ok(Sink::with_builder(builder))
}

/// What `returns` may return: a type, or a type or an error.
#[diagnostic::on_unimplemented(
    message = "`returns` must return a `Schema` or a `Result<Schema, _>`",
    label = "not what `returns` may return"
)]
pub trait ReturnsSchema {
    /// The type or an error.
    fn schema(self) -> Result<Option<Schema>, Error>;
}

impl ReturnsSchema for Schema {
    fn schema(self) -> Result<Option<Schema>, Error> {
        Ok(Some(self))
    }
}

impl<E: Display + 'static> ReturnsSchema for Result<Schema, E> {
    fn schema(self) -> Result<Option<Schema>, Error> {
        self.map(Some).map_err(any_error)
    }
}

/// What `open` may return: the function, or the function or an error.
#[diagnostic::on_unimplemented(
    message = "`open` must return `Self` or a `Result<Self, _>`",
    label = "not what `open` may return",
    note = "the error can be of any type that can be displayed"
)]
pub trait Opens<T> {
    /// The function or an error.
    fn opened(self) -> Result<T, Error>;
}

impl<T: Udf> Opens<T> for T {
    fn opened(self) -> Result<T, Error> {
        Ok(self)
    }
}

impl<T, E: Display + 'static> Opens<T> for Result<T, E> {
    fn opened(self) -> Result<T, Error> {
        self.map_err(any_error)
    }
}

/// A function that is opened without `open`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be opened: it has neither `open` nor `Default`",
    label = "not a function that can be opened",
    note = "add `fn open() -> Self` to the block of `#[udf]`, or `#[derive(Default)]` to the struct"
)]
pub trait OpenByDefault {
    /// The function.
    fn open_by_default() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> OpenByDefault for T {
    fn open_by_default() -> Self {
        Self::default()
    }
}

/// One function of a plugin, whatever its types.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    name: &'static str,
    signature: fn() -> Signature,
    open: fn(&str, &[Argument]) -> Result<Opened, Error>,
}

impl Entry {
    /// The entry of this function.
    pub const fn of<U: Udf>() -> Self {
        Self {
            name: U::NAME,
            signature: || signature::<U>(&Said::by_default::<U>()),
            open: |text, given| {
                let takes = U::ARGUMENTS.len();
                if !given.is_empty() && given.len() != takes {
                    let given = given.len();
                    let message = format!("expected {takes} arguments, got {given}");
                    return Err(Error::arguments(message));
                }
                let arguments = Given::new(U::ARGUMENTS, given);
                let options = options::parse::<U::Options>(text)?;
                let mut said = Said::by::<U>(&options, &arguments)?;
                let udf = U::open(options, &arguments)?;
                said.size = udf.open_list_size().or(said.size);
                let udf = RefCell::new(udf);
                Ok(Opened(Box::new(Bound { udf, said })))
            },
        }
    }

    /// The function's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The function's signature under the default options.
    pub fn signature(&self) -> Signature {
        (self.signature)()
    }

    /// The function with these options, a JSON object, and these arguments, none where
    /// the caller does not know them.
    pub fn open(&self, options: &str, arguments: &[Argument]) -> Result<Opened, Error> {
        (self.open)(options, arguments)
    }
}

/// What `plugin!` lists.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of a plugin",
    label = "not made a function by `#[udf]`",
    note = "put `#[udf]` on its `impl` block"
)]
pub trait Listed {
    /// Its entry.
    const ENTRY: Entry;
}

#[diagnostic::do_not_recommend]
impl<U: Udf> Listed for U {
    const ENTRY: Entry = Entry::of::<U>();
}

struct Bound<U> {
    udf: RefCell<U>,
    said: Said,
}

trait Function {
    fn signature(&self) -> Signature;
    fn call(&self, rows: usize, arguments: &[Vec<Node>]) -> Result<Output, Error>;
}

impl<U: Udf> Function for Bound<U> {
    fn signature(&self) -> Signature {
        signature::<U>(&self.said)
    }

    fn call(&self, rows: usize, arguments: &[Vec<Node>]) -> Result<Output, Error> {
        // An instance runs one call at a time, and a call does not call back.
        call(&mut *self.udf.borrow_mut(), &self.said, rows, arguments)
    }
}

/// A function with its options bound.
pub struct Opened(Box<dyn Function>);

impl Opened {
    /// The signature under the bound options. It is made when it is asked for,
    /// which most instances are not.
    pub fn signature(&self) -> Signature {
        self.0.signature()
    }

    /// Computes one value a row.
    pub fn call(&self, rows: usize, arguments: &[Vec<Node>]) -> Result<Output, Error> {
        self.0.call(rows, arguments)
    }
}

/// A plugin: what `plugin!` implements.
pub trait Plugin: 'static {
    /// Its functions.
    const FUNCTIONS: &'static [Entry];
}

/// A plugin as the contract has it.
#[derive(Debug)]
pub struct Exported<P>(PhantomData<P>);

/// A function as the contract has it.
pub struct ExportedFunction<P>(Opened, PhantomData<P>);

impl<P: Plugin> Guest for Exported<P> {
    type Function = ExportedFunction<P>;

    fn signatures() -> Vec<Signature> {
        P::FUNCTIONS.iter().map(Entry::signature).collect()
    }
}

impl<P: Plugin> GuestFunction for ExportedFunction<P> {
    fn open(name: String, options: String, arguments: Vec<Argument>) -> Result<Handle, Problem> {
        let entry = P::FUNCTIONS
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = P::FUNCTIONS.iter().map(|entry| entry.name).collect();
                Error::of(
                    code::FUNCTION,
                    format!(
                        "the plugin has no function `{name}`; its functions are {}",
                        options::names(&names)
                    ),
                )
            })?;
        Ok(Handle::new(Self(
            entry.open(&options, &arguments)?,
            PhantomData,
        )))
    }

    fn signature(&self) -> Signature {
        self.0.signature()
    }

    fn call(&self, rows: u32, arguments: Vec<Vec<Node>>) -> Result<Output, Problem> {
        Ok(self.0.call(rows as usize, &arguments)?)
    }
}
