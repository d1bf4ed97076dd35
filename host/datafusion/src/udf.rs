//! A plugin's function as DataFusion calls it.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::arrow::compute;
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use wudf::{CallOptions, cast};
use wudf_adapter::{Udf, recount};

use crate::bound::Bound;
use crate::{Cancellation, coerce, types};

/// A plugin's function as a scalar function of DataFusion.
#[derive(Debug)]
pub struct WasmUdf {
    name: String,
    aliases: Vec<String>,
    udf: Arc<Udf>,
    /// The function with constants bound, of earlier batches.
    bound: Arc<Bound>,
    signature: Signature,
    returns: FieldRef,
    /// Whether SQL declares the result.
    returns_declared: bool,
    documentation: Documentation,
}

impl WasmUdf {
    /// An opened function, under the name by which SQL calls it.
    #[expect(
        clippy::new_ret_no_self,
        reason = "what DataFusion registers is a ScalarUDF"
    )]
    pub fn new(udf: Udf, name: impl Into<String>) -> ScalarUDF {
        ScalarUDF::from(Self::declared(udf, name.into(), None, None))
    }

    /// An opened function that was declared in SQL: with a type for its
    /// results, which they are cast to, and a volatility.
    pub(crate) fn declared(
        udf: Udf,
        name: String,
        returns: Option<DataType>,
        volatility: Option<Volatility>,
    ) -> Self {
        // DataFusion looks up names that are not quoted in small letters, but
        // creates functions as they are spelt.
        let lower = name.to_ascii_lowercase();
        let aliases = if lower == name { vec![] } else { vec![lower] };
        let field = udf.returns().with_name(&name);
        let returns_declared = returns.is_some();
        let returns = match returns {
            // Nullable within, as casting leaves it.
            Some(ty) => field.with_data_type(cast::nullable(&ty)),
            None => field,
        };
        let documentation = document(&udf, &name, &returns);
        Self {
            aliases,
            signature: Signature::user_defined(
                volatility.unwrap_or_else(|| volatility_of(udf.signature())),
            ),
            returns: Arc::new(returns),
            returns_declared,
            documentation,
            udf: Arc::new(udf),
            bound: Arc::default(),
            name,
        }
    }

    /// The function below.
    pub fn udf(&self) -> &Udf {
        &self.udf
    }

    /// What SQL would declare: `embed(image BYTEA) RETURNS FLOAT[]`.
    pub fn declaration(&self) -> &str {
        &self.documentation.syntax_example
    }

    /// Whether the types of arguments decide what it returns.
    fn decided_by_arguments(&self) -> bool {
        !self.returns_declared && self.udf.signature().is_generic()
    }

    /// Calls the function, whose constants may be bound, for the rows of a batch; `note`
    /// says where an error's row is counted from.
    fn call(
        &self,
        udf: &Udf,
        arguments: &[ArrayRef],
        rows: usize,
        note: &str,
        args: &ScalarFunctionArgs,
    ) -> Result<ArrayRef> {
        let values = udf
            .call_with(arguments, rows, &options(args))
            .map_err(|error| external(recount(error, 0, note)))?;
        returned(values, args.return_field.data_type())
    }

    /// As [`call_batch`](Self::call_batch), on wudf's threads.
    pub(crate) async fn call_batch_async(&self, args: &ScalarFunctionArgs) -> Result<ArrayRef> {
        let rows = args.number_rows;
        let note = format!("counted from 0 in a batch of {rows} rows");
        let (udf, columns) = self.with_constants(args)?;
        let values = udf
            .call_async(columns, rows, options(args))
            .await
            .map_err(|error| external(recount(error, 0, &note)))?;
        returned(values, args.return_field.data_type())
    }

    /// Calls the function for a batch. Constants are bound: the plugin learns them once,
    /// and they are not repeated for each row.
    fn call_batch(&self, args: &ScalarFunctionArgs) -> Result<ArrayRef> {
        let rows = args.number_rows;
        let note = format!("counted from 0 in a batch of {rows} rows");
        let (udf, columns) = self.with_constants(args)?;
        self.call(&udf, &columns, rows, &note, args)
    }

    /// The function with what is constant bound, and the columns for it.
    fn with_constants(&self, args: &ScalarFunctionArgs) -> Result<(Cow<'_, Udf>, Vec<ArrayRef>)> {
        let columns = args.args.iter().filter_map(|argument| match argument {
            ColumnarValue::Array(array) => Some(Arc::clone(array)),
            ColumnarValue::Scalar(_) => None,
        });
        let columns: Vec<_> = columns.collect();
        let udf = match columns.len() == args.args.len() {
            true => Cow::Borrowed(self.udf.as_ref()),
            false => Cow::Owned(self.bound.to(&self.udf, &args.args)?),
        };
        Ok((udf, columns))
    }
}

