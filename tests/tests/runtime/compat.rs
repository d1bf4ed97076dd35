//! Plugins of other days: those that were built once must load and run for ever, also
//! when they export what was added later, and those of a contract that is not spoken
//! here are told what to upgrade.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, ListArray, StringArray};
use serde_json::json;
use wudf::nn::ModelSpec;
use wudf::{ErrorKind, Plugin, Session};
use wudf_tests::host::{builder, small};
use wudf_tests::mock::Mock;

const PLUGIN: &[u8] = include_bytes!("../../compat/plugin-0.2.0.wasm");
const PLAIN: &[u8] = include_bytes!("../../compat/plain-0.2.0.wasm");

fn session() -> Session {
    let mut limits = small();
    limits.call_time = std::time::Duration::from_secs(60);
    builder()
        .limits(limits)
        .threads(1)
        .backend(Arc::new(Mock::default()))
        .model(ModelSpec::new("tiny", ""))
        .asset("words", "row\ncolumn\n")
        .build()
        .unwrap()
}

fn load(bytes: &[u8]) -> wudf::Result<Plugin> {
    Plugin::from_bytes(&session(), "old", bytes)
}

fn words(words: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(words.to_vec()))
}

#[test]
fn what_it_offers_is_what_it_offered() {
    let plugin = load(PLUGIN).unwrap();
    let said: Vec<String> = plugin
        .signatures()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "scale(x: float64) -> float64",
            "letters(word: string) -> uint32",
            "known(word: string) -> bool",
            "embed(numbers: list<float32>) -> list<float32>",
        ]
    );
    let [scale, _, known, embed] = plugin.signatures() else {
        panic!("four functions");
    };
    assert_eq!(scale.doc, "A number, scaled.");
    assert_eq!(scale.options["properties"]["factor"]["default"], json!(2.0));
    assert_eq!(known.assets, ["words"]);
    assert_eq!(embed.models, ["tiny"]);
    let asks: Vec<String> = plugin.asks().iter().map(ToString::to_string).collect();
    assert_eq!(asks, ["models (wasi:nn)", "assets (wudf:plugin)"]);
}

#[test]
fn columns_come_out_as_they_did() {
    let plugin = load(PLUGIN).unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-2.0)]));
    for (options, factor) in [(json!({}), 2.0), (json!({ "factor": 10 }), 10.0)] {
        let scale = plugin.open("scale", &options).unwrap();
        let output = scale.evaluate(&[Arc::clone(&numbers)]).unwrap();
        let values: Vec<_> = output.values.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(values, [Some(1.5 * factor), None, Some(-2.0 * factor)]);
    }
    let error = plugin.open("scale", &json!({ "factor": "x" })).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOptions);

    let letters = plugin.open("letters", &json!({})).unwrap();
    let output = letters
        .evaluate(&[words(&[Some("häuser"), None, Some("b2b"), Some("")])])
        .unwrap();
    let values: Vec<_> = output.values.as_primitive::<UInt32Type>().iter().collect();
    assert_eq!(values, [Some(6), None, None, Some(0)]);
    let failures: Vec<_> = output
        .failures
        .iter()
        .map(|failure| (failure.row, failure.message.as_str()))
        .collect();
    assert_eq!(failures, [(2, "b2b has a digit")]);

    let known = plugin.open("known", &json!({})).unwrap();
    let output = known
        .evaluate(&[words(&[Some("row"), Some("cell")])])
        .unwrap();
    let values: Vec<_> = output.values.as_boolean().iter().collect();
    assert_eq!(values, [Some(true), Some(false)]);

    let embed = plugin.open("embed", &json!({})).unwrap();
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>([Some([1.0, 2.0].map(Some))]);
    let lists: ArrayRef = Arc::new(lists);
    let output = embed.evaluate(&[lists]).unwrap();
    let values = output.values.as_list::<i32>().value(0);
    assert_eq!(values.as_primitive::<Float32Type>().values(), &[2.0, 4.0]);
}

#[test]
fn plain_functions_run_as_they_did() {
    let plugin = load(PLAIN).unwrap();
    let add_one = plugin.open("add_one", &json!({})).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![41, -1]));
    let output = add_one.evaluate(&[numbers]).unwrap();
    assert_eq!(output.values.as_primitive::<Int64Type>().values(), &[42, 0]);
    let shout = plugin.open("shout", &json!({})).unwrap();
    let output = shout.evaluate(&[words(&[Some("a b"), Some("")])]).unwrap();
    assert_eq!(output.values.as_string::<i32>().value(0), "A B");
    assert!(output.values.is_null(1));
    assert_eq!(output.failures[0].message, "nothing to shout");
}

