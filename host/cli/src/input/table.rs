//! One or more files of rows, read one after the other as one table.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};

use super::{Batches, Bounds, Chunks, chunks, ipc, parquet, text};
use crate::args::InputFormat;

/// The columns of files of one format, read as one table, and how many rows there are where that is known. All are looked
/// at, so that one that does not fit stops the run before it begins.
pub fn probe_all(format: InputFormat, paths: &[PathBuf]) -> Result<(SchemaRef, Option<u64>)> {
    let mut common: Option<Schema> = None;
    let mut rows = Some(0);
    for path in paths {
        let (schema, count) = probe(path, format).with_context(|| cannot_read(path))?;
        rows = rows.zip(count).map(|(sum, n)| sum + n);
        common = Some(match common {
            None => schema,
            Some(common) => match unify(format, &common, &schema) {
                Some(common) => common,
                None => bail!(
                    "{} and {} have different columns, and cannot be read as one table:\n  {}\n  {}",
                    paths[0].display(),
                    path.display(),
                    describe(&common),
                    describe(&schema)
                ),
            },
        });
    }
    Ok((Arc::new(common.context("no input files")?), rows))
}

/// Reads files one after the other.
pub fn read_all(
    format: InputFormat,
    paths: Vec<PathBuf>,
    schema: SchemaRef,
    bounds: Bounds,
) -> Chunks {
    let paths = paths.into_iter();
    Box::new(paths.flat_map(move |path| read(path, format, schema.clone(), bounds)))
}

fn read(path: PathBuf, format: InputFormat, schema: SchemaRef, bounds: Bounds) -> Chunks {
    match batches(&path, format, &schema, bounds) {
        Err(error) => Box::new(std::iter::once(Err(error.context(cannot_read(&path))))),
        Ok(batches) => {
            let name = path.display().to_string();
            let batches = batches.map(move |batch| {
                let relabelled = batch.and_then(|batch| relabel(batch, &schema));
                relabelled.with_context(|| cannot_read(&path))
            });
            Box::new(chunks(&name, Box::new(batches), bounds))
        }
    }
}

fn probe(path: &Path, format: InputFormat) -> Result<(Schema, Option<u64>)> {
    Ok(match format {
        InputFormat::Parquet => {
            let (schema, rows) = parquet::probe(path)?;
            (schema.as_ref().clone(), Some(rows))
        }
        InputFormat::Arrow => (ipc::open(path)?.0.as_ref().clone(), None),
        _ => (
            text::infer(BufReader::new(File::open(path)?), format)?,
            None,
        ),
    })
}

fn batches(
    path: &Path,
    format: InputFormat,
    schema: &SchemaRef,
    bounds: Bounds,
) -> Result<Batches> {
    match format {
        InputFormat::Parquet => parquet::batches(path, bounds),
        InputFormat::Arrow => Ok(ipc::open(path)?.1),
        _ => text::batches(
            BufReader::with_capacity(1 << 20, File::open(path)?),
            format,
            schema.clone(),
            bounds,
        ),
    }
}

/// The columns of both files, if they can be read as one table.
fn unify(format: InputFormat, one: &Schema, other: &Schema) -> Option<Schema> {
    if !matches!(format, InputFormat::Parquet | InputFormat::Arrow) {
        return text::unify(one, other);
    }
    let pairs = one.fields().iter().zip(other.fields());
    let same = one.fields().len() == other.fields().len()
        && pairs
            .clone()
            .all(|(a, b)| a.name() == b.name() && a.data_type().equals_datatype(b.data_type()));
    // Where one file allows nulls the table does. Fields within fields must agree to the letter or go as the first says.
    let fields = pairs.map(|(a, b)| {
        a.as_ref()
            .clone()
            .with_nullable(a.is_nullable() || b.is_nullable())
    });
    same.then(|| Schema::new_with_metadata(fields.collect::<Vec<Field>>(), one.metadata().clone()))
}

fn relabel(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(column.clone())
        } else {
            arrow_cast::cast(column, field.data_type())
        }
    });
    Ok(RecordBatch::try_new(
        schema.clone(),
        columns.collect::<Result<_, _>>()?,
    )?)
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// Columns for people.
pub fn describe(schema: &Schema) -> String {
    let columns = schema
        .fields()
        .iter()
        .map(|field| format!("{} ({})", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Float64Type;

    use super::*;
    use crate::input::Chunk;

    fn open(format: InputFormat, paths: Vec<PathBuf>) -> Result<Chunks> {
        let (schema, _) = probe_all(format, &paths)?;
        Ok(read_all(format, paths, schema, Bounds::default()))
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    }

    #[test]
    fn files_follow_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let paths = vec![
            write(&folder, "1.csv", "a,b\n1,x\n2,y\n"),
            write(&folder, "2.csv", "a,b\n2.5,z\n"),
        ];
        let chunks = open(InputFormat::Csv, paths.clone()).unwrap();
        let chunks: Vec<Chunk> = chunks.collect::<Result<_>>().unwrap();
        let values: Vec<f64> = chunks
            .iter()
            .flat_map(|c| {
                c.batch
                    .column(0)
                    .as_primitive::<Float64Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        assert_eq!(values, [1.0, 2.0, 2.5]);
        assert_eq!(
            chunks[0].row_name(1),
            format!("{}, row 2", paths[0].display())
        );
        assert_eq!(
            chunks[1].row_name(0),
            format!("{}, row 1", paths[1].display())
        );
    }

    #[test]
    fn files_with_other_columns_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = vec![
            write(&folder, "1.csv", "a,b\n1,x\n"),
            write(&folder, "2.csv", "a,c\n1,x\n"),
        ];
        let error = open(InputFormat::Csv, paths).err().unwrap().to_string();
        assert!(
            error.contains("different columns") && error.contains("c (Utf8)"),
            "{error}"
        );
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "a.parquet", "no parquet");
        let error = open(InputFormat::Parquet, vec![path]).err().unwrap();
        assert!(error.to_string().contains("a.parquet"), "{error:#}");
    }
}
