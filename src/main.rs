//! The program `trailhouse`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    trailhouse::cli::main()
}