/// The plugin as if it were of another version of the contract: imports and
/// exports alike.
fn of_version(version: &str) -> Vec<u8> {
    patched(PLUGIN, "@0.2.0", &format!("@{version}"), |before| {
        [
            "wudf:plugin/scalar",
            "wudf:plugin/types",
            "wudf:plugin/models",
            "wudf:plugin/assets",
            "wudf:plugin/arrow",
        ]
        .iter()
        .any(|name| before.ends_with(name.as_bytes()))
    })
}

/// Bytes with one text replaced by another of its length, where what is before
/// it fits.
fn patched(bytes: &[u8], from: &str, to: &str, fits: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) && fits(&bytes[..at]) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 1, "{from} is there {found} times");
    bytes
}

#[test]
fn a_newer_contract_wants_a_newer_wudf() {
    for version in ["0.3.0", "1.0.0", "0.9.9", "9.9.9"] {
        let error = load(&of_version(version)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            format!(
                "old: made for version {version} of the contract wudf:plugin, this is 0.2.0: upgrade wudf"
            )
        );
    }
}

#[test]
fn an_older_contract_wants_the_plugin_built_anew() {
    let error = load(&of_version("0.0.9")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("0.0.9"), "{error}");
    assert!(
        error.to_string().contains(": rebuild the plugin"),
        "{error}"
    );
    let error = load(&of_version("x.y.z")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPlugin, "no version at all");
}

/// A later 0.2 only adds: a plugin of it that uses nothing new runs here.
#[test]
fn a_compatible_contract_will_do() {
    let plugin = load(&of_version("0.2.7")).unwrap();
    let known = plugin.open("known", &json!({})).unwrap();
    let output = known.evaluate(&[words(&[Some("column")])]).unwrap();
    assert!(output.values.as_boolean().value(0));
}

/// And one that uses what was added is told so.
#[test]
fn what_a_compatible_contract_added_wants_a_newer_wudf() {
    let newer = of_version("0.2.7");
    let more = patched(&newer, "wudf:plugin/assets", "wudf:plugin/planet", |_| true);
    let error = load(&more).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("0.2.7"), "{error}");
    assert!(error.to_string().ends_with("upgrade wudf"), "{error}");
}

/// The component with one export more: one of its instances, under this name.
fn with_export(component: &[u8], instance: u8, name: &str) -> Vec<u8> {
    // The component model's binary format: a section of exports (11) with one export, of
    // the instance (5) with this index, without a type of its own.
    let mut section = vec![1, 0, u8::try_from(name.len()).unwrap()];
    section.extend(name.as_bytes());
    section.extend([5, instance, 0]);
    let mut bytes = component.to_vec();
    bytes.extend([11, u8::try_from(section.len()).unwrap()]);
    bytes.extend(section);
    bytes
}

/// A plugin that also exports what a later contract added runs here.
#[test]
fn unknown_exported_interfaces_are_ignored() {
    // Imported instances that have functions cannot be exported, which is wasmtime's affair.
    let plugin = (0..100)
        .map(|instance| with_export(PLUGIN, instance, "wudf:plugin/table@0.3.0"))
        .find_map(|bytes| load(&bytes).ok())
        .expect("one that can be exported");
    assert_eq!(plugin.signatures().len(), 4);
    let letters = plugin.open("letters", &json!({})).unwrap();
    let output = letters.evaluate(&[words(&[Some("abc")])]).unwrap();
    assert_eq!(output.values.as_primitive::<UInt32Type>().value(0), 3);

    // By itself it is no plain function either.
    let alone = r#"(component (instance $i) (export "wudf:plugin/table@0.3.0" (instance $i)))"#;
    let error = load(&wat::parse_str(alone).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().ends_with("upgrade wudf"), "{error}");
}

/// What no sandbox has is named in words.
#[test]
fn what_cannot_be_had_is_said_in_words() {
    let bytes = patched(
        PLUGIN,
        "wasi:cli/environment@",
        "wasi:keyvalue/stores@",
        |_| true,
    );
    let error = load(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains(
            "imports what the sandbox does not provide: a key-value store (wasi:keyvalue)"
        ),
        "{error}"
    );
}
