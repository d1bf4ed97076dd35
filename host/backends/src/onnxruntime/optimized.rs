//! Models as ONNX Runtime has optimised them, kept in files.
//!
//! A session that is made of a model's bytes holds the weights twice or more:
//! as they were read, and as they were laid out for this processor. Nothing of
//! that is shared with the next process, and an engine like Spark has one for
//! each core. So the optimised graph is written once, its weights beside it;
//! sessions made of those files map the weights, which are then in memory once
//! for a machine, and come without the time that optimising takes. The values
//! are the same, bit for bit: it is the same graph.
//!
//! Like every cache it may be lost, read-only or out of date: then the model is
//! loaded as if there were none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::ValueType;
use sha2::{Digest as _, Sha256};
use wudf::cache::private_folder;

use super::session::with_weights;
use crate::model_file::ModelFile;

/// The smallest model that is worth a file.
const SMALLEST: u64 = 4 << 20;
/// The smallest tensor, in bytes, that is mapped; others stay in the graph.
const MAPPED: &str = "1024";
/// How long nobody has used what is thrown away.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Part of the key: another one where the files are made differently.
const FORMAT: &str = "1";

/// The option that says where a graph's files of weights lie.
const EXTERNAL_FOLDER: &str = "session.model_external_initializers_file_folder_path";

const GRAPH: &str = "graph.onnx";
const WEIGHTS: &str = "weights";

/// Where the optimised form of a model is, or will be.
pub(super) struct Place {
    /// The folder of all of them.
    parent: PathBuf,
    /// This one's.
    folder: PathBuf,
}

impl Place {
    /// The place in `cache` for a model; none for a small one, and none on
    /// processors whose kinds are not told apart here.
    pub(super) fn of(file: &ModelFile, cache: &Path, version: &str) -> Option<Self> {
        let mut size = file.bytes.len() as u64;
        for (_, path) in &file.external {
            size += fs::metadata(path).ok()?.len();
        }
        if size < SMALLEST {
            return None;
        }
        let mut hash = Sha256::new();
        for part in [FORMAT, version, std::env::consts::OS, &processor()?] {
            hash.update(part);
            hash.update([0]);
        }
        // With the outputs that were added to it.
        hash.update(Sha256::digest(&file.bytes));
        for (_, path) in &file.external {
            let mut weights = Sha256::new();
            io::copy(&mut fs::File::open(path).ok()?, &mut weights).ok()?;
            hash.update(weights.finalize());
        }
        let key: String = hash.finalize().iter().map(|x| format!("{x:02x}")).collect();
        let parent = cache.join("onnxruntime");
        let folder = parent.join(key);
        Some(Self { parent, folder })
    }

    /// A session of the files, which are made if they are not there: `builder`
    /// has the options for that. `None` where there can be none.
    pub(super) fn session(&self, builder: &SessionBuilder, file: &ModelFile) -> Option<Session> {
        // A graph is taken as it is: neither a digest nor a signature is looked at again.
        if let Err(why) = private_folder(&self.parent) {
            tracing::warn!("optimised models are not kept: {why}");
            return None;
        }
        let graph = self.folder.join(GRAPH);
        if graph.is_file() {
            // So that it is seen to be used.
            let _ = fs::File::open(&graph).and_then(|file| file.set_modified(SystemTime::now()));
            match mapped(builder, &self.folder) {
                Ok(session) => return Some(session),
                Err(why) => {
                    tracing::warn!("{} is of no use: {why}", self.folder.display());
                    let _ = fs::remove_dir_all(&self.folder);
                }
            }
        }
        self.clean();
        match self.make(builder, file) {
            Ok(session) => Some(session),
            Err(why) => {
                tracing::warn!("an optimised model is not kept: {why}");
                None
            }
        }
    }

