//! The text in the quotes of `AS '...'`.

use std::path::{Path, PathBuf};

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
