//! Types beyond numbers, texts and lists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use half::f16;
use jiff::civil;
use proptest::prelude::*;
use wudf_guest::__private::{Entry, Field, Node};
use wudf_guest::{
    Decimal, Duration, Enum, Json, Result, Row, Time, Timestamp, TimestampUtc, testing, udf,
};

use crate::{call, column, come_back, echoes, same};

/// A text in a column, and an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Enum)]
pub enum Shape {
    Circle,
    RoundedSquare,
    #[value(name = "-")]
    None,
}

/// Fields under other names and of extension types.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Place<'a> {
    #[row(name = "type")]
    kind: Shape,
    #[row(extension = "geoarrow.wkb", extension_metadata = r#"{"crs": null}"#)]
    shape: &'a [u8],
    tags: Json,
    size: (u8, Option<f32>),
}

mod echo {
    use super::*;

    echoes! {
        cow: Cow<'_, str>;
        cow_bytes: Cow<'_, [u8]>;
        // Its lifetime is left out, which macros see.
        cow_elided: Cow<str>;
        character: char;
        fixed: [u8; 3];
        fixed_view: &[u8; 16];
        fixed_items: Vec<[u8; 2]>;
        decimal: Decimal<38, 10>;
        small_decimal: Decimal<5, 2>;
        decimals: &[Decimal<10, 0>];
        time: Time;
        duration: Duration;
        shape: Shape;
        json: Json;
        map: BTreeMap<&str, Option<i64>>;
        map_of_maps: BTreeMap<i32, BTreeMap<String, Vec<bool>>>;
        maps: Vec<BTreeMap<char, u16>>;
        single: (i8,);
        pair: (&str, Option<bool>);
        pairs: Vec<(i64, [f64; 2])>;
        eight: (u8, u8, u8, u8, u8, u8, u8, String);
        place: Place<'_>;
        half: f16;
        halves: Vec<f16>;
        civil_date: civil::Date;
        civil_time: civil::Time;
        datetime: civil::DateTime;
        timestamp: jiff::Timestamp;
    }
}

fn any_decimal<const P: u8, const S: i8>() -> impl Strategy<Value = Decimal<P, S>> {
    let digits = 10_i128.pow(P.into()) - 1;
    (-digits..=digits).prop_map(|unscaled| Decimal::new(unscaled).expect("its digits are enough"))
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(&[Shape::Circle, Shape::RoundedSquare, Shape::None][..])
}

