//! Functions that DataFusion's threads do not wait for.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TypeSignature,
};
use wudf_adapter::Udf;

use crate::WasmUdf;

/// A plugin's function as an asynchronous scalar function: see [`WasmUdf::asynchronous`].
#[derive(Debug)]
struct Waiting {
    function: WasmUdf,
    /// DataFusion does not ask asynchronous functions what arguments should become: any
    /// types pass here, and `coerce_types` is asked by us.
    signature: Signature,
}

impl WasmUdf {
    /// An opened function, under the name by which SQL calls it, whose batches run on
    /// wudf's threads while DataFusion's do something else: for models on devices. A query
    /// that is dropped cancels its batches. DataFusion runs such functions in projections
    /// and filters only.
    pub fn asynchronous(udf: Udf, name: impl Into<String>) -> ScalarUDF {
        let arguments = match udf.signature().is_variadic() {
            true => TypeSignature::VariadicAny,
            false => match udf.signature().arguments.len() {
                0 => TypeSignature::Nullary,
                some => TypeSignature::Any(some),
            },
        };
        let function = Self::declared(udf, name.into(), None, None);
        let volatility = function.signature().volatility;
        let function = Waiting {
            function,
            signature: Signature::new(arguments, volatility),
        };
        AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf()
    }
}

impl ScalarUDFImpl for Waiting {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.function.coerce_types(arguments)?;
        self.function.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types = arguments.arg_fields.iter().map(|f| f.data_type().clone());
        self.function.coerce_types(&types.collect::<Vec<_>>())?;
        self.function.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Waiting {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = self.function.call_batch_async(&args).await?;
        Ok(ColumnarValue::Array(values))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Waiting {}

impl Hash for Waiting {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}
