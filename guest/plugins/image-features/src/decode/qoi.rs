//! QOI, by the crate `qoi`.

use qoi::{Channels, Decoder, Error as DecodingError};

use super::info::Found;
use super::{Limits, Picture};
use crate::error::Error;

const NAME: &str = "QOI";

/// Decodes; gives the orientation, which QOI does not have.
pub(super) fn decode(bytes: &[u8], limits: &Limits, picture: &mut Picture) -> Result<u16, Error> {
    let decoder = Decoder::new(bytes).map_err(error)?;
    let (width, height) = (decoder.header().width, decoder.header().height);
    limits.check(NAME, width, height, 3)?;
    decoder
        .with_channels(Channels::Rgb)
        .decode_to_buf(picture.reset(width, height))
        .map_err(error)?;
    Ok(1)
}

/// What the header says.
pub(super) fn info(bytes: &[u8]) -> Result<Found, Error> {
    let header = *Decoder::new(bytes).map_err(error)?.header();
    let mode = match header.channels {
        Channels::Rgb => "RGB",
        Channels::Rgba => "RGBA",
    };
    Ok(Found::new(mode, header.width, header.height))
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::UnexpectedBufferEnd => Error::truncated(NAME),
        DecodingError::IoError(e) => Error::io(NAME, &e),
        other => Error::malformed(NAME, other),
    }
}
