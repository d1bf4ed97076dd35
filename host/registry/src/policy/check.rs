//! Whether a plugin's signatures are what the policy wants.

use std::fmt;

use super::{Policy, Subject, Wanted};
use crate::key::PublicKey;
use crate::signature::{self, Evidence, Examined};
use crate::{Attachments, Error, ErrorKind, Reference, Result};

impl Policy {
    /// Checks what `pinned` names by digest. What is at hand counts first, so
    /// that a plugin which was checked once runs without the registry; what the
    /// registry shows is kept with it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when it is not signed as this policy wants, and
    /// what kept the registry from being asked.
    pub fn check_reference(
        &self,
        local: &impl Attachments,
        remote: &impl Attachments,
        pinned: &Reference,
    ) -> Result<()> {
        let Wanted::Keys { keys, rule } = self.wanted(&Subject::Reference(pinned)) else {
            return Ok(());
        };
        if keys.is_empty() {
            return Err(no_keys(pinned, &rule));
        }
        // A store that cannot be read is no reason: the registry has it all.
        let at_hand = || signature::verify(local, pinned, keys).is_ok_and(|key| key.is_some());
        if at_hand() {
            return Ok(());
        }
        let examined = signature::examine(remote, pinned, keys).map_err(|error| {
            Error::new(
                error.kind(),
                format!("{pinned} needs a signature ({rule}), and where it would be cannot be asked: {error}"),
            )
        })?;
        match examined.by {
            // To ask may have kept it already.
            Some((_, evidence)) if !at_hand() => {
                if let Err(error) = keep(local, pinned, evidence) {
                    tracing::debug!("the signature of {pinned} is not kept: {error}");
                }
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(refused(
                pinned,
                &reason(&examined),
                keys,
                &rule,
                &format!("`wudf sign {pinned}` signs it"),
            )),
        }
    }

    /// Checks bytes, of a file or from elsewhere, with the signatures that came
    /// with them.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when they are not signed as this policy wants.
    pub fn check_bytes(
        &self,
        what: &Subject<'_>,
        bytes: &[u8],
        signatures: &[String],
    ) -> Result<()> {
        let Wanted::Keys { keys, rule } = self.wanted(what) else {
            return Ok(());
        };
        if keys.is_empty() {
            return Err(no_keys(what, &rule));
        }
        if signature::verify_bytes(bytes, signatures, keys).is_some() {
            return Ok(());
        }
        let (why, next) = match (signatures.len(), what) {
            (0, Subject::File(_)) => (
                format!("has no signature beside it ({what}.sig)"),
                format!("`wudf sign {what}` signs it"),
            ),
            (0, _) => ("has no signature".to_owned(), ELSEWHERE.to_owned()),
            (count, Subject::File(_)) => (
                format!("{}, or it was changed since", none_counts(count)),
                format!("`wudf sign {what}` signs it anew"),
            ),
            (count, _) => (none_counts(count), ELSEWHERE.to_owned()),
        };
        Err(refused(what, &why, keys, &rule, &next))
    }
}

const ELSEWHERE: &str = "give it as a signed file, or as one in a registry";

/// As messages name it.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(f),
            Self::File(path) => f.write_str(&tame(&path.display().to_string(), 1_000)),
            Self::Inline(name) => write!(f, "the plugin `{}` given as bytes", tame(name, 80)),
        }
    }
}

/// A name from outside, fit for a message.
fn tame(name: &str, most: usize) -> String {
    name.chars()
        .take(most)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn keep(local: &impl Attachments, pinned: &Reference, evidence: Evidence) -> Result<()> {
    let there = local.signatures(pinned)?;
    match signature::append(there.as_deref(), evidence.layer, evidence.blob)? {
        Some((manifest, blobs)) => local.put_signatures(pinned, &manifest, &blobs),
        None => Ok(()),
    }
}

fn reason(examined: &Examined) -> String {
    let Examined {
        signatures,
        elsewhere,
        unread,
        ..
    } = *examined;
    match signatures - elsewhere {
        0 if elsewhere > 0 => format!(
            "has {} of another digest and none of its own",
            number(elsewhere, "signature")
        ),
        0 if unread > 0 => format!(
            "has {} that cannot be read or is for a certificate to verify, and none by a key",
            number(unread, "signature")
        ),
        0 => "has no signature".to_owned(),
        own => none_counts(own),
    }
}

fn none_counts(count: usize) -> String {
    match count {
        1 => "has a signature, but not by such a key".to_owned(),
        count => format!("has {count} signatures, but none by such a key"),
    }
}

fn number(count: usize, what: &str) -> String {
    match count {
        1 => format!("a {what}"),
        count => format!("{count} {what}s"),
    }
}

fn no_keys(what: &impl fmt::Display, rule: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "{what} is refused: {rule} names no key that may sign it; add one there to allow it"
        ),
    )
}

fn refused(
    what: &impl fmt::Display,
    why: &str,
    keys: &[PublicKey],
    rule: &str,
    next: &str,
) -> Error {
    let keys = match keys {
        [key] => format!("the key {}", short(key)),
        keys => format!("one of {} keys", keys.len()),
    };
    Error::new(
        ErrorKind::Refused,
        format!("{what} is refused: {rule} wants a signature by {keys}, and it {why}; {next}"),
    )
}

/// Enough of a fingerprint to know the key by.
fn short(key: &PublicKey) -> String {
    key.fingerprint()
        .chars()
        .take("sha256:".len() + 12)
        .collect()
}
