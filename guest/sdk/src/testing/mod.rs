//! Tests without WebAssembly: functions run natively under `cargo test`, with
//! closures and bytes in place of models and assets.
//!
//! ```
//! use wudf_guest::{Model, Result, asset, testing, udf};
//!
//! struct Mood {
//!     model: Model,
//!     words: String,
//! }
//!
//! /// How positive a text sounds.
//! #[udf(models = ["mood"], assets = ["words"])]
//! impl Mood {
//!     fn open() -> Result<Self> {
//!         Ok(Self {
//!             model: Model::by_name("mood")?,
//!             words: String::from_utf8(asset::read("words")?)?,
//!         })
//!     }
//!
//!     fn score(&mut self, text: &str) -> Result<f32> {
//!         let known = self.words.lines().filter(|word| text.contains(word)).count();
//!         Ok(self.model.run_f32(&[1], &[known as f32])?[0])
//!     }
//! }
//!
//! let _words = testing::asset("words", "good\nfine");
//! let _mood = testing::model("mood", |inputs| inputs.only::<f32>()[0] / 2.0);
//! assert_eq!(testing::values::<Mood>(["all good", "good, fine"]), [0.5, 1.0]);
//! ```
//!
//! Models and assets belong to the thread that provides them, which is one for
//! each test, until the returned guard is dropped.
//!
//! This module does not exist in plugins: only native builds have it.

mod assets;
mod call;
mod models;
mod rows;

pub use assets::{AssetGuard, asset};
pub(crate) use assets::{asset_names, with_asset};
pub use call::{Bound, Function, Returned, call, column, column_of, constant, values};
pub use models::{Inputs, ModelGuard, Outputs, model};
pub(crate) use models::{LoadedModel, description_of};
pub use rows::{IntoRow, Rows};

use std::cell::RefCell;

/// What a thread provides, by name. The latest of a name counts, whatever the
/// order in which guards are dropped.
struct Provided<T>(RefCell<Vec<(u64, String, T)>>);

impl<T: Clone> Provided<T> {
    const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The key is for `remove`.
    fn add(&self, name: String, provided: T) -> u64 {
        let mut all = self.0.borrow_mut();
        let key = all.last().map_or(0, |(last, ..)| last + 1);
        all.push((key, name, provided));
        key
    }

    fn remove(&self, key: u64) {
        self.0.borrow_mut().retain(|(known, ..)| *known != key);
    }

    fn names(&self) -> Vec<String> {
        let all = self.0.borrow();
        let mut names: Vec<_> = all.iter().map(|(_, name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn find(&self, name: &str) -> Option<T> {
        let all = self.0.borrow();
        let mut latest_first = all.iter().rev();
        latest_first
            .find(|(_, known, _)| known == name)
            .map(|(.., provided)| provided.clone())
    }
}
