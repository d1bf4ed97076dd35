//! What is known when a function is opened: constants, and types that are the caller's.

use std::borrow::Cow;

use proptest::prelude::*;
use wudf_guest::__private::{Entry, field};
use wudf_guest::bindings::exports::wudf::plugin::scalar;
use wudf_guest::{
    Arguments, Date, Dynamic, Result, Row, Schema, TimeUnit, UdfOptions, testing, udf,
};

#[derive(UdfOptions)]
struct Required {
    #[allow(dead_code)]
    must: String,
}

#[derive(Debug)]
struct Constants(String);

/// What is known of each argument.
#[udf(models = ["net"], assets = ["words"])]
impl Constants {
    fn open(_options: Required, arguments: &Arguments<'_>) -> Result<Self> {
        let text = arguments.constant::<String>("text")?;
        let number = arguments.constant::<Option<i64>>("number")?;
        let schema = arguments.schema("number")?;
        Ok(Self(format!(
            "{} {text:?} {number:?} {}",
            arguments.are_known(),
            schema.format()
        )))
    }

    fn known(&self, _text: &str, _number: Option<i64>) -> &str {
        &self.0
    }
}

const MUST: &str = r#"{"must": "be"}"#;

#[test]
fn constants_are_known_at_open() {
    let bind = |arguments: Vec<testing::Bound>| {
        let function = testing::Function::<Constants>::bind(MUST, arguments).unwrap();
        function.call([("row", Some(1))]).remove(0).unwrap()
    };
    assert_eq!(bind(vec![]), "false None None *");
    assert_eq!(
        bind(vec![testing::column::<&str>(), testing::column::<i64>()]),
        "true None None l"
    );
    assert_eq!(
        bind(vec![testing::constant("a"), testing::constant(7_i64)]),
        "true Some(\"a\") Some(Some(7)) l"
    );
    assert_eq!(
        bind(vec![
            testing::column::<&str>(),
            testing::constant(None::<i64>)
        ]),
        "true None Some(None) l"
    );
}

#[test]
fn what_is_looked_for_must_be_there() {
    struct Wrong;

    /// Looks for what it does not have.
    #[udf]
    impl Wrong {
        fn open(arguments: &Arguments<'_>) -> Result<Self> {
            arguments.constant::<i64>("text")?;
            arguments.schema("other")?;
            Ok(Self)
        }

        fn row(&self, text: &str) -> u64 {
            text.len() as u64
        }
    }

    let error = |arguments: Vec<testing::Bound>| {
        testing::Function::<Wrong>::bind("{}", arguments).unwrap_err()
    };
    let missing = error(vec![]);
    assert_eq!(missing.code(), "internal");
    assert!(
        missing.to_string().contains("argument `other`"),
        "{missing}"
    );
    let misfit = error(vec![testing::constant("a")]);
    assert_eq!(misfit.code(), "arguments");
    assert!(
        misfit
            .to_string()
            .contains("expected a constant of the format `l`, got `u`"),
        "{misfit}"
    );
    let many = error(vec![testing::constant("a"), testing::constant("b")]);
    assert_eq!(many.to_string(), "expected 1 arguments, got 2");
}

/// An option without a default hides nothing that the attribute says.
#[test]
fn models_and_assets_are_always_in_signatures() {
    let signature = Entry::of::<Constants>().signature();
    assert_eq!(signature.models, ["net"]);
    assert_eq!(signature.assets, ["words"]);
    assert!(
        signature
            .properties
            .contains(&("volatility".to_owned(), "stable".to_owned()))
    );
}

#[derive(Default)]
struct Same;

/// What it is given.
#[udf]
impl Same {
    fn returns(arguments: &Arguments<'_>) -> Result<Schema> {
        arguments.schema("value")
    }

    fn same<'a>(&self, value: Dynamic<'a>) -> Dynamic<'a> {
        value
    }
}

