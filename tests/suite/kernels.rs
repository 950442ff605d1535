//! Every instruction set gives the same bits: those of the golden file.

use std::env;
use std::process::Command;
use std::thread;

use vicino::kernel::verify;
use vicino::{Isa, Simd};

const GOLDEN: &str = include_str!("../golden/kernels.digest");

/// `VICINO_REQUIRE_ISA=avx2,avx512` turns a set that this machine lacks from a skip to a failure.
#[test]
fn every_instruction_set_gives_the_golden_digest() {
    let required = env::var("VICINO_REQUIRE_ISA").unwrap_or_default();
    let required: Vec<Isa> = required
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.parse().unwrap())
        .collect();
    for &isa in Isa::ALL {
        match Simd::new(isa) {
            Ok(simd) => {
                let digest = verify(simd).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(format!("{digest:016x}"), GOLDEN.trim(), "{isa}");
                println!("{isa}: golden");
            }
            Err(error) => {
                assert!(!required.contains(&isa), "{isa} is required: {error}");
                println!("{isa}: skipped, {error}");
            }
        }
    }
}

/// Runs itself again, since the environment of a running test must not change.
#[test]
fn the_process_runs_on_the_set_that_its_environment_names() {
    const ASKED: &str = "VICINO_TEST_PRINT_ISA";
    let answer = || vicino::simd().map_or_else(|e| e.code().to_owned(), |s| s.isa().to_string());
    if env::var_os(ASKED).is_some() {
        println!("[{}]", answer());
        return;
    }
    let best = Simd::detect().isa().name();
    for (setting, expected) in [
        (Some("scalar"), "scalar"),
        (Some(best), best),
        (Some("sse9"), "unknown_isa"),
        (Some(""), "unknown_isa"),
        (None, best),
    ] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "--nocapture"]).arg(thread::current().name().unwrap());
        child.env(ASKED, "").env_remove("VICINO_ISA");
        child.envs(setting.map(|name| ("VICINO_ISA", name)));
        let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
        assert!(output.contains(&format!("[{expected}]")), "{setting:?}: {output}");
    }
}
