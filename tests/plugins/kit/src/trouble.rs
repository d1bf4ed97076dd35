//! Rows that go wrong, all of them where the argument is 13.

use std::hint::black_box;

use wudf_guest::{Column, Result, fail, udf};

const UNLUCKY: i64 = 13;

/// The argument; panics where it is 13.
#[udf]
pub fn panics(x: i64) -> i64 {
    assert!(x != UNLUCKY, "row with {x} in it");
    x
}

/// The argument; fails where it is 13.
#[udf]
pub fn fails(x: i64) -> Result<i64> {
    if x == UNLUCKY {
        fail!("{x} is unlucky");
    }
    Ok(x)
}

/// The argument; never ends where it is 13.
#[udf]
pub fn spins(x: i64) -> i64 {
    let mut spins = 0_u64;
    while black_box(x) == UNLUCKY {
        spins = black_box(spins.wrapping_add(1));
    }
    x
}

/// The argument; sleeps for an hour where it is 13.
#[udf]
pub fn sleeps(x: i64) -> i64 {
    if x == UNLUCKY {
        std::thread::sleep(std::time::Duration::from_secs(3_600));
    }
    x
}

/// The argument; takes memory until there is none where it is 13.
#[udf]
pub fn hogs(x: i64) -> i64 {
    let mut hoard = Vec::new();
    while black_box(x) == UNLUCKY {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
    x + hoard.len() as i64
}

/// The argument; runs out of stack where it is 13.
#[udf]
pub fn recurses(x: i64) -> i64 {
    fn deeper(x: i64) -> i64 {
        let here = black_box([x; 64]);
        if x == UNLUCKY {
            deeper(x) + here[1]
        } else {
            here[0]
        }
    }
    deeper(x)
}

/// As many bytes as the argument says.
#[udf]
pub fn big_output(bytes: i64) -> Vec<u8> {
    vec![b'x'; usize::try_from(bytes).unwrap_or(0)]
}

/// The argument; keeps as many bytes as it says, for ever.
#[udf]
pub fn hoards(bytes: i64) -> i64 {
    let kept = vec![1_u8; usize::try_from(bytes).unwrap_or(0)];
    black_box(Box::leak(kept.into_boxed_slice()));
    bytes
}

/// The argument, after the same work in each call, whatever its rows.
#[udf(batch)]
pub fn slow_calls(x: Column<'_, i64>) -> Vec<i64> {
    for n in 0..5_000_000_u64 {
        black_box(n);
    }
    x.iter().copied().collect()
}
