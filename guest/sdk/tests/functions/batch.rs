//! Functions of many rows.

use wudf_guest::__private::{Entry, Node, Sink};
use wudf_guest::{Column, Error, Outcome, Result, UdfOptions, Value, fail, testing, udf};

fn column<V: Value>(values: Vec<Option<V>>) -> Vec<Node> {
    let mut sink = Sink::<V::Builder>::new(values.len());
    values.into_iter().for_each(|value| value.put(&mut sink));
    sink.finish().expect("it fits").values
}

/// Pads texts to the longest of the batch.
#[udf(batch = 3)]
fn pad(texts: Column<'_, &str>, with: Column<'_, Option<char>>) -> Vec<Result<String>> {
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    texts
        .iter()
        .zip(&with)
        .map(|(text, with)| match with {
            Some(with) => Ok(format!("{text:-<longest$}").replace('-', &with.to_string())),
            None => fail!("nothing to pad {text:?} with"),
        })
        .collect()
}

#[test]
fn rows_come_together() {
    let results = testing::call::<pad>([("a", Some('.')), ("bcd", None), ("ef", Some('_'))]);
    let results: Vec<_> = results
        .into_iter()
        .map(|r| r.map_err(|e| e.to_string()))
        .collect();
    assert_eq!(
        results,
        [
            Ok("a..".to_owned()),
            Err("nothing to pad \"bcd\" with".to_owned()),
            Ok("ef_".to_owned())
        ]
    );
}

/// Nulls and values that cannot be used are not in the batch, and results go to
/// their rows.
#[test]
fn absent_rows_stay_out() {
    let texts = column(vec![None, Some("a"), Some("bb"), None, Some("ccc")]);
    let with = column(vec![Some("."), Some("no char"), Some("."), Some("."), None]);
    let opened = Entry::of::<pad>().open("{}", &[]).unwrap();
    let output = opened.call(5, &[texts, with]).unwrap();
    let failures: Vec<_> = output
        .failures
        .iter()
        .map(|failure| (failure.row, failure.message.as_str()))
        .collect();
    assert_eq!(
        failures,
        [
            (1, "an argument cannot be used: expected one character"),
            (4, "nothing to pad \"ccc\" with")
        ]
    );
    // 3 wide, as "ccc" is in the batch.
    assert_eq!(output.values[0].null_count, 4);
    assert_eq!(output.values[0].buffers[0], [0b00100]);
    assert_eq!(output.values[0].buffers[2], b"bb.");
}

#[test]
fn the_host_is_told_how_many_rows_a_batch_has() {
    let properties = Entry::of::<pad>().signature().properties;
    assert!(properties.contains(&("rows-per-call".to_owned(), "3".to_owned())));
}

#[test]
fn a_batch_without_rows_is_not_computed() {
    #[udf(batch)]
    fn never(x: Column<'_, i64>) -> Vec<i64> {
        panic!("called with {} rows", x.len())
    }
    let opened = Entry::of::<never>().open("{}", &[]).unwrap();
    let output = opened.call(2, &[column(vec![None::<i64>; 2])]).unwrap();
    assert_eq!(output.values[0].null_count, 2);
    assert!(testing::values::<never>(Vec::<i64>::new()).is_empty());
}

#[derive(UdfOptions)]
struct Options {
    width: u32,
}

struct Windows {
    buffer: Vec<f32>,
    width: usize,
}

/// What is returned borrows from the function.
#[udf(batch = 2)]
impl Windows {
    fn open(options: Options) -> Self {
        Self {
            buffer: Vec::new(),
            width: options.width as usize,
        }
    }

    fn list_size(options: &Options) -> u32 {
        options.width
    }

    fn windows(&mut self, firsts: Column<'_, f32>) -> Result<Vec<&[f32]>> {
        if firsts.contains(&-1.0) {
            return Err(Error::new("no negative numbers"));
        }
        self.buffer.clear();
        for first in &firsts {
            self.buffer
                .extend((0..self.width).map(|at| first + at as f32));
        }
        Ok(self.buffer.chunks(self.width).collect())
    }
}

#[test]
fn functions_have_options_and_fail_as_a_whole() {
    let windows = testing::Function::<Windows>::open(r#"{"width": 2}"#).unwrap();
    let results = windows.call([1.0, 5.0]);
    assert_eq!(*results[0].as_ref().unwrap(), [1.0, 2.0]);
    assert_eq!(*results[1].as_ref().unwrap(), [5.0, 6.0]);
    for result in windows.call([1.0, -1.0]) {
        assert_eq!(result.unwrap_err().to_string(), "no negative numbers");
    }
}

#[test]
fn a_wrong_number_of_results_is_an_error() {
    #[udf(batch)]
    fn fewer(x: Column<'_, i64>) -> Vec<i64> {
        x.iter().copied().skip(1).collect()
    }
    let opened = Entry::of::<fewer>().open("{}", &[]).unwrap();
    let error = opened.call(3, &[column(vec![Some(1_i64), None, Some(2)])]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "returned 1 results for 2 rows"
    );
}
