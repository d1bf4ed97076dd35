//! Whole calls, from buffers to buffers: what goes in as rows must come out as
//! rows.

mod types;

use proptest::prelude::*;
use wudf_guest::__private::{Entry, Field, Node, Sink};
use wudf_guest::bindings::exports::wudf::plugin::scalar::{Output, Signature};
use wudf_guest::{
    Date, Outcome, Result, Row, Timestamp, TimestampUtc, UdfOptions, Value, fail, udf,
};

/// A column made by the SDK's own builders.
pub fn column<V: Value>(values: Vec<Option<V>>) -> Vec<Node> {
    let mut sink = Sink::<V::Builder>::new(values.len());
    values.into_iter().for_each(|value| value.put(&mut sink));
    sink.finish().expect("it fits").values
}

/// Calls a function without options.
pub fn call(entry: Entry, rows: usize, arguments: &[Vec<Node>]) -> Output {
    entry
        .open("{}", &[])
        .expect("no options")
        .call(rows, arguments)
        .expect("the arguments fit")
}

/// That two arrays have the same values, whatever stands under nulls and behind
/// the end.
pub fn same(a: &[Node], b: &[Node]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.length == b.length && a.null_count == b.null_count && a.buffers == b.buffers
        })
}

macro_rules! echoes {
    ($($name:ident: $type:ty;)*) => {
        $(#[udf]
        pub fn $name(x: $type) -> $type {
            x
        })*
    };
}
pub(crate) use echoes;

mod echo {
    use super::{Date, Point, Timestamp, TimestampUtc, udf};

    echoes! {
        boolean: bool;
        byte: i8;
        unsigned: u8;
        short: i16;
        long: i64;
        unsigned_long: u64;
        float: f32;
        double: f64;
        date: Date;
        timestamp: Timestamp;
        timestamp_utc: TimestampUtc;
        string: &str;
        owned: String;
        bytes: &[u8];
        owned_bytes: Vec<u8>;
        option: Option<i32>;
        list: Vec<i64>;
        slice: &[f32];
        list_option: Vec<Option<u8>>;
        list_string: Vec<&str>;
        nested: Vec<Vec<i16>>;
        array: [f32; 3];
        nested_array: [[u16; 2]; 2];
        array_string: [String; 2];
        record: Point<'_>;
        list_record: Vec<Option<Point<'_>>>;
    }
}

/// Something of everything.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Point<'a> {
    name: &'a str,
    at: Option<Inner>,
    tags: Vec<String>,
}

/// A struct within.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Inner {
    x: f64,
    y: [i8; 2],
}

fn point() -> impl Strategy<Value = Point<'static>> {
    let inner = (any::<f64>(), any::<[i8; 2]>()).prop_map(|(x, y)| Inner { x, y });
    let tags = prop::collection::vec(".{0,4}", 0..3);
    (
        prop::sample::select(&["", "a", "né", "日本"]),
        prop::option::of(inner),
        tags,
    )
        .prop_map(|(name, at, tags)| Point { name, at, tags })
}

macro_rules! come_back {
    ($module:ident; $($name:ident $strategy:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(100))]
            $(#[test]
            fn $name(values in prop::collection::vec(prop::option::weighted(0.8, $strategy), 0..80)) {
                let (rows, dense) = (values.len(), values.iter().all(Option::is_some));
                let argument = column(values);
                prop_assert_eq!(argument[0].null_count == 0, dense);
                let output = call(Entry::of::<$module::$name>(), rows, std::slice::from_ref(&argument));
                prop_assert!(output.failures.is_empty());
                prop_assert!(same(&output.values, &argument), "{:?}\n{argument:?}", output.values);
            })*
        }
    };
}

pub(crate) use come_back;

