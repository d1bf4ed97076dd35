//! What hangs on a manifest in a registry: signatures, above all.

use crate::{Reference, Result};

/// The most bytes of a manifest, as registries have it.
pub const MANIFEST_LIMIT: usize = 4 << 20;

/// A place where manifests hang on other manifests. The registry is one, the
/// local store another; tests have a third.
pub trait Attachments {
    /// The bytes of the manifests that hang on the one that `subject` names by
    /// digest: under the tag `sha256-HEX.sig`, as cosign has it, and those that
    /// the referrers API or its tag `sha256-HEX` lists. Each is checked against
    /// the digest that it was found by, where it was found by one.
    ///
    /// # Errors
    /// What stands in the way; that there are none is no error.
    fn manifests(&self, subject: &Reference) -> Result<Vec<Vec<u8>>>;

    /// A blob of the subject's repository, at most `limit` bytes, checked
    /// against its digest.
    ///
    /// # Errors
    /// What stands in the way, that there is no such blob among it.
    fn blob(&self, subject: &Reference, digest: &str, limit: usize) -> Result<Vec<u8>>;

    /// The manifest of signatures under the tag `sha256-HEX.sig`, which a
    /// further signature joins; `None` when there is none.
    ///
    /// # Errors
    /// What stands in the way.
    fn signatures(&self, subject: &Reference) -> Result<Option<Vec<u8>>>;

    /// Puts a manifest in the place of that, and before it the blobs that it
    /// names and the registry has not.
    ///
    /// # Errors
    /// What stands in the way; then the old manifest is still there.
    fn put_signatures(&self, subject: &Reference, manifest: &[u8], blobs: &[Vec<u8>])
    -> Result<()>;
}
