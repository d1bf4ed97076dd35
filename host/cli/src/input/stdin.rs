//! Input from a pipe: a format that needs no seeking, known by how it begins.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context as _, Result, bail};

use super::{Bounds, Input, binary, chunks, ipc, text};
use crate::args::InputFormat;

/// How much of a text is read before its types are inferred.
const SAMPLE_BYTES: usize = 256 << 10;

/// Opens a pipe.
pub fn open(
    pipe: impl Read + Send + 'static,
    format: Option<InputFormat>,
    bounds: Bounds,
) -> Result<Input> {
    let pipe = BufReader::with_capacity(1 << 20, pipe);
    let (head, pipe) = text::peek(pipe, 8).context("cannot read stdin")?;
    let format = match format {
        Some(format) => format,
        None => sniff(&head)?,
    };
    let (schema, batches) = match format {
        InputFormat::Parquet => bail!(
            "Parquet cannot be read from a pipe, because it begins at its end: give the file's name in place of `-`"
        ),
        InputFormat::Binary => {
            let chunk = binary::from_reader(pipe).context("cannot read stdin")?;
            return Ok(Input {
                schema: binary::schema(),
                rows: Some(1),
                files: true,
                chunks: Box::new(std::iter::once(Ok(chunk))),
            });
        }
        InputFormat::Arrow => arrow(&head, pipe).context("stdin is no Arrow stream")?,
        _ => {
            let (sample, pipe) = text::peek(pipe, SAMPLE_BYTES).context("cannot read stdin")?;
            let schema =
                text::infer(whole_lines(&sample), format).context("cannot make sense of stdin")?;
            let schema = std::sync::Arc::new(schema);
            (schema.clone(), text::batches(pipe, format, schema, bounds)?)
        }
    };
    let batches = Box::new(batches.map(|batch| batch.context("cannot read stdin")));
    Ok(Input {
        schema,
        rows: None,
        files: false,
        chunks: Box::new(chunks("stdin", batches, bounds)),
    })
}

fn arrow(
    head: &[u8],
    mut pipe: impl BufRead + Send + 'static,
) -> Result<(arrow_schema::SchemaRef, super::Batches)> {
    // An Arrow file is a stream between a magic word, padded with zeros, and a footer that reading in order can spare.
    let mut word = [0; 8];
    if head.starts_with(ipc::FILE_MAGIC) {
        pipe.read_exact(&mut word)?;
        word = [0; 8];
    }
    while word == [0; 8] {
        pipe.read_exact(&mut word)?;
    }
    ipc::stream(std::io::Cursor::new(word).chain(pipe))
}

fn sniff(head: &[u8]) -> Result<InputFormat> {
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(
        if head.starts_with(&[0xff; 4]) || head.starts_with(ipc::FILE_MAGIC) {
            InputFormat::Arrow
        } else if head.starts_with(b"PAR1") {
            InputFormat::Parquet
        } else if first == Some(&b'{') {
            InputFormat::Ndjson
        } else if first.is_none() {
            bail!("stdin is empty")
        } else if head.iter().any(|&byte| byte == 0 || byte >= 0xf8) {
            bail!(
                "stdin is neither an Arrow stream nor text; --input-format binary reads it as one row"
            )
        } else {
            InputFormat::Csv
        },
    )
}

/// The sample without the line that its end cuts in two.
fn whole_lines(sample: &[u8]) -> &[u8] {
    match sample.iter().rposition(|&byte| byte == b'\n') {
        Some(end) if sample.len() >= SAMPLE_BYTES => &sample[..=end],
        _ => sample,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;

    fn total(input: Input) -> usize {
        input
            .chunks
            .map(|chunk| chunk.unwrap().batch.num_rows())
            .sum()
    }

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)])
            .unwrap()
    }

    #[test]
    fn arrow_streams_and_files_pass() {
        let batch = batch();
        let mut stream =
            arrow_ipc::writer::StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
        stream.write(&batch).unwrap();
        let bytes = stream.into_inner().unwrap();
        assert_eq!(
            total(open(std::io::Cursor::new(bytes), None, Bounds::default()).unwrap()),
            3
        );

        let mut file =
            arrow_ipc::writer::FileWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
        file.write(&batch).unwrap();
        let bytes = file.into_inner().unwrap();
        assert_eq!(
            total(open(std::io::Cursor::new(bytes), None, Bounds::default()).unwrap()),
            3
        );
    }

    #[test]
    fn text_is_told_apart() {
        let csv: String = std::iter::once("n,text\n".to_owned())
            .chain((0..50_000).map(|i| format!("{i},abc\n")))
            .collect();
        let input = open(std::io::Cursor::new(csv), None, Bounds::default()).unwrap();
        assert_eq!(
            input.schema.field(0).data_type(),
            &arrow_schema::DataType::Int64
        );
        assert_eq!(total(input), 50_000);
        let json = "{\"a\": 1}\n{\"a\": 2}\n";
        assert_eq!(
            total(open(json.as_bytes(), None, Bounds::default()).unwrap()),
            2
        );
    }

    #[test]
    fn what_cannot_be_piped_is_refused() {
        let refuse = |bytes: &'static [u8]| {
            open(bytes, None, Bounds::default())
                .err()
                .unwrap()
                .to_string()
        };
        assert!(refuse(b"PAR1....").contains("give the file's name"));
        assert!(refuse(b"").contains("empty"));
        assert!(refuse(b"\xff\xd8\xff\xe0\0\0\0\0").contains("--input-format binary"));
    }

    #[test]
    fn one_file_may_come_through_a_pipe() {
        let input = open(
            &b"\xff\xd8\xff\xe0"[..],
            Some(InputFormat::Binary),
            Bounds::default(),
        )
        .unwrap();
        assert_eq!(total(input), 1);
    }
}
