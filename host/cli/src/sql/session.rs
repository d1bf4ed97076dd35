//! The session: DataFusion with plugins' functions, and files as tables.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use datafusion::catalog::DynamicFileCatalog;
use datafusion::common::plan_err;
use datafusion::execution::context::SessionContext;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::{DdlStatement, LogicalPlan, ScalarUDFImpl as _};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use wudf::Stats;
use wudf_backends::catalogue;
use wudf_datafusion::{WasmFunctions, WasmUdf};

use super::errors::explain;
use super::tables::{BinaryFiles, Files, holds_bytes};
use crate::args::SqlArgs;
use crate::models;
use crate::output::Target;
use crate::talk::Talk;

/// The rows of a batch where values may be pictures, of which the default
/// number would be a gigabyte.
const ROWS_OF_BYTES: usize = 64;

pub struct Session {
    context: SessionContext,
}

/// What a statement results in.
pub struct Rows {
    pub stream: SendableRecordBatchStream,
    /// Whether it is a plan, whose lines are not to be cut short.
    pub is_plan: bool,
    /// Whether it says how many rows were written somewhere.
    pub is_count: bool,
}

impl Session {
    pub fn new(
        args: &SqlArgs,
        target: &Target,
        threads: usize,
        stdin_is_free: bool,
        talk: Talk,
    ) -> Result<Self> {
        let mut defaults = models::spec(
            "",
            None,
            &args.models,
            &args.assets,
            &args.limits,
            &args.registries,
        )?;
        // Partitions are what runs in parallel here.
        defaults.threads = Some(1);
        for (name, source) in &defaults.models {
            if models::is_untrained(&catalogue::parse(&format!("{name}={source}"))?) {
                talk.warn(&format!(
                    "{name} has untrained weights: its output means nothing"
                ));
            }
        }
        let functions = WasmFunctions::with_defaults(defaults).with_fetch(models::fetch(talk));

        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_target_partitions(threads);
        let options = config.options_mut();
        // Plugins take and files get the plain types.
        options.execution.parquet.schema_force_view_types = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        // So that pictures of rows that a filter leaves out are not read.
        options.execution.parquet.pushdown_filters = true;
        let files = Arc::new(Files::new(target.path(), stdin_is_free, talk));
        let binary = BinaryFiles::new(Arc::clone(&files));
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_function_factory(Some(Arc::new(functions)))
            .with_table_factory("BINARYFILE".to_owned(), Arc::new(binary))
            .build();
        let tables = DynamicFileCatalog::new(Arc::clone(state.catalog_list()), files);
        state.register_catalog_list(Arc::new(tables));
        Ok(Self {
            context: SessionContext::new_with_state(state),
        })
    }

    /// Runs one statement, or begins to: rows come as they are asked for.
    pub async fn run(&self, statement: Statement) -> Result<Option<Rows>> {
        self.begin(statement).await.map_err(explain)
    }

    async fn begin(&self, statement: Statement) -> datafusion::error::Result<Option<Rows>> {
        let plan = self.context.state().statement_to_plan(statement).await?;
        if let LogicalPlan::Ddl(DdlStatement::DropFunction(drop)) = &plan
            && !drop.if_exists
            && !self
                .context
                .state()
                .scalar_functions()
                .contains_key(&drop.name)
        {
            // DataFusion does not say which.
            return plan_err!("there is no function {}", drop.name);
        }
        let is_plan = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        let is_count = matches!(plan, LogicalPlan::Dml(_) | LogicalPlan::Copy(_));
        let frame = self.context.execute_logical_plan(plan).await?;
        let (mut state, plan) = frame.into_parts();
        if plan.schema().fields().is_empty() {
            return Ok(None);
        }
        let plan = state.optimize(&plan)?;
        if holds_bytes(&plan) {
            let config = state.config_mut();
            let rows = ROWS_OF_BYTES.min(config.batch_size());
            *config = config.clone().with_batch_size(rows);
        }
        let planner = Arc::clone(state.query_planner());
        let plan = planner.create_physical_plan(&plan, &state).await?;
        Ok(Some(Rows {
            stream: execute_stream(plan, state.task_ctx())?,
            is_plan,
            is_count,
        }))
    }

    /// The plugins' functions, as SQL would declare them.
    pub fn functions(&self) -> Vec<String> {
        let of = |function: &WasmUdf| (function.declaration().to_owned(), ());
        self.each(of).into_keys().collect()
    }

    /// What each of the plugins' functions has done.
    pub fn stats(&self) -> BTreeMap<String, Stats> {
        self.each(|function| {
            (
                function.name().to_owned(),
                function.udf().function().stats(),
            )
        })
    }

    /// Something of each of the plugins' functions, which DataFusion has under several names.
    fn each<T>(&self, of: impl Fn(&WasmUdf) -> (String, T)) -> BTreeMap<String, T> {
        let state = self.context.state();
        let functions = state.scalar_functions().values();
        let functions = functions.filter_map(|function| {
            let inner: &dyn Any = function.inner().as_ref();
            inner.downcast_ref::<WasmUdf>().map(&of)
        });
        functions.collect()
    }
}