    fn make(&self, builder: &SessionBuilder, file: &ModelFile) -> Result<Session, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let part = self
            .folder
            .with_extension(format!("{}-{number}.part", std::process::id()));
        let made = private_folder(&part)
            .map_err(|e| e.to_string())
            .and_then(|()| write(builder, file, &part))
            .and_then(|session| {
                self.keep(&part)
                    .map_err(|e| e.to_string())
                    .map(|()| session)
            });
        if made.is_err() {
            let _ = fs::remove_dir_all(&part);
        }
        made
    }

    fn keep(&self, part: &Path) -> io::Result<()> {
        for name in [GRAPH, WEIGHTS] {
            // Whoever finds them finds them whole, after a crash, too.
            fs::File::open(part.join(name))?.sync_all()?;
        }
        match fs::rename(part, &self.folder) {
            // Another process was faster, and its files are the same.
            Err(_) if self.folder.join(GRAPH).is_file() => fs::remove_dir_all(part),
            renamed => renamed,
        }
    }

    /// Throws away what nobody has used for long: of other models, and of other
    /// versions of ONNX Runtime. A process that has mapped it keeps it.
    fn clean(&self) {
        let Ok(entries) = fs::read_dir(&self.parent) else {
            return;
        };
        for folder in entries.flatten().map(|entry| entry.path()) {
            let used = [folder.join(GRAPH), folder.clone()]
                .iter()
                .find_map(|path| fs::metadata(path).ok()?.modified().ok());
            if used.and_then(|used| used.elapsed().ok()) > Some(UNUSED) {
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }
}

/// Optimises a model into files in a folder, and gives a session of these; the
/// one that was optimised holds all weights, and goes.
fn write(builder: &SessionBuilder, file: &ModelFile, folder: &Path) -> Result<Session, String> {
    let optimised = with_weights(builder.clone(), file)
        .map_err(|e| e.to_string())?
        .with_optimized_model_path(folder.join(GRAPH))
        .map_err(|e| e.message().to_owned())?
        .with_config_entry(
            "session.optimized_model_external_initializers_file_name",
            WEIGHTS,
        )
        .map_err(|e| e.message().to_owned())?
        .with_config_entry(
            "session.optimized_model_external_initializers_min_size_in_bytes",
            MAPPED,
        )
        .map_err(|e| e.message().to_owned())?
        .commit_from_memory(&file.bytes)
        .map_err(|e| e.message().to_owned())?;
    let session = mapped(builder, folder)?;
    if outlets(&session) != outlets(&optimised) {
        return Err("its inputs and outputs are not those of the model".into());
    }
    Ok(session)
}

/// A session of the files in a folder, as they are.
fn mapped(builder: &SessionBuilder, folder: &Path) -> Result<Session, String> {
    builder
        .clone()
        .with_optimization_level(GraphOptimizationLevel::Disable)
        .map_err(|e| e.message().to_owned())?
        .with_config_entry(EXTERNAL_FOLDER, folder.to_string_lossy())
        .map_err(|e| e.message().to_owned())?
        .commit_from_file(folder.join(GRAPH))
        .map_err(|e| e.message().to_owned())
}

/// What a session takes and gives.
fn outlets(session: &Session) -> Vec<(&str, &ValueType)> {
    let outlets = session.inputs().iter().chain(session.outputs());
    outlets
        .map(|outlet| (outlet.name(), outlet.dtype()))
        .collect()
}

/// What ONNX Runtime lays weights out for.
fn processor() -> Option<String> {
    let there = features()?.into_iter().filter(|(_, there)| *there);
    let names = there.map(|(name, _)| name);
    let parts: Vec<&str> = [std::env::consts::ARCH].into_iter().chain(names).collect();
    Some(parts.join(" "))
}

#[cfg(target_arch = "x86_64")]
fn features() -> Option<Vec<(&'static str, bool)>> {
    macro_rules! features {
        ($($name:tt)*) => { vec![$(($name, std::arch::is_x86_feature_detected!($name))),*] };
    }
    Some(features!(
        "sse4.1" "avx" "avx2" "fma" "f16c" "avx512f" "avx512bw" "avx512dq" "avx512vl" "avx512vnni"
    ))
}

#[cfg(target_arch = "aarch64")]
fn features() -> Option<Vec<(&'static str, bool)>> {
    macro_rules! features {
        ($($name:tt)*) => { vec![$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
    }
    Some(features!("neon" "dotprod" "fp16" "i8mm" "bf16" "sve"))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Option<Vec<(&'static str, bool)>> {
    None
}
