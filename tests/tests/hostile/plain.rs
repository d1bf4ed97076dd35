//! Plain plugins that return what they may not: too much, or what is no value.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use serde_json::{Value, json};
use wudf::{ErrorKind, Function, Plugin, Session};
use wudf_tests::host::{assert_tame, builder, ints, small};

const MIB: usize = 1 << 20;

/// A component whose functions take a number and return what lies at an address of its
/// memory. `functions` are core functions from an i64 to an i32 each, and `types` the
/// component's types, of which each function returns one.
fn component(data: &str, functions: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut text = String::from("(component (core module $m (memory (export \"memory\") 1000)\n");
    text.push_str(data);
    for (name, _, code) in functions {
        let _ = writeln!(
            text,
            "(func (export \"{name}\") (param $x i64) (result i32) {code})"
        );
    }
    text.push_str(")\n(core instance $i (instantiate $m))\n");
    text.push_str("(alias core export $i \"memory\" (core memory $memory))\n");
    for (i, (name, ty, _)) in functions.iter().enumerate() {
        // Types that have names are exported under them.
        let ty = match ty.strip_prefix("type ") {
            Some(ty) => {
                let _ = writeln!(
                    text,
                    "(type $own{i} {ty}) (export $t{i} \"{name}-type\" (type $own{i}))"
                );
                format!("$t{i}")
            }
            None => (*ty).to_owned(),
        };
        let _ = writeln!(
            text,
            "(func (export \"{name}\") (param \"x\" s64) (result {ty}) (canon lift (core func $i \"{name}\") (memory $memory)))"
        );
    }
    text.push(')');
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// 60 MB of what it has never touched for a number that is 0, and five bytes for others.
const FLOOD: &str = "(i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (select (i32.const 60000000) (i32.const 5) (i64.eqz (local.get $x))))
    (i32.const 0)";

fn plugin(session: &Session, bytes: &[u8]) -> Plugin {
    Plugin::from_bytes(session, "hostile", bytes).unwrap_or_else(|e| panic!("{e}"))
}

fn flood(session: &Session, name: &str) -> Function {
    let bytes = component(
        "(data (i32.const 64) \"hello\")",
        &[
            ("text", "string", FLOOD),
            ("bytes", "(list u8)", FLOOD),
            (
                "numbers",
                "(list f32)",
                "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 15000000)) (i32.const 0)",
            ),
        ],
    );
    plugin(session, &bytes).open(name, &json!({})).unwrap()
}

/// The rows of a batch that come to more than [`Limits::output`](wudf::Limits) fail, and no
/// others.
#[test]
fn rows_beyond_the_limit_fail_alone() {
    let mut limits = wudf::Limits::default();
    limits.output = 130_000_000;
    for threads in [1, 2] {
        let session = builder()
            .limits(limits.clone())
            .threads(threads)
            .build()
            .unwrap();
        for name in ["text", "bytes"] {
            let flood = flood(&session, name);
            // Every third row is a large one.
            let output = flood.evaluate(&[ints((0..3_000).map(|i| i % 3))]).unwrap();
            assert_eq!(output.values.len(), 3_000);
            let large = output.failures.iter();
            assert!(
                large
                    .clone()
                    .all(|f| f.row % 3 == 0 && f.kind == ErrorKind::Memory)
            );
            assert_eq!(large.count(), 1_000 - 2, "{name}: two fit");
            assert_eq!(output.values.null_count(), 998, "{name}");
            let message = &output.failures[0].message;
            assert!(message.contains("Limits::output"), "{message}");
        }
    }
}

/// What a row may return alone is what the limit says.
#[test]
fn one_row_may_return_the_limit() {
    let mut limits = wudf::Limits::default();
    for (output, fails) in [(70_000_000, false), (50_000_000, true)] {
        limits.output = output;
        limits.tensors = MIB;
        let session = builder().limits(limits.clone()).threads(1).build().unwrap();
        let output = flood(&session, "bytes").evaluate(&[ints([0])]).unwrap();
        assert_eq!(output.failures.len(), usize::from(fails));
        if !fails {
            assert_eq!(output.values.as_binary::<i32>().value(0).len(), 60_000_000);
        }
    }
}

/// A batch of 8,192 rows of 60 MB each: the host's memory stays within the limit on output
/// and 64 MiB. Measured in a process of its own, whose memory is nobody else's.
#[test]
#[cfg(target_os = "linux")]
fn a_flood_takes_no_memory() {
    const NAME: &str = "WUDF_TEST_FLOOD";
    if let Ok(name) = std::env::var(NAME) {
        return flooded(&name);
    }
    for name in ["text", "bytes", "numbers"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "hostile::plain::a_flood_takes_no_memory",
                "--nocapture",
            ])
            .env(NAME, name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.split_once("flood: "));
        let (_, grown) = line.unwrap_or_else(|| {
            panic!("{said}{}", String::from_utf8_lossy(&output.stderr));
        });
        let grown: u64 = grown.parse().unwrap();
        eprintln!("{name}: {grown} MiB");
        // Less would be a sign that nothing was measured.
        assert!(grown > 150, "{name}: {grown} MiB");
        assert!(grown < 256 + 64, "{name}: {grown} MiB");
    }
}

