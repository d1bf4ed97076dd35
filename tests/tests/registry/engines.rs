//! The same policy in engines: DataFusion, `wudf sql`, Python, and what the C interface opens plugins with.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use wudf::ErrorKind;
use wudf_adapter::{PluginSource, Spec};
use wudf_datafusion::WasmFunctions;
use wudf_fixtures::{KIT, PLAIN};
use wudf_registry::signature;
use wudf_test_support::skipped;
use wudf_tests::program::alone;

use super::Place;
use super::policy::guard;

/// Runs a plugin under the policy; a refusal is an error, with its message.
type Engine = fn(&Place, &str) -> Result<(), String>;

/// What a plugin is, where it is, and whether it may run.
type State = (&'static str, String, bool);

/// Files in each of the states that matter to a policy.
fn files(place: &Place) -> Vec<State> {
    let signed = |name: &'static str, key: Option<&str>| {
        let path = place.file(&format!("{name}.wasm"));
        fs::write(&path, KIT.bytes).unwrap();
        let path = path.to_str().unwrap().to_owned();
        if let Some(key) = key {
            place.run(&["sign", &path, "--key", key]).ends_with(0);
        }
        path
    };
    let changed = signed("changed", Some("team.key"));
    let mut bytes = KIT.bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&changed, bytes).unwrap();
    let borrowed = signed("borrowed", None);
    fs::write(place.file("plain.wasm"), PLAIN.bytes).unwrap();
    place
        .run(&["sign", "plain.wasm", "--key", "team.key"])
        .ends_with(0);
    fs::copy(
        place.file("plain.wasm.sig"),
        place.file("borrowed.wasm.sig"),
    )
    .unwrap();
    vec![
        ("a signed file", signed("good", Some("team.key")), true),
        ("an unsigned file", signed("plain-kit", None), false),
        ("a file with one byte changed", changed, false),
        (
            "a file signed with another key",
            signed("other", Some("other.key")),
            false,
        ),
        ("a file with the signature of another", borrowed, false),
    ]
}

/// References in each of them.
fn references(place: &Place) -> Vec<State> {
    let pushed = |name: &'static str, key: Option<&str>| {
        let pinned = place.push(&format!("{name}:1"));
        if let Some(key) = key {
            place.run(&["sign", &pinned, "--key", key]).ends_with(0);
        }
        pinned
    };
    let lent = {
        fs::write(place.file("plain.wasm"), PLAIN.bytes).unwrap();
        let first = place.text(&["push", "plain.wasm", &place.reference("lent:0")]);
        place
            .run(&["sign", &first, "--key", "team.key"])
            .ends_with(0);
        let second = pushed("lent", None);
        place.copy_signatures(&first, &second);
        second
    };
    vec![
        ("a signed reference", pushed("good", Some("team.key")), true),
        ("an unsigned reference", pushed("unsigned", None), false),
        (
            "a reference signed with another key",
            pushed("other", Some("other.key")),
            false,
        ),
        ("a reference with the signature of another", lent, false),
    ]
}

/// Files are checked on every machine, references where there is a registry.
#[track_caller]
fn check(engine: &str, run: Engine) {
    let place = Place::new();
    guard(&place);
    expect(engine, run, &place, files(&place));
    if let Some(place) = Place::with_registry() {
        guard(&place);
        expect(engine, run, &place, references(&place));
    }
}

#[track_caller]
fn expect(engine: &str, run: Engine, place: &Place, states: Vec<State>) {
    for (state, plugin, allowed) in states {
        match run(place, &plugin) {
            Ok(()) => assert!(allowed, "{engine} ran {state}"),
            Err(said) => {
                assert!(!allowed, "{engine} refused {state}: {said}");
                assert!(said.contains("policy.toml"), "{engine}, {state}: {said}");
            }
        }
    }
}

fn spec(place: &Place, plugin: &str) -> Spec {
    let mut spec = Spec::of(PluginSource::Named(plugin.to_owned()), Some("add_one"));
    spec.registries.policy = Some(place.file("policy.toml"));
    spec.registries.store = Some(place.store());
    spec
}

