//! One or more files of rows, read one after the other as one table.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow_schema::{Field, Schema, SchemaRef};

use super::discover::TableFile;
use super::text::{self, Columns, Kinds, Seen};
use super::{Batches, Bounds, Chunks, Settings, chunks, ipc, parquet};
use crate::args::InputFormat;

/// Files that are read as one table, as far as they were looked at.
#[derive(Clone, Debug)]
pub struct Tables {
    format: InputFormat,
    /// The columns of the files, then those of their partitions.
    pub schema: SchemaRef,
    /// The same with the types that are in texts which are read as they are written.
    pub types: SchemaRef,
    /// How many rows there are, where that is known.
    pub rows: Option<u64>,
    /// How many columns are in the files.
    inside: usize,
    texts: Option<Columns>,
}

impl Tables {
    /// Looks at all files, so that one that does not fit stops the run before it begins.
    pub fn look(format: InputFormat, files: &mut [TableFile], settings: &Settings) -> Result<Self> {
        let (schema, types, rows, texts) = if text::is_text(format) {
            let columns = look_at_texts(format, files, settings)?;
            let types = Arc::clone(&columns.schema);
            let columns = if settings.keep_text {
                columns.as_text()
            } else {
                columns
            };
            (Arc::clone(&columns.schema), types, None, Some(columns))
        } else {
            let (schema, rows) = look_at_schemas(format, files)?;
            let schema = Arc::new(schema);
            (Arc::clone(&schema), schema, rows, None)
        };
        let partitions = partition_columns(files, &schema)?;
        let with_partitions = |schema: &SchemaRef| {
            let fields = schema.fields().iter().cloned();
            let fields: Vec<_> = fields.chain(partitions.iter().cloned()).collect();
            Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
        };
        Ok(Self {
            format,
            inside: schema.fields().len(),
            schema: with_partitions(&schema),
            types: with_partitions(&types),
            rows,
            texts,
        })
    }

    pub fn is_text(&self) -> bool {
        self.texts.is_some()
    }

    /// Whether all columns are in the files.
    #[cfg(feature = "sql")]
    pub fn is_plain(&self) -> bool {
        self.inside == self.schema.fields().len()
    }

    #[cfg(feature = "sql")]
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// Reads some columns of files, one file after the other.
    pub fn read(&self, files: Vec<TableFile>, wanted: &[usize], bounds: Bounds) -> Chunks {
        let (tables, wanted) = (self.clone(), wanted.to_vec());
        let files = files.into_iter();
        Box::new(files.flat_map(move |file| tables.read_one(file, &wanted, bounds)))
    }

    fn read_one(&self, file: TableFile, wanted: &[usize], bounds: Bounds) -> Chunks {
        let path = file.path.clone();
        match self.batches(file, wanted, bounds) {
            Err(error) => Box::new(std::iter::once(Err(error.context(cannot_read(&path))))),
            Ok(batches) => {
                let name = path.display().to_string();
                let batches = batches.map(move |batch| batch.with_context(|| cannot_read(&path)));
                Box::new(chunks(&name, Box::new(batches), bounds))
            }
        }
    }

    fn batches(&self, file: TableFile, wanted: &[usize], bounds: Bounds) -> Result<Batches> {
        let schema = Arc::new(self.schema.project(wanted)?);
        let inside: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|&i| i < self.inside)
            .collect();
        let constants = schema.fields()[inside.len()..].iter().map(|field| {
            let value = file
                .partitions
                .iter()
                .find(|(name, _)| name == field.name());
            let value = value.and_then(|(_, value)| value.as_deref());
            let texts: ArrayRef = Arc::new(StringArray::from(vec![value]));
            text::convert(&texts, field.data_type())?.map_err(|misfit| {
                anyhow::anyhow!("the partition {}={}", field.name(), misfit.value)
            })
        });
        let constants = constants.collect::<Result<Vec<ArrayRef>>>()?;
        let path = &file.path;
        let batches: Batches = match (&self.texts, self.format) {
            (Some(columns), _) => {
                let reader = text::open(path, file.length)?;
                text::batches(reader, columns, inside, None, bounds)?
            }
            (None, InputFormat::Parquet) => parquet::batches(path, &inside, bounds)?,
            (None, _) => ipc::open(path, Some(inside))?.1,
        };
        Ok(Box::new(
            batches.map(move |batch| relabel(&batch?, &schema, &constants)),
        ))
    }
}

fn look_at_texts(
    format: InputFormat,
    files: &mut [TableFile],
    settings: &Settings,
) -> Result<Columns> {
    let mut common: Option<Seen> = None;
    for index in 0..files.len() {
        let file = &mut files[index];
        let look = |file: &mut TableFile| {
            file.length = file.path.metadata()?.len();
            text::look(&file.path, file.length, format, &settings.text)
        };
        let seen = look(file).with_context(|| cannot_read(&file.path))?;
        let path = &files[index].path;
        if common.is_none()
            && let Some(remark) = seen.remark()
        {
            settings.talk.warn(&format!("{} {remark}", path.display()));
        }
        match &mut common {
            None => common = Some(seen),
            Some(common) => {
                if !common.merge(&seen) {
                    let schema = |seen: &Seen| {
                        Columns::of(seen, format, &Arc::default(), false)
                            .map(|columns| columns.schema.as_ref().clone())
                    };
                    return Err(differ(files, path, &schema(common)?, &schema(&seen)?));
                }
            }
        }
    }
    let seen = common.context("no input files")?;
    Columns::of(&seen, format, &settings.text, false).with_context(|| match files {
        [file] => cannot_read(&file.path),
        _ => format!(
            "cannot read {} and the other files",
            files[0].path.display()
        ),
    })
}