come_back! { echo;
    boolean any::<bool>();
    byte any::<i8>();
    unsigned any::<u8>();
    short any::<i16>();
    long any::<i64>();
    unsigned_long any::<u64>();
    float any::<f32>();
    double any::<f64>();
    date any::<i32>().prop_map(Date);
    timestamp any::<i64>().prop_map(Timestamp);
    timestamp_utc any::<i64>().prop_map(TimestampUtc);
    string ".{0,8}";
    owned ".{0,8}";
    bytes prop::collection::vec(any::<u8>(), 0..8);
    owned_bytes prop::collection::vec(any::<u8>(), 0..8);
    option any::<i32>();
    list prop::collection::vec(any::<i64>(), 0..5);
    slice prop::collection::vec(any::<f32>(), 0..5);
    list_option prop::collection::vec(any::<Option<u8>>(), 0..5);
    list_string prop::collection::vec(".{0,4}", 0..5);
    nested prop::collection::vec(prop::collection::vec(any::<i16>(), 0..4), 0..4);
    array any::<[f32; 3]>();
    nested_array any::<[[u16; 2]; 2]>();
    array_string [".{0,4}", ".{0,4}"];
    record point();
    list_record prop::collection::vec(prop::option::of(point()), 0..4);
}

/// The layouts, spelled out: what comes back could be wrong twice.
#[test]
fn buffers_are_as_in_arrow() {
    fn nodes<V: Value>(values: Vec<Option<V>>) -> Vec<(u64, u64, Vec<Vec<u8>>)> {
        column(values)
            .into_iter()
            .map(|node| (node.length, node.null_count, node.buffers))
            .collect()
    }
    let le = |numbers: &[i32]| {
        numbers
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<u8>>()
    };

    assert_eq!(
        nodes(vec![Some(1_i32), Some(-2)]),
        [(2, 0, vec![vec![], le(&[1, -2])])]
    );
    assert_eq!(
        nodes(vec![Some(1_i32), None]),
        [(2, 1, vec![vec![0b01], le(&[1, 0])])]
    );
    assert_eq!(
        nodes(vec![Some(true), None, Some(true)]),
        [(3, 1, vec![vec![0b101], vec![0b101]])]
    );
    assert_eq!(
        nodes(vec![Some("ab"), None, Some(""), Some("é")]),
        [(4, 1, vec![vec![0b1101], le(&[0, 2, 2, 2, 4]), "abé".into()])]
    );
    assert_eq!(
        nodes::<&[u8]>(vec![]),
        [(0, 0, vec![vec![], le(&[0]), vec![]])]
    );
    assert_eq!(
        nodes(vec![None, Some(vec![Some(1_i32), None])]),
        [
            (2, 1, vec![vec![0b10], le(&[0, 0, 2])]),
            (2, 1, vec![vec![0b01], le(&[1, 0])])
        ]
    );
    assert_eq!(
        nodes(vec![None, Some([1_i32, 2])]),
        [
            (2, 1, vec![vec![0b10]]),
            (4, 0, vec![vec![], le(&[0, 0, 1, 2])])
        ]
    );
    assert_eq!(
        nodes(vec![Some(Inner { x: 0.0, y: [1, 2] }), None]),
        [
            (2, 1, vec![vec![0b01]]),
            (2, 0, vec![vec![], vec![0; 16]]),
            (2, 0, vec![vec![]]),
            (4, 0, vec![vec![], vec![1, 2, 0, 0]]),
        ]
    );
}

#[test]
fn dense_columns_come_back_at_every_length() {
    for rows in (0..70).chain([8192, 8195]) {
        let numbers: Vec<_> = (0..rows).map(|x| Some(x as i64 - 5)).collect();
        let argument = column(numbers);
        let output = call(
            Entry::of::<echo::long>(),
            rows,
            std::slice::from_ref(&argument),
        );
        assert!(same(&output.values, &argument), "{rows} rows");

        let bits: Vec<_> = (0..rows).map(|x| Some(x % 3 == 0)).collect();
        let argument = column(bits);
        let output = call(
            Entry::of::<echo::boolean>(),
            rows,
            std::slice::from_ref(&argument),
        );
        assert!(same(&output.values, &argument), "{rows} rows");
    }
}

#[udf]
fn add(a: i64, b: Option<i32>) -> Option<i64> {
    b.map(|b| a.wrapping_add(b.into()))
}

#[udf]
fn even(x: u32) -> Result<bool> {
    if x == 13 {
        fail!("row with {x} in it");
    }
    Ok(x.is_multiple_of(2))
}

