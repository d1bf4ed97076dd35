//! Not-a-numbers: one of them for all, since which one arithmetic gives is the
//! processor's choice.

use arrow_buffer::Buffer;
use arrow_schema::DataType;

/// The values with each not-a-number made the positive quiet one without a payload, as the
/// WebAssembly specification calls canonical. Nearly always there is nothing to change,
/// and nothing is copied.
pub(super) fn canonical(ty: &DataType, values: Buffer) -> Buffer {
    match ty {
        DataType::Float32 => replace(
            values,
            |b| f32::from_le_bytes(b).is_nan(),
            0x7fc0_0000_u32.to_le_bytes(),
        ),
        DataType::Float64 => replace(
            values,
            |b| f64::from_le_bytes(b).is_nan(),
            0x7ff8_0000_0000_0000_u64.to_le_bytes(),
        ),
        DataType::Float16 => replace(
            values,
            |b| u16::from_le_bytes(b) & 0x7fff > 0x7c00,
            0x7e00_u16.to_le_bytes(),
        ),
        _ => values,
    }
}

fn replace<const N: usize>(values: Buffer, is_nan: fn([u8; N]) -> bool, nan: [u8; N]) -> Buffer {
    let (all, _) = values.as_slice().as_chunks::<N>();
    // Without leaving early: this way it is a few instructions for many values.
    let any = all.iter().fold(false, |any, value| any | is_nan(*value));
    if !any {
        return values;
    }
    let values = |value: &[u8; N]| if is_nan(*value) { nan } else { *value };
    Buffer::from_vec(all.iter().flat_map(values).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_nan() {
        let values = [1.5_f32, f32::from_bits(0xffc1_2345), f32::INFINITY, -0.0];
        let buffer = Buffer::from_slice_ref(values);
        let bits: Vec<u32> = canonical(&DataType::Float32, buffer)
            .typed_data::<f32>()
            .iter()
            .map(|v| v.to_bits())
            .collect();
        let expected = [
            1.5_f32.to_bits(),
            0x7fc0_0000,
            f32::INFINITY.to_bits(),
            1 << 31,
        ];
        assert_eq!(bits, expected);
        let half = Buffer::from_slice_ref([0xfe01_u16, 0x7c00]);
        let half = canonical(&DataType::Float16, half);
        assert_eq!(half.typed_data::<u16>(), [0x7e00, 0x7c00]);
    }
}
