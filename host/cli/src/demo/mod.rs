//! `wudf demo`: pictures to vectors to a page of nearest neighbours, as a new user would do it.

mod neighbours;
mod page;
mod paint;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef};
use clap::Parser as _;

use self::neighbours::Space;
use self::page::{Facts, Shown};
use crate::args::{Cli, Command, DemoArgs, RunArgs};
use crate::exit::Exit;
use crate::input::{self, Bounds};
use crate::models;
use crate::output::{self, Target};
use crate::progress::{rate, seconds};
use crate::run::{self, Done};
use crate::talk::Talk;

const MODEL: &str = "resnet50";
/// Neighbours of each picture.
const NEIGHBOURS: usize = 5;
/// Pictures on the page, which a browser is to show at once.
const ON_PAGE: usize = 300;

pub fn demo(args: &DemoArgs, talk: Talk) -> Result<Exit> {
    if let Some(photos) = &args.photos {
        ensure!(photos.is_dir(), "{} is no folder", photos.display());
    }
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let mut alts = HashMap::new();
    let photos = match &args.photos {
        Some(photos) => photos.clone(),
        None => {
            let folder = args.out.join("pictures");
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let pictures = paint::pictures();
            talk.say(&format!(
                "painting {} pictures in {}",
                pictures.len(),
                folder.display()
            ));
            for picture in pictures {
                picture.save(&folder)?;
                alts.insert(folder.join(picture.file), picture.alt);
            }
            folder
        }
    };

    let features = args.out.join("features.parquet");
    let run_args = as_run(args, &photos, &features)?;
    let done = run::execute(&run_args, &Target::new(Some(&features), None)?, talk)?;
    let models = done.prepared.models();
    let spec = models.specs.first().context("no model")?;
    let untrained = models::is_untrained(spec);
    let backend = spec
        .backend
        .clone()
        .or_else(|| models.backends.first().map(|b| b.name().to_owned()));
    let backend = backend.unwrap_or_default();
    ensure!(
        done.summary.failed < done.summary.rows,
        "no picture could be read"
    );

    let rows = read_features(&features)?;
    let shown = rows.len().min(ON_PAGE);
    let html = args.out.join("index.html");
    let facts = Facts {
        model: if untrained {
            "an untrained ResNet-50".to_owned()
        } else {
            "a ResNet-50".to_owned()
        },
        untrained,
        lines: facts(&done, &backend),
        left_out: rows.len() - shown,
    };
    let page = page::page(
        &facts,
        &pictures_of_page(&args.out, &rows, &alts, shown),
        shown,
    );
    output::write_file(&html, page.as_bytes())
        .with_context(|| format!("cannot write {}", html.display()))?;

    output::print(&report(&done, &backend, untrained, &features, &html)?)?;
    Ok(if done.summary.failed > 0 {
        Exit::RowsFailed
    } else {
        Exit::Success
    })
}

/// The demo's run, in the words of a user.
fn as_run(args: &DemoArgs, photos: &Path, features: &Path) -> Result<Box<RunArgs>> {
    let source = args
        .model
        .clone()
        .unwrap_or_else(|| format!("seeded:{MODEL}"));
    let text = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .with_context(|| format!("{} is not UTF-8", path.display()))
    };
    let mut words: Vec<String> = ["wudf", "run", "image-features"].map(Into::into).into();
    words.extend([
        "--output".into(),
        text(features)?,
        format!("--model={MODEL}={source}"),
    ]);
    if let Some(backend) = &args.backend {
        words.push(format!("--backend={backend}"));
    }
    if let Some(library) = &args.onnxruntime {
        words.push(format!("--onnxruntime={}", text(library)?));
    }
    if let Some(library) = &args.openvino {
        words.push(format!("--openvino={}", text(library)?));
    }
    if let Some(threads) = args.threads {
        words.push(format!("--threads={threads}"));
    }
    words.extend(["--".into(), text(photos)?]);
    match Cli::try_parse_from(words)?.command {
        Command::Run(run) => Ok(run),
        _ => bail!("the demo's command line is not a run"),
    }
}

/// A picture's path, and its features or why there are none.
struct Row {
    path: PathBuf,
    features: Result<Vec<f32>, String>,
}

fn read_features(path: &Path) -> Result<Vec<Row>> {
    let name = path.to_str().context("the path is not UTF-8")?.to_owned();
    let settings = input::Settings::default();
    let input = input::open(&[name], None, &[], &settings, Bounds::default())?;
    let mut rows = Vec::new();
    for chunk in input.read_all()? {
        let batch = chunk?.batch;
        let column = |name| {
            batch
                .column_by_name(name)
                .with_context(|| format!("{} has no column {name}", path.display()))
        };
        let (paths, vectors, errors) =
            (column("path")?, column("image_features")?, column("error")?);
        for row in 0..batch.num_rows() {
            let features = match errors.as_string::<i32>() {
                errors if errors.is_valid(row) => Err(errors.value(row).to_owned()),
                _ if vectors.is_null(row) => Err("there is no value".to_owned()),
                _ => Ok(vector(vectors, row)?),
            };
            rows.push(Row {
                path: paths.as_string::<i32>().value(row).into(),
                features,
            });
        }
    }
    Ok(rows)
}

