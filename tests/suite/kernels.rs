//! Every instruction set gives the same bits: those of the golden file.

use std::env;

use vicino::kernel::verify;
use vicino::{Isa, Simd, sample_snapshot, verify_index, verify_snapshot};

const KERNELS: &str = include_str!("../golden/kernels.digest");
const INDEX: &str = include_str!("../golden/index.digest");
const SNAPSHOTS: &str = include_str!("../golden/snapshots.digest");

/// Files of version 1 as they were first written.
const FILES: [&[u8]; 4] = [
    include_bytes!("../golden/v1-cosine.vcn"),
    include_bytes!("../golden/v1-euclidean.vcn"),
    include_bytes!("../golden/v1-inner-product.vcn"),
    include_bytes!("../golden/v1-manhattan.vcn"),
];

/// `VICINO_REQUIRE_ISA=avx2,avx512` turns a set that this machine lacks from a skip to a failure.
#[test]
fn every_instruction_set_gives_the_golden_digests() {
    let required = env::var("VICINO_REQUIRE_ISA").unwrap_or_default();
    let required: Vec<Isa> = required
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.parse().unwrap())
        .collect();
    for &isa in Isa::ALL {
        match Simd::new(isa) {
            Ok(simd) => {
                for (digest, golden) in [(verify(simd), KERNELS), (verify_index(simd), INDEX)] {
                    let digest = digest.unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(format!("{digest:016x}"), golden.trim(), "{isa}");
                }
                for (number, (file, golden)) in FILES.iter().zip(SNAPSHOTS.lines()).enumerate() {
                    let sample = sample_snapshot(simd, number).unwrap().unwrap();
                    assert!(sample == *file, "{isa} writes another file {number}");
                    let digest = verify_snapshot(simd, file).unwrap();
                    assert_eq!(
                        format!("{digest:016x}"),
                        golden,
                        "{isa} tells otherwise of {number}"
                    );
                }
                println!("{isa}: golden");
            }
            Err(error) => {
                assert!(!required.contains(&isa), "{isa} is required: {error}");
                println!("{isa}: skipped, {error}");
            }
        }
    }
}

/// `tests/run rust` runs this a second time with `VICINO_ISA=scalar`.
#[test]
fn the_process_runs_on_the_set_that_its_environment_names() {
    let expected = match env::var("VICINO_ISA") {
        Ok(name) => name.parse().unwrap(),
        Err(_) => Simd::detect().isa(),
    };
    assert_eq!(vicino::simd().unwrap().isa(), expected);
}
