//! An opened function, and what becomes of the rows that fail.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use wudf::{
    Argument, CallOptions, Error, ErrorKind, Failure, FailureBudget, Function, MaxFailures, Output,
    Result, Signature,
};

use wudf_registry::Reference;

use crate::OnError;

/// A function with its options, models and policy: ready for an engine's
/// columns, from any number of threads. Clones are the same function.
#[derive(Clone, Debug)]
pub struct Udf {
    function: Function,
    on_error: OnError,
    budget: Option<FailureBudget>,
    reference: Option<Reference>,
}

impl Udf {
    pub(crate) fn new(function: Function, on_error: OnError, reference: Option<Reference>) -> Self {
        Self {
            function,
            on_error,
            budget: None,
            reference,
        }
    }

    /// The same function, of which so many rows may fail from now on. Clones, and what is
    /// bound from it, are counted together.
    pub(crate) fn with_max_failures(mut self, most: Option<MaxFailures>) -> Self {
        self.budget = most.map(FailureBudget::new);
        self
    }

    /// What the plugin is in its registry, by digest; `None` when it comes from
    /// none.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// The function below, which knows failures and no policy. Who calls it directly does
    /// so [under](Self::under) the options that calls of this one have.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The function below alone.
    pub fn into_function(self) -> Function {
        self.function
    }

    /// The function's signature under its options. What the policy makes of
    /// the result is in [`returns`](Self::returns).
    pub fn signature(&self) -> &Signature {
        self.function.signature()
    }

    /// What a failed row does.
    pub fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The column that a call gives: named after the function, nullable.
    pub fn returns(&self) -> Field {
        let field = &self.signature().returns;
        match self.on_error {
            OnError::Raise | OnError::Null => field.clone(),
            OnError::Record => Field::new_struct(field.name(), record(field), false),
        }
    }

    /// The same function for columns of these types, if types decide what it
    /// returns; otherwise itself.
    ///
    /// # Errors
    /// As [`Function::bind`].
    pub fn bind(&self, types: &[DataType]) -> Result<Self> {
        let signature = self.signature();
        if !signature.is_generic() {
            return Ok(self.clone());
        }
        let last = signature.arguments.len().saturating_sub(1);
        let arguments = types.iter().enumerate().map(|(at, ty)| {
            let name = signature.arguments.get(at.min(last));
            let name = name.map_or("", |field| field.name());
            Argument::column(Field::new(name, ty.clone(), true))
        });
        self.bind_arguments(&arguments.collect::<Vec<_>>())
    }

    /// The same function with arguments bound: types, and values that are the same in all
    /// rows, which calls then leave out.
    ///
    /// # Errors
    /// As [`Function::bind`].
    pub fn bind_arguments(&self, arguments: &[Argument]) -> Result<Self> {
        Ok(Self {
            function: self.function.bind(arguments)?,
            on_error: self.on_error,
            budget: self.budget.clone(),
            reference: self.reference.clone(),
        })
    }

    /// Computes a value for each of `rows` rows. The arguments may be of any
    /// type that [`wudf::cast`] casts to the declared one.
    ///
    /// # Errors
    /// As [`Function::evaluate`]; under [`OnError::Raise`] also for the first row
    /// that failed.
    pub fn call(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        self.call_with(arguments, rows, &CallOptions::default())
    }

    /// As [`call`](Self::call), under options of this call alone.
    ///
    /// # Errors
    /// As [`call`](Self::call), [`ErrorKind::Cancelled`], and
    /// [`ErrorKind::TooManyFailures`] in this call and all later ones once more rows have
    /// failed than [`Spec::max_failures`](crate::Spec::max_failures) allows.
    pub fn call_with(
        &self,
        arguments: &[ArrayRef],
        rows: usize,
        options: &CallOptions,
    ) -> Result<ArrayRef> {
        self.settle(self.evaluate_with(arguments, rows, options)?)
    }

    /// As [`call_with`](Self::call_with), on wudf's threads: see
    /// [`Function::evaluate_async`].
    ///
    /// # Errors
    /// As [`call_with`](Self::call_with).
    pub async fn call_async(
        &self,
        arguments: Vec<ArrayRef>,
        rows: usize,
        options: CallOptions,
    ) -> Result<ArrayRef> {
        let options = self.under(options);
        let output = self.function.evaluate_async(arguments, rows, options);
        self.settle(output.await?)
    }

    /// Values and failures, whatever the policy says.
    ///
    /// # Errors
    /// As [`Function::evaluate_with`].
    pub fn evaluate_with(
        &self,
        arguments: &[ArrayRef],
        rows: usize,
        options: &CallOptions,
    ) -> Result<Output> {
        let options = self.under(options.clone());
        match arguments {
            [] => self.function.evaluate_rows_with(rows, &options),
            arguments => self.function.evaluate_with(arguments, &options),
        }
    }

    /// These options, and that failures are counted if there is a bound on them.
    pub fn under(&self, options: CallOptions) -> CallOptions {
        match &self.budget {
            Some(budget) => options.max_failures(budget.clone()),
            None => options,
        }
    }

    /// What the policy makes of a call's values and failures.
    ///
    /// # Errors
    /// Under [`OnError::Raise`], for the first row that failed; under [`OnError::Null`],
    /// for the first that was [not tried](ErrorKind::NotTried).
    pub fn settle(&self, output: Output) -> Result<ArrayRef> {
        match self.on_error {
            // Rows that might well have a value are no nulls.
            OnError::Null => match not_tried(&output) {
                Some(first) => Err(self.error(first)),
                None => Ok(output.values),
            },
            OnError::Raise => match output.failures.into_iter().next() {
                None => Ok(output.values),
                Some(failure) => Err(self.error(&failure)),
            },
            OnError::Record => {
                let mut messages = vec![None; output.values.len()];
                for failure in &output.failures {
                    messages[failure.row] = Some(failure.message.as_str());
                }
                let errors: ArrayRef = Arc::new(StringArray::from(messages));
                // Of the values' own type, which arguments may have decided.
                let ty = output.values.data_type().clone();
                let fields = record(&self.signature().returns.clone().with_data_type(ty));
                Ok(Arc::new(StructArray::new(
                    fields,
                    vec![output.values, errors],
                    None,
                )))
            }
        }
    }

    /// A row's failure as the call's error.
    fn error(&self, failure: &Failure) -> Error {
        Error::new(failure.kind, failure.message.clone())
            .in_row(failure.row)
            .in_plugin(self.function.plugin().name())
            .in_function(&self.signature().name)
    }
}

/// The first row that was left out for want of time.
fn not_tried(output: &Output) -> Option<&Failure> {
    let mut failures = output.failures.iter();
    failures.find(|failure| failure.kind == ErrorKind::NotTried)
}

/// The error with its row counted from elsewhere: `first` rows came before
/// those of the call, and `note` says for people where counting begins.
pub fn recount(error: Error, first: usize, note: &str) -> Error {
    let Some(row) = error.row() else {
        return error;
    };
    let mut moved = Error::new(error.kind(), format!("{} ({note})", error.message()));
    if let Some(plugin) = error.plugin() {
        moved = moved.in_plugin(plugin);
    }
    if let Some(function) = error.function() {
        moved = moved.in_function(function);
    }
    moved.in_row(first + row)
}

fn record(field: &Field) -> Fields {
    Fields::from(vec![
        field.clone().with_name("value").with_nullable(true),
        Field::new("error", DataType::Utf8, true),
    ])
}
