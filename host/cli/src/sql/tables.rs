//! Files as tables.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use arrow_schema::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider, TableProviderFactory, UrlTableFactory};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, not_impl_err};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{CreateExternalTable, Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use crate::args::InputFormat;
use crate::input::{self, Bounds, Chunks, Opened, Pipe, Settings, Source};
use crate::talk::Talk;

/// Finds files by the names that stand where tables may: `FROM 'photos/'`.
#[derive(Debug)]
pub struct Files {
    /// What is being written, which is not to be read.
    output: Option<PathBuf>,
    /// Stdin, unless it is not to be read.
    stdin: Option<Mutex<Option<Arc<dyn TableProvider>>>>,
    talk: Talk,
}

impl Files {
    pub fn new(output: Option<&Path>, stdin_is_free: bool, talk: Talk) -> Self {
        Self {
            output: output.map(Path::to_owned),
            stdin: stdin_is_free.then(Mutex::default),
            talk,
        }
    }

    fn find(
        &self,
        names: &[String],
        format: Option<InputFormat>,
    ) -> anyhow::Result<Arc<dyn TableProvider>> {
        let settings = self.settings();
        let outputs: Vec<&Path> = self.output.as_deref().into_iter().collect();
        let bounds = Bounds::default();
        let source = match Source::find(names, format, &outputs, &settings, bounds)? {
            Opened::Files(source) => source,
            Opened::Stdin => return self.stdin(),
            Opened::Pipe(path, format) => {
                let pipe = input::pipe_at(&path, format, &settings, bounds)?;
                return Ok(once(pipe, path.display().to_string()));
            }
        };
        Ok(match source.parquet() {
            Some(paths) => Arc::new(parquet(&paths, source.schema())?),
            None => Arc::new(Table {
                source,
                talk: self.talk,
            }),
        })
    }

    fn settings(&self) -> Settings {
        Settings {
            talk: self.talk,
            ..Settings::default()
        }
    }

    fn stdin(&self) -> anyhow::Result<Arc<dyn TableProvider>> {
        let stdin = self
            .stdin
            .as_ref()
            .context("`-` is stdin, and that is where the statements come from")?;
        let mut stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = stdin.as_ref() {
            return Ok(Arc::clone(table));
        }
        let pipe = input::stdin(None, &self.settings(), Bounds::default())?;
        let table = once(pipe, "stdin".into());
        *stdin = Some(Arc::clone(&table));
        Ok(table)
    }
}

#[async_trait]
impl UrlTableFactory for Files {
    async fn try_new(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        // A word may be meant as a table's name; a path or a pattern may not.
        let is_path = name == "-" || name.contains(['/', '\\', '.', '*', '?', '[']);
        if !is_path && !Path::new(name).exists() {
            return Ok(None);
        }
        self.find(&[name.to_owned()], None)
            .map(Some)
            .map_err(external)
    }
}

/// `CREATE EXTERNAL TABLE ... STORED AS BINARYFILE`.
#[derive(Debug)]
pub struct BinaryFiles(Arc<Files>);

impl BinaryFiles {
    pub fn new(files: Arc<Files>) -> Self {
        Self(files)
    }
}

#[async_trait]
impl TableProviderFactory for BinaryFiles {
    async fn create(
        &self,
        _state: &dyn Session,
        command: &CreateExternalTable,
    ) -> Result<Arc<dyn TableProvider>> {
        if !command.schema.fields().is_empty() || !command.options.is_empty() {
            return not_impl_err!(
                "{} is STORED AS BINARYFILE, which has columns of its own and no options",
                command.name
            );
        }
        self.0
            .find(&command.locations, Some(InputFormat::Binary))
            .map_err(external)
    }
}

/// Parquet is read by DataFusion, which skips what a query does not need.
fn parquet(paths: &[&Path], schema: &SchemaRef) -> anyhow::Result<ListingTable> {
    let urls = paths.iter().map(|path| {
        let path = std::path::absolute(path)?;
        let url = url::Url::from_file_path(&path)
            .map_err(|()| anyhow::anyhow!("{} cannot be named", path.display()))?;
        Ok(ListingTableUrl::try_new(url, None)?)
    });
    let config = ListingTableConfig::new_with_multi_paths(urls.collect::<anyhow::Result<_>>()?)
        // The files were found already, whatever their names.
        .with_listing_options(
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(""),
        )
        .with_schema(Arc::clone(schema));
    Ok(ListingTable::try_new(config)?)
}

