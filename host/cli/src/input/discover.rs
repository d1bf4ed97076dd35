//! Which files the user means.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use walkdir::WalkDir;

use crate::args::InputFormat;

/// What the user's names come to.
#[derive(Debug, PartialEq)]
pub enum Found {
    Stdin,
    /// Files to be read as one row each.
    Files(Vec<PathBuf>),
    /// Files of rows, all of one format.
    Tables {
        format: InputFormat,
        paths: Vec<PathBuf>,
    },
}

/// Finds the files that `names` (paths, globs or `-`) stand for. `format` overrules the extensions; `skip` is not found
/// in folders, so that a run does not read its own output.
pub fn discover(
    names: &[String],
    format: Option<InputFormat>,
    skip: Option<&Path>,
) -> Result<Found> {
    if names.iter().any(|name| name == "-") {
        if names.len() > 1 {
            bail!("`-` (stdin) cannot be read together with other inputs");
        }
        return Ok(Found::Stdin);
    }
    let mut files = Vec::new();
    let mut tables: Vec<(InputFormat, PathBuf)> = Vec::new();
    for path in expand(names)? {
        let table = match format {
            Some(InputFormat::Binary) => None,
            Some(format) => Some(format),
            None => table_format(&path),
        };
        match (table, path.is_dir()) {
            (None, true) => files.extend(files_below(&path, skip)?),
            (None, false) => files.push(path),
            (Some(format), false) => tables.push((format, path)),
            (Some(format), true) => {
                let parts = part_files(&path, format, skip)?;
                if parts.is_empty() {
                    bail!("{} holds no part files of a table", path.display());
                }
                tables.extend(parts.into_iter().map(|part| (format, part)));
            }
        }
    }
    let Some((format, first)) = tables.first() else {
        return Ok(Found::Files(files));
    };
    if let Some(file) = files.first() {
        bail!(
            "{} is a table, {} is not: read them in two runs, or say --input-format",
            first.display(),
            file.display()
        );
    }
    if let Some((_, other)) = tables.iter().find(|(other, _)| other != format) {
        bail!(
            "{} and {} are tables of different formats: read them in two runs",
            first.display(),
            other.display()
        );
    }
    Ok(Found::Tables {
        format: *format,
        paths: tables.into_iter().map(|(_, path)| path).collect(),
    })
}

/// The files below a folder, sorted, hidden ones left out.
pub fn files_below(folder: &Path, skip: Option<&Path>) -> Result<Vec<PathBuf>> {
    let skip = skip.and_then(|path| path.canonicalize().ok());
    let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    let mut files = Vec::new();
    for entry in WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(visible)
    {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let own_output = || skip.is_some() && entry.path().canonicalize().ok() == skip;
        if entry.file_type().is_file() && !own_output() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// The part files of a table that a data engine wrote as a folder. Their names may say nothing of the format; those that
/// begin with `_` or `.` are bookkeeping.
fn part_files(folder: &Path, format: InputFormat, skip: Option<&Path>) -> Result<Vec<PathBuf>> {
    let mut parts = files_below(folder, skip)?;
    parts.retain(|path| {
        let bookkeeping = file_name(path).starts_with('_');
        !bookkeeping && table_format(path).is_none_or(|other| other == format)
    });
    Ok(parts)
}

fn expand(names: &[String]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for name in names {
        let path = Path::new(name);
        if path.exists() {
            paths.push(path.to_owned());
        } else if name.contains(['*', '?', '[']) {
            let before = paths.len();
            // As in a shell, `*` does not match hidden files.
            let options = glob::MatchOptions {
                require_literal_leading_dot: true,
                ..Default::default()
            };
            for found in glob::glob_with(name, options)
                .with_context(|| format!("`{name}` is no valid pattern"))?
            {
                paths.push(found.context("cannot look for files")?);
            }
            if paths.len() == before {
                bail!("no file matches `{name}`");
            }
        } else {
            bail!("there is no file or folder {name}");
        }
    }
    Ok(paths)
}

/// The format of a table, by its file's extension.
fn table_format(path: &Path) -> Option<InputFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "parquet" => InputFormat::Parquet,
        "arrow" | "ipc" | "feather" | "arrows" => InputFormat::Arrow,
        "csv" => InputFormat::Csv,
        "tsv" => InputFormat::Tsv,
        "ndjson" | "jsonl" => InputFormat::Ndjson,
        _ => return None,
    })
}