fn through(schema: &Schema, values: Vec<Dynamic<'static>>) -> Vec<Result<Dynamic<'static>>> {
    let same = testing::Function::<Same>::bind("{}", [testing::column_of(schema.clone())])
        .expect("any type will do");
    assert_eq!(same.returns(), *schema);
    same.call(values)
}

#[derive(Row)]
#[allow(dead_code)]
struct Everything {
    flag: Option<bool>,
    small: Option<i8>,
    unsigned: Option<u16>,
    float: Option<f32>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    fixed: Option<[u8; 2]>,
    date: Option<Date>,
    time: Option<wudf_guest::Time>,
    at: Option<wudf_guest::TimestampUtc>,
    span: Option<wudf_guest::Duration>,
    money: Option<wudf_guest::Decimal<9, 2>>,
    list: Option<Vec<Option<i64>>>,
    pair: Option<[f64; 2]>,
    map: Option<std::collections::BTreeMap<String, Option<u8>>>,
    tuple: Option<(i32, Option<String>)>,
}

/// Values of `Everything`, with nulls where there may be some.
fn everything() -> impl Strategy<Value = Dynamic<'static>> {
    fn null(
        of: impl Strategy<Value = Dynamic<'static>>,
    ) -> impl Strategy<Value = Dynamic<'static>> {
        prop::option::weighted(0.8, of).prop_map(|value| value.unwrap_or(Dynamic::Null))
    }
    let text = || "[a-é]{0,4}".prop_map(|text| Dynamic::Text(Cow::Owned(text)));
    let bytes = |size| {
        let bytes = prop::collection::vec(any::<u8>(), size);
        bytes.prop_map(|bytes| Dynamic::Binary(Cow::Owned(bytes)))
    };
    let micro = TimeUnit::Microsecond;
    let float = || any::<i16>().prop_map(|x| Dynamic::Float(f64::from(x) / 4.0));
    let fields = (
        (
            null(any::<bool>().prop_map(Dynamic::Bool)),
            null(any::<i8>().prop_map(|x| Dynamic::Int(x.into()))),
            null(any::<u16>().prop_map(|x| Dynamic::UInt(x.into()))),
            null(float()),
            null(text()),
            null(bytes(0..4)),
            null(bytes(2..3)),
            null(any::<i32>().prop_map(|x| Dynamic::Date(Date(x)))),
        ),
        (
            null(any::<i64>().prop_map(move |x| Dynamic::Time(x, micro))),
            null(any::<i64>().prop_map(move |x| Dynamic::Timestamp(x, micro))),
            null(any::<i64>().prop_map(move |x| Dynamic::Duration(x, micro))),
            null(
                (-999_999_999_i128..999_999_999)
                    .prop_map(|unscaled| Dynamic::Decimal { unscaled, scale: 2 }),
            ),
            null(
                prop::collection::vec(null(any::<i64>().prop_map(Dynamic::Int)), 0..4)
                    .prop_map(Dynamic::List),
            ),
            null(prop::collection::vec(float(), 2).prop_map(Dynamic::List)),
            null(
                prop::collection::vec(
                    (
                        text(),
                        null(any::<u8>().prop_map(|x| Dynamic::UInt(x.into()))),
                    ),
                    0..3,
                )
                .prop_map(Dynamic::Map),
            ),
            null((any::<i32>(), null(text())).prop_map(|(a, b)| {
                Dynamic::Struct(vec![
                    ("f0".into(), Dynamic::Int(a.into())),
                    ("f1".into(), b),
                ])
            })),
        ),
    );
    fields.prop_map(|((a, b, c, d, e, f, g, h), (i, j, k, l, m, n, o, p))| {
        const NAMES: [&str; 16] = [
            "flag", "small", "unsigned", "float", "text", "bytes", "fixed", "date", "time", "at",
            "span", "money", "list", "pair", "map", "tuple",
        ];
        let values = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
        Dynamic::Struct(NAMES.map(Cow::Borrowed).into_iter().zip(values).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn values_of_any_type_come_back(rows in prop::collection::vec(everything(), 0..20)) {
        let results = through(&Schema::of::<Everything>(), rows.clone());
        let results: Result<Vec<_>> = results.into_iter().collect();
        prop_assert_eq!(results, Ok(rows));
    }
}

/// What comes back could be wrong twice: the columns of Rust types are read as dynamic
/// ones, and the other way round.
#[test]
fn dynamic_columns_are_those_of_rust_types() {
    #[udf]
    fn show(value: Option<Dynamic<'_>>) -> String {
        format!("{value:?}")
    }
    let show = testing::Function::<show>::bind("{}", [testing::constant(vec![Some(1_u8), None])]);
    let show = show.unwrap().call([None]).remove(0).unwrap();
    assert_eq!(show, "Some(List([UInt(1), Null]))");

    struct Parsed;

    #[derive(UdfOptions)]
    struct As {
        r#as: String,
    }

    /// A text as the type that the options say.
    #[udf]
    impl Parsed {
        fn open(_options: As) -> Self {
            Self
        }

        fn returns(options: &As) -> Result<Schema> {
            Ok(match options.r#as.as_str() {
                "int" => Schema::of::<i32>(),
                "ints" => Schema::list(Schema::of::<i32>()),
                _ => Schema::structure([
                    ("text", Schema::of::<&str>()),
                    ("flag", Schema::of::<bool>()),
                ]),
            })
        }

        fn parse<'a>(&self, text: &'a str) -> Option<Dynamic<'a>> {
            let int = || Some(Dynamic::Int(text.parse().ok()?));
            match text.strip_prefix('[') {
                Some("") => Some(Dynamic::List(vec![])),
                Some(item) => Some(Dynamic::List(vec![
                    Dynamic::Text(item.into()),
                    Dynamic::Null,
                ])),
                None => int(),
            }
        }
    }
    let parse = |options: &str, text| {
        let function = testing::Function::<Parsed>::open(options).unwrap();
        (function.returns(), function.call([text]).remove(0))
    };
    let (schema, result) = parse(r#"{"as": "int"}"#, "-7");
    assert_eq!(
        (schema, result),
        (Schema::of::<i32>(), Ok(Some(Dynamic::Int(-7))))
    );
    let (schema, result) = parse(r#"{"as": "ints"}"#, "[");
    assert_eq!(schema.item().unwrap(), Schema::of::<i32>());
    assert_eq!(result, Ok(Some(Dynamic::List(vec![]))));
    // What does not fit is its row's failure.
    for (options, text, why) in [
        (
            r#"{"as": "int"}"#,
            "3000000000",
            "a value does not fit the format `i`: Int(3000000000)",
        ),
        (
            r#"{"as": "ints"}"#,
            "[x",
            "a value does not fit the format `i`: Text(\"x\")",
        ),
        (
            r#"{"as": "struct"}"#,
            "7",
            "a value does not fit the format `+s`: Int(7)",
        ),
    ] {
        let error = parse(options, text).1.unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("internal", why.to_owned())
        );
    }
}

#[test]
fn types_are_bound_and_open_until_then() {
    let entry = Entry::of::<Same>();
    let open = entry.signature();
    assert_eq!(open.arguments[0][0].format, "*");
    assert_eq!(open.returns[0].format, "*");
    let bound = testing::Function::<Same>::bind("{}", [testing::column::<Vec<f32>>()]).unwrap();
    assert_eq!(bound.returns(), Schema::of::<Vec<f32>>());

    // Without types there is nothing to read by.
    let column = [vec![]];
    let error = entry.open("{}", &[]).unwrap().call(0, &column).unwrap_err();
    assert_eq!(error.code(), "arguments");
    let float16 = scalar::Argument {
        schema: vec![field("value", "e", true, 0)],
        constant: None,
    };
    let error = entry
        .open("{}", &[float16])
        .unwrap()
        .call(0, &column)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "argument `value`: columns of the format `e` are not supported"
    );
}
