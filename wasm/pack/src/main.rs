//! Builds what the npm package ships into `wasm/npm/dist`, the module and its glue, and the same
//! with the checks that its tests run into `wasm/npm/checks`.
//!
//! `cargo run -p vicino-pack` compiles `vicino-wasm`, writes the glue with the version of
//! wasm-bindgen that the workspace's lock names, adds the licences, and has what `npm ci` in
//! `wasm/npm` installs shrink the module, write it as code too, and bundle the package for
//! `require`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let npm = root.join("wasm/npm");
    let dist = npm.join("dist");
    build(&root, &["--features", "checks"], &npm.join("checks"))?;
    build(&root, &[], &dist)?;
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root.join(license), dist.join(license))?;
    }
    run(tool(&npm, "esbuild")?.args(BYTES))?;
    run(tool(&npm, "esbuild")?.args(REQUIRED))
}

/// Builds the module and its glue into a folder.
fn build(root: &Path, features: &[&str], dist: &Path) -> Result<()> {
    let module = dist.join("vicino_bg.wasm");

    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--profile", "wasm", "--target", TARGET]);
    cargo.args(["--package", "vicino-wasm", "--config", &without_paths(root)?]);
    cargo.args(features);
    run(&mut cargo)?;

    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), Into::into);
    let compiled = target.join(TARGET).join("wasm/vicino_wasm.wasm");
    Bindgen::new()
        .input_path(compiled)
        .out_name("vicino")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .generate(dist)?;

    let npm = root.join("wasm/npm");
    run(tool(&npm, "wasm-opt")?.args(SMALL).arg(&module).arg("-o").arg(&module))?;
    let glue = dist.join("vicino.js");
    let out = format!("--outfile={}", glue.display());
    run(tool(&npm, "esbuild")?.arg(&glue).args(MINIFIED).arg(out))
}

/// What makes the module small when it is compressed: a function that is put into its only caller
/// leaves fewer bytes, but one with so many locals that less of it looks like the rest, 7 % more
/// after gzip; so does a local for each subexpression that occurs twice.
const SMALL: [&str; 4] =
    ["-O3", "--one-caller-inline-max-function-size", "0", "--skip-pass=local-cse"];

/// The glue, which nobody reads: less than half of it is left.
const MINIFIED: [&str; 5] =
    ["--minify", "--format=esm", "--target=es2022", "--allow-overwrite", "--log-level=warning"];

/// A tool that is run in the package's folder.
fn tool(npm: &Path, name: &str) -> Result<Command> {
    let path = npm.join("node_modules/.bin").join(name);
    ensure!(path.exists(), "no {}; run `npm ci` in wasm/npm first", path.display());
    let mut command = Command::new(path);
    command.current_dir(npm);
    Ok(command)
}

/// The module as code, for those who can fetch nothing. The target decides how it is decoded: not
/// every engine has `Uint8Array.fromBase64`.
const BYTES: [&str; 8] = [
    "dist/vicino_bg.wasm",
    "--bundle",
    "--loader:.wasm=binary",
    "--format=esm",
    "--platform=neutral",
    "--target=es2022",
    "--outfile=dist/bytes.js",
    "--log-level=warning",
];

/// The package for `require`, where it cannot have ES modules: in Jest, and in Node before 20.19.
/// It finds the module from where `node.js` would.
const REQUIRED: [&str; 9] = [
    "node.js",
    "--bundle",
    "--format=cjs",
    "--platform=node",
    "--target=node20",
    "--define:import.meta.url=nodeJsUrl",
    "--banner:js=const nodeJsUrl = require('node:url').pathToFileURL(require('node:path')\
        .join(__dirname, '../node.js'));",
    "--outfile=dist/node.cjs",
    "--log-level=warning",
];

/// The flags that keep this machine's folders out of the module, as a setting of cargo.
fn without_paths(root: &Path) -> Result<String> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output()?.stdout;
    let sysroot = String::from_utf8(sysroot)?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor a home folder is known")?;
    let flags = [root.canonicalize()?, home, sysroot.trim().into()]
        .map(|folder| format!("'--remap-path-prefix={}=.'", folder.display()));
    Ok(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