/// Prints by how many MiB the process grew at most.
#[cfg(target_os = "linux")]
fn flooded(name: &str) {
    let memory = |what: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse::<u64>().unwrap() / 1024
    };
    let session = builder().threads(1).build().unwrap();
    let flood = flood(&session, name);
    flood.evaluate(&[ints([1])]).unwrap();
    let before = memory("VmRSS:");
    let output = flood
        .evaluate(&[ints(std::iter::repeat_n(0, 8_192))])
        .unwrap();
    let grown = memory("VmHWM:") - before;
    assert_eq!(output.failures.len(), 8_192 - 4);
    println!("flood: {grown}");
}

/// A column's values may be much larger than what stands for them in the sandbox.
#[test]
fn names_and_nulls_are_counted_as_they_are() {
    let long = "n".repeat(200);
    let cases: Vec<String> = (0..40).map(|i| format!("(case \"c{i}\" f64)")).collect();
    let list = "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1000000)) (i32.const 0)";
    let bytes = wat::parse_str(format!(
        r#"(component
          (core module $m (memory (export "memory") 1000)
            (func (export "list") (param $x i64) (result i32) {list}))
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (type $enum0 (enum "{long}")) (export $enum "enum" (type $enum0))
          (type $variant0 (variant {})) (export $variant "variant" (type $variant0))
          (type $flags0 (flags "{long}")) (export $flags "flags" (type $flags0))
          (func (export "enums") (param "x" s64) (result (list $enum)) (canon lift (core func $i "list") (memory $memory)))
          (func (export "variants") (param "x" s64) (result (list $variant)) (canon lift (core func $i "list") (memory $memory))))"#,
        cases.join(" "),
    ))
    .unwrap();
    let mut limits = small();
    limits.output = 64 * MIB;
    let session = builder().limits(limits).threads(1).build().unwrap();
    let plugin = plugin(&session, &bytes);
    for name in ["enums", "variants"] {
        let function = plugin.open(name, &json!({})).unwrap();
        let output = function.evaluate(&[ints([1, 2])]).unwrap();
        let kinds: Vec<_> = output.failures.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [ErrorKind::Memory; 2], "{name}");
    }
}