proptest! {
    #[test]
    fn nulls_follow_sql(rows in prop::collection::vec((any::<Option<i64>>(), any::<Option<i32>>()), 0..100)) {
        let (a, b): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
        let output = call(Entry::of::<add>(), rows.len(), &[column(a), column(b)]);
        let expected: Vec<_> =
            rows.iter().map(|&(a, b)| Some(a?.wrapping_add(b?.into()))).collect();
        prop_assert!(same(&output.values, &column(expected)));
    }

    #[test]
    fn failures_are_rows(values in prop::collection::vec(prop::option::weighted(0.9, 10_u32..16), 0..100)) {
        let output = call(Entry::of::<even>(), values.len(), &[column(values.clone())]);
        let failed: Vec<_> = (0..).zip(&values).filter(|(_, x)| **x == Some(13)).map(|(row, _)| row).collect();
        prop_assert_eq!(output.failures.iter().map(|failure| failure.row).collect::<Vec<_>>(), failed);
        prop_assert!(output.failures.iter().all(|failure| failure.message == "row with 13 in it"));
        let expected: Vec<_> =
            values.into_iter().map(|x| x.filter(|x| *x != 13).map(|x| x % 2 == 0)).collect();
        prop_assert!(same(&output.values, &column(expected)));
    }

    /// The host is trusted, but what it sends wrongly must not be read wrongly:
    /// either an error, or failed rows, or rows.
    #[test]
    fn no_buffers_make_it_panic(
        rows in 0_usize..20,
        nodes in prop::collection::vec(
            (0_u64..20, 0_u64..3, prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..4)),
            0..5,
        ),
    ) {
        let array: Vec<_> = nodes
            .into_iter()
            .map(|(length, null_count, buffers)| Node { length, null_count, buffers })
            .collect();
        for entry in [
            Entry::of::<echo::boolean>(),
            Entry::of::<echo::long>(),
            Entry::of::<echo::string>(),
            Entry::of::<echo::list>(),
            Entry::of::<echo::slice>(),
            Entry::of::<echo::nested>(),
            Entry::of::<echo::array>(),
            Entry::of::<echo::record>(),
        ] {
            let _ = entry.open("{}", &[]).expect("no options").call(rows, std::slice::from_ref(&array));
        }
    }

    #[test]
    fn no_offsets_make_it_panic(offsets in prop::collection::vec(-2_i32..12, 5), text in "[aé]{0,6}") {
        let bytes: Vec<u8> = offsets.iter().flat_map(|at| at.to_le_bytes()).collect();
        let strings = Node { length: 4, null_count: 0, buffers: vec![vec![], bytes.clone(), text.into_bytes()] };
        let lists = Node { length: 4, null_count: 0, buffers: vec![vec![], bytes] };
        let items = Node { length: 10, null_count: 1, buffers: vec![vec![0xfb, 0xff], vec![7; 80]] };
        let arrays = [vec![strings], vec![lists, items]];
        let _ = Entry::of::<echo::string>().open("{}", &[]).expect("no options").call(4, &arrays[..1]);
        let _ = Entry::of::<echo::list>().open("{}", &[]).expect("no options").call(4, &arrays[1..]);
    }
}

#[test]
fn wrong_arguments_are_named() {
    let error = |rows, arguments: &[Vec<Node>]| {
        let opened = Entry::of::<add>().open("{}", &[]).expect("no options");
        opened
            .call(rows, arguments)
            .expect_err("they do not fit")
            .to_string()
    };
    let (a, b) = (column(vec![Some(1_i64); 3]), column(vec![Some(1_i32); 3]));
    assert_eq!(error(3, &[]), "expected 2 arguments, got 0");
    assert_eq!(
        error(4, &[a.clone(), b.clone()]),
        "argument `a`: 3 values in a call of 4 rows"
    );
    let short = vec![Node {
        buffers: vec![vec![], vec![0; 11]],
        ..b[0].clone()
    }];
    assert_eq!(
        error(3, &[a.clone(), short]),
        "argument `b`: the buffer is too short"
    );
    assert_eq!(
        error(3, &[a.clone(), vec![]]),
        "argument `b`: nodes are missing"
    );
    assert_eq!(
        error(3, &[a, [b.clone(), b].concat()]),
        "argument `b`: 1 nodes too many"
    );
}

