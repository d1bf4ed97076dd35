//! Plugins: compiled, checked, and asked what they offer.

use std::collections::HashMap;
#[cfg(feature = "compile")]
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
#[cfg(feature = "compile")]
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::argument::Argument;
use crate::contract::{self, SCALAR, Version};
use crate::error::printable;
use crate::function::Function;
use crate::imports::{self, Ask};
use crate::instance::{Instance, Pre};
use crate::plain::{self, PlainFunction, Skipped};
use crate::sandbox::denied;
use crate::session::Shared;
use crate::{Error, ErrorKind, Result, Session, Signature, precompiled};
#[cfg(feature = "compile")]
use crate::{compile_bounds, runtime, threads};

/// A plugin in a session: one `.wasm` component, compiled once for all sessions of a
/// runtime. Clones are the same plugin.
#[derive(Clone)]
pub struct Plugin(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub compiled: Arc<Compiled>,
    pub name: String,
    /// The signatures under options that were opened before, by function and
    /// options. New instances have nothing that could make two of them answer
    /// differently, so one is asked. Not shared: the session's models may matter.
    bound: Mutex<HashMap<(String, String), Arc<Signature>>>,
}

/// What sessions that have the same plugin share.
pub(crate) struct Compiled {
    pre: Pre,
    /// The functions of a plain plugin, and its exports that are none.
    pub plain: Vec<PlainFunction>,
    skipped: Vec<Skipped>,
    pub digest: String,
    size: usize,
    imports: Vec<String>,
    signatures: Vec<Signature>,
}

impl Inner {
    /// A new instance.
    ///
    /// # Errors
    /// [`ErrorKind::Sandbox`] when all of the sandbox's instances are in use.
    pub(crate) fn instance(&self) -> Result<Instance> {
        self.shared.instance(&self.compiled.pre)
    }

    /// The signature of a function under these options, if it was opened before.
    pub(crate) fn bound(&self, name: &str, options: &str) -> Option<Arc<Signature>> {
        let key = (name.to_owned(), options.to_owned());
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        bound.get(&key).cloned()
    }

    /// Keeps the signature of a function under these options.
    pub(crate) fn bind(&self, name: &str, options: &str, signature: Signature) -> Arc<Signature> {
        /// More is a caller that has new options each time.
        const KEPT: usize = 256;
        let signature = Arc::new(signature);
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if bound.len() >= KEPT {
            bound.clear();
        }
        let key = (name.to_owned(), options.to_owned());
        bound.insert(key, Arc::clone(&signature));
        signature
    }
}