/// What is no value of its type fails its row, whatever it is.
#[test]
fn what_is_no_value_fails() {
    let at = |address: u32, length: u32| {
        format!(
            "(if (i64.ne (local.get $x) (i64.const 0)) (then (return (i32.const 512))))
             (i32.store (i32.const 0) (i32.const {address})) (i32.store (i32.const 4) (i32.const {length})) (i32.const 0)"
        )
    };
    let byte = |byte: u8| {
        format!(
            "(if (i64.ne (local.get $x) (i64.const 0)) (then (return (i32.const 512))))
             (i32.store8 (i32.const 0) (i32.const {byte})) (i32.store (i32.const 4) (i32.const 0xffffffff)) (i32.const 0)"
        )
    };
    let cases = [
        ("outside", "string", at(65_535_000, 100_000)),
        ("behind", "(list u8)", at(u32::MAX, 1)),
        ("wraps", "(list u8)", at(16, u32::MAX)),
        ("overflows", "(list u64)", at(16, u32::MAX / 4)),
        ("unaligned", "(list u64)", at(17, 1)),
        ("unaligned-list", "(list string)", at(18, 1)),
        ("not-utf8", "string", at(1_024, 4)),
        ("inside", "(list string)", at(1_024, 1)),
        ("case", "(option string)", byte(2)),
        ("result", "(result string (error string))", byte(7)),
        ("letter", "(list char)", at(1_024, 1)),
        (
            "enum",
            "type (enum \"a\" \"b\")",
            "(select (i32.const 2) (i32.const 1) (i64.eqz (local.get $x)))".to_owned(),
        ),
        (
            "variant",
            "type (variant (case \"a\" u8) (case \"b\"))",
            byte(9),
        ),
        (
            "result-address",
            "(tuple string string)",
            "(select (i32.const -4) (i32.const 512) (i64.eqz (local.get $x)))".to_owned(),
        ),
        (
            "result-unaligned",
            "(tuple string string)",
            "(select (i32.const 513) (i32.const 512) (i64.eqz (local.get $x)))".to_owned(),
        ),
    ];
    let functions: Vec<_> = cases
        .iter()
        .map(|(name, ty, code)| (*name, *ty, code.as_str()))
        .collect();
    let bytes = component(
        "(data (i32.const 1024) \"\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\")",
        &functions,
    );
    let session = builder().limits(small()).threads(1).build().unwrap();
    let plugin = plugin(&session, &bytes);
    assert_eq!(
        plugin.signatures().len(),
        cases.len(),
        "{:?}",
        plugin.skipped()
    );
    for (name, ..) in &cases {
        let function = plugin.open(&name.replace('-', "_"), &Value::Null).unwrap();
        let output = function.evaluate(&[ints([1, 0, 1, 0])]).unwrap();
        let rows: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
        assert_eq!(
            rows,
            [(1, ErrorKind::Trap), (3, ErrorKind::Trap)],
            "{name}: {:?}",
            output.failures
        );
        for failure in &output.failures {
            assert_tame(&failure.message);
        }
        assert_eq!(output.values.len(), 4);
    }
}

/// Rows that hang cost a batch no more than a few calls may take, and those before and after are kept.
#[test]
fn hanging_rows_cost_only_themselves() {
    let bytes = component(
        "",
        &[(
            "hangs",
            "bool",
            "(if (i64.eqz (local.get $x)) (then (loop $l (br $l)))) (i32.const 1)",
        )],
    );
    let session = builder().limits(small()).threads(1).build().unwrap();
    let hangs = plugin(&session, &bytes).open("hangs", &json!({})).unwrap();
    let mut rows = vec![1_i64; 2_000];
    rows[700] = 0;
    let output = hangs.evaluate(&[ints(rows)]).unwrap();
    let failures: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
    assert_eq!(failures, [(700, ErrorKind::Timeout)]);
    assert_eq!(output.values.as_boolean().true_count(), 1_999);
    let begin = Instant::now();
    let output = hangs.evaluate(&[ints(vec![0; 2_000])]).unwrap();
    assert_eq!(output.failures.len(), 2_000);
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

/// Signatures are bounded as those that plugins write themselves.
#[test]
fn signatures_are_bounded() {
    let refused = |name: &str, ty: &str| {
        let bytes = component("", &[(name, ty, "(i32.const 0)")]);
        let session = builder().limits(small()).build().unwrap();
        let error = Plugin::from_bytes(&session, "hostile", &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPlugin, "{error}");
        assert_tame(&error.to_string());
        error.to_string()
    };
    let fields: Vec<String> = (0..1_001).map(|i| format!("(field \"f{i}\" u8)")).collect();
    let error = refused("wide", &format!("type (record {})", fields.join(" ")));
    assert!(error.contains("1002 fields are more than 1000"), "{error}");
    let error = refused(&format!("l{}", "o".repeat(200)), "bool");
    assert!(error.contains("too long"), "{error}");
    let long = "n".repeat(300);
    let error = refused(
        "named",
        &format!("type (record (field \"{long}\" u8) (field \"b\" u8))"),
    );
    assert!(error.contains("too long"), "{error}");
    let error = refused("cases", &format!("type (enum \"{long}\")"));
    assert!(error.contains("too long"), "{error}");
}

/// A string's text that is no case of an enum is its row's failure, and its characters are tame.
#[test]
fn messages_are_tame() {
    let bytes = component(
        "(data (i32.const 64) \"\\1b[31mred\")",
        &[(
            "angry",
            "(result bool (error string))",
            "(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 64)) (i32.store (i32.const 8) (i32.const 8)) (i32.const 0)",
        )],
    );
    let session = builder().limits(small()).threads(1).build().unwrap();
    let angry = plugin(&session, &bytes).open("angry", &json!({})).unwrap();
    let output = angry.evaluate(&[ints([1])]).unwrap();
    assert_tame(&output.failures[0].message);
    assert!(output.failures[0].message.contains("red"));
}
