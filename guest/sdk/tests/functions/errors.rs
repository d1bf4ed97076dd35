//! What a row's failure says: a code, and a message with its causes.

use std::error::Error as StdError;
use std::fmt;

use wudf_guest::{Column, Error, Model, Result, asset, fail, testing, udf};

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a port")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

/// As `anyhow`'s: its causes are in the alternate form.
struct Chained;

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() {
            "outer: inner"
        } else {
            "outer"
        })
    }
}

#[udf]
fn foreign(text: &str) -> Result<u16, Outer> {
    text.parse().map_err(Outer)
}

#[udf]
fn ours(text: &str) -> Result<u16> {
    match text {
        "large" => Err(Error::new("too many pixels").with_code("too-large")),
        "model" => Ok(Model::by_name("net")?.run_f32(&[], &[])?.len() as u16),
        "asset" => Ok(asset::size("words")? as u16),
        "fail" => fail!("it is {text:?}"),
        text => Ok(text.parse().map_err(Outer)?),
    }
}

#[udf]
fn chained(_x: i64) -> Result<i64, Chained> {
    Err(Chained)
}

/// An error that borrows from its argument.
#[udf]
fn borrowed(text: &str) -> Result<i64, &str> {
    Err(text)
}

#[udf(batch)]
fn many(texts: Column<'_, &str>) -> Vec<Result<u16, Outer>> {
    texts
        .iter()
        .map(|text| text.parse().map_err(Outer))
        .collect()
}

#[udf(batch)]
fn whole<'a>(texts: Column<'a, &str>) -> Result<Vec<&'a str>> {
    match texts.len() {
        0 | 1 => Ok(texts.into_vec()),
        len => Err(Error::new(format!("{len} rows")).with_code("unsupported")),
    }
}

fn failure<T: fmt::Debug>(results: Vec<Result<T>>) -> (String, String) {
    let result = results.into_iter().next().expect("a row");
    let error = result.expect_err("the row fails");
    (error.code().to_owned(), error.to_string())
}

fn expected(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

#[test]
fn rows_fail_with_codes_and_causes() {
    let parse = "not a port: invalid digit found in string";
    assert_eq!(
        failure(testing::call::<foreign>(["x"])),
        expected("invalid-input", parse)
    );
    let ours = |text| failure(testing::call::<ours>([text]));
    assert_eq!(ours("x"), expected("invalid-input", parse));
    assert_eq!(ours("large"), expected("too-large", "too many pixels"));
    assert_eq!(ours("fail"), expected("invalid-input", "it is \"fail\""));
    assert_eq!(ours("asset").0, "asset");
    assert_eq!(ours("model").0, "model");
    let _net = testing::model("net", |_| -> Result<f32, &str> { Err("out of memory") });
    assert_eq!(
        ours("model"),
        expected("model", "model `net`: out of memory")
    );
}

#[test]
fn whatever_can_be_displayed_is_an_error() {
    assert_eq!(
        failure(testing::call::<chained>([1])),
        expected("invalid-input", "outer: inner")
    );
    assert_eq!(
        failure(testing::call::<borrowed>(["this"])),
        expected("invalid-input", "this")
    );
}

#[test]
fn rows_of_a_batch_fail_as_others_do() {
    let results = testing::call::<many>(["80", "x"]);
    assert_eq!(results[0], Ok(80));
    assert_eq!(
        failure(results[1..].to_vec()),
        expected("invalid-input", "not a port: invalid digit found in string")
    );
    for result in testing::call::<whole>(["a", "b"]) {
        let error = result.unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("unsupported", "2 rows".to_owned())
        );
    }
}
