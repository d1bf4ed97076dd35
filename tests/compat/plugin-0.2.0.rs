//! The sources of `plugin-0.2.0.wasm`, as they were when the contract was at 0.2.0.
//! They are kept to be read: the file is not built again, for what it tests is that
//! a plugin of that day still runs.

use wudf_guest::{Model, Result, UdfOptions, asset, udf};

#[derive(UdfOptions)]
struct Scale {
    /// What numbers are multiplied by.
    #[option(default = 2.0)]
    factor: f64,
}

struct Scaled {
    factor: f64,
}

/// A number, scaled.
#[udf(name = "scale")]
impl Scaled {
    fn open(options: Scale) -> Result<Self> {
        Ok(Self {
            factor: options.factor,
        })
    }

    fn row(&mut self, x: f64) -> f64 {
        x * self.factor
    }
}

/// A word's length in letters; a word with a digit is a failure.
#[udf]
fn letters(word: Option<&str>) -> Result<Option<u32>> {
    let Some(word) = word else {
        return Ok(None);
    };
    if word.contains(|c: char| c.is_ascii_digit()) {
        wudf_guest::fail!("{word} has a digit");
    }
    Ok(Some(word.chars().count() as u32))
}

struct Known {
    words: Vec<String>,
}

/// Whether a word is in the asset `words`.
#[udf(name = "known", assets = ["words"])]
impl Known {
    fn open(_: ()) -> Result<Self> {
        let words = String::from_utf8(asset::read("words")?)?;
        Ok(Self {
            words: words.lines().map(str::to_owned).collect(),
        })
    }

    fn row(&mut self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }
}

struct Embedded {
    model: Model,
}

/// What the model `tiny` says of four numbers.
#[udf(name = "embed", models = ["tiny"])]
impl Embedded {
    fn open(_: ()) -> Result<Self> {
        Ok(Self {
            model: Model::by_name("tiny")?,
        })
    }

    fn row(&mut self, numbers: &[f32]) -> Result<Vec<f32>> {
        Ok(self.model.run_f32(&[1, numbers.len() as u32], numbers)?)
    }
}

wudf_guest::plugin!(Scaled, letters, Known, Embedded);
