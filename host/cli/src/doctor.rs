//! `wudf doctor`: what this machine has.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use wudf_adapter::reference;
use wudf_artifacts::SHIPPED;
use wudf_backends::openvino::Bf16;
use wudf_backends::source::Sources;
use wudf_backends::{OnnxRuntime, OpenVino, onnxruntime, openvino};

use crate::args::DoctorArgs;
use crate::{cache, output};

pub fn doctor(args: &DoctorArgs) -> Result<()> {
    let report = Report::new(args);
    output::print(&if args.json {
        format!("{:#}\n", report.as_json())
    } else {
        report.as_text()?
    })
}

struct Report {
    cores: usize,
    simd: Vec<&'static str>,
    /// Backends that have a library, by name.
    libraries: [(&'static str, Result<Library, String>); 2],
    caches: Vec<Cache>,
    plugins: Vec<(&'static str, String, usize)>,
}

struct Library {
    version: String,
    path: PathBuf,
    /// The precisions that a model may ask for, where the backend has a choice.
    precisions: Vec<&'static str>,
    /// How bf16 compares with f32, where it is among them.
    bf16: Option<Bf16>,
}

struct Cache {
    of: &'static str,
    folder: Option<PathBuf>,
    size: u64,
    writable: bool,
}

impl Report {
    fn new(args: &DoctorArgs) -> Self {
        let caches = [
            ("compiled plugins", cache::compiled()),
            ("downloaded models", cache::models()),
            ("from registries", cache::pulled()),
        ];
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            simd: simd(),
            libraries: [
                ("onnxruntime", onnxruntime(args.onnxruntime.clone())),
                ("openvino", openvino(args.openvino.clone())),
            ],
            caches: caches
                .into_iter()
                .map(|(of, folder)| Cache {
                    of,
                    size: folder.as_deref().map_or(0, cache::size),
                    writable: folder.as_deref().is_some_and(cache::is_writable),
                    folder,
                })
                .collect(),
            plugins: SHIPPED
                .iter()
                .map(|plugin| {
                    (
                        plugin.name,
                        reference::digest_of(plugin.bytes),
                        plugin.bytes.len(),
                    )
                })
                .collect(),
        }
    }

    fn as_text(&self) -> Result<String> {
        let bold = output::bold();
        let mut text = String::new();
        writeln!(text, "{bold}wudf {}{bold:#}", env!("CARGO_PKG_VERSION"))?;
        writeln!(text, "\n{bold}processor{bold:#}")?;
        let cores = if self.cores == 1 { "core" } else { "cores" };
        writeln!(text, "  {} {cores}, {}", self.cores, std::env::consts::ARCH)?;
        if !self.simd.is_empty() {
            writeln!(text, "  {}", self.simd.join(" "))?;
        }
        writeln!(text, "\n{bold}backends{bold:#}")?;
        writeln!(text, "  rten         built in")?;
        for (name, library) in &self.libraries {
            match library {
                Ok(library) => {
                    let path = library.path.display();
                    write!(text, "  {name:<11}  {}, {path}", library.version)?;
                    if !library.precisions.is_empty() {
                        write!(text, ", precision {}", library.precisions.join(", "))?;
                    }
                    match library.bf16 {
                        Some(Bf16::Faster) => write!(text, "; bf16 is likely faster than f32")?,
                        Some(Bf16::Slower) => {
                            write!(text, "; bf16 is likely slower than f32 (Intel without AMX)")?
                        }
                        _ => {}
                    }
                    writeln!(text)?;
                }
                Err(why) => {
                    let mut lines = why.lines();
                    let first = lines.next().unwrap_or_default();
                    writeln!(text, "  {name:<11}  not usable: {first}")?;
                    for line in lines {
                        writeln!(text, "               {}", line.trim_start())?;
                    }
                }
            }
        }
        writeln!(text, "\n{bold}caches{bold:#}")?;
        for cache in &self.caches {
            let size = indicatif::BinaryBytes(cache.size);
            match &cache.folder {
                Some(folder) if cache.writable => {
                    writeln!(text, "  {:<18} {}, {size}", cache.of, folder.display())?
                }
                Some(folder) => writeln!(
                    text,
                    "  {:<18} {} is not writable, so nothing is kept",
                    cache.of,
                    folder.display()
                )?,
                None => writeln!(text, "  {:<18} this user has no cache folder", cache.of)?,
            }
        }
        writeln!(text, "\n{bold}plugins{bold:#}")?;
        for (name, digest, size) in &self.plugins {
            writeln!(
                text,
                "  {name}  {digest}, {}",
                indicatif::BinaryBytes(*size as u64)
            )?;
        }
        Ok(text)
    }

    fn as_json(&self) -> Value {
        let libraries = self.libraries.iter().map(|(name, library)| match library {
            Ok(library) => {
                let mut entry = json!({
                    "name": name, "usable": true, "version": library.version, "path": library.path,
                });
                if !library.precisions.is_empty() {
                    entry["precisions"] = json!(library.precisions);
                }
                if let Some(bf16) = library.bf16 {
                    entry["bf16"] = json!(bf16.to_string());
                }
                entry
            }
            Err(why) => json!({ "name": name, "usable": false, "why": why }),
        });
        let rten = json!({ "name": "rten", "usable": true });
        let backends: Vec<Value> = [rten].into_iter().chain(libraries).collect();
        let caches = self.caches.iter().map(|cache| {
            json!({ "of": cache.of, "folder": cache.folder, "size": cache.size, "writable": cache.writable })
        });
        let plugins = self
            .plugins
            .iter()
            .map(|(name, digest, size)| json!({ "name": name, "digest": digest, "size": size }));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "processor": { "cores": self.cores, "architecture": std::env::consts::ARCH, "simd": self.simd },
            "backends": backends,
            "caches": caches.collect::<Vec<_>>(),
            "plugins": plugins.collect::<Vec<_>>(),
        })
    }
}

fn onnxruntime(library: Option<PathBuf>) -> Result<Library, String> {
    let mut options = onnxruntime::Options::default();
    options.library = library;
    let found = OnnxRuntime::find(&options, Arc::new(Sources::default()));
    let found = found.map_err(|error| error.to_string())?;
    Ok(Library {
        version: found.version().to_owned(),
        path: found.library_path().to_owned(),
        precisions: Vec::new(),
        bf16: None,
    })
}

fn openvino(library: Option<PathBuf>) -> Result<Library, String> {
    let mut options = openvino::Options::default();
    options.library = library;
    let found = OpenVino::find(&options, Arc::new(Sources::default()));
    let found = found.map_err(|error| error.to_string())?;
    let precisions = found.precisions().map_err(|error| error.to_string())?;
    Ok(Library {
        version: found.version().to_owned(),
        path: found.library_path().to_owned(),
        bf16: precisions.contains(&"bf16").then(Bf16::here),
        precisions,
    })
}

/// The processor's SIMD features that matter to models.
fn simd() -> Vec<&'static str> {
    #[allow(unused_mut, reason = "other processors name none")]
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! look {
            ($($name:tt),*) => { $(if std::arch::is_x86_feature_detected!($name) { found.push($name); })* };
        }
        look!(
            "sse4.2",
            "avx",
            "avx2",
            "fma",
            "avx512f",
            "avx512vnni",
            "avx512bf16"
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! look {
            ($($name:tt),*) => { $(if std::arch::is_aarch64_feature_detected!($name) { found.push($name); })* };
        }
        look!("neon", "dotprod", "fp16", "i8mm", "bf16", "sve");
    }
    found
}