impl Plugin {
    /// Loads a plugin from a file, and names it after the file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the file cannot be read; otherwise as
    /// [`Plugin::from_bytes`].
    #[cfg(feature = "compile")]
    pub fn from_file(session: &Session, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|e| Error::new(ErrorKind::Io, format!("{}: {e}", path.display())))?;
        let name = path
            .file_stem()
            .map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        Self::from_bytes(session, &name, &bytes)
    }

    /// Loads a plugin from a component's bytes. `name` is what
    /// errors call it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPlugin`] when the bytes are no plugin,
    /// [`ErrorKind::Unsupported`] when it was made for another version of the
    /// contract or asks for more than a sandbox has.
    #[cfg(feature = "compile")]
    pub fn from_bytes(session: &Session, name: &str, bytes: &[u8]) -> Result<Self> {
        let shared = &session.0;
        let name = printable(name, 100);
        plugin(shared, &name, digest(bytes), bytes.len(), || {
            compile(&shared.runtime, &name, bytes)
        })
        .map_err(|e| e.in_plugin(&name))
    }

    /// Loads a plugin that [`Runtime::precompile`](crate::Runtime::precompile) has compiled,
    /// without a compiler. `name` is what errors call it.
    ///
    /// # Safety
    /// The bytes must be what `precompile` gave, unchanged: they hold native code, which
    /// runs in this process and is not checked.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPlugin`] when they are no artefact, or one of another version or
    /// processor; otherwise as for the component itself.
    pub unsafe fn from_precompiled(session: &Session, name: &str, artefact: &[u8]) -> Result<Self> {
        let name = printable(name, 100);
        let load = || {
            let (digest, size, code) = precompiled::unpack(artefact)?;
            let shared = &session.0;
            plugin(shared, &name, digest, size, || {
                // SAFETY: the caller says that the code is what `precompile` gave.
                unsafe { Component::deserialize(&shared.runtime.engine, code) }
                    .map_err(|e| invalid(printable(&format!("{e:#}"), 1_000)))
            })
        };
        load().map_err(|e| e.in_plugin(&name))
    }

    /// The name under which it was loaded.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is known by everywhere: `sha256:` and the digest of its bytes
    /// in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.0.compiled.digest
    }

    /// The size of its file in bytes.
    pub fn size(&self) -> usize {
        self.0.compiled.size
    }

    /// The interfaces that it asks the host for.
    pub fn imports(&self) -> &[String] {
        &self.0.compiled.imports
    }

    /// The same in words: what it asks for beyond the WASI that a language's
    /// library wants for itself, and whether a sandbox has it.
    pub fn asks(&self) -> Vec<Ask> {
        imports::in_words(&self.0.compiled.imports)
    }

    /// What it offers.
    pub fn signatures(&self) -> &[Signature] {
        &self.0.compiled.signatures
    }

    /// Exports of a plain plugin that look like functions and cannot be called with
    /// columns, each with the reason. Empty for a plugin that exports the contract.
    pub fn skipped(&self) -> &[Skipped] {
        &self.0.compiled.skipped
    }

    /// Binds options to a function: a JSON object, or null for none. The
    /// models that it wants are loaded now.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFunction`], [`ErrorKind::InvalidOptions`],
    /// [`ErrorKind::Model`] and [`ErrorKind::Asset`], and what a crash gives.
    pub fn open(&self, function: &str, options: &Value) -> Result<Function> {
        self.open_with(function, options, &[])
    }

    /// As [`Plugin::open`], and binds arguments: the types of the caller's columns, by
    /// which a function that takes any type decides what it returns, and the values of
    /// those that are the same in all rows, which are then not passed again.
    ///
    /// # Errors
    /// As [`Plugin::open`], and [`ErrorKind::InvalidArguments`] when there are too many
    /// or too few, or they do not fit.
    pub fn open_with(
        &self,
        function: &str,
        options: &Value,
        arguments: &[Argument],
    ) -> Result<Function> {
        Function::open(self, function, options, arguments).map_err(|e| {
            e.in_plugin(self.name())
                .in_function(&printable(function, 100))
        })
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.0.name)
            .field("digest", &self.0.compiled.digest)
            .finish_non_exhaustive()
    }
}

/// The plugin of this digest: `compile` is asked for it unless a session of the runtime
/// has it.
fn plugin(
    shared: &Arc<Shared>,
    name: &str,
    digest: String,
    size: usize,
    compile: impl FnOnce() -> Result<Component>,
) -> Result<Plugin> {
    let compiled = match shared.runtime.plugin(&digest) {
        Some(compiled) => compiled,
        None => {
            let compiled = Arc::new(Compiled::new(shared, &compile()?, digest, size)?);
            shared.runtime.keep(&compiled);
            compiled
        }
    };
    Ok(Plugin(Arc::new(Inner {
        shared: Arc::clone(shared),
        compiled,
        name: name.to_owned(),
        bound: Mutex::default(),
    })))
}

#[cfg(feature = "compile")]
fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidPlugin, message)
}

#[cfg(feature = "compile")]
pub(crate) fn precompile(runtime: &runtime::Inner, bytes: &[u8]) -> Result<Vec<u8>> {
    check(bytes)?;
    let code = threads::with_rayon(|| runtime.engine.precompile_component(bytes))
        .map_err(|e| invalid(printable(&format!("no component: {e:#}"), 1_000)))?;
    Ok(precompiled::pack(&digest(bytes), bytes.len(), &code))
}