fn is_hidden(path: &Path) -> bool {
    file_name(path).starts_with('.')
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        folder
    }

    fn find(folder: &tempfile::TempDir, names: &[&str]) -> Result<Found> {
        let names: Vec<String> = names
            .iter()
            .map(|n| folder.path().join(n).to_str().unwrap().to_owned())
            .collect();
        discover(&names, None, None)
    }

    fn paths(folder: &tempfile::TempDir, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|n| folder.path().join(n)).collect()
    }

    #[test]
    fn folders_are_sorted_and_hide_hidden_files() {
        let folder = tree(&[
            "p/b.jpg",
            "p/a/2.png",
            "p/a/1.png",
            "p/.hidden",
            "p/.git/x",
            "p/table.csv",
        ]);
        assert_eq!(
            find(&folder, &["p"]).unwrap(),
            Found::Files(paths(
                &folder,
                &["p/a/1.png", "p/a/2.png", "p/b.jpg", "p/table.csv"]
            ))
        );
    }

    #[test]
    fn globs_tell_tables_from_files() {
        let folder = tree(&["2.parquet", "1.parquet", "a.jpg", ".b.jpg"]);
        assert_eq!(
            find(&folder, &["*.parquet"]).unwrap(),
            Found::Tables {
                format: InputFormat::Parquet,
                paths: paths(&folder, &["1.parquet", "2.parquet"])
            }
        );
        assert_eq!(
            find(&folder, &["*.jpg"]).unwrap(),
            Found::Files(paths(&folder, &["a.jpg"]))
        );
        assert!(
            find(&folder, &["*.png"])
                .unwrap_err()
                .to_string()
                .contains("no file matches")
        );
        assert!(
            find(&folder, &["*"])
                .unwrap_err()
                .to_string()
                .contains("is not: read them in two runs")
        );
        assert!(find(&folder, &["none.csv"]).is_err());
    }

    #[test]
    fn a_folder_may_be_a_table() {
        let folder = tree(&[
            "t.parquet/_SUCCESS",
            "t.parquet/part-1.parquet",
            "t.parquet/.part-1.parquet.crc",
        ]);
        assert_eq!(
            find(&folder, &["t.parquet"]).unwrap(),
            Found::Tables {
                format: InputFormat::Parquet,
                paths: paths(&folder, &["t.parquet/part-1.parquet"])
            }
        );
    }

    #[test]
    fn one_format_at_a_time() {
        let folder = tree(&["a.csv", "b.ndjson"]);
        assert!(
            find(&folder, &["a.csv", "b.ndjson"])
                .unwrap_err()
                .to_string()
                .contains("different formats")
        );
    }

    #[test]
    fn the_format_can_be_said() {
        let folder = tree(&["a.csv", "b.txt"]);
        let name = |n: &str| vec![folder.path().join(n).to_str().unwrap().to_owned()];
        assert_eq!(
            discover(&name("a.csv"), Some(InputFormat::Binary), None).unwrap(),
            Found::Files(paths(&folder, &["a.csv"]))
        );
        assert_eq!(
            discover(&name("b.txt"), Some(InputFormat::Csv), None).unwrap(),
            Found::Tables {
                format: InputFormat::Csv,
                paths: paths(&folder, &["b.txt"])
            }
        );
    }

    #[test]
    fn the_output_is_not_read() {
        let folder = tree(&["p/a.jpg", "p/out.parquet"]);
        let out = folder.path().join("p/out.parquet");
        assert_eq!(
            files_below(&folder.path().join("p"), Some(&out)).unwrap(),
            paths(&folder, &["p/a.jpg"])
        );
    }

    #[test]
    fn stdin_stands_alone() {
        assert_eq!(discover(&["-".into()], None, None).unwrap(), Found::Stdin);
        assert!(discover(&["-".into(), "a".into()], None, None).is_err());
    }
}
