//! What a statement declares, held against what the plugin says of its function.

use arrow_schema::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{CreateFunction, Expr, Volatility};
use wudf_adapter::Udf;

use crate::body::Body;
use crate::{coerce, types, udf};

/// What stands behind `AS`.
#[derive(Clone, Copy, PartialEq)]
enum Language {
    /// A reference to a plugin.
    Wasm,
    /// Source.
    Python,
}

const LANGUAGES: &str = "functions here are LANGUAGE wasm or python";

/// What stands behind `AS`; checks the parts of the statement that need no plugin.
pub(crate) fn body(statement: &CreateFunction) -> Result<Body> {
    let name = &statement.name;
    let language = match &statement.params.language {
        Some(language) if language.value.eq_ignore_ascii_case("wasm") => Language::Wasm,
        Some(language) if language.value.eq_ignore_ascii_case("python") => Language::Python,
        Some(language) => return plan_err!("{name} is in LANGUAGE {language}; {LANGUAGES}"),
        None => return plan_err!("{name} has no LANGUAGE; {LANGUAGES}"),
    };
    let arguments = statement.args.iter().flatten();
    if arguments
        .clone()
        .any(|argument| argument.default_expr.is_some())
    {
        return plan_err!("{name} declares a DEFAULT; functions here have none");
    }
    let text = match &statement.params.function_body {
        Some(Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        )) => text,
        _ if language == Language::Python => return plan_err!("{name} needs AS $$ source $$"),
        _ => return plan_err!("{name} needs AS 'PLUGIN[:FUNCTION][?name=value&...]'"),
    };
    match language {
        Language::Python => Ok(Body::python(name, text, statement.return_type.as_ref())),
        Language::Wasm => Body::parse(text).map_err(udf::external),
    }
}

/// Checks the declared arguments. `NAME()` declares none, and takes those of the
/// plugin: SQL has no words for some types.
pub(crate) fn check_arguments(
    statement: &CreateFunction,
    plugin: &str,
    signature: &wudf::Signature,
) -> Result<()> {
    let declared: Vec<&DataType> = statement
        .args
        .iter()
        .flatten()
        .map(|argument| &argument.data_type)
        .collect();
    let wanted = &signature.arguments;
    if declared.is_empty() {
        return Ok(());
    }
    let fits = declared.len() == wanted.len()
        && declared
            .iter()
            .zip(wanted)
            .all(|(declared, wanted)| wudf::cast::can_cast(declared, wanted.data_type()));
    if fits {
        return Ok(());
    }
    plan_err!(
        "{plugin}:{} takes ({}), which is not what {}({}) declares",
        signature.name,
        types::columns(wanted),
        statement.name,
        types::list(declared)
    )
}

/// Checks what is declared of the results.
pub(crate) fn check_returns(statement: &CreateFunction, plugin: &str, udf: &Udf) -> Result<()> {
    let function = &udf.signature().name;
    let returns = udf.returns();
    if let Some(declared) = &statement.return_type
        && !coerce::result(returns.data_type(), declared)
    {
        return plan_err!(
            "{plugin}:{function} returns {}, which does not become the {} that {} declares",
            types::sql_type(returns.data_type()),
            types::sql_type(declared),
            statement.name
        );
    }
    let own = udf::volatility_of(udf.signature());
    if let Some(declared) = statement.params.behavior
        && promises(declared) > promises(own)
    {
        return plan_err!(
            "{plugin}:{function} is {}, and cannot be declared {}",
            spelt(own),
            spelt(declared)
        );
    }
    Ok(())
}

/// How much a volatility promises.
fn promises(volatility: Volatility) -> u8 {
    match volatility {
        Volatility::Volatile => 0,
        Volatility::Stable => 1,
        Volatility::Immutable => 2,
    }
}

fn spelt(volatility: Volatility) -> &'static str {
    match volatility {
        Volatility::Volatile => "VOLATILE",
        Volatility::Stable => "STABLE",
        Volatility::Immutable => "IMMUTABLE",
    }
}