#[test]
fn the_program() {
    check("wudf run", |place, plugin| {
        let ran = place.add_one(plugin, &["--policy", "policy.toml"]);
        match ran.status {
            Some(0) => Ok(()),
            Some(4) => Err(ran.stderr),
            _ => panic!("{}", ran.transcript()),
        }
    });
}

#[test]
fn sql() {
    check("wudf sql", |place, plugin| {
        let create = format!("CREATE FUNCTION f(x BIGINT) LANGUAGE wasm AS '{plugin}:add_one'");
        let sql = format!("{create}; SELECT f(n) FROM 'a.csv'");
        let ran = place.run(&["sql", &sql, "--policy", "policy.toml"]);
        match ran.status {
            Some(0) => Ok(()),
            Some(4) => Err(ran.stderr),
            _ => panic!("{}", ran.transcript()),
        }
    });
}

#[test]
fn data_fusion() {
    check("DataFusion", |place, plugin| {
        let functions = WasmFunctions::with_defaults(spec(place, plugin));
        let state = SessionStateBuilder::new_with_default_features()
            .with_function_factory(Some(Arc::new(functions)))
            .build();
        let context = SessionContext::new_with_state(state);
        let create = format!("CREATE FUNCTION f(x BIGINT) LANGUAGE wasm AS '{plugin}:add_one'");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let ran = runtime.block_on(async {
            context.sql(&create).await?.collect().await?;
            context.sql("SELECT f(1)").await?.collect().await
        });
        ran.map(drop).map_err(|e| e.to_string())
    });
}

#[test]
fn adapters() {
    check(
        "the adapters' crate",
        |place, plugin| match wudf_adapter::open(&spec(place, plugin)) {
            Ok(_) => Ok(()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
                Err(error.to_string())
            }
        },
    );
}

/// Bytes that a program has in memory bring their signatures with them.
#[test]
fn plugins_in_memory() {
    let place = Place::new();
    guard(&place);
    place
        .run(&["sign", "kit.wasm", "--key", "team.key"])
        .ends_with(0);
    let signatures = signature::read_file(&place.file("kit.wasm")).unwrap();
    let run = |signatures: Vec<String>| {
        let mut spec = spec(&place, "");
        spec.plugin = PluginSource::Inline {
            name: "kit".into(),
            bytes: KIT.bytes.into(),
            signatures,
        };
        wudf_adapter::open(&spec)
    };
    run(signatures).unwrap();
    assert_eq!(run(Vec::new()).unwrap_err().kind(), ErrorKind::Refused);
}

const PYTHON: &str = "
import pickle, sys, wudf
try:
    f = wudf.load(sys.argv[1], function='add_one', policy=sys.argv[2])
    assert f([1, None, 3]).to_pylist() == [2, None, 4]
    # As workers get it, who look again.
    assert len(pickle.dumps(f)) < 4096
    assert pickle.loads(pickle.dumps(f))([1]).to_pylist() == [2]
except wudf.Error as error:
    assert error.kind == 'refused', error.kind
    print(error)
    sys.exit(4)
";

#[test]
fn python() {
    if std::env::var_os("WUDF_TEST_PYTHON").is_none() {
        skipped(
            "WUDF_TEST_PYTHON names no Python with wudf in it (make test does): policies are not tested there",
        );
        return;
    };
    check("Python", |place, plugin| {
        let python = std::env::var_os("WUDF_TEST_PYTHON").unwrap();
        let mut command = Command::new(Path::new(&python));
        alone(&mut command)
            .args(["-c", PYTHON, plugin])
            .arg(place.file("policy.toml"))
            .env("WUDF_STORE", place.store());
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        match ran.status.code() {
            Some(0) => Ok(()),
            Some(4) => Err(said),
            _ => panic!("{said}{}", String::from_utf8_lossy(&ran.stderr)),
        }
    });
}
