//! The command `vicino`: a file for each of its subcommands, or a folder.
//!
//! What a user gets wrong is told in one line on the standard error, and the exit status is 1, or
//! 2 where the arguments themselves make no sense.

mod bench;

use std::io::{Write, stderr, stdin, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bench::Bench;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let done = match command {
        Command::Bench(bench) => bench.run(&mut stdin().lock(), &mut stdout().lock()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit status still says it.
            let _ = writeln!(stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Parser)]
#[command(name = "vicino", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(Bench),
}