/// What holds for the calls of a query.
fn options(args: &ScalarFunctionArgs) -> CallOptions {
    match args.config_options.extensions.get::<Cancellation>() {
        Some(cancellation) => CallOptions::new().cancel(cancellation.token().clone()),
        None => CallOptions::new(),
    }
}

/// Results as the type that SQL has for them: another layout or a wider type, which loses
/// nothing.
fn returned(values: ArrayRef, returns: &DataType) -> Result<ArrayRef> {
    if values.data_type() == returns {
        return Ok(values);
    }
    let cast = cast::cast_rows(&values, returns).map_err(external)?;
    match cast.failures.into_iter().next() {
        None if cast.values.data_type() == returns => Ok(cast.values),
        // Names of items and what may be null are part of a schema's type.
        None => Ok(compute::cast(&cast.values, returns)?),
        Some((row, why)) => Err(external(
            wudf::Error::new(wudf::ErrorKind::InvalidOutput, why).in_row(row),
        )),
    }
}

impl ScalarUDFImpl for WasmUdf {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if !self.decided_by_arguments() {
            return Ok(self.returns.data_type().clone());
        }
        let bound = self.udf.bind(arguments).map_err(external)?;
        Ok(bound.returns().data_type().clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if !self.decided_by_arguments() {
            return Ok(Arc::clone(&self.returns));
        }
        let types = arguments.arg_fields.iter().map(|f| f.data_type().clone());
        let ty = self.return_type(&types.collect::<Vec<_>>())?;
        Ok(Arc::new(self.returns.as_ref().clone().with_data_type(ty)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let signature = self.udf.signature();
        let wanted = &signature.arguments;
        let all = (0..types.len()).map_while(|i| signature.argument(i));
        let coerced = types
            .iter()
            .zip(all)
            .map(|(from, to)| coerce::argument(from, to.data_type()));
        match coerced.collect::<Option<Vec<_>>>() {
            Some(coerced) if signature.takes(types.len()) => Ok(coerced),
            _ => plan_err!(
                "{} takes ({}), not ({})",
                self.name,
                types::columns(wanted),
                types::list(types)
            ),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = |argument: &ColumnarValue| matches!(argument, ColumnarValue::Scalar(_));
        if args.number_rows > 0
            && self.signature.volatility != Volatility::Volatile
            && args.args.iter().all(constant)
        {
            let arrays = args.args.iter().map(|value| value.to_array(1));
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            let note = "all arguments are constants";
            let value = self.call(&self.udf, &arrays, 1, note, &args)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &value, 0,
            )?));
        }
        let values = self.call_batch(&args)?;
        Ok(ColumnarValue::Array(values))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for WasmUdf {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.returns == other.returns
            && self.signature == other.signature
            && Arc::ptr_eq(&self.udf, &other.udf)
    }
}

impl Eq for WasmUdf {}

impl Hash for WasmUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        Arc::as_ptr(&self.udf).hash(state);
    }
}

pub(crate) fn external(error: wudf::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(crate) fn volatility_of(signature: &wudf::Signature) -> Volatility {
    match signature.volatility {
        wudf::Volatility::Immutable => Volatility::Immutable,
        wudf::Volatility::Stable => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

fn document(udf: &Udf, name: &str, returns: &Field) -> Documentation {
    const WASM: DocSection = DocSection {
        include: false,
        label: "Wasm functions",
        description: None,
    };
    let signature = udf.signature();
    let syntax = format!(
        "{name}({}) RETURNS {}",
        types::columns(&signature.arguments),
        types::sql_type(returns.data_type())
    );
    Documentation::builder(WASM, signature.doc.as_str(), syntax).build()
}