#[udf]
fn join(
    flag: bool,
    number: i32,
    text: &str,
    bytes: &[u8],
    list: Vec<i8>,
    point: Option<Inner>,
) -> String {
    let x = point.map(|point| point.x);
    format!("{flag} {number} {text} {} {list:?} {x:?}", bytes.len())
}

proptest! {
    /// One value in place of a column is that value in each row.
    #[test]
    fn constants_are_columns_of_one_value(
        rows in 2_usize..200,
        constant in prop::collection::vec(any::<bool>(), 6),
        null in prop::option::weighted(0.2, 0_usize..6),
        values in (any::<bool>(), any::<i32>(), ".{0,80}", prop::collection::vec(any::<u8>(), 0..80)),
    ) {
        let (flag, number, text, bytes) = values;
        let repeated = |at: usize, count: usize| {
            let null = null == Some(at);
            let point = Inner { x: 1.5, y: [1, 2] };
            match at {
                0 => column(vec![(!null).then_some(flag); count]),
                1 => column(vec![(!null).then_some(number); count]),
                2 => column(vec![(!null).then_some(text.as_str()); count]),
                3 => column(vec![(!null).then_some(bytes.as_slice()); count]),
                4 => column(vec![(!null).then_some(vec![1_i8, 2]); count]),
                _ => column(vec![(!null).then_some(point); count]),
            }
        };
        let arguments = |constant: &[bool]| {
            let one = |(at, &constant): (usize, &bool)| repeated(at, if constant { 1 } else { rows });
            constant.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let some = call(Entry::of::<join>(), rows, &arguments(&constant));
        let none = call(Entry::of::<join>(), rows, &arguments(&[false; 6]));
        prop_assert!(same(&some.values, &none.values));
        prop_assert_eq!(none.values[0].null_count > 0, null.is_some_and(|at| at < 5));
    }

    #[test]
    fn constants_in_blocks_are_each_row(numbers in prop::collection::vec(any::<i64>(), 2..200), b in any::<Option<i32>>()) {
        let values = numbers.iter().copied().map(Some).collect();
        let output = call(Entry::of::<add>(), numbers.len(), &[column(values), column(vec![b])]);
        let expected = numbers.iter().map(|a| Some(a.wrapping_add(b?.into()))).collect();
        prop_assert!(same(&output.values, &column(expected)));
    }
}

#[udf]
#[allow(clippy::too_many_arguments, reason = "that is what is tested")]
fn many(
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    l: u8,
    m: u8,
    n: Option<u8>,
    o: &str,
) -> Wide<'_> {
    Wide {
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
        k,
        l,
        m,
        n,
        o,
    }
}

/// More fields than tuples have traits of the standard library.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Wide<'a> {
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    l: u8,
    m: u8,
    n: Option<u8>,
    o: &'a str,
}

#[test]
fn there_may_be_many_arguments_and_fields() {
    let entry = Entry::of::<many>();
    assert_eq!(entry.signature().arguments.len(), 15);
    assert_eq!(entry.signature().returns.len(), 16);
    let mut arguments: Vec<_> = (0..13).map(|x| column(vec![Some(x as u8); 70])).collect();
    arguments.push(column(vec![None::<u8>; 70]));
    arguments.push(column(vec![Some("o")]));
    let output = call(entry, 70, &arguments);
    let wide = Wide {
        a: 0,
        b: 1,
        c: 2,
        d: 3,
        e: 4,
        f: 5,
        g: 6,
        h: 7,
        i: 8,
        j: 9,
        k: 10,
        l: 11,
        m: 12,
        n: None,
        o: "o",
    };
    assert!(same(&output.values, &column(vec![Some(wide); 70])));
}

