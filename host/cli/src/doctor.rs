//! `wudf doctor`: what this machine has.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use wudf_adapter::reference;
use wudf_artifacts::SHIPPED;
use wudf_backends::onnxruntime::{OnnxRuntime, Options};
use wudf_backends::source::Sources;

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
    onnxruntime: Result<Library, String>,
    caches: Vec<Cache>,
    plugins: Vec<(&'static str, String, usize)>,
}

struct Library {
    version: String,
    path: PathBuf,
}

struct Cache {
    of: &'static str,
    folder: Option<PathBuf>,
    size: u64,
    writable: bool,
}

impl Report {
    fn new(args: &DoctorArgs) -> Self {
        let mut options = Options::default();
        options.library = args.onnxruntime.clone();
        let onnxruntime = OnnxRuntime::find(&options, Arc::new(Sources::default()))
            .map(|found| Library {
                version: found.version().to_owned(),
                path: found.library_path().to_owned(),
            })
            .map_err(|error| error.to_string());
        let caches = [
            ("compiled plugins", cache::compiled()),
            ("downloaded models", cache::models()),
            ("from registries", cache::pulled()),
        ];
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            simd: simd(),
            onnxruntime,
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
        match &self.onnxruntime {
            Ok(Library { version, path }) => {
                writeln!(text, "  onnxruntime  {version}, {}", path.display())?
            }
            Err(why) => {
                let mut lines = why.lines();
                writeln!(
                    text,
                    "  onnxruntime  not usable: {}",
                    lines.next().unwrap_or_default()
                )?;
                for line in lines {
                    writeln!(text, "               {}", line.trim_start())?;
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
        let onnxruntime = match &self.onnxruntime {
            Ok(Library { version, path }) => {
                json!({ "name": "onnxruntime", "usable": true, "version": version, "path": path })
            }
            Err(why) => json!({ "name": "onnxruntime", "usable": false, "why": why }),
        };
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
            "backends": [json!({ "name": "rten", "usable": true }), onnxruntime],
            "caches": caches.collect::<Vec<_>>(),
            "plugins": plugins.collect::<Vec<_>>(),
        })
    }
}

/// The SIMD features that matter to models, as the processor has them.
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
