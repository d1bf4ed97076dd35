//! The fields of a protobuf message, without decoding what is in them.

/// A field of a message: where its key begins, where its content, and where it
/// ends.
pub(super) struct Field {
    /// Its number.
    pub(super) number: usize,
    /// Whether its content is a message, a text or bytes.
    pub(super) is_delimited: bool,
    pub(super) start: usize,
    pub(super) content: usize,
    pub(super) end: usize,
}

const VARINT: usize = 0;
const FIXED_64: usize = 1;
const LENGTH_DELIMITED: usize = 2;
const FIXED_32: usize = 5;

/// The fields of a message, in its order; `None` ends it where it is broken.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Option<Field>> {
    let mut at = 0;
    let mut broken = false;
    std::iter::from_fn(move || {
        if broken || at >= message.len() {
            return None;
        }
        let field = field(message, &mut at);
        broken = field.is_none();
        Some(field)
    })
}

fn field(message: &[u8], at: &mut usize) -> Option<Field> {
    let start = *at;
    let key = varint(message, at)?;
    let length = match key & 7 {
        VARINT => varint(message, at).map(|_| 0)?,
        FIXED_64 => 8,
        LENGTH_DELIMITED => varint(message, at)?,
        FIXED_32 => 4,
        _ => return None,
    };
    let content = *at;
    *at = at.checked_add(length).filter(|end| *end <= message.len())?;
    Some(Field {
        number: key >> 3,
        is_delimited: key & 7 == LENGTH_DELIMITED,
        start,
        content,
        end: *at,
    })
}

/// Begins a field of so many bytes that follow.
pub(super) fn begin(
    number: usize,
    length: usize,
    message: &mut Vec<u8>,
) -> Result<(), prost::EncodeError> {
    prost::encode_length_delimiter(number << 3 | LENGTH_DELIMITED, message)?;
    prost::encode_length_delimiter(length, message)
}

fn varint(message: &[u8], at: &mut usize) -> Option<usize> {
    let mut rest = &message[*at..];
    let value = prost::decode_length_delimiter(&mut rest).ok()?;
    *at = message.len() - rest.len();
    Some(value)
}