#[test]
fn null_items_fail_where_they_are_not_taken() {
    let values = vec![Some(vec![Some(1_i64)]), Some(vec![None]), None];
    let argument = column(values);
    let output = call(
        Entry::of::<echo::list>(),
        3,
        std::slice::from_ref(&argument),
    );
    assert_eq!(output.failures.len(), 1);
    assert_eq!(output.failures[0].row, 1);
    assert_eq!(
        output.failures[0].message,
        "an argument cannot be used: an item is null, and the function takes no null items"
    );
    assert!(same(
        &output.values,
        &column(vec![Some(vec![1_i64]), None, None])
    ));
}

#[derive(Debug, UdfOptions)]
struct Size {
    size: u32,
}

struct Repeat {
    row: Vec<f32>,
}

/// The same number again and again.
#[udf]
impl Repeat {
    fn open(options: Size) -> Self {
        Self {
            row: vec![0.0; options.size as usize],
        }
    }

    fn list_size(options: &Size) -> u32 {
        options.size
    }

    /// One too few where the number is negative.
    fn repeat(&mut self, x: f32) -> &[f32] {
        self.row.fill(x);
        &self.row[usize::from(x < 0.0)..]
    }
}

#[test]
fn options_fix_the_size_of_lists() {
    let entry = Entry::of::<Repeat>();
    assert_eq!(entry.name(), "repeat");
    assert_eq!(entry.signature().returns[0].format, "+l");
    assert_eq!(entry.signature().doc, "The same number again and again.");

    let opened = entry.open(r#"{"size": 3}"#, &[]).expect("fits");
    assert_eq!(opened.signature().returns[0].format, "+w:3");
    // More than a block, and no nulls.
    let values: Vec<_> = (0..40)
        .map(|x| Some(if x == 20 { -1.0 } else { x as f32 }))
        .collect();
    let output = opened.call(40, &[column(values)]).expect("fits");
    assert_eq!(output.failures.len(), 1);
    assert_eq!(output.failures[0].row, 20);
    assert_eq!(
        output.failures[0].message,
        "the result has 2 items where the options make it 3"
    );
    let expected: Vec<_> = (0..40)
        .map(|x| (x != 20).then_some([x as f32; 3]))
        .collect();
    assert!(same(&output.values, &column(expected)));
}

/// First line,
/// broken.
///
/// More.
/// - one
/// - two
///
/// ```text
/// code
/// more
/// ```
#[udf(name = "Other", volatility = "stable", models = ["m"], assets = ["a", "b"])]
fn original(r#type: Option<&str>, _second: Vec<[i8; 4]>) -> Vec<Option<String>> {
    vec![r#type.map(str::to_owned)]
}

#[test]
fn signatures_say_what_is_written() {
    let signature = Entry::of::<original>().signature();
    assert_eq!(signature.name, "Other");
    assert_eq!(
        signature.doc,
        "First line, broken.\n\nMore.\n- one\n- two\n\n```text\ncode\nmore\n```"
    );
    assert_eq!(signature.models, ["m"]);
    assert_eq!(signature.assets, ["a", "b"]);
    let properties = |signature: &Signature| {
        let pairs = signature.properties.iter();
        pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
    };
    // One of its arguments takes nulls.
    assert_eq!(properties(&signature), ["volatility=stable"]);
    assert_eq!(
        properties(&Entry::of::<even>().signature()),
        ["volatility=immutable", "nulls=skip"]
    );
    let fields = |schema: &[Field]| {
        let field = |f: &Field| format!("{}:{}:{}:{}", f.name, f.format, f.nullable, f.children);
        schema.iter().map(field).collect::<Vec<_>>()
    };
    assert_eq!(fields(&signature.arguments[0]), ["type:u:true:0"]);
    assert_eq!(
        fields(&signature.arguments[1]),
        ["second:+l:true:1", "item:+w:4:false:1", "item:c:false:0"]
    );
    assert_eq!(fields(&signature.returns), [":+l:true:1", "item:u:true:0"]);
    let record = Entry::of::<echo::record>().signature();
    assert_eq!(
        fields(&record.returns),
        [
            ":+s:true:3",
            "name:u:false:0",
            "at:+s:true:2",
            "x:g:false:0",
            "y:+w:2:false:1",
            "item:c:false:0",
            "tags:+l:false:1",
            "item:u:false:0",
        ]
    );
}
