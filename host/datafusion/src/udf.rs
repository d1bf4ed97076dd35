//! A plugin's function as DataFusion calls it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::arrow::compute::{self, concat};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use wudf::cast;
use wudf_adapter::{Udf, recount};

use crate::{coerce, types};

/// The bytes that constants beside columns may come to, repeated for each row:
/// above, a batch is taken in parts.
const CONSTANTS: usize = 32 << 20;

/// A plugin's function as a scalar function of DataFusion.
#[derive(Debug)]
pub struct WasmUdf {
    name: String,
    aliases: Vec<String>,
    udf: Arc<Udf>,
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

    /// Calls the function for rows that begin with row `first` of a batch.
    fn call(
        &self,
        arguments: &[ArrayRef],
        rows: usize,
        first: usize,
        note: &str,
        returns: &DataType,
    ) -> Result<ArrayRef> {
        let values = self
            .udf
            .call(arguments, rows)
            .map_err(|error| external(recount(error, first, note)))?;
        if values.data_type() == returns {
            return Ok(values);
        }
        // Declared in SQL: another layout or a wider type, which loses nothing.
        let cast = cast::cast_rows(&values, returns).map_err(external)?;
        match cast.failures.into_iter().next() {
            None if cast.values.data_type() == returns => Ok(cast.values),
            // Names of items and what may be null are part of a schema's type.
            None => Ok(compute::cast(&cast.values, returns)?),
            Some((row, why)) => Err(external(
                wudf::Error::new(wudf::ErrorKind::InvalidOutput, why).in_row(first + row),
            )),
        }
    }

    /// Calls the function for a batch. Constants are repeated, but not beyond
    /// bounds: a part of the rows at a time.
    fn call_batch(
        &self,
        arguments: &[ColumnarValue],
        rows: usize,
        returns: &DataType,
    ) -> Result<ArrayRef> {
        let constants: usize = arguments
            .iter()
            .map(|argument| match argument {
                ColumnarValue::Scalar(value) => value.size(),
                ColumnarValue::Array(_) => 0,
            })
            .sum();
        let step = (CONSTANTS / constants.max(1)).clamp(1, rows.max(1));
        let note = format!("counted from 0 in a batch of {rows} rows");
        let part = |first: usize| {
            let length = step.min(rows - first);
            let arrays = arguments.iter().map(|argument| match argument {
                ColumnarValue::Array(array) => Ok(array.slice(first, length)),
                ColumnarValue::Scalar(value) => value.to_array_of_size(length),
            });
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            self.call(&arrays, length, first, &note, returns)
        };
        if step >= rows {
            return part(0);
        }
        let parts = (0..rows).step_by(step).map(part);
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        Ok(concat(&parts)?)
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
        let returns = args.return_field.data_type();
        let constant = |argument: &ColumnarValue| matches!(argument, ColumnarValue::Scalar(_));
        if args.number_rows > 0
            && self.signature.volatility != Volatility::Volatile
            && args.args.iter().all(constant)
        {
            let arrays = args.args.iter().map(|value| value.to_array(1));
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            let value = self.call(&arrays, 1, 0, "all arguments are constants", returns)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &value, 0,
            )?));
        }
        let values = self.call_batch(&args.args, args.number_rows, returns)?;
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

fn external(error: wudf::Error) -> DataFusionError {
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
