//! The command `vicino`: a file for each of its subcommands, or a folder.
//!
//! What a user gets wrong is told in one line on the standard error, and the exit status is 1, or
//! 2 where the arguments themselves make no sense.

mod bench;
mod embed;
mod index;
mod library;
mod place;
mod progress;
mod search;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::io::{BufRead, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bench::Bench;
use index::Index;
use search::Search;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match command.run(&mut stdin().lock(), &mut stdout().lock()) {
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

impl Command {
    fn run(&self, input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Search(search) => search.run(out),
            Self::Index(index) => index.run(out),
            Self::Bench(bench) => bench.run(input, out),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Search(Search),
    Index(Index),
    Bench(Box<Bench>),
}
