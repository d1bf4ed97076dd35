//! Statements one after the other, and where their results go.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use arrow_cast::pretty::pretty_format_batches;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as Ast;
use futures::StreamExt as _;

use super::errors::explain;
use super::session::{Rows, Session};
use crate::output::{self, Target};
use crate::progress;
use crate::talk::Talk;

/// The rows that a table shows. It is laid out in memory, and read by people.
const TABLE_ROWS: usize = 1_000;

/// Statements that were read.
pub struct Statements(Vec<Statement>);

impl Statements {
    /// Reads all statements, so that one that makes no sense stops the run
    /// before it begins.
    pub fn parse(text: &str) -> Result<Self> {
        let statements = DFParser::parse_sql(text).map_err(explain)?;
        Ok(Self(statements.into()))
    }

    /// Checks that the results have a place.
    pub fn check(&self, target: &Target) -> Result<()> {
        let results = self
            .0
            .iter()
            .filter(|statement| has_rows(statement))
            .count();
        if self.0.is_empty() {
            bail!("there are no statements");
        }
        match target.path() {
            _ if results > 1 && !target.is_table() => bail!(
                "{results} of the statements have a result, and {} holds one",
                target
                    .path()
                    .map_or("stdout".into(), |path| path.display().to_string())
            ),
            Some(path) if results != 1 => bail!(
                "{} is to hold one result, and {results} of the statements have one",
                path.display()
            ),
            _ => Ok(()),
        }
    }

    /// Runs them in turn; the first that fails is the last.
    pub async fn run(self, session: Arc<Session>, target: Arc<Target>, talk: Talk) -> Result<()> {
        for statement in self.0 {
            let began = Instant::now();
            let Some(rows) = session.run(statement).await? else {
                continue;
            };
            let written = if rows.is_count {
                count(rows).await?
            } else {
                write(rows, &target).await?
            };
            talk.say(&written.describe(&target, began));
        }
        Ok(())
    }
}

/// How a result ended.
struct Written {
    rows: u64,
    /// Whether there are more than a table shows.
    cut: bool,
    /// Whether the statement itself wrote them somewhere.
    elsewhere: bool,
}

impl Written {
    fn describe(&self, target: &Target, began: Instant) -> String {
        let noun = if self.rows == 1 { "row" } else { "rows" };
        let mut line = format!(
            "{} {noun}, {}",
            indicatif::HumanCount(self.rows),
            progress::seconds(began.elapsed())
        );
        if self.elsewhere {
            line.push_str(", written");
        } else if let Some(path) = target.path() {
            line.push_str(&format!(" -> {}", path.display()));
        } else if self.cut {
            line.push_str("; there are more: -o FILE writes them all");
        }
        line
    }
}

/// Writes a result as it comes.
async fn write(mut rows: Rows, target: &Target) -> Result<Written> {
    let schema = rows.stream.schema();
    let most = if target.is_table() {
        TABLE_ROWS
    } else {
        usize::MAX
    };
    if rows.is_plan && target.is_table() && target.is_stdout() {
        return print_plan(rows).await;
    }
    let mut output = target.create(&schema)?;
    let mut written = 0;
    let mut cut = false;
    while let Some(batch) = rows.stream.next().await {
        let batch = batch.map_err(explain)?;
        cut = batch.num_rows() > most - written;
        let batch = batch.slice(0, batch.num_rows().min(most - written));
        written += batch.num_rows();
        // Batches may promise less about nulls than the result does.
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
        if batch.num_rows() > 0 {
            output.write(&batch)?;
        }
        if cut {
            break;
        }
    }
    // What still computes stops before the output is complete.
    drop(rows);
    output.finish()?;
    Ok(Written {
        rows: written as u64,
        cut,
        elsewhere: false,
    })
}

/// Plans are texts of many lines, which a table would cut short.
async fn print_plan(mut rows: Rows) -> Result<Written> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.stream.next().await {
        batches.push(batch.map_err(explain)?);
    }
    output::print(&format!("{}\n", pretty_format_batches(&batches)?))?;
    Ok(Written {
        rows: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        cut: false,
        elsewhere: false,
    })
}

/// Runs a statement that writes by itself, and says how many rows it wrote.
async fn count(mut rows: Rows) -> Result<Written> {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::UInt64Type;

    let mut written = 0;
    while let Some(batch) = rows.stream.next().await {
        let batch = batch.map_err(explain)?;
        let counts = batch
            .column(0)
            .as_primitive_opt::<UInt64Type>()
            .context("what was written was not counted")?;
        written += counts.values().iter().sum::<u64>();
    }
    Ok(Written {
        rows: written,
        cut: false,
        elsewhere: true,
    })
}

/// Whether a statement has a result.
fn has_rows(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => matches!(
            statement.as_ref(),
            Ast::Query(_)
                | Ast::Explain { .. }
                | Ast::ExplainTable { .. }
                | Ast::ShowTables { .. }
                | Ast::ShowColumns { .. }
                | Ast::ShowFunctions { .. }
                | Ast::ShowVariable { .. }
                | Ast::ShowCreate { .. }
                | Ast::ShowDatabases { .. }
                | Ast::ShowSchemas { .. }
                | Ast::Execute { .. }
        ),
        Statement::Explain(_) => true,
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}
