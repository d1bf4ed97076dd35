//! The text behind `AS`: a reference to a plugin with parameters, or Python source.

use std::path::{Path, PathBuf};

use arrow_schema::DataType;
use percent_encoding::percent_decode_str;
use wudf::{Error, ErrorKind, MaxFailures, Result};
use wudf_adapter::OnError;

/// The names that mean the same for every function; all others are the function's
/// options.
pub(crate) const NAMES: &str = "on_error, max_failures, digest, model.NAME and asset.NAME";

/// `PLUGIN[:FUNCTION][?name=value&name=value]`, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Body {
    pub reference: String,
    pub on_error: Option<OnError>,
    pub max_failures: Option<MaxFailures>,
    pub digest: Option<String>,
    pub models: Vec<(String, String)>,
    pub assets: Vec<(String, PathBuf)>,
    pub options: Vec<(String, String)>,
}

impl Body {
    /// A function of Python source that has the statement's name. What the statement
    /// says of the result settles what its annotation leaves open.
    pub fn python(name: &str, source: &str, returns: Option<&DataType>) -> Self {
        let mut options = vec![("source".to_owned(), source.to_owned())];
        let width = returns.and_then(width);
        options.extend(width.map(|width| ("returns".to_owned(), width)));
        Self {
            reference: format!("python:{name}"),
            options,
            ..Self::default()
        }
    }

    pub fn parse(text: &str) -> Result<Self> {
        // A file may have a question mark in its name.
        let (reference, query) = match text.split_once('?') {
            Some((reference, query)) if !Path::new(text).exists() => (reference, query),
            _ => (text, ""),
        };
        if reference.is_empty() {
            return Err(invalid(
                "AS '' names no plugin: expected 'PLUGIN[:FUNCTION][?name=value&...]'".into(),
            ));
        }
        let mut body = Self {
            reference: reference.to_owned(),
            ..Self::default()
        };
        let mut seen: Vec<String> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(invalid(format!(
                    "`{pair}` after the question mark is not name=value"
                )));
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if seen.contains(&name) {
                return Err(invalid(format!("{name} is given twice")));
            }
            seen.push(name.clone());
            match name.as_str() {
                "on_error" => body.on_error = Some(value.parse()?),
                "max_failures" => body.max_failures = Some(value.parse()?),
                "digest" => body.digest = Some(value),
                _ => match name.split_once('.') {
                    Some(("model", model)) if !model.is_empty() => {
                        body.models.push((model.to_owned(), value));
                    }
                    Some(("asset", asset)) if !asset.is_empty() => {
                        body.assets.push((asset.to_owned(), value.into()));
                    }
                    _ => body.options.push((name, value)),
                },
            }
        }
        Ok(body)
    }
}

/// What the plugin `python` calls a number of this width; none for what is no number.
fn width(ty: &DataType) -> Option<String> {
    let name = match ty {
        DataType::Int8 => "int8",
        DataType::Int16 => "int16",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt8 => "uint8",
        DataType::UInt16 => "uint16",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float32 => "float32",
        DataType::Float64 => "float64",
        DataType::Decimal128(precision, scale) => {
            return Some(format!("decimal({precision},{scale})"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    match decoded {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(invalid(format!("`{text}` is not UTF-8 once it is decoded"))),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOptions, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_apart() {
        let body = Body::parse(
            "./a.wasm:f?layer=logits&mean=%5B0.5%2C1%5D&on_error=null&max_failures=2%25&model.resnet50=r%26d.onnx,batch=8&asset.words=a.b.txt&label=a=b",
        )
        .unwrap();
        assert_eq!(body.reference, "./a.wasm:f");
        assert_eq!(body.on_error, Some(OnError::Null));
        assert_eq!(body.max_failures, Some(MaxFailures::Percent(2.0)));
        assert_eq!(
            body.models,
            [("resnet50".into(), "r&d.onnx,batch=8".into())]
        );
        assert_eq!(body.assets, [("words".into(), "a.b.txt".into())]);
        assert_eq!(
            body.options,
            [
                ("layer".into(), "logits".into()),
                ("mean".into(), "[0.5,1]".into()),
                ("label".into(), "a=b".into())
            ]
        );
        assert_eq!(Body::parse("kit:f?").unwrap().options, []);
    }

    #[test]
    fn python_is_taken_as_it_is() {
        let source = "def f(x: str) -> int:\n    return len(x) % 7\n";
        let body = Body::python("f", source, Some(&DataType::Int32));
        assert_eq!(body.reference, "python:f");
        assert_eq!(
            body.options,
            [
                ("source".into(), source.into()),
                ("returns".into(), "int32".into())
            ]
        );
        let decimal = Body::python("f", "", Some(&DataType::Decimal128(10, 2)));
        assert_eq!(decimal.options[1].1, "decimal(10,2)");
        assert_eq!(
            Body::python("f", "", Some(&DataType::Utf8)).options.len(),
            1
        );
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let refuse = |text| Body::parse(text).unwrap_err().to_string();
        assert!(refuse("?a=1").contains("names no plugin"));
        assert!(refuse("kit:f?layer").contains("is not name=value"));
        assert_eq!(refuse("kit:f?a=1&a=2"), "a is given twice");
        assert!(refuse("kit:f?on_error=ignore").contains("raise, null or record"));
        assert!(refuse("kit:f?max_failures=some").contains("as 100 or 2.5%"));
        assert!(refuse("kit:f?a=%ff").contains("not UTF-8"));
    }
}
