//! Arbitrary rows at arbitrary places: every set gives scalar's results, or scalar's error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicino_core::kernel::{Code, Dot, Element, Hamming, Kernel, Manhattan, SquaredEuclidean};
use vicino_core::{Error, Isa, Simd};

fuzz_target!(|input: &[u8]| {
    let Some((&[length, step, skip], bytes)) = input.split_first_chunk() else { return };
    let bytes = bytes.get(usize::from(skip)..).unwrap_or_default();
    let shape = (usize::from(length), usize::from(step));

    let floats: Vec<f32> = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    compare(Dot, &floats, &floats, shape, same);
    compare(SquaredEuclidean, &floats, &floats, shape, same);
    compare(Manhattan, &floats, &floats, shape, same);

    let seven: Vec<u8> = bytes.iter().map(|byte| byte & 127).collect();
    let codes = Code::slice(&seven).expect("masked to seven bits");
    let signed: &[i8] = bytemuck::cast_slice(bytes);
    compare(Dot, signed, codes, shape, |a, b| a == b);
    compare(SquaredEuclidean, codes, codes, shape, |a, b| a == b);
    compare(Manhattan, codes, codes, shape, |a, b| a == b);

    let words: Vec<u64> = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    compare(Hamming, &words, &words, shape, |a, b| a == b);

    if let Err(error) = Code::slice(bytes) {
        assert!(matches!(error, Error::CodeOutOfRange { position, .. } if bytes[position] > 127));
    }
});

/// Rows of a length start every `step` elements; the last ones may be cut short, an error.
fn compare<K: Kernel<Row>, Row: Element>(
    kernel: K,
    queries: &[K::Query],
    rows: &[Row],
    (length, step): (usize, usize),
    same: impl Fn(Row::Total, Row::Total) -> bool,
) {
    let query = &queries[..length.min(queries.len())];
    let starts = (0..rows.len()).step_by(step.max(1)).take(40);
    let rows: Vec<&[Row]> =
        starts.map(|start| &rows[start..rows.len().min(start + length)]).collect();

    let run = |simd: Simd| {
        let mut totals = vec![Row::Total::default(); rows.len()];
        let done = simd.batch(kernel, query, &rows, &mut totals);
        (done, totals)
    };
    let scalar = Simd::new(Isa::Scalar).expect("every machine has it");
    let (expected, expected_totals) = run(scalar);
    for simd in Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok()) {
        let (done, totals) = run(simd);
        assert_eq!(done, expected, "{simd:?}");
        for (i, row) in rows.iter().enumerate() {
            assert!(same(totals[i], expected_totals[i]), "{simd:?}, row {i}: {totals:?}");
            if done.is_ok() {
                let pair = simd.pair(kernel, query, row).expect("as long as in the batch");
                assert!(same(pair, expected_totals[i]), "{simd:?}, pair {i}: {pair:?}");
            }
        }
    }
}
