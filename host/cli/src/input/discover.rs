//! Which files the user means.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use walkdir::WalkDir;

use super::{glob, text};
use crate::args::InputFormat;

/// What the user's names come to.
#[derive(Debug, PartialEq)]
pub enum Found {
    Stdin,
    /// A pipe under a path, which can be read once.
    Pipe(PathBuf, Option<InputFormat>),
    /// Files to be read as one row each.
    Files(Vec<PathBuf>),
    /// Files of rows, all of one format.
    Tables {
        format: InputFormat,
        files: Vec<TableFile>,
    },
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFile {
    pub path: PathBuf,
    /// What folders like `year=2024` on the way to it say of all of its rows.
    pub partitions: Vec<(String, Option<String>)>,
    /// How much of a text there was when its types were found: what is appended since may not fit them.
    pub length: u64,
}

impl TableFile {
    fn new(path: PathBuf, named: usize) -> Self {
        Self {
            partitions: partitions(&path, named),
            path,
            length: u64::MAX,
        }
    }
}

/// The value of a partition whose rows have none.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Finds the files that `names` (paths, globs or `-`) stand for. `format` overrules the extensions. The `outputs` must not
/// be among them. What is passed over is said in `warnings`.
pub fn discover(
    names: &[String],
    format: Option<InputFormat>,
    outputs: &[&Path],
    warnings: &mut Vec<String>,
) -> Result<Found> {
    if names.iter().any(|name| name == "-") {
        if names.len() > 1 {
            bail!("`-` (stdin) cannot be read together with other inputs");
        }
        return Ok(Found::Stdin);
    }
    let outputs: Vec<PathBuf> = outputs
        .iter()
        .filter_map(|output| resolved(output))
        .collect();
    let mut files = Vec::new();
    let mut tables: Vec<(InputFormat, TableFile)> = Vec::new();
    let mut known = HashSet::new();
    for (path, named) in expand(names, warnings)? {
        // Two patterns may match one file.
        if names.len() > 1 && !known.insert(path.clone()) {
            continue;
        }
        for output in &outputs {
            check_output(output, &path)?;
        }
        let table = match format {
            Some(InputFormat::Binary) => None,
            Some(format) => Some(format),
            None => table_format(&path)?,
        };
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            // A file that cannot be read is its row's failure.
            Err(_) if table.is_none() => {
                files.push(path);
                continue;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        if metadata.is_dir() {
            check_folder(&path, format)?;
            match table {
                None => files.extend(files_below(&path, &|_| true, warnings)),
                Some(format) => {
                    let parts = part_files(&path, format, warnings)?;
                    if parts.is_empty() {
                        bail!("{} holds no part files of a table", path.display());
                    }
                    let named = path.components().count();
                    let parts = parts.into_iter();
                    tables.extend(parts.map(|part| (format, TableFile::new(part, named))));
                }
            }
        } else if !metadata.is_file() && format != Some(InputFormat::Binary) {
            ensure!(
                names.len() == 1,
                "{} is a pipe, which is read alone",
                path.display()
            );
            return Ok(Found::Pipe(path, table));
        } else if let Some(format) = table {
            tables.push((format, TableFile::new(path, named)));
        } else {
            files.push(path);
        }
    }
    let Some((format, first)) = tables.first() else {
        return Ok(Found::Files(files));
    };
    if let Some(file) = files.first() {
        bail!(
            "{} is a table, {} is not: read them in two runs, or say --input-format",
            first.path.display(),
            file.display()
        );
    }
    if let Some((_, other)) = tables.iter().find(|(other, _)| other != format) {
        bail!(
            "{} and {} are tables of different formats: read them in two runs",
            first.path.display(),
            other.path.display()
        );
    }
    Ok(Found::Tables {
        format: *format,
        files: tables.into_iter().map(|(_, file)| file).collect(),
    })
}

/// The output's path without links, whether or not it is there.
fn resolved(output: &Path) -> Option<PathBuf> {
    if let Ok(path) = output.canonicalize() {
        return path.is_file().then_some(path);
    }
    let folder = match output.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Some(folder.canonicalize().ok()?.join(output.file_name()?))
}

/// Refuses to write over what is read, or into a folder whose next reading would find it.
fn check_output(output: &Path, input: &Path) -> Result<()> {
    if input.is_dir() {
        let inside = input
            .canonicalize()
            .is_ok_and(|folder| output.starts_with(folder));
        ensure!(
            !inside,
            "the output {} is inside the input {}, whose next reading would find it: write it elsewhere",
            output.display(),
            input.display()
        );
    } else if input.file_name() == output.file_name() || input.is_symlink() {
        let same = input.canonicalize().is_ok_and(|path| path == output);
        ensure!(
            !same,
            "the output {} is the input: write another file, and rename it when it is right",
            input.display()
        );
    }
    Ok(())
}

/// Refuses folders of which only a table format's own software knows what is in them.
fn check_folder(folder: &Path, format: Option<InputFormat>) -> Result<()> {
    if format == Some(InputFormat::Binary) {
        return Ok(());
    }
    let has = |name: &str| folder.join(name).exists();
    let is_iceberg = || {
        let entries = std::fs::read_dir(folder.join("metadata"))
            .into_iter()
            .flatten();
        entries.flatten().any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .ends_with(".metadata.json")
        })
    };
    let table = if has("_delta_log") {
        "a Delta Lake table"
    } else if has(".hoodie") {
        "a Hudi table"
    } else if has("_versions") && has("data") {
        "a Lance dataset"
    } else if is_iceberg() {
        "an Iceberg table"
    } else {
        return Ok(());
    };
    bail!(
        "{} is {table}, whose files hold deleted rows, too: write its current rows as Parquet with DuckDB, Polars or Spark, \
         and read that",
        folder.display()
    )
}

