//! Bytes in place of assets.

use std::rc::Rc;

use super::Provided;

thread_local! {
    static ASSETS: Provided<Rc<[u8]>> = const { Provided::new() };
}

/// Provides an asset to this thread until the guard is dropped.
///
/// ```
/// use wudf_guest::{asset, testing};
///
/// let words = testing::asset("words", "one\ntwo");
/// assert_eq!(asset::read("words").unwrap(), b"one\ntwo");
/// drop(words);
/// assert!(asset::read("words").unwrap_err().is_not_granted());
/// ```
pub fn asset(name: &str, bytes: impl Into<Vec<u8>>) -> AssetGuard {
    let bytes = Rc::from(bytes.into());
    AssetGuard(ASSETS.with(|assets| assets.add(name.to_owned(), bytes)))
}

/// Takes the asset away again when it is dropped.
#[derive(Debug)]
#[must_use = "the asset is taken away when the guard is dropped: bind it with `let _asset = ...`"]
pub struct AssetGuard(u64);

impl Drop for AssetGuard {
    fn drop(&mut self) {
        // Threads that end drop what they provide before or after their guards.
        let _ = ASSETS.try_with(|assets| assets.remove(self.0));
    }
}

/// Reads an asset, if the thread has it.
pub(crate) fn with_asset<T>(name: &str, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    ASSETS
        .with(|assets| assets.find(name))
        .map(|bytes| read(&bytes))
}

/// The names of the thread's assets.
pub(crate) fn asset_names() -> Vec<String> {
    ASSETS.with(Provided::names)
}
