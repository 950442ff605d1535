//! Arbitrary rows at arbitrary places: every set gives scalar's result or scalar's error.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use vicino_core::kernel::{Code, Dot, Element, Hamming, Kernel, Manhattan, SquaredEuclidean};
use vicino_core::{Error, Isa, Simd};

fuzz_target!(|input: (u8, u8, u8, Vec<u8>)| {
    let (length, step, skip, bytes) = input;
    let bytes = bytes.get(usize::from(skip)..).unwrap_or_default();
    let (length, step) = (usize::from(length), usize::from(step));

    let floats: Vec<f32> = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    compare(Dot, &floats, &floats, length, step, same);
    compare(SquaredEuclidean, &floats, &floats, length, step, same);
    compare(Manhattan, &floats, &floats, length, step, same);

    let seven: Vec<u8> = bytes.iter().map(|byte| byte & 127).collect();
    let codes = Code::slice(&seven).expect("masked to seven bits");
    let signed: &[i8] = bytemuck::cast_slice(bytes);
    compare(Dot, signed, codes, length, step, |a, b| a == b);
    compare(SquaredEuclidean, codes, codes, length, step, |a, b| a == b);
    compare(Manhattan, codes, codes, length, step, |a, b| a == b);

    let words: Vec<u64> = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    compare(Hamming, &words, &words, length, step, |a, b| a == b);

    if let Err(error) = Code::slice(bytes) {
        assert!(matches!(error, Error::CodeOutOfRange { position, .. } if bytes[position] > 127));
    }
});

/// Rows of `length` start every `step` elements; the last ones may be cut short, an error.
fn compare<K: Kernel<Row>, Row: Element<Total: Default + Debug>>(
    kernel: K,
    queries: &[K::Query],
    rows: &[Row],
    length: usize,
    step: usize,
    same: impl Fn(Row::Total, Row::Total) -> bool,
) {
    let query = &queries[..length.min(queries.len())];
    let starts = (0..rows.len()).step_by(step.max(1)).take(40);
    let rows: Vec<&[Row]> =
        starts.map(|start| &rows[start..rows.len().min(start + length)]).collect();
    let whole = rows.iter().all(|row| row.len() == query.len());

    let scalar = Simd::new(Isa::Scalar).expect("every machine has it");
    for simd in Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok()) {
        let mut totals = vec![Row::Total::default(); rows.len()];
        assert_eq!(simd.batch(kernel, query, &rows, &mut totals).is_ok(), whole);
        for (row, total) in rows.iter().zip(totals).filter(|_| whole) {
            let expected = scalar.pair(kernel, query, row).expect("lengths are equal");
            assert!(same(total, expected), "{simd:?}: {total:?}, scalar {expected:?}");
        }
    }
}
