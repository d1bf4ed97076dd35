//! The rows of a run that fail: how many may, and a table of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use wudf::{Error, ErrorKind, FailureBudget, MaxFailures};

use crate::input::{Chunk, Origin};
use crate::output::{Output, Target};

/// Why a row has no value.
#[derive(Clone, Debug)]
pub struct Failed {
    /// A word for programs, as the contract has them.
    pub code: String,
    pub message: String,
}

/// A row failed, and was not allowed to.
#[derive(Debug)]
pub struct RowFailed {
    pub row: String,
    pub why: String,
}

impl fmt::Display for RowFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row, self.why)
    }
}

impl std::error::Error for RowFailed {}

/// Whether it is failed rows that stopped a run.
pub fn stopped(error: &anyhow::Error) -> bool {
    error.is::<RowFailed>() || are_too_many(error)
}

/// Whether more rows failed than may.
pub fn are_too_many(error: &anyhow::Error) -> bool {
    let own: Option<&Error> = error.downcast_ref();
    own.is_some_and(|error| error.kind() == ErrorKind::TooManyFailures)
}

/// What hears of all rows that fail.
#[derive(Default)]
pub struct Failures {
    budget: Option<FailureBudget>,
    table: Option<Output>,
}

impl Failures {
    /// Lets so many rows fail, and begins their table.
    pub fn new(most: Option<MaxFailures>, table: Option<&Target>) -> Result<Self> {
        Ok(Self {
            budget: most.map(FailureBudget::new),
            table: table.map(|table| table.create(&schema())).transpose()?,
        })
    }

    /// Hears of rows, and which of them failed.
    pub fn hear(&mut self, rows: &Chunk, failed: &BTreeMap<usize, Failed>) -> Result<()> {
        if let Some(table) = &mut self.table
            && !failed.is_empty()
        {
            table.write(&describe(rows, failed)?)?;
        }
        if let Some(budget) = &self.budget {
            let messages = failed.values().map(|failed| failed.message.as_str());
            budget.count(rows.batch.num_rows() as u64, messages);
        }
        Ok(())
    }

    /// Fails when too many rows did.
    pub fn check(&self) -> Result<()> {
        match &self.budget {
            Some(budget) => Ok(budget.check()?),
            None => Ok(()),
        }
    }

    /// The same for a run that is over, however few rows it had.
    pub fn settle(&self) -> Result<()> {
        match &self.budget {
            Some(budget) => Ok(budget.settle()?),
            None => Ok(()),
        }
    }

    /// Completes the table.
    pub fn finish(self) -> Result<()> {
        self.table.map_or(Ok(()), Output::finish)
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![
        text("path"),
        // None where the file is the row.
        Field::new("row", DataType::Int64, true),
        text("code"),
        text("message"),
    ]))
}

fn describe(rows: &Chunk, failed: &BTreeMap<usize, Failed>) -> Result<RecordBatch> {
    let paths: StringArray = match &rows.origin {
        Origin::Files(paths) => failed.keys().map(|&row| Some(paths.value(row))).collect(),
        Origin::Table { name, .. } => failed.keys().map(|_| Some(name)).collect(),
    };
    let numbers: Int64Array = match &rows.origin {
        Origin::Files(_) => failed.keys().map(|_| None).collect(),
        // As messages count them.
        Origin::Table { first_row, .. } => failed
            .keys()
            .map(|&row| i64::try_from(first_row + row as u64 + 1).ok())
            .collect(),
    };
    let codes = StringArray::from_iter_values(failed.values().map(|failed| &failed.code));
    let messages = StringArray::from_iter_values(failed.values().map(|failed| &failed.message));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(paths),
        Arc::new(numbers),
        Arc::new(codes),
        Arc::new(messages),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
