//! Which columns feed a function's arguments.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, RecordBatch, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};
use wudf::cast::{self, Conversion};

use crate::input::{self, CONTENT, Chunk};

/// The column that feeds each argument.
#[derive(Debug)]
pub struct Mapping(Vec<Source>);

/// A column, and its type: it may come as text that is yet to be read as that.
#[derive(Clone, Debug, PartialEq)]
struct Source {
    path: Path,
    ty: DataType,
}

/// A column, or a field within struct columns: the index at each level.
type Path = Vec<usize>;

impl Mapping {
    /// Chooses: what the user `named`, in order; then the column of the argument's name, for binary files the column
    /// `content`, or the only column whose type fits.
    pub fn choose(
        schema: &Schema,
        arguments: &[Field],
        named: &[String],
        files: bool,
    ) -> Result<Self> {
        if named.len() > arguments.len() {
            bail!(
                "--column is given {} times, but the function takes {}",
                named.len(),
                takes(arguments)
            );
        }
        let mut chosen: Vec<Option<Path>> = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            let wanted = argument.data_type();
            let name = named.get(index).map_or(argument.name(), |name| name);
            let path = match find(schema.fields(), name) {
                Some(path) => {
                    let found = type_at(schema.fields(), &path);
                    if let Err(error) = cast::conversion(found, wanted) {
                        bail!(
                            "the column {name} ({found}) cannot be the argument {} ({wanted}): {}{}",
                            argument.name(),
                            error.message(),
                            hint(schema, argument)
                        );
                    }
                    Some(path)
                }
                None if index < named.len() => {
                    bail!("there is no column {name}{}", hint(schema, argument))
                }
                None if files && fits(&DataType::Binary, wanted) => find(schema.fields(), CONTENT),
                None => None,
            };
            chosen.push(path);
        }
        let taken: Vec<Path> = chosen.iter().flatten().cloned().collect();
        let open = chosen.iter().filter(|path| path.is_none()).count();
        let mut mapping = Vec::new();
        for (path, argument) in chosen.into_iter().zip(arguments) {
            let path = match path {
                Some(path) => path,
                None => {
                    let mut fitting = (0..schema.fields().len())
                        .filter(|&i| fits(schema.field(i).data_type(), argument.data_type()))
                        .map(|i| vec![i])
                        .filter(|path| !taken.contains(path));
                    match (fitting.next(), fitting.next(), open) {
                        (Some(path), None, 1) => path,
                        _ => bail!(
                            "cannot tell which column is the argument {} ({}): pass --column NAME{}",
                            argument.name(),
                            argument.data_type(),
                            hint(schema, argument)
                        ),
                    }
                }
            };
            let ty = type_at(schema.fields(), &path).clone();
            mapping.push(Source { path, ty });
        }
        Ok(Self(mapping))
    }

    /// The arguments out of a batch, of the columns' own types: the runtime casts
    /// them row by row.
    pub fn arguments(&self, chunk: &Chunk) -> Result<Vec<ArrayRef>> {
        let sources = self.0.iter();
        sources.map(|source| source.array(chunk)).collect()
    }

    /// The columns' types.
    pub fn types(&self) -> Vec<DataType> {
        self.0.iter().map(|source| source.ty.clone()).collect()
    }

    /// The columns' names.
    pub fn names(&self, schema: &Schema) -> Vec<String> {
        self.0
            .iter()
            .map(|source| name_at(schema.fields(), &source.path))
            .collect()
    }

    /// The columns of the input that are read for the arguments.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .filter_map(|source| source.path.first().copied())
    }

    /// The same over an input of which only these columns are read.
    pub fn among(mut self, columns: &[usize]) -> Self {
        for source in &mut self.0 {
            if let Some(first) = source.path.first_mut()
                && let Ok(place) = columns.binary_search(first)
            {
                *first = place;
            }
        }
        self
    }
}

