//! The names of a model's classes.

use serde_json::Value;

/// Names by class.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<String>);

impl Labels {
    /// Of a text with one name a line, or of JSON: a list of names, or an object whose `id2label` (or which itself) has a name
    /// for each number, as a `config.json` of transformers.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.starts_with(['[', '{']) {
            return Ok(Self(
                text.lines().map(|line| line.trim().to_owned()).collect(),
            ));
        }
        let json: Value = serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))?;
        let name = |value: &Value| value.as_str().map(str::to_owned);
        let names: Option<Vec<String>> = match &json {
            Value::Array(names) => names.iter().map(name).collect(),
            json => json
                .get("id2label")
                .unwrap_or(json)
                .as_object()
                .and_then(|names| {
                    let number = |at: usize| names.get(&at.to_string());
                    (0..names.len()).map(|at| name(number(at)?)).collect()
                }),
        };
        names
            .map(Self)
            .ok_or_else(|| "expected a list of names, or names by number from 0".to_owned())
    }

    /// The name of a class; none where there is none of this number.
    pub fn name(&self, class: usize) -> Option<&str> {
        self.0.get(class).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let cat_and_dog = Labels(vec!["cat".to_owned(), "dog".to_owned()]);
        for text in [
            "cat\ndog\n",
            "cat\r\ndog",
            r#"["cat", "dog"]"#,
            r#"{"0": "cat", "1": "dog"}"#,
            r#"{"architectures": ["ResNet"], "id2label": {"1": "dog", "0": "cat"}}"#,
        ] {
            assert_eq!(Labels::parse(text).as_ref(), Ok(&cat_and_dog), "{text}");
        }
        assert_eq!(cat_and_dog.name(1), Some("dog"));
        assert_eq!(cat_and_dog.name(2), None);
        for text in ["[1]", "{", r#"{"cat": "0"}"#, r#"{"1": "dog"}"#] {
            Labels::parse(text).expect_err(text);
        }
    }
}