/// The files below a folder, sorted, hidden ones left out. What cannot be listed is passed over.
fn files_below(
    folder: &Path,
    wanted: &dyn Fn(&Path) -> bool,
    warnings: &mut Vec<String>,
) -> Vec<PathBuf> {
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || (!is_hidden(entry.path()) && wanted(entry.path()))
    };
    let mut files = Vec::new();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(visible) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            // The filter does not see what cannot be looked at.
            Err(error) if error.path().is_some_and(is_hidden) => {}
            Err(error) => warnings.push(passed_over(&error)),
        }
    }
    files
}

fn passed_over(error: &walkdir::Error) -> String {
    let path = error.path().unwrap_or(Path::new("an entry")).display();
    if error.loop_ancestor().is_some() {
        return format!("{path} is passed over: the link leads back to a folder above it");
    }
    match error.io_error() {
        Some(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("{path} is passed over: the link leads nowhere")
        }
        Some(error) => format!("{path} is passed over: {error}"),
        None => format!("{path} is passed over"),
    }
}

/// The part files of a table that a data engine wrote as a folder. Their names may say nothing of the format; files and
/// folders that begin with `_` or `.` are bookkeeping.
fn part_files(
    folder: &Path,
    format: InputFormat,
    warnings: &mut Vec<String>,
) -> Result<Vec<PathBuf>> {
    let unfinished = folder.join("_temporary");
    if unfinished.is_dir() {
        warnings.push(format!(
            "{} is passed over: a job is still writing to {}, or died",
            unfinished.display(),
            folder.display()
        ));
    }
    let wanted = |path: &Path| !file_name(path).starts_with('_');
    let mut parts = files_below(folder, &wanted, warnings);
    parts.retain(|path| !matches!(table_format(path), Ok(Some(other)) if other != format));
    Ok(parts)
}

/// What the folders of a path say, behind so many components that the user named.
fn partitions(path: &Path, named: usize) -> Vec<(String, Option<String>)> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let folders = folders.skip(named).filter_map(|component| match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let pairs = folders.filter_map(|name| name.split_once('='));
    pairs
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| {
            let value = (value != NO_VALUE).then(|| unescape(value));
            (unescape(name), value)
        })
        .collect()
}

/// `%3A` and the like, which engines write for what a file's name should not hold.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, more)) = rest.split_first() {
        let code = more
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) if byte == b'%' => {
                bytes.push(code);
                rest = &more[2..];
            }
            _ => {
                bytes.push(byte);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The paths of names, and how many components of each were named rather than found.
fn expand(names: &[String], warnings: &mut Vec<String>) -> Result<Vec<(PathBuf, usize)>> {
    let mut paths = Vec::new();
    for name in names {
        let path = Path::new(name);
        match path.symlink_metadata() {
            // A single file's folders were all named.
            Ok(_) => paths.push((path.to_owned(), path.components().count())),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(error).with_context(|| format!("cannot look at {name}"));
            }
            Err(_) if glob::is_pattern(name) => {
                let found = glob::find(name, warnings)?;
                if found.paths.is_empty() {
                    bail!("no file matches `{name}`");
                }
                let paths_found = found.paths.into_iter();
                paths.extend(paths_found.map(|path| (path, found.named)));
            }
            Err(_) => bail!("there is no file or folder {name}"),
        }
    }
    Ok(paths)
}

