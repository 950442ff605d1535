//! The command `vicino`: a file for each of its subcommands, or a folder.
//!
//! What a user gets wrong is told in one line on the standard error, and the exit status is 1, or
//! 2 where the arguments themselves make no sense.

mod bench;
mod delete;
mod embed;
mod export;
mod import;
mod index;
mod inspect;
mod json;
mod library;
mod mcp;
mod of;
mod place;
mod progress;
mod rows;
mod search;
mod serve;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod texts;
mod tree;
mod tune;
mod verify;

use std::io::{BufRead, BufReader, IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use bench::Bench;
use delete::Delete;
use export::Export;
use import::Import;
use index::Index;
use inspect::{Get, Scopes, Stats};
use mcp::Mcp;
use search::Search;
use serve::Serve;
use tune::Tune;
use verify::{Compact, Verify};

fn main() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = lines.with_ansi(stderr().is_terminal()).with_filter(log);
    tracing_subscriber::registry().with(lines).init();
    // Without their locks: a server has both on threads of its own.
    match command.run(&mut BufReader::new(stdin()), &mut stdout()) {
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
    /// What is told on the standard error: `info`, `debug`, or by its place,
    /// `warn,vicino::commit=debug`
    #[arg(long, env = "VICINO_LOG", default_value = "warn", global = true, value_name = "LEVELS")]
    log: Targets,
    #[command(subcommand)]
    command: Command,
}

impl Command {
    fn run(&self, input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Search(search) => search.run(out),
            Self::Index(index) => index.run(out),
            Self::Import(import) => import.run(out),
            Self::Export(export) => export.run(out),
            Self::Stats(stats) => stats.run(out),
            Self::Scopes(scopes) => scopes.run(out),
            Self::Get(get) => get.run(out),
            Self::Delete(delete) => delete.run(out),
            Self::Verify(verify) => verify.run(out),
            Self::Compact(compact) => compact.run(out),
            Self::Tune(tune) => tune.run(out),
            Self::Serve(serve) => serve.run(out),
            Self::Mcp(mcp) => mcp.run(),
            Self::Bench(bench) => bench.run(input, out),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Search(Search),
    Index(Index),
    Import(Import),
    Export(Export),
    Stats(Stats),
    Scopes(Scopes),
    Get(Get),
    Delete(Delete),
    Verify(Verify),
    Compact(Compact),
    Tune(Tune),
    Serve(Serve),
    Mcp(Mcp),
    Bench(Box<Bench>),
}
