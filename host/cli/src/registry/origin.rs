//! Where a plugin comes from, and who signed it, for `wudf inspect`.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use wudf_adapter::reference::Found;
use wudf_adapter::{Fetch, Registries};
use wudf_registry::policy::{Subject, Wanted};
use wudf_registry::signature::{self, Format};

/// Where a plugin comes from, and who signed it.
#[derive(Default)]
pub struct Origin {
    /// What it is in its registry, by digest.
    reference: Option<String>,
    /// Each signature: how it is written down, and when it was made.
    signatures: Vec<(String, Option<String>)>,
    /// The fingerprint of the key that the policy wants and that signed.
    signed_by: Option<String>,
}

impl Origin {
    /// Looks at the signatures of a plugin that was found as `name`.
    pub fn of(name: &str, found: &Found, registries: &Registries) -> Result<Self> {
        let policy = registries.policy()?;
        let keys = |subject: Subject<'_>| match policy.as_ref().map(|p| p.wanted(&subject)) {
            Some(Wanted::Keys { keys, .. }) => keys.to_vec(),
            _ => Vec::new(),
        };
        let mut origin = Self::default();
        let key = if let Some(reference) = &found.reference {
            let registry = registries.open(&Fetch::default())?;
            let at = registry.remote();
            origin.reference = Some(reference.to_string());
            // Those of something else are worth nothing.
            let all = signature::list(&at, reference)?.into_iter();
            let own = all.filter(|one| one.of_this || one.format == Format::Certificate);
            origin.signatures = own.map(|one| (one.format.to_string(), one.made)).collect();
            signature::verify(&at, reference, &keys(Subject::Reference(reference)))?
        } else if Path::new(name).is_file() {
            let path = Path::new(name);
            let lines = signature::read_file(path)?;
            let key = signature::verify_bytes(&found.bytes, &lines, &keys(Subject::File(path)));
            let lines = lines.iter().map(|_| ("beside the file".to_owned(), None));
            origin.signatures = lines.collect();
            key
        } else {
            None
        };
        origin.signed_by = key.map(|key| key.fingerprint());
        Ok(origin)
    }

    /// Names and facts, for people.
    pub fn in_words(&self) -> Vec<(&'static str, String)> {
        let mut words = Vec::new();
        if let Some(reference) = &self.reference {
            words.push(("from", reference.clone()));
        }
        for (format, made) in &self.signatures {
            let made = made.as_ref().map(|made| format!(", {made}"));
            words.push(("signed", format!("{format}{}", made.unwrap_or_default())));
        }
        if let Some(key) = &self.signed_by {
            words.push(("signed", format!("by the policy's key {key}")));
        }
        words
    }

    /// The same for programs.
    pub fn as_json(&self) -> Value {
        let signatures = self.signatures.iter();
        let signatures = signatures.map(|(format, made)| json!({ "format": format, "made": made }));
        json!({
            "reference": self.reference,
            "signatures": signatures.collect::<Vec<_>>(),
            "signed_by": self.signed_by,
        })
    }
}
