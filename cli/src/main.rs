//! The desktop door to a Caseplan store: see the library beside it.

fn main() -> std::process::ExitCode {
    caseplan_cli::run()
}
