//! Functions with models and assets, called natively as a plugin's own tests do.

use wudf_guest::model::{Description, Model, Tensor, TensorSpec};
use wudf_guest::{Result, Row, UdfOptions, asset, fail, testing, udf};

#[derive(UdfOptions)]
struct Options {
    #[option(default = "net")]
    model: String,
    #[option(default = 4)]
    length: u32,
}

struct Score {
    net: Model,
    words: Vec<String>,
    length: usize,
}

/// Ids of words, through a model.
#[udf(assets = ["words"])]
impl Score {
    fn open(options: Options) -> Result<Self> {
        let words = String::from_utf8(asset::read("words")?)?;
        Ok(Self {
            net: Model::by_name(&options.model)?,
            words: words.lines().map(str::to_owned).collect(),
            length: options.length as usize,
        })
    }

    fn models(options: &Options) -> Vec<String> {
        vec![options.model.clone()]
    }

    fn list_size(options: &Options) -> u32 {
        options.length
    }

    fn score(&mut self, text: &str) -> Result<Vec<f32>> {
        let known = |word: &str| self.words.iter().position(|known| known == word);
        let mut ids: Vec<_> = text
            .split(' ')
            .map(|word| known(word).map_or(-1, |at| at as i64))
            .collect();
        if ids.contains(&-1) {
            fail!("an unknown word in {text:?}");
        }
        ids.resize(self.length, 0);
        let input = Tensor::new(&[1, 4], &ids);
        let mut outputs = self.net.run(&[("ids", input)])?;
        Ok(outputs.remove(0).1.into_vec()?)
    }
}

fn double(inputs: &testing::Inputs<'_>) -> Vec<f32> {
    let ids = inputs.get::<i64>("ids");
    ids.into_iter().map(|id| id as f32 * 2.0).collect()
}

#[test]
fn a_model_and_an_asset_are_provided() {
    let _words = testing::asset("words", "zero\none\ntwo");
    let _net = testing::model("net", double);
    let results = testing::call::<Score>(["one two", "three", "zero"]);
    assert_eq!(results[0].as_ref().unwrap(), &[2.0, 4.0, 0.0, 0.0]);
    assert_eq!(
        results[1].as_ref().unwrap_err().to_string(),
        "an unknown word in \"three\""
    );
    assert_eq!(results[2].as_ref().unwrap(), &[0.0; 4]);
}

