//! Whether bf16 is likely to be faster than f32 on this processor.
//!
//! OpenVINO offers bf16 on any processor with AVX-512, whether or not its units multiply bf16 faster than f32.

use std::fmt;

/// How OpenVINO in bf16 compares with OpenVINO in f32 on a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bf16 {
    /// Likely faster: the processor has AMX, or is AMD's with AVX512-BF16 (ResNet-50 takes half the time on Zen 4).
    Faster,
    /// Likely slower: Intel's without AMX, where it was measured slower.
    Slower,
    /// Nothing was measured on such a processor.
    Unknown,
}

impl Bf16 {
    /// For the processor that this process runs on, as far as a virtual machine shows it.
    pub fn here() -> Self {
        Processor::here().map_or(Self::Unknown, Processor::bf16)
    }
}

/// `faster`, `slower` or `unknown`.
impl fmt::Display for Bf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Unknown => "unknown",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vendor {
    Amd,
    Intel,
    Other,
}

/// What decides.
#[derive(Clone, Copy, Debug)]
struct Processor {
    vendor: Vendor,
    avx512_bf16: bool,
    amx_bf16: bool,
}

impl Processor {
    #[cfg(target_arch = "x86_64")]
    fn here() -> Option<Self> {
        use std::arch::x86_64::{__cpuid, __cpuid_count};

        /// Of leaf 7, in EDX; std detects it on nightly only.
        const AMX_BF16: u32 = 1 << 22;
        let first = __cpuid(0);
        let name = [first.ebx, first.edx, first.ecx].map(u32::to_le_bytes);
        let vendor = match name.as_flattened() {
            b"AuthenticAMD" => Vendor::Amd,
            b"GenuineIntel" => Vendor::Intel,
            _ => Vendor::Other,
        };
        Some(Self {
            vendor,
            avx512_bf16: std::arch::is_x86_feature_detected!("avx512bf16"),
            amx_bf16: first.eax >= 7 && __cpuid_count(7, 0).edx & AMX_BF16 != 0,
        })
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn here() -> Option<Self> {
        None
    }

    fn bf16(self) -> Bf16 {
        match self.vendor {
            _ if self.amx_bf16 => Bf16::Faster,
            Vendor::Amd if self.avx512_bf16 => Bf16::Faster,
            Vendor::Intel => Bf16::Slower,
            Vendor::Amd | Vendor::Other => Bf16::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bf16, Processor, Vendor};

    #[test]
    fn amx_or_amd_decides() {
        for (vendor, avx512_bf16, amx_bf16, expected) in [
            (Vendor::Amd, true, false, Bf16::Faster),
            (Vendor::Amd, false, false, Bf16::Unknown),
            (Vendor::Intel, true, true, Bf16::Faster),
            // A Xeon whose hypervisor hides AMX.
            (Vendor::Intel, true, false, Bf16::Slower),
            (Vendor::Intel, false, false, Bf16::Slower),
            (Vendor::Other, true, true, Bf16::Faster),
            (Vendor::Other, true, false, Bf16::Unknown),
        ] {
            let processor = Processor {
                vendor,
                avx512_bf16,
                amx_bf16,
            };
            assert_eq!(processor.bf16(), expected, "{processor:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_processor_is_read_as_linux_reads_it() {
        let Some(here) = Processor::here() else {
            return;
        };
        let known = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let has = |flag: &str| known.split_whitespace().any(|word| word == flag);
        assert_eq!(here.avx512_bf16, has("avx512_bf16"));
        assert_eq!(here.amx_bf16, has("amx_bf16"));
        assert_eq!(here.vendor == Vendor::Amd, has("AuthenticAMD"));
        assert_eq!(here.vendor == Vendor::Intel, has("GenuineIntel"));
    }
}