impl Source {
    fn array(&self, chunk: &Chunk) -> Result<ArrayRef> {
        let array = column(&chunk.batch, &self.path)?;
        if *array.data_type() == self.ty {
            return Ok(array);
        }
        input::convert(&array, &self.ty)?.map_err(|misfit| {
            let name = name_at(chunk.batch.schema_ref().fields(), &self.path);
            anyhow!(
                "{}: `{}` in the column {name} is no {} without loss; --types {name}=TEXT reads the column as text",
                chunk.row_name(misfit.row),
                misfit.value,
                input::type_name(&self.ty)
            )
        })
    }
}

fn column(batch: &RecordBatch, path: &[usize]) -> Result<ArrayRef> {
    let (first, rest) = path.split_first().context("a column without a name")?;
    let mut array = batch.column(*first).clone();
    for &index in rest {
        let parent = array.as_struct();
        let child = parent.column(index);
        // Where the struct is null its fields are, whatever they hold.
        let nulls = NullBuffer::union(parent.nulls(), child.nulls());
        array = make_array(child.to_data().into_builder().nulls(nulls).build()?);
    }
    Ok(array)
}

fn find(fields: &Fields, name: &str) -> Option<Path> {
    if let Some((index, _)) = fields.find(name) {
        return Some(vec![index]);
    }
    // Names may hold dots themselves, so every dot may be the one.
    name.match_indices('.').find_map(|(dot, _)| {
        let (index, field) = fields.find(&name[..dot])?;
        let DataType::Struct(children) = field.data_type() else {
            return None;
        };
        let mut path = find(children, &name[dot + 1..])?;
        path.insert(0, index);
        Some(path)
    })
}

fn type_at<'a>(fields: &'a Fields, path: &[usize]) -> &'a DataType {
    let ty = fields[path[0]].data_type();
    match (ty, &path[1..]) {
        (DataType::Struct(children), rest) if !rest.is_empty() => type_at(children, rest),
        _ => ty,
    }
}

fn name_at(fields: &Fields, path: &[usize]) -> String {
    let field = &fields[path[0]];
    match (field.data_type(), &path[1..]) {
        (DataType::Struct(children), rest) if !rest.is_empty() => {
            format!("{}.{}", field.name(), name_at(children, rest))
        }
        _ => field.name().clone(),
    }
}

/// Whether every value of a column is one of the argument: what is taken without being named.
fn fits(found: &DataType, wanted: &DataType) -> bool {
    matches!(cast::conversion(found, wanted), Ok(Conversion::Widening))
}

fn hint(schema: &Schema, argument: &Field) -> String {
    let mut columns = Vec::new();
    let mut fields_that_fit = Vec::new();
    for field in schema.fields() {
        columns.push(format!(
            "{} ({})",
            field.name(),
            short_type(field.data_type())
        ));
        if let DataType::Struct(children) = field.data_type() {
            fields_that_fit.extend(
                children
                    .iter()
                    .filter(|child| fits(child.data_type(), argument.data_type()))
                    .map(|child| format!("{}.{}", field.name(), child.name())),
            );
        }
    }
    let mut text = format!("\n  the columns are: {}", columns.join(", "));
    if !fields_that_fit.is_empty() {
        text.push_str(&format!(
            "\n  fields that fit: {}",
            fields_that_fit.join(", ")
        ));
    }
    text
}

