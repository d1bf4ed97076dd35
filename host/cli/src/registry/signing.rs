//! `wudf key`, `wudf sign` and `wudf verify`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use wudf::{Error, ErrorKind};
use wudf_registry::key::{PrivateKey, PublicKey};
use wudf_registry::policy::Wanted;
use wudf_registry::{Reference, policy, signature};

use super::{reference, writable};
use crate::args::{KeyCommand, SignArgs, VerifyArgs};
use crate::talk::Talk;
use crate::{models, output};

/// Where a key's password may stand; the second as cosign has it.
const PASSWORDS: [&str; 2] = ["WUDF_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// Makes keys.
pub fn key(command: &KeyCommand, talk: Talk) -> Result<()> {
    let KeyCommand::New { name } = command;
    let with = |ending: &str| {
        let mut path = name.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let (private, public) = (with(".key"), with(".pub"));
    for path in [&private, &public] {
        ensure!(
            !path.exists(),
            "there is {} already: a key is not overwritten",
            path.display()
        );
    }
    let password = match from_environment() {
        Some(password) => password,
        None => {
            let password = ask("Password for the new key: ")?;
            ensure!(
                ask("The same again: ")? == password,
                "these were two different passwords"
            );
            password
        }
    };
    if password.is_empty() {
        talk.warn("the key has no password: whoever reads the file can sign");
    }
    let key = PrivateKey::generate()?;
    output::write_secret(&private, key.to_pem(&password)?.as_bytes())
        .with_context(|| format!("cannot write {}", private.display()))?;
    output::write_file(&public, key.public().to_pem().as_bytes())
        .with_context(|| format!("cannot write {}", public.display()))?;
    talk.say(&format!(
        "{} signs: keep it to yourself. {} is for those who check.",
        private.display(),
        public.display()
    ));
    output::print(&format!("{}\n", key.public().fingerprint()))
}

/// Signs a file or what a reference names.
pub fn sign(args: &SignArgs, talk: Talk) -> Result<()> {
    let subject = reference(&args.plugin).transpose()?;
    let key = private_key(&args.key)?;
    let Some(subject) = subject else {
        let path = signature::sign_file(Path::new(&args.plugin), &key)?;
        talk.say(&format!("signed {}", args.plugin));
        return output::print(&format!("{}\n", path.display()));
    };
    let registry = writable(args.plain_http, &models::upload(talk))?;
    let pinned = registry.resolve(&subject)?;
    signature::sign(&registry.remote(), &pinned, &key)?;
    talk.say(&format!("signed {subject}"));
    output::print(&format!("{pinned}\n"))
}

fn private_key(path: &Path) -> Result<PrivateKey> {
    let pem = read(path)?;
    let password = match PrivateKey::is_encrypted(&pem) {
        false => String::new(),
        true => match from_environment() {
            Some(password) => password,
            None => ask(&format!("Password of {}: ", path.display()))?,
        },
    };
    PrivateKey::from_pem(&pem, &password).with_context(|| format!("cannot use {}", path.display()))
}

fn from_environment() -> Option<String> {
    PASSWORDS.iter().find_map(|name| std::env::var(name).ok())
}

fn ask(prompt: &str) -> Result<String> {
    ensure!(
        std::io::stdin().is_terminal(),
        "the key's password is wanted, and there is nobody to ask: set {}",
        PASSWORDS[0]
    );
    rpassword::prompt_password(prompt).context("cannot read the password")
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Says who signed a plugin; fails when it is nobody whose signature counts.
pub fn verify(args: &VerifyArgs) -> Result<()> {
    let subject = reference(&args.plugin).transpose()?;
    let keys = args
        .keys
        .iter()
        .map(|path| {
            PublicKey::from_pem(&read(path)?)
                .with_context(|| format!("cannot use {}", path.display()))
        })
        .collect::<Result<Vec<_>>>()?;
    let signed = match subject {
        Some(subject) => verify_reference(args, &subject, keys)?,
        None => verify_file(args, Path::new(&args.plugin), keys)?,
    };
    output::print(&format!("{signed}\n"))
}

fn verify_reference(
    args: &VerifyArgs,
    subject: &Reference,
    keys: Vec<PublicKey>,
) -> Result<String> {
    let registries = args.registries.registries();
    let registry = registries.open(&models::fetch(Talk::silent()))?;
    let pinned = registry.resolve(subject)?;
    let keys = wanted(args, keys, &policy::Subject::Reference(subject))?;
    match signature::verify(&registry.remote(), &pinned, &keys)? {
        Some(key) => Ok(said(&pinned.to_string(), &key)),
        None => Err(nobody(&pinned.to_string())),
    }
}

fn verify_file(args: &VerifyArgs, path: &Path, keys: Vec<PublicKey>) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let keys = wanted(args, keys, &policy::Subject::File(path))?;
    let signatures = signature::read_file(path)?;
    match signature::verify_bytes(&bytes, &signatures, &keys) {
        Some(key) => Ok(said(&path.display().to_string(), &key)),
        None => Err(nobody(&path.display().to_string())),
    }
}

/// The keys on the command line, or else those of the policy.
fn wanted(
    args: &VerifyArgs,
    keys: Vec<PublicKey>,
    subject: &policy::Subject<'_>,
) -> Result<Vec<PublicKey>> {
    if !keys.is_empty() {
        return Ok(keys);
    }
    let Some(policy) = args.registries.registries().policy()? else {
        bail!("say by whom: --key FILE, or a policy (see `wudf verify --help`)");
    };
    match policy.wanted(subject) {
        Wanted::Keys { keys, .. } => Ok(keys.to_vec()),
        _ => bail!("the policy wants no signature of it; say by whom: --key FILE"),
    }
}

fn said(what: &str, key: &PublicKey) -> String {
    format!("{what} signed by {}", key.fingerprint())
}

fn nobody(what: &str) -> anyhow::Error {
    let message = format!("{what} is not signed by any of the keys");
    Error::new(ErrorKind::Refused, message).into()
}
