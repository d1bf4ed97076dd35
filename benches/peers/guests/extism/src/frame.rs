//! How columns become one string of bytes and back: extism carries bytes, and
//! what they mean is agreed by its users. Guest and host both have this file.

/// Buffers, each behind its length.
pub fn write<'a>(buffers: impl IntoIterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let size = buffers.clone().into_iter().map(|b| 8 + b.len()).sum();
    let mut frame = Vec::with_capacity(size);
    for buffer in buffers {
        frame.extend_from_slice(&(buffer.len() as u64).to_le_bytes());
        frame.extend_from_slice(buffer);
    }
    frame
}

/// So many buffers of a frame, if it has them.
pub fn read<const N: usize>(mut frame: &[u8]) -> Option<[&[u8]; N]> {
    let mut buffers: [&[u8]; N] = [&[]; N];
    for buffer in &mut buffers {
        let (length, rest) = frame.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        (*buffer, frame) = rest.split_at_checked(length)?;
    }
    Some(buffers)
}