/// Files that are read in order, several at a time.
#[derive(Debug)]
struct Table {
    source: Source,
    talk: Talk,
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.source.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = Wanted::new(&self.schema(), projection)?;
        let parts = self.source.deal(state.config().target_partitions());
        let parts = parts.into_iter().map(|source| {
            Arc::new(Part {
                source,
                schema: Arc::clone(&wanted.read),
                columns: wanted.columns.clone(),
                talk: self.talk,
            }) as Arc<dyn PartitionStream>
        });
        wanted.scan(parts.collect(), limit)
    }
}

/// The columns of a query: those to read, in the order of the input, and where the query wants them.
struct Wanted {
    columns: Vec<usize>,
    read: SchemaRef,
    order: Vec<usize>,
}

impl Wanted {
    fn new(schema: &SchemaRef, projection: Option<&Vec<usize>>) -> Result<Self> {
        let asked = projection.cloned();
        let asked = asked.unwrap_or_else(|| (0..schema.fields().len()).collect());
        let mut columns = asked.clone();
        columns.sort_unstable();
        columns.dedup();
        let order = asked
            .iter()
            .filter_map(|column| columns.binary_search(column).ok());
        Ok(Self {
            order: order.collect(),
            read: Arc::new(schema.project(&columns)?),
            columns,
        })
    }

    fn scan(
        &self,
        parts: Vec<Arc<dyn PartitionStream>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = StreamingTableExec::try_new(
            Arc::clone(&self.read),
            parts,
            Some(&self.order),
            None,
            false,
            limit,
        )?;
        Ok(Arc::new(plan))
    }
}

#[derive(Debug)]
struct Part {
    source: Source,
    schema: SchemaRef,
    columns: Vec<usize>,
    talk: Talk,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        stream(&self.schema, self.source.read(&self.columns), self.talk)
    }
}

/// A pipe as a table; `name` is what people know it by.
fn once(pipe: Pipe, name: String) -> Arc<dyn TableProvider> {
    Arc::new(Once {
        name,
        schema: Arc::clone(&pipe.schema),
        pipe: Arc::new(Mutex::new(Some(pipe))),
    })
}

/// What can be read once.
struct Once {
    name: String,
    schema: SchemaRef,
    pipe: Arc<Mutex<Option<Pipe>>>,
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pipe")
    }
}

#[async_trait]
impl TableProvider for Once {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = Wanted::new(&self.schema, projection)?;
        let part = Arc::new(OncePart {
            name: self.name.clone(),
            schema: Arc::clone(&wanted.read),
            columns: wanted.columns.clone(),
            pipe: Arc::clone(&self.pipe),
        });
        wanted.scan(vec![part], limit)
    }
}

struct OncePart {
    name: String,
    schema: SchemaRef,
    columns: Vec<usize>,
    pipe: Arc<Mutex<Option<Pipe>>>,
}

impl std::fmt::Debug for OncePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pipe")
    }
}

impl PartitionStream for OncePart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let pipe = self
            .pipe
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .with_context(|| format!("{} can be read once, and was", self.name));
        let chunks = pipe.and_then(|pipe| pipe.read(&self.columns));
        let chunks = chunks.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))));
        // Rows of a pipe are never unreadable one by one.
        stream(&self.schema, chunks, Talk::silent())
    }
}

/// Reads on a thread of its own, one batch ahead.
fn stream(schema: &SchemaRef, chunks: Chunks, talk: Talk) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStream::builder(Arc::clone(schema), 1);
    let sender = builder.tx();
    builder.spawn_blocking(move || {
        for chunk in chunks {
            let chunk = chunk.map_err(external);
            for (row, why) in chunk.iter().flat_map(|chunk| &chunk.unreadable) {
                if let Ok(chunk) = &chunk {
                    talk.warn(&format!("{}: {why}", chunk.row_name(*row)));
                }
            }
            let failed = chunk.is_err();
            let sent = sender.blocking_send(chunk.map(|chunk| chunk.batch));
            if failed || sent.is_err() {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

/// Whether a plan reads columns of bytes from tables.
pub fn holds_bytes(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let visited = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let mut fields = scan.projected_schema.fields().iter();
            found |= fields.any(|field| is_bytes(field.data_type()));
        }
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    found || visited.is_err()
}

fn is_bytes(ty: &DataType) -> bool {
    use DataType::*;
    match ty {
        Binary | LargeBinary | BinaryView => true,
        List(item) | LargeList(item) | FixedSizeList(item, _) => is_bytes(item.data_type()),
        Struct(fields) => fields.iter().any(|field| is_bytes(field.data_type())),
        _ => false,
    }
}

fn external(error: anyhow::Error) -> DataFusionError {
    DataFusionError::External(error.into())
}