fn vector(vectors: &ArrayRef, row: usize) -> Result<Vec<f32>> {
    let values = if let Some(lists) = vectors.as_fixed_size_list_opt() {
        lists.value(row)
    } else if let Some(lists) = vectors.as_list_opt::<i32>() {
        lists.value(row)
    } else {
        bail!("features are {}, not lists", vectors.data_type())
    };
    let values = values
        .as_primitive_opt::<Float32Type>()
        .context("features are not of float32")?;
    Ok(values.values().to_vec())
}

fn pictures_of_page(
    out: &Path,
    rows: &[Row],
    alts: &HashMap<PathBuf, &str>,
    shown: usize,
) -> Vec<Shown> {
    let with_features: Vec<usize> = (0..rows.len())
        .filter(|&row| rows[row].features.is_ok())
        .collect();
    let vectors: Vec<Vec<f32>> = rows
        .iter()
        .filter_map(|row| row.features.clone().ok())
        .collect();
    let space = Space::new(&vectors);
    rows.iter()
        .enumerate()
        .map(|(index, row)| {
            let name = row
                .path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let neighbours = match (&row.features, with_features.binary_search(&index)) {
                (Err(why), _) => Err(why.clone()),
                (Ok(_), Ok(place)) if index < shown => {
                    let mut neighbours = space.nearest(place, NEIGHBOURS);
                    neighbours
                        .iter_mut()
                        .for_each(|neighbour| neighbour.index = with_features[neighbour.index]);
                    Ok(neighbours)
                }
                _ => Ok(Vec::new()),
            };
            let alt = alts
                .get(&row.path)
                .map_or_else(|| format!("the picture {name}"), |alt| (*alt).to_owned());
            Shown {
                link: page::link(out, &row.path),
                name,
                alt,
                neighbours,
            }
        })
        .collect()
}

/// What took how long, summed over threads.
fn times(done: &Done) -> [(&'static str, Duration); 3] {
    let stats = done.function.stats();
    [
        (
            "decoding and cutting, in the sandbox",
            stats.plugin + stats.boundary,
        ),
        ("the model", stats.model),
        (
            "reading and writing files",
            done.summary.reading + done.summary.writing,
        ),
    ]
}

fn per_second(done: &Done) -> String {
    rate(done.summary.rows as f64 / done.summary.elapsed.as_secs_f64().max(1e-6))
}

fn facts(done: &Done, backend: &str) -> Vec<(String, String)> {
    let mut lines = vec![
        ("Pictures".to_owned(), done.summary.rows.to_string()),
        ("Rate".to_owned(), format!("{} a second", per_second(done))),
        ("Backend".to_owned(), backend.to_owned()),
    ];
    if done.summary.failed > 0 {
        lines.push(("Failed".to_owned(), done.summary.failed.to_string()));
    }
    let rows = done.summary.rows.max(1) as f64;
    for (name, time) in times(done) {
        let mut name = name.to_owned();
        name[..1].make_ascii_uppercase();
        lines.push((
            name,
            format!("{:.1} ms a picture", time.as_secs_f64() * 1e3 / rows),
        ));
    }
    lines
}

fn report(
    done: &Done,
    backend: &str,
    untrained: bool,
    features: &Path,
    html: &Path,
) -> Result<String> {
    let bold = output::bold();
    let summary = &done.summary;
    let times = times(done);
    let all: f64 = times.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let mut text = String::new();
    writeln!(
        text,
        "\n{bold}{} pictures in {}: {} a second{bold:#}",
        summary.rows,
        seconds(summary.elapsed),
        per_second(done)
    )?;
    if summary.failed > 0 {
        writeln!(
            text,
            "{} failed; the column `error` says why",
            summary.failed
        )?;
    }
    writeln!(text, "\nwhere the time went, summed over threads")?;
    for (name, time) in times {
        let each = time.as_secs_f64() * 1e3 / summary.rows.max(1) as f64;
        let share = 100.0 * time.as_secs_f64() / all.max(1e-9);
        writeln!(
            text,
            "  {name:<38} {each:>7.1} ms a picture  {share:>3.0} %"
        )?;
    }
    writeln!(
        text,
        "\nmodel     ResNet-50 on {backend}{}",
        if untrained { ", untrained weights" } else { "" }
    )?;
    writeln!(text, "features  {}", features.display())?;
    writeln!(text, "page      {}", html.display())?;
    if untrained {
        writeln!(
            text,
            "\nUntrained weights know colours and textures, not things. With a trained ResNet-50:\n  \
             wudf demo --model resnet50.onnx"
        )?;
    }
    Ok(text)
}
