//! Options through the derives, in JSON and back.

use proptest::prelude::*;
use serde_json::json;

use super::{parse, schema};
use crate::{Enum, OptionValue, UdfOptions};

#[derive(Clone, Copy, Debug, PartialEq, Enum)]
enum Way {
    Nearest,
    TwoLinear,
    #[value(name = "other")]
    Third,
}

#[derive(Debug, PartialEq, UdfOptions)]
struct Inner {
    /// How deep.
    #[option(default = 1)]
    depth: u8,
}

#[derive(Debug, PartialEq, UdfOptions)]
struct Shared {
    #[option(default = true)]
    quiet: bool,
}

/// Not documented in the schema: the fields are.
#[derive(Debug, PartialEq, UdfOptions)]
struct Options {
    /// The layer.
    ///
    /// At length.
    #[option(default = "features")]
    layer: String,
    #[option(default = 224)]
    crop: u32,
    #[option(default = Way::TwoLinear)]
    way: Way,
    #[option(default = [0.485, 0.456])]
    mean: [f32; 2],
    #[option(default, name = "list")]
    items: Vec<i8>,
    maybe: Option<f64>,
    #[option(default = Inner { depth: 3 })]
    inner: Inner,
    #[option(flatten)]
    shared: Shared,
    r#type: i64,
}

fn error(text: &str) -> String {
    parse::<Options>(text).expect_err(text).to_string()
}

#[test]
fn defaults_fill_in() {
    let options: Options = parse(r#"{"type": -7}"#).expect("the one that must be given is");
    assert_eq!(
        options,
        Options {
            layer: "features".into(),
            crop: 224,
            way: Way::TwoLinear,
            mean: [0.485, 0.456],
            items: vec![],
            maybe: None,
            inner: Inner { depth: 3 },
            shared: Shared { quiet: true },
            r#type: -7,
        }
    );
}

#[test]
fn everything_can_be_given() {
    let options: Options = parse(
        r#"{"layer": "logits", "crop": 1, "way": "other", "mean": [1, 2.5], "list": [-128, 127],
            "maybe": 3, "inner": {"depth": 9}, "quiet": false, "type": 0}"#,
    )
    .expect("all fit");
    assert_eq!(options.way, Way::Third);
    assert_eq!(options.mean, [1.0, 2.5]);
    assert_eq!(options.items, [-128, 127]);
    assert_eq!(options.maybe, Some(3.0));
    assert_eq!(options.inner.depth, 9);
    assert!(!options.shared.quiet);
}

#[test]
fn errors_name_the_option() {
    for (text, message) in [
        (
            r#"{"lyer": "x", "type": 0}"#,
            "there is no option `lyer`; there is `layer`, `crop`, `way`, `mean`, `list`, `maybe`, \
             `inner`, `quiet`, `type`",
        ),
        (r#"{}"#, "missing required option `type`"),
        (
            r#"{"type": 0, "crop": "big"}"#,
            "option `crop`: expected a whole number from 0 to 4294967295, got \"big\"",
        ),
        (
            r#"{"type": 0, "crop": -1}"#,
            "option `crop`: expected a whole number from 0 to 4294967295, got -1",
        ),
        (
            r#"{"type": 0, "crop": 1.5}"#,
            "option `crop`: expected a whole number from 0 to 4294967295, got 1.5",
        ),
        (
            r#"{"type": 0, "way": "cubic"}"#,
            "option `way`: expected \"nearest\" or \"two_linear\" or \"other\", got \"cubic\"",
        ),
        (
            r#"{"type": 0, "mean": [1]}"#,
            "option `mean`: expected 2 items, got 1",
        ),
        (
            r#"{"type": 0, "mean": [1, "x"]}"#,
            "option `mean[1]`: expected a number, got \"x\"",
        ),
        (
            r#"{"type": 0, "inner": {"depth": 256}}"#,
            "option `inner.depth`: expected a whole number from 0 to 255, got 256",
        ),
        (
            r#"{"type": 0, "inner": {"dept": 256}}"#,
            "option `inner`: there is no option `dept`; there is `depth`",
        ),
        (
            r#"{"type": 0, "layer": null}"#,
            "option `layer`: expected a string, got null",
        ),
        (r#"[1]"#, "options are a JSON object, not [1]"),
        (
            r#"{"a""#,
            "the options are not JSON: EOF while parsing an object at line 1 column 4",
        ),
    ] {
        assert_eq!(error(text), message);
    }
}

#[test]
fn long_values_are_cut() {
    let message = error(&format!(r#"{{"type": 0, "crop": "{}"}}"#, "é".repeat(500)));
    assert!(message.chars().count() < 160, "{message}");
    assert!(message.ends_with("..."));
}

#[test]
fn no_options_take_none() {
    assert!(parse::<()>("{}").is_ok());
    let error = parse::<()>(r#"{"x": 1}"#).expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "there is no option `x`: the function has none"
    );
}

#[test]
fn the_schema_says_it_all() {
    let text = schema::<Options>();
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let properties = &read["properties"];
    assert_eq!(
        properties["layer"],
        json!({"type": "string", "description": "The layer.\n\nAt length.", "default": "features"})
    );
    assert_eq!(
        properties["crop"],
        json!({"type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 224})
    );
    assert_eq!(
        properties["way"],
        json!({"type": "string", "enum": ["nearest", "two_linear", "other"], "default": "two_linear"})
    );
    assert_eq!(
        properties["mean"],
        json!({
            "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2,
            "default": [0.485, 0.456],
        })
    );
    assert_eq!(properties["inner"]["default"], json!({"depth": 3}));
    assert_eq!(
        properties["inner"]["properties"]["depth"]["description"],
        "How deep."
    );
    assert_eq!(properties["quiet"]["default"], true);
    assert_eq!(read["required"], json!(["type"]));
    assert_eq!(read["additionalProperties"], false);
    // In the order of the struct, which people read.
    assert!(text.find("\"layer\"") < text.find("\"crop\""));
}

proptest! {
    #[test]
    fn floats_keep_their_value(value in any::<f32>().prop_filter("JSON has no others", |x| x.is_finite())) {
        let json = value.to_json();
        prop_assert_eq!(f32::parse(&json).expect("a number").to_bits(), value.to_bits());
    }

    #[test]
    fn integers_keep_their_value(value in any::<i64>(), unsigned in any::<u64>()) {
        prop_assert_eq!(i64::parse(&value.to_json()).expect("fits"), value);
        prop_assert_eq!(u64::parse(&unsigned.to_json()).expect("fits"), unsigned);
        prop_assert_eq!(i8::parse(&value.to_json()).ok(), i8::try_from(value).ok());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = parse::<Options>(&text);
    }
}
