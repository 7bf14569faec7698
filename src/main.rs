//! The program `vedtak`: its subcommands are in [`vedtak::cli`], one file each.

fn main() -> std::process::ExitCode {
    vedtak::cli::run()
}
