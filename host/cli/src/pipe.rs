//! `wudf pipe`: a function over Arrow streams, from stdin to stdout.

use std::io::{BufRead, BufReader, Cursor, Read, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Schema, SchemaRef};
use wudf::CallOptions;
use wudf_adapter::{OnError, Udf, prepare, recount};

use crate::args::{PipeArgs, Policy};
use crate::talk::Talk;
use crate::{models, output};

/// How an encapsulated Arrow message begins.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Answers each batch with one, until stdin ends.
pub fn pipe(args: &PipeArgs, talk: Talk) -> Result<()> {
    let udf = open(args, talk)?;
    let name = args.rename.as_deref().unwrap_or(&udf.signature().name);
    let schema: SchemaRef = Arc::new(Schema::new(vec![udf.returns().with_name(name)]));
    // What is read ahead may be the next stream's.
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut output = output::stdout();
    loop {
        let mut writer = StreamWriter::try_new(&mut output, &schema).context(CANNOT_WRITE)?;
        answer(&mut input, &udf, &schema, &mut writer)?;
        if at_end(&mut input)? {
            writer.finish().context(CANNOT_WRITE)?;
            drop(writer);
            return output.flush().context(CANNOT_WRITE);
        }
        // Whoever sends several streams over one pipe counts the rows that come
        // back. An end mark would be the first that it sees of the next answer.
    }
}

const CANNOT_WRITE: &str = "cannot write stdout";
const CANNOT_READ: &str = "cannot read stdin";

fn open(args: &PipeArgs, talk: Talk) -> Result<Udf> {
    let mut spec = models::spec(
        &args.plugin,
        args.function.function.as_deref(),
        &args.models,
        &args.function.assets,
        &args.limits,
        &args.registries,
    )?;
    spec.on_error = match args.on_error {
        Policy::Raise => OnError::Raise,
        Policy::Null => OnError::Null,
        Policy::Record => OnError::Record,
    };
    spec.max_failures = args.max_failures;
    let prepared = prepare(&spec, &models::fetch(talk))?;
    let declared = prepared.signature();
    let options = args.function.options(&declared.options)?;
    let signature = prepared
        .signature_under(&options)
        .map_err(|error| models::explain(&spec, prepared.models(), declared, error))?;
    models::remark(&spec, prepared.models(), &signature, talk);
    prepared
        .open(&options)
        .map_err(|error| models::explain(&spec, prepared.models(), &signature, error))
}

/// Answers the batches of one stream; none if there is no stream any more.
fn answer(
    input: &mut impl BufRead,
    udf: &Udf,
    schema: &SchemaRef,
    writer: &mut StreamWriter<&mut output::Writer>,
) -> Result<()> {
    let mut head = [0; 4];
    let length = read_up_to(input, &mut head).context(CANNOT_READ)?;
    match &head[..length] {
        [] => return Ok(()),
        head if head == CONTINUATION => {}
        head if CONTINUATION.starts_with(head) => bail!(TRUNCATED),
        b"ARRO" => bail!("stdin is an Arrow file; an Arrow stream is wanted"),
        _ => bail!("stdin is no Arrow stream"),
    }
    let mut counted = Counted {
        reader: Cursor::new(head).chain(input),
        bytes: 0,
    };
    let mut reader = StreamReader::try_new(&mut counted, None).map_err(broken)?;
    let mut rows = 0;
    for batch in reader.by_ref() {
        let batch = batch.map_err(broken)?;
        let values = udf
            .function()
            .evaluate_with(&batch, &udf.under(CallOptions::new()))
            .and_then(|output| udf.settle(output))
            .map_err(|error| recount(error, rows, "counted from 0 in the stream"))?;
        rows += batch.num_rows();
        let answer = RecordBatch::try_new(Arc::clone(schema), vec![values])?;
        writer
            .write(&answer)
            .and_then(|()| writer.flush())
            .context(CANNOT_WRITE)?;
    }
    // The reader takes a cut within the length of a message for the end.
    if counted.bytes % 8 != 0 {
        bail!(TRUNCATED);
    }
    Ok(())
}

const TRUNCATED: &str = "stdin ends in the middle of an Arrow stream";

fn broken(error: arrow_schema::ArrowError) -> anyhow::Error {
    let ended = |error: &std::io::Error| error.kind() == std::io::ErrorKind::UnexpectedEof;
    match &error {
        arrow_schema::ArrowError::IoError(_, io) if ended(io) => anyhow::anyhow!(TRUNCATED),
        // What some engines call strings are bytes.
        _ if error.to_string().contains("UTF8") => anyhow::anyhow!(
            "stdin has strings that are not UTF-8: they must be sent as binary (in ClickHouse with the setting \
             output_format_arrow_string_as_string = 0)"
        ),
        _ => anyhow::Error::new(error).context("stdin is no Arrow stream that can be read"),
    }
}

/// Whether nothing follows. Waits until something does, or the other side is done.
fn at_end(input: &mut impl BufRead) -> Result<bool> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => return Ok(bytes.is_empty()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context(CANNOT_READ),
        }
    }
}

fn read_up_to(input: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match input.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// A reader that counts.
struct Counted<R> {
    reader: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(bytes)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