/// The format of a table, by its file's extension. Texts may be compressed.
fn table_format(path: &Path) -> Result<Option<InputFormat>> {
    let extension = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.map(str::to_ascii_lowercase).unwrap_or_default()
    };
    let by = |extension: &str| {
        Some(match extension {
            "parquet" => InputFormat::Parquet,
            "arrow" | "ipc" | "feather" | "arrows" => InputFormat::Arrow,
            "csv" => InputFormat::Csv,
            "tsv" => InputFormat::Tsv,
            "ndjson" | "jsonl" => InputFormat::Ndjson,
            _ => return None,
        })
    };
    let outer = extension(path);
    let inner = by(&extension(&path.with_extension("")));
    Ok(match inner.filter(|&format| text::is_text(format)) {
        Some(format) if text::is_compressed(path) => Some(format),
        Some(_) if matches!(outer.as_str(), "bz2" | "xz" | "lz4" | "br" | "zip" | "7z") => bail!(
            "{}: gzip and zstd are read, .{outer} is not: decompress it, or read its bytes with --input-format binary",
            path.display()
        ),
        _ if outer == "json" => bail!(
            "{}: say --input-format ndjson if it has one object a line (`jq -c '.[]'` makes that of an array), or \
             --input-format binary for one row of its bytes",
            path.display()
        ),
        _ => by(&outer),
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
        discover(&names, None, &[], &mut Vec::new())
    }

    fn tables(folder: &tempfile::TempDir, names: &[&str]) -> Vec<TableFile> {
        let paths = paths(folder, names).into_iter();
        paths.map(|path| TableFile::new(path, usize::MAX)).collect()
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
                files: tables(&folder, &["1.parquet", "2.parquet"])
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
                files: tables(&folder, &["t.parquet/part-1.parquet"])
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
            discover(
                &name("a.csv"),
                Some(InputFormat::Binary),
                &[],
                &mut Vec::new()
            )
            .unwrap(),
            Found::Files(paths(&folder, &["a.csv"]))
        );
        assert_eq!(
            discover(&name("b.txt"), Some(InputFormat::Csv), &[], &mut Vec::new()).unwrap(),
            Found::Tables {
                format: InputFormat::Csv,
                files: tables(&folder, &["b.txt"])
            }
        );
    }

    #[test]
    fn the_output_is_not_among_the_input() {
        let folder = tree(&["p/a.jpg", "q.csv", "new/x"]);
        let name = |n: &str| folder.path().join(n).to_str().unwrap().to_owned();
        let refused = |input: &str, output: &str| {
            let output = folder.path().join(output);
            discover(&[name(input)], None, &[&output], &mut Vec::new()).is_err()
        };
        assert!(refused("p", "p/out.parquet"));
        assert!(refused("p", "p/a.jpg"));
        assert!(refused("q.csv", "q.csv"));
        assert!(refused("q.csv", "p/../q.csv"));
        assert!(!refused("p", "out.parquet"));
        assert!(!refused("q.csv", "p/q.csv"));
    }

    #[test]
    fn folders_name_partitions() {
        let folder = tree(&[
            "t.parquet/year=2023/m=01/a.parquet",
            "t.parquet/year=__HIVE_DEFAULT_PARTITION__/m=a%3Ab/a.parquet",
            "t.parquet/_temporary/0/year=2023/m=01/b.parquet",
        ]);
        let partitions = |name: &str| match find(&folder, &[name]).unwrap() {
            Found::Tables { files, .. } => {
                let files = files.into_iter();
                let text = files.map(|file| format!("{:?}", file.partitions));
                text.collect::<Vec<_>>().join("; ")
            }
            other => format!("{other:?}"),
        };
        let both = "[(\"year\", Some(\"2023\")), (\"m\", Some(\"01\"))]; [(\"year\", None), (\"m\", Some(\"a:b\"))]";
        assert_eq!(partitions("t.parquet"), both);
        assert_eq!(partitions("t.parquet/*/*/a.parquet"), both);
        assert_eq!(partitions("t.parquet/year=2023/m=01/a.parquet"), "[]");
    }

    #[test]
    fn a_file_that_is_matched_twice_is_read_once() {
        let folder = tree(&["a1.csv", "a2.csv"]);
        assert_eq!(
            find(&folder, &["a*.csv", "*1.csv"]).unwrap(),
            Found::Tables {
                format: InputFormat::Csv,
                files: tables(&folder, &["a1.csv", "a2.csv"])
            }
        );
    }

    #[test]
    fn what_another_format_keeps_is_refused() {
        let folder = tree(&[
            "t/_delta_log/0.json",
            "t/a.parquet",
            "i/metadata/v1.metadata.json",
        ]);
        for (name, wanted) in [("t", "Delta Lake"), ("i", "Iceberg")] {
            let error = find(&folder, &[name]).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn stdin_stands_alone() {
        let discover = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            discover(&names, None, &[], &mut Vec::new())
        };
        assert_eq!(discover(&["-"]).unwrap(), Found::Stdin);
        assert!(discover(&["-", "a"]).is_err());
    }
}