fn short_type(ty: &DataType) -> String {
    match ty {
        DataType::Struct(children) => {
            let fields: Vec<String> = children
                .iter()
                .map(|child| format!("{}: {}", child.name(), short_type(child.data_type())))
                .collect();
            format!("Struct<{}>", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Arguments for people.
pub fn takes(arguments: &[Field]) -> String {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|field| format!("{}: {}", field.name(), short_type(field.data_type())))
        .collect();
    if arguments.is_empty() {
        "nothing".to_owned()
    } else {
        arguments.join(", ")
    }
}

/// The columns of the output: those of the input without `drop`, then the new ones.
#[derive(Debug)]
pub struct Projection {
    kept: Vec<usize>,
    pub schema: Arc<Schema>,
    pub has_errors: bool,
}

/// The column that says why a row failed.
const ERROR: &str = "error";

/// The names of the columns that are not `selected`.
pub fn all_but(input: &Schema, selected: &[String]) -> Result<Vec<String>> {
    // `--select ''` is a list of one empty name.
    let selected: Vec<&String> = selected.iter().filter(|name| !name.is_empty()).collect();
    if let Some(name) = selected
        .iter()
        .find(|name| input.fields().find(name).is_none())
    {
        bail!("--select {name}: there is no such column");
    }
    let names = input.fields().iter().map(|field| field.name());
    Ok(names
        .filter(|name| !selected.contains(name))
        .cloned()
        .collect())
}

/// The columns that are not dropped.
fn kept(input: &Schema, drop: &[String]) -> Vec<usize> {
    (0..input.fields().len())
        .filter(|&i| !drop.contains(input.field(i).name()))
        .collect()
}

impl Projection {
    /// The columns of `input` without those named in `drop`, then `value`, then, if asked for, the errors: in a column
    /// `error`, or `NAME_error` where the input has one of that name.
    pub fn new(input: &Schema, drop: &[String], value: Field, errors: bool) -> Result<Self> {
        if let Some(name) = drop.iter().find(|name| input.fields().find(name).is_none()) {
            bail!("--drop {name}: there is no such column");
        }
        let kept = kept(input, drop);
        let taken = |name: &str| kept.iter().any(|&i| input.field(i).name() == name);
        if taken(value.name()) {
            bail!(
                "the input has a column {} already: name the new one with --as",
                value.name()
            );
        }
        let mut fields: Vec<Arc<Field>> = kept.iter().map(|&i| input.fields()[i].clone()).collect();
        if errors {
            let long = format!("{}_{ERROR}", value.name());
            let free = |name: &str| !taken(name) && name != value.name();
            let Some(name) = [ERROR, &long].into_iter().find(|name| free(name)) else {
                bail!(
                    "the input has columns {ERROR} and {long} already: name the new column otherwise with --as"
                );
            };
            let error = Field::new(name, DataType::Utf8, true);
            fields.push(Arc::new(value));
            fields.push(Arc::new(error));
        } else {
            fields.push(Arc::new(value));
        }
        Ok(Self {
            kept,
            schema: Arc::new(Schema::new_with_metadata(fields, input.metadata().clone())),
            has_errors: errors,
        })
    }

    /// The columns of the input that go to the output.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.kept.iter().copied()
    }

    /// The same over an input of which only these columns are read.
    pub fn among(mut self, columns: &[usize]) -> Self {
        for column in &mut self.kept {
            if let Ok(place) = columns.binary_search(column) {
                *column = place;
            }
        }
        self
    }

    /// The output's rows.
    pub fn apply(
        &self,
        batch: &RecordBatch,
        values: ArrayRef,
        errors: ArrayRef,
    ) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> =
            self.kept.iter().map(|&i| batch.column(i).clone()).collect();
        columns.push(values);
        if self.has_errors {
            columns.push(errors);
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BinaryArray, Int64Array, StructArray};

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        Schema::new(
            columns
                .iter()
                .map(|(name, ty)| Field::new(*name, ty.clone(), true))
                .collect::<Vec<_>>(),
        )
    }

    fn names(
        schema: &Schema,
        arguments: &[Field],
        named: &[&str],
        files: bool,
    ) -> Result<Vec<String>> {
        let named: Vec<String> = named.iter().map(|&n| n.to_owned()).collect();
        Mapping::choose(schema, arguments, &named, files).map(|mapping| mapping.names(schema))
    }

    fn chunk(batch: RecordBatch) -> Chunk {
        Chunk {
            batch,
            unreadable: Vec::new(),
            origin: input::Origin::Table {
                name: "t".into(),
                first_row: 0,
            },
        }
    }

    fn image() -> Field {
        Field::new("image", DataType::Binary, true)
    }

    #[test]
    fn columns_are_found_by_name_then_by_type() {
        let both = schema(&[("image", DataType::LargeBinary), ("mask", DataType::Binary)]);
        assert_eq!(names(&both, &[image()], &[], false).unwrap(), ["image"]);
        assert_eq!(
            names(&both, &[image()], &["mask"], false).unwrap(),
            ["mask"]
        );
        let one = schema(&[("id", DataType::Int64), ("data", DataType::BinaryView)]);
        assert_eq!(names(&one, &[image()], &[], false).unwrap(), ["data"]);
        let files = schema(&[("path", DataType::Utf8), ("content", DataType::Binary)]);
        assert_eq!(names(&files, &[image()], &[], true).unwrap(), ["content"]);
    }

    #[test]
    fn what_is_unclear_is_an_error_that_lists_the_columns() {
        let two = schema(&[("a", DataType::Binary), ("b", DataType::Binary)]);
        let error = names(&two, &[image()], &[], false).unwrap_err().to_string();
        assert!(
            error.contains("--column") && error.contains("a (Binary), b (Binary)"),
            "{error}"
        );
        let error = names(&two, &[image()], &["c"], false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no column c"), "{error}");
        let error = names(&two, &[image()], &["a", "b"], false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("image: Binary"), "{error}");
        let none = schema(&[("image", DataType::Int64)]);
        assert!(
            names(&none, &[image()], &[], false)
                .unwrap_err()
                .to_string()
                .contains("cannot be the argument")
        );
    }

    #[test]
    fn fields_of_structs_can_be_named() {
        let children: Fields = vec![Field::new("bytes", DataType::Binary, true)].into();
        let nested = schema(&[("image", DataType::Struct(children.clone()))]);
        assert_eq!(
            names(&nested, &[image()], &["image.bytes"], false).unwrap(),
            ["image.bytes"]
        );
        let error = names(&nested, &[image()], &[], false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("fields that fit: image.bytes"), "{error}");

        let blobs = Arc::new(BinaryArray::from(vec![&b"a"[..], b"b"])) as ArrayRef;
        let nulls = NullBuffer::from(vec![true, false]);
        let array = StructArray::new(children, vec![blobs], Some(nulls));
        let batch = RecordBatch::try_new(Arc::new(nested), vec![Arc::new(array)]).unwrap();
        let mapping = Mapping::choose(
            batch.schema_ref(),
            &[image()],
            &["image.bytes".into()],
            false,
        )
        .unwrap();
        let arguments = mapping.arguments(&chunk(batch)).unwrap();
        assert!(arguments[0].is_valid(0) && arguments[0].is_null(1));
    }

    /// The runtime casts, so that a value that does not fit costs its row.
    #[test]
    fn columns_keep_their_types() {
        let numbers = Arc::new(Int64Array::from(vec![1, 1 << 40])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", Arc::clone(&numbers))]).unwrap();
        let argument = [Field::new("n", DataType::Int32, true)];
        let mapping = Mapping::choose(batch.schema_ref(), &argument, &[], false).unwrap();
        assert_eq!(mapping.arguments(&chunk(batch)).unwrap(), [numbers]);
    }

    #[test]
    fn names_that_collide_are_refused() {
        let value = |name: &str| Field::new(name, DataType::Float32, true);
        let columns =
            |drop: &[&str], name, errors, input: &[(&str, DataType)]| -> Result<Vec<String>> {
                let drop: Vec<String> = drop.iter().map(|&n| n.to_owned()).collect();
                let projection = Projection::new(&schema(input), &drop, value(name), errors)?;
                Ok(projection
                    .schema
                    .fields()
                    .iter()
                    .map(|f| f.name().clone())
                    .collect())
            };
        let input = [("a", DataType::Int64), ("error", DataType::Utf8)];
        assert_eq!(
            columns(&[], "f", true, &input).unwrap(),
            ["a", "error", "f", "f_error"]
        );
        assert_eq!(
            columns(&["error"], "f", true, &input).unwrap(),
            ["a", "f", "error"]
        );
        assert_eq!(columns(&["a"], "f", false, &input).unwrap(), ["error", "f"]);
        assert_eq!(
            columns(&[], "error", true, &input[..1]).unwrap(),
            ["a", "error", "error_error"]
        );
        assert!(
            columns(&[], "a", false, &input)
                .unwrap_err()
                .to_string()
                .contains("--as")
        );
        assert!(columns(&["b"], "f", false, &input).is_err());
    }
}
