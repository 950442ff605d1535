//! Tests as processes of their own: some are killed, others may do less.

use std::env;
use std::path::Path;
use std::process::Command;

/// A process that runs one of the ignored tests.
pub(crate) fn of(test: &str) -> Command {
    with(&env::current_exe().unwrap(), test)
}

/// The same, of a copy of this program. What emulates this one emulates it: `VICINO_RUNNER`.
pub(crate) fn with(program: &Path, test: &str) -> Command {
    let runner = env::var("VICINO_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    let mut command = words.next().map_or_else(
        || Command::new(program),
        |emulator| {
            let mut command = Command::new(emulator);
            command.args(words).arg(program);
            command
        },
    );
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}