/// The columns of files that say what is in them, and how many rows there are where they say it.
fn look_at_schemas(format: InputFormat, files: &[TableFile]) -> Result<(Schema, Option<u64>)> {
    let mut common: Option<Schema> = None;
    let mut rows = Some(0);
    for file in files {
        let path = &file.path;
        let (schema, count) = match format {
            InputFormat::Parquet => parquet::probe(path).map(|(schema, rows)| (schema, Some(rows))),
            _ => ipc::open(path, None).map(|(schema, _)| (schema, None)),
        }
        .with_context(|| cannot_read(path))?;
        rows = rows.zip(count).map(|(sum, n)| sum + n);
        common = Some(match common {
            None => schema.as_ref().clone(),
            Some(common) => match unify(&common, &schema) {
                Some(common) => common,
                None => return Err(differ(files, path, &common, &schema)),
            },
        });
    }
    Ok((common.context("no input files")?, rows))
}

fn differ(files: &[TableFile], path: &Path, one: &Schema, other: &Schema) -> anyhow::Error {
    let first = files.first().map_or(path, |file| file.path.as_path());
    anyhow::anyhow!(
        "{} and {} have different columns, and cannot be read as one table:\n  {}\n  {}",
        first.display(),
        path.display(),
        describe(one),
        describe(other)
    )
}

/// The columns that the names of folders make: those that the files do not have themselves.
fn partition_columns(files: &[TableFile], schema: &Schema) -> Result<Vec<Arc<Field>>> {
    let Some(first) = files.first() else {
        return Ok(Vec::new());
    };
    let names = |file: &TableFile| -> Vec<String> {
        let names = file.partitions.iter().map(|(name, _)| name.clone());
        names.collect()
    };
    let common = names(first);
    let mut kinds = vec![Kinds::default(); common.len()];
    for file in files {
        if names(file) != common {
            bail!(
                "{} is in folders of the columns {:?}, {} in folders of {:?}: they cannot be read as one table",
                first.path.display(),
                common,
                file.path.display(),
                names(file)
            );
        }
        for (kinds, (_, value)) in kinds.iter_mut().zip(&file.partitions) {
            if let Some(value) = value {
                kinds.add(value);
            }
        }
    }
    let columns = common.iter().zip(kinds);
    Ok(columns
        .filter(|(name, _)| schema.field_with_name(name).is_err())
        .map(|(name, kinds)| Arc::new(Field::new(name, kinds.data_type(), true)))
        .collect())
}

/// The columns of both files, if they can be read as one table.
fn unify(one: &Schema, other: &Schema) -> Option<Schema> {
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

/// The batch in the table's columns, with those that have one value.
fn relabel(batch: &RecordBatch, schema: &SchemaRef, constants: &[ArrayRef]) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let zeros = UInt32Array::from(vec![0; if constants.is_empty() { 0 } else { rows }]);
    let constants = constants
        .iter()
        .map(|one| arrow_select::take::take(one, &zeros, None));
    let columns = batch.columns().iter().cloned().map(Ok);
    let columns = columns.chain(constants).zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        let column = column?;
        if column.data_type() == field.data_type() {
            Ok(column)
        } else {
            arrow_cast::cast(&column, field.data_type())
        }
    });
    Ok(RecordBatch::try_new_with_options(
        schema.clone(),
        columns.collect::<Result<_, _>>()?,
        &RecordBatchOptions::new().with_row_count(Some(rows)),
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
    use std::path::PathBuf;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Float64Type;

    use super::*;
    use crate::input::Chunk;

    fn open(format: InputFormat, paths: Vec<PathBuf>) -> Result<Chunks> {
        let mut files = files(paths);
        let tables = Tables::look(format, &mut files, &Settings::default())?;
        let all: Vec<usize> = (0..tables.schema.fields().len()).collect();
        Ok(tables.read(files, &all, Bounds::default()))
    }

    fn files(paths: Vec<PathBuf>) -> Vec<TableFile> {
        let files = paths.into_iter().map(|path| TableFile {
            path,
            partitions: Vec::new(),
            length: u64::MAX,
        });
        files.collect()
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
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
    fn what_is_appended_meanwhile_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "a.ndjson", "{\"v\":1}\n");
        let mut files = files(vec![path.clone()]);
        let tables = Tables::look(InputFormat::Ndjson, &mut files, &Settings::default()).unwrap();
        write(&folder, "a.ndjson", "{\"v\":1}\n{\"v\":2.5}\n");
        let rows = tables.read(files, &[0], Bounds::default());
        assert_eq!(rows.map(|c| c.unwrap().batch.num_rows()).sum::<usize>(), 1);
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
