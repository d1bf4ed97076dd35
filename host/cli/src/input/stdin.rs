//! Input from a pipe: a format that needs no seeking, known by how it begins.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow_schema::SchemaRef;

use super::{Batches, Bounds, Chunk, Chunks, Settings, binary, chunks, ipc, text};
use crate::args::InputFormat;

/// How much of a text is read before its types are inferred.
const SAMPLE_BYTES: usize = 256 << 10;

/// A pipe, of which the beginning was looked at.
pub struct Pipe {
    pub schema: SchemaRef,
    /// The columns with the types that are in texts, where these are read as they are written.
    pub types: SchemaRef,
    /// How many rows there are, where that is known.
    pub rows: Option<u64>,
    /// Whether the row is a file.
    pub files: bool,
    name: String,
    bounds: Bounds,
    rest: Rest,
}

enum Rest {
    Chunk(Chunk),
    Batches(Batches),
    Text {
        reader: Box<dyn BufRead + Send>,
        columns: text::Columns,
        seen: text::Seen,
    },
}

impl Pipe {
    /// Looks at the beginning of a pipe.
    pub fn open(
        pipe: impl Read + Send + 'static,
        name: &str,
        format: Option<InputFormat>,
        settings: &Settings,
        bounds: Bounds,
    ) -> Result<Self> {
        let cannot_read = || format!("cannot read {name}");
        let pipe = BufReader::with_capacity(1 << 20, pipe);
        let (head, pipe) = text::peek(pipe, 8).with_context(cannot_read)?;
        let format = match format {
            Some(format) => format,
            None => sniff(&head, name)?,
        };
        let (schema, types, rest) = match format {
            InputFormat::Parquet => bail!(
                "Parquet cannot be read from a pipe, because it begins at its end: give the name of a file"
            ),
            InputFormat::Binary => {
                let chunk = binary::from_reader(pipe).with_context(cannot_read)?;
                (binary::schema(), binary::schema(), Rest::Chunk(chunk))
            }
            InputFormat::Arrow => {
                let (schema, batches) =
                    arrow(&head, pipe).with_context(|| format!("{name} is no Arrow stream"))?;
                (Arc::clone(&schema), schema, Rest::Batches(batches))
            }
            _ => {
                let mut pipe = pipe;
                let sample = sample(&mut pipe).with_context(cannot_read)?;
                let seen = text::Seen::of(whole_lines(&sample), format, &settings.text, true)
                    .with_context(cannot_read)?;
                if let Some(remark) = seen.remark() {
                    settings.talk.warn(&format!("{name} {remark}"));
                }
                let columns = text::Columns::of(&seen, format, &settings.text, true)
                    .with_context(cannot_read)?;
                let types = Arc::clone(&columns.schema);
                let columns = if settings.keep_text {
                    columns.as_text()
                } else {
                    columns
                };
                let reader = Box::new(std::io::Cursor::new(sample).chain(pipe));
                let rest = Rest::Text {
                    reader,
                    seen,
                    columns: columns.clone(),
                };
                (columns.schema, types, rest)
            }
        };
        let files = matches!(rest, Rest::Chunk(_));
        Ok(Self {
            schema,
            types,
            rows: files.then_some(1),
            files,
            name: name.to_owned(),
            bounds,
            rest,
        })
    }

    /// Whether the types were made out of text.
    pub fn is_text(&self) -> bool {
        matches!(self.rest, Rest::Text { .. })
    }

    /// Reads some of the columns.
    pub fn read(self, wanted: &[usize]) -> Result<Chunks> {
        let wanted = wanted.to_vec();
        let batches: Batches = match self.rest {
            Rest::Chunk(chunk) => {
                return Ok(Box::new(std::iter::once(chunk.project(&wanted))));
            }
            Rest::Batches(batches) => {
                Box::new(batches.map(move |batch| Ok(batch?.project(&wanted)?)))
            }
            Rest::Text {
                reader,
                columns,
                seen,
            } => text::batches(reader, &columns, wanted, Some(seen), self.bounds)?,
        };
        let name = self.name.clone();
        let batches =
            batches.map(move |batch| batch.with_context(|| format!("cannot read {name}")));
        Ok(Box::new(chunks(&self.name, Box::new(batches), self.bounds)))
    }
}

/// The beginning of a text, at least two lines of it: a line may be longer than a sample.
fn sample(pipe: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut sample = Vec::new();
    pipe.by_ref()
        .take(SAMPLE_BYTES as u64)
        .read_to_end(&mut sample)?;
    while sample.iter().filter(|&&byte| byte == b'\n').count() < 2 {
        if pipe.read_until(b'\n', &mut sample)? == 0 {
            break;
        }
    }
    Ok(sample)
}

fn arrow(head: &[u8], mut pipe: impl BufRead + Send + 'static) -> Result<(SchemaRef, Batches)> {
    // An Arrow file is a stream between a magic word, padded with zeros, and a footer that reading in order can spare.
    let mut word = [0; 8];
    if head.starts_with(ipc::FILE_MAGIC) {
        pipe.read_exact(&mut word)?;
        word = [0; 8];
    }
    while word == [0; 8] {
        pipe.read_exact(&mut word)?;
    }
    ipc::stream(std::io::Cursor::new(word).chain(pipe), None)
}

fn sniff(head: &[u8], name: &str) -> Result<InputFormat> {
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(
        if head.starts_with(&[0xff; 4]) || head.starts_with(ipc::FILE_MAGIC) {
            InputFormat::Arrow
        } else if head.starts_with(b"PAR1") {
            InputFormat::Parquet
        } else if first == Some(&b'{') {
            InputFormat::Ndjson
        } else if head.starts_with(b"\x1f\x8b") || head.starts_with(b"\x28\xb5\x2f\xfd") {
            bail!("{name} is compressed: decompress it, as in `zcat FILE | wudf run PLUGIN -`")
        } else if first.is_none() {
            bail!("{name} is empty")
        } else if head.iter().any(|&byte| byte == 0 || byte >= 0xf8) {
            bail!(
                "{name} is neither an Arrow stream nor text; --input-format binary reads it as one row"
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
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;

    fn open(
        pipe: impl Read + Send + 'static,
        format: Option<InputFormat>,
        bounds: Bounds,
    ) -> Result<Pipe> {
        Pipe::open(pipe, "stdin", format, &Settings::default(), bounds)
    }

    fn total(pipe: Pipe) -> usize {
        let all: Vec<usize> = (0..pipe.schema.fields().len()).collect();
        let chunks = pipe.read(&all).unwrap();
        chunks.map(|chunk| chunk.unwrap().batch.num_rows()).sum()
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
        assert!(refuse(b"PAR1....").contains("give the name of a file"));
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