#[test]
fn options_are_bound() {
    let _words = testing::asset("words", b"zero\none");
    let _net = testing::model("other", double);
    let score = testing::Function::<Score>::open(r#"{"model": "other", "length": 2}"#).unwrap();
    // A model that does not fit is the row's failure, as in the host.
    assert_eq!(score.call(["one"])[0].as_ref().unwrap(), &[2.0, 0.0]);
    let wrong = testing::Function::<Score>::open(r#"{"size": 2}"#).unwrap_err();
    assert!(wrong.to_string().contains("no option `size`"), "{wrong}");
}

#[test]
fn what_is_missing_says_how_to_provide_it() {
    let error = testing::Function::<Score>::open("{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "missing asset `words`: outside of wudf, provide it with `wudf_guest::testing::asset`"
    );
    let _words = testing::asset("words", "");
    let error = testing::Function::<Score>::open("{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "model `net`: outside of wudf, provide it with `wudf_guest::testing::model`"
    );
}

#[test]
fn guards_take_back_what_they_provide() {
    let first = testing::asset("words", "first");
    let second = testing::asset("words", "second");
    assert_eq!(asset::read("words").unwrap(), b"second");
    assert_eq!(asset::names(), ["words"]);
    drop(first);
    assert_eq!(asset::read("words").unwrap(), b"second");
    drop(second);
    assert!(asset::read("words").unwrap_err().is_not_granted());

    let outer = testing::model("net", |_| 1.0_f32);
    {
        let _inner = testing::model("net", |_| 2.0_f32);
        assert_eq!(
            Model::by_name("net").unwrap().run_f32(&[0], &[]).unwrap(),
            [2.0]
        );
    }
    let net = Model::by_name("net").unwrap();
    drop(outer);
    // What is open stays open.
    assert_eq!(net.run_f32(&[0], &[]).unwrap(), [1.0]);
    assert!(Model::by_name("net").is_err());
}

#[test]
fn descriptions_go_with_their_models() {
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        ..TensorSpec::default()
    };
    let described = |name| Description {
        outputs: vec![spec(name)],
        ..Description::default()
    };
    let net = testing::model("net", |_| 1.0_f32);
    let missing = Model::describe("net").unwrap_err().to_string();
    assert!(
        missing.contains("provide one with `described`"),
        "{missing}"
    );
    let net = net.described(described("a")).described(described("b"));
    assert_eq!(Model::describe("net").unwrap().outputs, [spec("b")]);
    drop(net);
    let missing = Model::describe("net").unwrap_err().to_string();
    assert!(missing.contains("testing::model"), "{missing}");
}

#[test]
fn threads_have_their_own() {
    let _words = testing::asset("words", "here");
    let there = std::thread::spawn(|| asset::size("words").is_err());
    assert!(there.join().unwrap());
}

#[test]
fn ranges_of_assets_are_checked() {
    let _words = testing::asset("words", "0123456789");
    assert_eq!(asset::size("words").unwrap(), 10);
    assert_eq!(asset::read_range("words", 3, 4).unwrap(), b"3456");
    assert_eq!(asset::read_range("words", 10, 0).unwrap(), b"");
    for (offset, length) in [(3, 8), (11, 0), (u64::MAX, 1), (1, u64::MAX)] {
        let error = asset::read_range("words", offset, length).unwrap_err();
        assert!(error.to_string().contains("out of bounds"), "{error}");
    }
}

#[test]
fn models_have_named_outputs_and_failures() {
    let _net = testing::model("net", |inputs| match inputs.only::<f32>()[..] {
        [] => Err("no numbers"),
        [first, ..] => Ok([
            ("first", Tensor::from_vec([1], vec![first])),
            ("twice", Tensor::from_vec([1], vec![2.0 * first])),
        ]),
    });
    let net = Model::by_name("net").unwrap();
    let outputs = net.run(&[("", Tensor::new(&[1], &[3.0_f32]))]).unwrap();
    let names: Vec<_> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["first", "twice"]);
    let error = net.run_f32(&[0], &[]).unwrap_err();
    assert_eq!(error.to_string(), "model `net`: no numbers");

    let chosen = Model::by_name_with_outputs("net", &["twice", "first"]).unwrap();
    assert_eq!(chosen.run_f32(&[1], &[3.0]).unwrap(), [6.0]);
    let chosen = Model::by_name_with_outputs("net", &["third"]).unwrap();
    let error = chosen.run_f32(&[1], &[3.0]).unwrap_err();
    assert!(error.to_string().contains("no output `third`"), "{error}");
}

#[test]
#[should_panic = "the model is run without input `x`; its inputs are: ids"]
fn a_wrong_input_is_named() {
    let _net = testing::model("net", |inputs| inputs.get::<i64>("x"));
    let net = Model::by_name("net").unwrap();
    let _ = net.run(&[("ids", Tensor::new(&[1], &[3_i64]))]);
}

#[derive(Clone, Debug, PartialEq, Row)]
struct Part<'a> {
    text: &'a str,
    rank: Option<u8>,
}

/// The argument itself, in a list.
#[udf]
fn parts(part: Option<Part<'_>>, more: bool) -> Vec<Part<'_>> {
    let mut parts: Vec<_> = part.into_iter().collect();
    if more {
        parts.extend(parts.clone());
    }
    parts
}

#[udf]
fn answer() -> i64 {
    42
}

#[udf]
fn longest(texts: Vec<&str>) -> Option<&str> {
    texts.into_iter().max_by_key(|text| text.len())
}

#[test]
fn rows_are_tuples_or_the_only_argument() {
    let part = |text| Part { text, rank: None };
    assert_eq!(
        testing::values::<parts>([(Some(part("a")), true), (None, true)]),
        [vec![part("a"), part("a")], vec![]]
    );
    assert_eq!(testing::values::<answer>([(), ()]), [42, 42]);
    assert_eq!(
        testing::values::<longest>([vec!["a", "bc"], vec![]]),
        [Some("bc"), None]
    );
    assert_eq!(
        testing::values::<longest>([(vec!["a", "bc"],)]),
        [Some("bc")]
    );
    assert!(testing::values::<longest>(Vec::<Vec<&str>>::new()).is_empty());
}

#[udf]
fn odd(x: i64) -> Result<i64> {
    if x % 2 == 0 {
        fail!("{x} is even");
    }
    Ok(x)
}

#[test]
#[should_panic = "odd, row 1: 2 is even"]
fn values_do_not_hide_failures() {
    testing::values::<odd>([1, 2]);
}
