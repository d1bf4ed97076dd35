#![doc = include_str!("../README.md")]

// So that what the macros write also compiles in here.
extern crate self as wudf_guest;

mod arguments;
pub mod asset;
mod batch;
#[doc(hidden)]
pub mod bindings;
mod bits;
#[cfg(any(feature = "half", feature = "jiff"))]
mod convert;
mod decimal;
mod dynamic;
mod error;
mod function;
pub mod model;
mod options;
mod read;
mod schema;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod types;
mod write;

pub use arguments::Arguments;
pub use asset::AssetError;
pub use batch::Column;
pub use decimal::{Decimal, ParseDecimalError};
pub use dynamic::{Dynamic, Schema, TimeUnit};
pub use error::{Error, Result};
pub use model::{Model, ModelError, Tensor};
pub use options::{OptionError, OptionValue, UdfOptions};
pub use read::Argument;
pub use serde_json::Value as Json;
#[cfg(feature = "half")]
pub use types::Half;
pub use types::{Date, Duration, Time, Timestamp, TimestampUtc};
pub use write::{Numbers, Outcome, Value};
pub use wudf_guest_macros::{Enum, Row, UdfOptions, udf};

/// What the macros name. No one else should: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::Arguments as Given;
    pub use crate::batch::{BatchOf, BatchOutcome, Gathered, IsColumn};
    pub use crate::bindings::wudf::plugin::arrow::{Field, Node};
    pub use crate::dynamic::Schema;
    pub use crate::error::{AsReturned, Error, Returned};
    pub use crate::function::{
        Blocks, Entry, Exported, Listed, OpenByDefault, Opened, Opens, Plugin, Results,
        ReturnsSchema, Said, Udf, Values, Volatility, sized_results,
    };
    pub use crate::options::{
        Described, IsOption, OptionError, OptionValue, UdfOptions, choice, choice_schema,
        default_text, describe, object_json, object_schema, object_value, take,
    };
    pub use crate::read::{
        Absent, Argument, Arguments, BLOCK, FromText, IsArgument, Nodes, StrColumn, StructColumn,
        parse_text, text_field,
    };
    pub use crate::schema::{Typed, extend, field};
    pub use crate::types::Item;
    pub use crate::write::{Builders, IsOutcome, Outcome, Sink, StructBuilder, Value};
    pub use serde_json::{Map, Value as Json};
}

/// Makes the crate a plugin of these functions. Once a crate, anywhere in it.
///
/// ```
/// # use wudf_guest::udf;
/// #[udf]
/// fn add_one(x: i64) -> i64 {
///     x + 1
/// }
///
/// wudf_guest::plugin!(add_one);
/// ```
#[macro_export]
macro_rules! plugin {
    ($($function:path),+ $(,)?) => {
        /// This crate's functions.
        #[doc(hidden)]
        #[derive(Debug)]
        pub struct WudfPlugin;

        impl $crate::__private::Plugin for WudfPlugin {
            const FUNCTIONS: &'static [$crate::__private::Entry] =
                &[$(<$function as $crate::__private::Listed>::ENTRY),+];
        }

        // Not where plugins are linked natively: their symbols would collide.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::__private::Exported<WudfPlugin>;
            $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