fn any_json() -> impl Strategy<Value = Json> {
    prop::sample::select(&["null", "[1,2.5]", r#"{"a":{"b":"é"}}"#, "\"\"", "true"][..])
        .prop_map(|text| text.parse().expect("it is JSON"))
}

fn any_place() -> impl Strategy<Value = Place<'static>> {
    let shape_bytes = prop::sample::select(vec![&b""[..], b"\x01", b"\x00\xff"]);
    (
        any_shape(),
        shape_bytes,
        any_json(),
        any::<(u8, Option<f32>)>(),
    )
        .prop_map(|(kind, shape, tags, size)| Place {
            kind,
            shape,
            tags,
            size,
        })
}

/// Microseconds of all years that jiff has.
fn micros() -> impl Strategy<Value = i64> {
    let range = jiff::Timestamp::MIN.as_microsecond()..=jiff::Timestamp::MAX.as_microsecond();
    prop_oneof![range, -3_000_000_i64..3_000_000]
}

fn civil_at(micros: i64) -> civil::DateTime {
    let timestamp = jiff::Timestamp::from_microsecond(micros).expect("it is in range");
    jiff::tz::Offset::UTC.to_datetime(timestamp)
}

mod rows {
    use super::*;

    come_back! { echo;
        cow ".{0,8}".prop_map(Cow::<str>::Owned);
        cow_elided ".{0,8}".prop_map(Cow::<str>::Owned);
        cow_bytes prop::collection::vec(any::<u8>(), 0..8).prop_map(Cow::<[u8]>::Owned);
        character any::<char>();
        fixed any::<[u8; 3]>();
        fixed_view prop::sample::select(vec![&[0_u8; 16], &[7; 16], b"0123456789abcdef"]);
        fixed_items prop::collection::vec(any::<[u8; 2]>(), 0..4);
        decimal any_decimal::<38, 10>();
        small_decimal any_decimal::<5, 2>();
        decimals prop::collection::vec(any_decimal::<10, 0>(), 0..4);
        time any::<i64>().prop_map(Time);
        duration any::<i64>().prop_map(Duration);
        shape any_shape();
        json any_json();
        map prop::collection::btree_map(prop::sample::select(&["", "a", "é"][..]), any::<Option<i64>>(), 0..4);
        map_of_maps prop::collection::btree_map(
            any::<i32>(),
            prop::collection::btree_map(".{0,3}", prop::collection::vec(any::<bool>(), 0..3), 0..3),
            0..3,
        );
        maps prop::collection::vec(prop::collection::btree_map(any::<char>(), any::<u16>(), 0..3), 0..3);
        single any::<i8>().prop_map(|x| (x,));
        pair (prop::sample::select(&["", "a"][..]), any::<Option<bool>>());
        pairs prop::collection::vec(any::<(i64, [f64; 2])>(), 0..4);
        eight (any::<(u8, u8, u8, u8, u8, u8, u8)>(), ".{0,3}").prop_map(
            |((a, b, c, d, e, f, g), h)| (a, b, c, d, e, f, g, h)
        );
        place any_place();
        half any::<u16>().prop_map(f16::from_bits);
        halves prop::collection::vec(any::<u16>().prop_map(f16::from_bits), 0..4);
        civil_date micros().prop_map(|at| civil_at(at).date());
        civil_time micros().prop_map(|at| civil_at(at).time());
        datetime micros().prop_map(civil_at);
        timestamp micros().prop_map(|at| jiff::Timestamp::from_microsecond(at).expect("in range"));
    }
}

fn fields(schema: &[Field]) -> Vec<String> {
    let field = |f: &Field| {
        let metadata = f
            .metadata
            .iter()
            .map(|(key, value)| format!(" {key}={value}"));
        let nullable = if f.nullable { "?" } else { "" };
        format!(
            "{}:{}{nullable}:{}{}",
            f.name,
            f.format,
            f.children,
            metadata.collect::<String>()
        )
    };
    schema.iter().map(field).collect()
}

fn returns<U: wudf_guest::__private::Udf>() -> Vec<String> {
    let signature = Entry::of::<U>().signature();
    let mut arguments = signature.arguments;
    arguments[0][0].name.clear();
    assert_eq!(fields(&arguments[0]), fields(&signature.returns));
    fields(&signature.returns)
}

#[test]
fn formats_are_those_of_arrow() {
    assert_eq!(returns::<echo::cow>(), [":u?:0"]);
    assert_eq!(returns::<echo::cow_bytes>(), [":z?:0"]);
    assert_eq!(returns::<echo::character>(), [":u?:0"]);
    assert_eq!(returns::<echo::fixed_view>(), [":w:16?:0"]);
    assert_eq!(returns::<echo::fixed_items>(), [":+l?:1", "item:w:2:0"]);
    assert_eq!(returns::<echo::decimal>(), [":d:38,10?:0"]);
    assert_eq!(returns::<echo::time>(), [":ttu?:0"]);
    assert_eq!(returns::<echo::duration>(), [":tDu?:0"]);
    assert_eq!(returns::<echo::half>(), [":e?:0"]);
    assert_eq!(returns::<echo::shape>(), [":u?:0"]);
    assert_eq!(returns::<echo::civil_date>(), [":tdD?:0"]);
    assert_eq!(returns::<echo::civil_time>(), [":ttu?:0"]);
    assert_eq!(returns::<echo::datetime>(), [":tsu:?:0"]);
    assert_eq!(returns::<echo::timestamp>(), [":tsu:UTC?:0"]);
    assert_eq!(
        returns::<echo::json>(),
        [":u?:0 ARROW:extension:name=arrow.json ARROW:extension:metadata="]
    );
    assert_eq!(
        returns::<echo::map>(),
        [":+m?:1", "entries:+s:2", "key:u:0", "value:l?:0"]
    );
    assert_eq!(returns::<echo::pair>(), [":+s?:2", "f0:u:0", "f1:b?:0"]);
    assert_eq!(
        returns::<echo::place>(),
        [
            ":+s?:4",
            "type:u:0",
            r#"shape:z:0 ARROW:extension:name=geoarrow.wkb ARROW:extension:metadata={"crs": null}"#,
            "tags:u:0 ARROW:extension:name=arrow.json ARROW:extension:metadata=",
            "size:+s:2",
            "f0:C:0",
            "f1:f?:0",
        ]
    );
}

/// The layouts, spelled out: what comes back could be wrong twice.
#[test]
fn buffers_are_as_in_arrow() {
    let buffers = |nodes: Vec<Node>| {
        let of = |node: Node| (node.length, node.null_count, node.buffers);
        nodes.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        buffers(column(vec![Some([1_u8, 2]), None])),
        [(2, 1, vec![vec![0b01], vec![1, 2, 0, 0]])]
    );
    assert_eq!(
        buffers(column(vec![Decimal::<4, 1>::new(-2)])),
        [(1, 0, vec![vec![], (-2_i128).to_le_bytes().to_vec()])]
    );
    let offsets = [0_i32, 0, 2, 2]
        .iter()
        .flat_map(|at| at.to_le_bytes())
        .collect();
    let map = BTreeMap::from([(7_u8, None), (9, Some("x"))]);
    let texts = [0_i32, 0, 1]
        .iter()
        .flat_map(|at| at.to_le_bytes())
        .collect();
    assert_eq!(
        buffers(column(vec![None, Some(map), Some(BTreeMap::new())])),
        [
            (3, 1, vec![vec![0b110], offsets]),
            (2, 0, vec![vec![]]),
            (2, 0, vec![vec![], vec![7, 9]]),
            (2, 1, vec![vec![0b10], texts, b"x".to_vec()]),
        ]
    );
    assert_eq!(
        buffers(column(vec![Some(f16::from_f32(1.0))])),
        [(1, 0, vec![vec![], vec![0x00, 0x3c]])]
    );
}

/// A value that a type does not have is its row's failure.
#[test]
fn values_that_do_not_fit_fail_their_rows() {
    fn failures<U: wudf_guest::__private::Udf>(argument: Vec<Node>) -> Vec<(u32, String)> {
        let rows = argument[0].length as usize;
        let output = call(Entry::of::<U>(), rows, &[argument]);
        let failures = output.failures.into_iter();
        failures
            .map(|failure| (failure.row, failure.message))
            .collect()
    }
    let unfit = |row, why: &str| (row, format!("an argument cannot be used: {why}"));

    assert_eq!(
        failures::<echo::character>(column(vec![Some("a"), Some("ab"), None, Some("")])),
        [
            unfit(1, "expected one character"),
            unfit(3, "expected one character")
        ]
    );
    let expected = r#"expected "circle" or "rounded_square" or "-""#;
    assert_eq!(
        failures::<echo::shape>(column(vec![Some("Circle"), Some("-"), None])),
        [unfit(0, expected)]
    );
    assert_eq!(
        failures::<echo::json>(column(vec![Some("{}"), Some("{")])),
        [unfit(1, "expected valid JSON")]
    );
    let years = "the date is out of range: expected a year from -9999 to 9999";
    assert_eq!(
        failures::<echo::datetime>(column(vec![Some(Timestamp(i64::MAX)), Some(Timestamp(0))])),
        [unfit(0, years)]
    );
    assert_eq!(
        failures::<echo::timestamp>(column(vec![Some(TimestampUtc(i64::MIN))])),
        [unfit(0, years)]
    );
    let hours = "the time of day is out of range: expected 0 to 24 hours";
    assert_eq!(
        failures::<echo::civil_time>(column(vec![Some(Time(-1)), Some(Time(86_400_000_000))])),
        [unfit(0, hours), unfit(1, hours)]
    );
    // A key may not be null, nor an entry.
    let mut maps = column(vec![Some(BTreeMap::from([("a", Some(1_i64))]))]);
    maps[2].null_count = 1;
    maps[2].buffers[0] = vec![0];
    assert_eq!(
        failures::<echo::map>(maps.clone()),
        [unfit(0, "a key of the map is null")]
    );
    maps[1].null_count = 1;
    maps[1].buffers[0] = vec![0];
    assert_eq!(
        failures::<echo::map>(maps),
        [unfit(0, "an entry of the map is null")]
    );
}

#[test]
fn jiff_is_the_calendar() {
    #[udf]
    fn next_day(day: civil::Date) -> Result<civil::Date> {
        Ok(day.tomorrow()?)
    }
    #[udf]
    fn in_new_york(at: jiff::Timestamp) -> civil::DateTime {
        jiff::tz::offset(-5).to_datetime(at)
    }
    let day = |y, m, d| civil::date(y, m, d);
    assert_eq!(
        testing::values::<next_day>([day(2024, 2, 28), day(1969, 12, 31), day(-1, 12, 31)]),
        [day(2024, 2, 29), day(1970, 1, 1), day(0, 1, 1)]
    );
    assert_eq!(
        testing::values::<in_new_york>([jiff::Timestamp::UNIX_EPOCH]),
        [day(1969, 12, 31).at(19, 0, 0, 0)]
    );
    // Digits below a microsecond are dropped, to the past.
    let early = jiff::Timestamp::from_nanosecond(-1).expect("in range");
    assert!(same(
        &column(vec![Some(early)]),
        &column(vec![Some(TimestampUtc(-1))])
    ));
    let early = jiff::tz::Offset::UTC.to_datetime(early);
    assert!(same(
        &column(vec![Some(early)]),
        &column(vec![Some(Timestamp(-1))])
    ));

    let span = jiff::SignedDuration::from_secs(-90);
    assert_eq!(Duration::try_from(span), Ok(Duration(-90_000_000)));
    assert_eq!(jiff::SignedDuration::from(Duration(-90_000_000)), span);
    assert!(Duration::try_from(jiff::SignedDuration::MAX).is_err());
}

#[udf(
    extension = "arrow.fixed_shape_tensor",
    extension_metadata = r#"{"shape":[1,2]}"#
)]
fn tensor(x: f32) -> [f32; 2] {
    [x, x]
}

#[test]
fn results_have_extension_types() {
    let signature = Entry::of::<tensor>().signature();
    assert_eq!(
        fields(&signature.returns),
        [
            ":+w:2?:1 ARROW:extension:name=arrow.fixed_shape_tensor \
             ARROW:extension:metadata={\"shape\":[1,2]}",
            "item:f:0"
        ]
    );
    assert_eq!(fields(&signature.arguments[0]), ["x:f?:0"]);
}
