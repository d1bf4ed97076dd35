//! What a component imports: what is refused before it is compiled, and what exists and is
//! denied.

use std::time::{Duration, Instant};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use wudf::{Cache, Error, ErrorKind, Plugin, Runtime};
use wudf_tests::host::{builder, ints, small};

fn load(text: &str) -> Result<Plugin, Error> {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let bytes = wat::parse_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    Plugin::from_bytes(&session, "it", &bytes)
}

/// A component that imports this, and whose code takes seconds to compile if it is large.
fn importing(imports: &str, functions: usize) -> String {
    let code =
        "(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 7)))".repeat(200);
    let functions: String = (0..functions)
        .map(|i| {
            format!("(func (export \"f{i}\") (param $x i64) (result i64) {code} (local.get $x))")
        })
        .collect();
    format!(
        r#"(component {imports}
          (core module $m {functions} (func (export "add-one") (param $x i64) (result i64)
            (i64.add (local.get $x) (i64.const 1))))
          (core instance $i (instantiate $m))
          (func (export "add-one") (param "x" s64) (result s64)
            (canon lift (core func $i "add-one"))))"#
    )
}

#[test]
fn what_the_sandbox_lacks_is_refused_before_compiling() {
    for (imports, words) in [
        (
            r#"(import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func))))"#,
            "provide: a key-value store (wasi:keyvalue);",
        ),
        (
            r#"(import "acme:db/query@1.0.0" (instance (export "run" (func (result string)))))"#,
            "provide: acme:db/query@1.0.0;",
        ),
        (
            r#"(import "acme:db/types" (instance (export "connection" (type (sub resource)))))"#,
            "provide: acme:db/types;",
        ),
        (
            r#"(import "wasi:cli/environment@0.3.0" (instance (export "get-arguments" (func (result (list string))))))"#,
            "provide: wasi:cli/environment@0.3.0;",
        ),
        (
            r#"(import "log" (func (param "x" string)))"#,
            "provide: log;",
        ),
    ] {
        let error = load(&importing(imports, 0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    // As it is of a component that takes long.
    let runtime = Runtime::builder().cache(Cache::Off).build().unwrap();
    let session = runtime.session().limits(small()).build().unwrap();
    let time = |imports: &str| {
        let bytes = wat::parse_str(importing(imports, 1_000)).unwrap();
        let begin = Instant::now();
        let loaded = Plugin::from_bytes(&session, "it", &bytes).is_ok();
        (loaded, begin.elapsed())
    };
    let (loaded, compiled) = time("");
    assert!(loaded);
    let (loaded, refused) =
        time(r#"(import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func))))"#);
    assert!(!loaded);
    let limit = (compiled / 10).max(Duration::from_millis(20));
    assert!(refused < limit, "{refused:?}, and {compiled:?} to compile");
}

/// Interfaces of types alone need nobody who provides them.
#[test]
fn types_are_nobodys() {
    let imports = r#"(import "acme:db/types@1.0.0" (instance
        (type $level (enum "low" "high")) (export "level" (type (eq $level)))))"#;
    let plugin = load(&importing(imports, 0)).unwrap();
    assert_eq!(plugin.asks(), []);
    assert_eq!(plugin.imports(), ["acme:db/types@1.0.0"]);
}

/// HTTP as a language's runtime imports it: a request can be made, and is denied when it is sent.
const FETCHES: &str = r#"(component
  (import "wasi:http/types@VERSION" (instance $types
    (export "fields" (type $fields (sub resource)))
    (export "outgoing-request" (type $request (sub resource)))
    (export "future-incoming-response" (type $future (sub resource)))
    (type $code0 (variant (case "DNS-timeout") (case "HTTP-request-denied") (case "internal-error" (option string))))
    (export "error-code" (type $code (eq $code0)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-request" (func (param "headers" (own $fields)) (result (own $request))))
    (export "[method]outgoing-request.set-path-with-query"
      (func (param "self" (borrow $request)) (param "path" (option string)) (result (result))))))
  (alias export $types "outgoing-request" (type $request))
  (alias export $types "future-incoming-response" (type $future))
  (alias export $types "error-code" (type $code))
  (import "wasi:http/outgoing-handler@VERSION" (instance $handler
    (alias outer 1 $request (type $request0))
    (export "outgoing-request" (type $request (eq $request0)))
    (alias outer 1 $future (type $future0))
    (export "future-incoming-response" (type $future (eq $future0)))
    (alias outer 1 $code (type $code0))
    (export "error-code" (type $code (eq $code0)))
    (export "handle" (func (param "request" (own $request)) (result (result (own $future) (error $code)))))))
  (core module $memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $realloc (alias core export $memory "realloc"))
  (core func $fields (canon lower (func $types "[constructor]fields")))
  (core func $request (canon lower (func $types "[constructor]outgoing-request")))
  (core func $path (canon lower (func $types "[method]outgoing-request.set-path-with-query") (memory $mem) (realloc $realloc)))
  (core func $handle (canon lower (func $handler "handle") (memory $mem) (realloc $realloc)))
  (core module $m
    (import "http" "memory" (memory 1))
    (import "http" "fields" (func $fields (result i32)))
    (import "http" "request" (func $request (param i32) (result i32)))
    (import "http" "path" (func $path (param i32 i32 i32 i32) (result i32)))
    (import "http" "handle" (func $handle (param i32 i32)))
    ;; 1000 if the request could not be made, else 100 * failed + the case of the error.
    (func (export "fetch") (param $x i64) (result i64) (local $request i32)
      (local.set $request (call $request (call $fields)))
      (if (call $path (local.get $request) (i32.const 0) (i32.const 0) (i32.const 0))
        (then (return (i64.const 1000))))
      (call $handle (local.get $request) (i32.const 16))
      (i64.add
        (i64.mul (i64.const 100) (i64.load8_u (i32.const 16)))
        (i64.load8_u (i32.const 20)))))
  (core instance $i (instantiate $m (with "http" (instance
    (export "memory" (memory $mem))
    (export "fields" (func $fields))
    (export "request" (func $request))
    (export "path" (func $path))
    (export "handle" (func $handle))))))
  (func (export "fetch") (param "x" s64) (result s64) (canon lift (core func $i "fetch"))))"#;

#[test]
fn http_is_denied_when_a_request_is_sent() {
    for version in ["0.2.0", "0.2.3", "0.2.12"] {
        let plugin = load(&FETCHES.replace("VERSION", version)).unwrap();
        let asks = plugin.asks();
        assert_eq!(asks.len(), 1);
        assert_eq!(asks[0].to_string(), "HTTP (wasi:http)");
        assert!(asks[0].offered && !asks[0].granted);
        let fetch = plugin.open("fetch", &serde_json::Value::Null).unwrap();
        let values = fetch.call(&[ints([1, 2])]).unwrap();
        assert_eq!(values.null_count(), 0);
        let said = values
            .as_primitive::<arrow_array::types::Int64Type>()
            .values();
        assert_eq!(said, &[101, 101], "the second case is HTTP-request-denied");
    }
}