#[cfg(feature = "compile")]
fn compile(runtime: &runtime::Inner, name: &str, bytes: &[u8]) -> Result<Component> {
    check(bytes)?;
    let span = tracing::info_span!("compile", plugin = name, bytes = bytes.len());
    let _entered = span.enter();
    threads::with_rayon(|| Component::new(&runtime.engine, bytes))
        .map_err(|e| invalid(printable(&format!("no component: {e:#}"), 1_000)))
}

/// Whether bytes are a component that may be compiled.
#[cfg(feature = "compile")]
fn check(bytes: &[u8]) -> Result<()> {
    if !bytes.starts_with(b"\0asm") {
        return Err(invalid(
            "not a WebAssembly file: a plugin is a component, a .wasm file".into(),
        ));
    }
    if bytes.starts_with(b"\0asm\x01\0\0\0") {
        return Err(invalid(
            "a core module, not a component: build with --target wasm32-wasip2".into(),
        ));
    }
    compile_bounds::check(bytes)?;
    imports::check(bytes)
}

impl Compiled {
    /// Looks at what a component exports, links it, and asks it what it offers.
    fn new(
        shared: &Arc<Shared>,
        component: &Component,
        digest: String,
        size: usize,
    ) -> Result<Self> {
        let engine = &shared.runtime.engine;
        let ty = component.component_type();
        let exports = ty.exports(engine);
        let offered: Vec<&str> = exports
            .filter_map(|(name, _)| name.strip_prefix(SCALAR))
            .collect();
        // A plugin may serve hosts of several versions.
        let columnar = offered
            .iter()
            .find_map(|name| Some((*name, Version::of(name)?)));
        // An interface of ours that this version does not know is no plain function.
        let ours = ty.exports(engine).find_map(|(name, _)| {
            let (_, version) = name.strip_prefix("wudf:plugin/")?.split_once('@')?;
            Some(version)
        });
        if columnar.is_none()
            && let Some(other) = ours
        {
            return Err(contract::unsupported(other));
        }
        let imports: Vec<String> = ty
            .imports(engine)
            .map(|(name, _)| printable(name, 200))
            .collect();
        let pre = denied::linker(&shared.runtime, component)
            .and_then(|linker| linker.instantiate_pre(component))
            .and_then(|pre| match columnar {
                Some((_, version)) => version.prepare(pre).map(Pre::Columnar),
                None => Ok(Pre::Plain(pre)),
            })
            .map_err(|e| refusal(columnar.map(|(name, _)| name), &imports, &e))?;
        let (plain, skipped, signatures) = match columnar.is_some() {
            true => (
                Vec::new(),
                Vec::new(),
                Signature::list(shared.instance(&pre)?.signatures()?)?,
            ),
            false => {
                let (plain, skipped) = plain::functions(engine, component).map_err(|e| {
                    invalid(format!(
                        "exports no {SCALAR}{}, and as a plain plugin: {e}",
                        contract::VERSION
                    ))
                })?;
                let signatures = plain.iter().map(|f| f.signature.clone()).collect();
                (plain, skipped, signatures)
            }
        };
        Ok(Self {
            pre,
            plain,
            skipped,
            digest,
            size,
            imports,
            signatures,
        })
    }
}

/// Why a component that is one cannot be linked.
fn refusal(contract: Option<&str>, imports: &[String], error: &wasmtime::Error) -> Error {
    let unsupported = |message: String| Error::new(ErrorKind::Unsupported, message);
    let versions = imports
        .iter()
        .filter(|import| import.starts_with("wudf:plugin/"))
        .filter_map(|import| Some(import.split_once('@')?.1));
    // What another version has and this one has not is the likelier reason.
    let other = versions
        .chain(contract)
        .find(|version| !contract::is_known(version));
    if let Some(other) = other {
        return contract::unsupported(other);
    }
    let message = printable(&format!("{error:#}"), 1_000);
    unsupported(format!(
        "imports what the sandbox does not provide: {message}"
    ))
}
