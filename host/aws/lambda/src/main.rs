//! `bootstrap` of a Lambda function on `provided.al2023`.

use std::process::ExitCode;

fn main() -> ExitCode {
    millstream_lambda::main()
}
