//! Functions with models and assets, called natively as a plugin's own tests do.

use wudf_guest::model::{Description, Model, Tensor, TensorSpec};
use wudf_guest::{Half, Numbers, Result, Row, Schema, UdfOptions, asset, fail, testing, udf};

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
fn descriptions_are_of_the_outputs_that_are_asked_for() {
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        ..TensorSpec::default()
    };
    let description = Description {
        outputs: vec![spec("a"), spec("b"), spec("c")],
        ..Description::default()
    };
    let _net = testing::model("net", |_| 1.0_f32).described(description);
    let described = Model::describe("net#c,a").unwrap();
    assert_eq!(described.outputs, [spec("c"), spec("a")]);
    assert!(Model::describe("net#d").unwrap_err().is_not_found());
    assert!(Model::by_name("other").unwrap_err().is_not_found());
}

/// How many numbers the model gives, which only the open function knows.
struct Measured {
    size: Option<u32>,
}

#[udf(models = ["net"])]
impl Measured {
    fn open() -> Result<Self> {
        let output = Model::describe("net")?.outputs.remove(0);
        let size = output.dimensions.and_then(|dimensions| dimensions[1]);
        Ok(Self { size })
    }

    fn list_size(&self) -> Option<u32> {
        self.size
    }

    fn ones(&self, count: u32) -> Vec<f32> {
        vec![1.0; count as usize]
    }
}

#[test]
fn a_model_fixes_the_size_of_lists() {
    let net = |size| {
        let output = TensorSpec {
            dimensions: Some(vec![None, size]),
            ..TensorSpec::default()
        };
        let description = Description {
            outputs: vec![output],
            ..Description::default()
        };
        testing::model("net", |_| 1.0_f32).described(description)
    };
    let fixed = net(Some(2));
    let measured = testing::Function::<Measured>::open("{}").unwrap();
    assert_eq!(measured.returns().format(), "+w:2");
    let rows = measured.call([2, 3]);
    assert_eq!(*rows[0].as_ref().unwrap(), [1.0, 1.0]);
    let error = rows[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("3 items"), "{error}");
    drop(fixed);

    let _any = net(None);
    let measured = testing::Function::<Measured>::open("{}").unwrap();
    assert_eq!(measured.returns().format(), "+l");
    assert_eq!(*measured.call([3])[0].as_ref().unwrap(), [1.0; 3]);
}

#[derive(UdfOptions)]
struct Width {
    bits: u8,
}

/// A number and its half, as wide as the options say.
struct Halves {
    bits: u8,
    wide: [f32; 2],
    narrow: [Half; 2],
}

#[udf]
impl Halves {
    fn open(options: Width) -> Self {
        Self {
            bits: options.bits,
            wide: [0.0; 2],
            narrow: [Half::default(); 2],
        }
    }

    fn returns(options: &Width) -> Schema {
        match options.bits {
            16 => Schema::numbers::<Half>(2),
            _ => Schema::numbers::<f32>(2),
        }
    }

    fn halves(&mut self, x: f32) -> Numbers<'_> {
        self.wide = [x, x / 2.0];
        self.narrow = self.wide.map(|x| half::f16::from_f32(x).into());
        match self.bits {
            32 => Numbers::new(&self.wide),
            _ => Numbers::new(&self.narrow),
        }
    }
}

/// The bytes of the numbers, and the messages of the rows that failed.
fn halves(bits: u8) -> (Vec<u8>, Vec<String>) {
    use wudf_guest::__private::Entry;
    let opened = Entry::of::<Halves>().open(&format!(r#"{{"bits": {bits}}}"#), &[]);
    let x = wudf_guest::bindings::wudf::plugin::arrow::Node {
        length: 2,
        null_count: 1,
        buffers: vec![vec![0b10], [0.0, 3.0_f32].map(f32::to_le_bytes).concat()],
    };
    let opened = opened.expect("a function");
    let mut output = opened.call(2, &[vec![x]]).expect("results");
    let items = output.values.remove(1);
    assert_eq!((items.length, items.null_count), (4, 0));
    assert_eq!(
        output.values[0].null_count,
        output.failures.len() as u64 + 1
    );
    let messages = output.failures.into_iter().map(|failure| failure.message);
    (items.buffers[1].clone(), messages.collect())
}

#[test]
fn numbers_are_of_the_type_that_options_decide() {
    let wide = [0.0_f32, 0.0, 3.0, 1.5].map(f32::to_le_bytes).concat();
    assert_eq!(halves(32), (wide, vec![]));
    let narrow = [0, 0, 0x4200, 0x3e00_u16].map(u16::to_le_bytes).concat();
    assert_eq!(halves(16), (narrow, vec![]));
    // `returns` said otherwise.
    let (bytes, messages) = halves(8);
    assert_eq!(bytes, [0; 16]);
    assert!(
        messages[0].contains("2 numbers of the format `e`"),
        "{messages:?}"
    );
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
