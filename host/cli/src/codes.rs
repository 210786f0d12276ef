//! Which code an error has that ends a command.

use std::{error::Error, fmt, io};

use millstream_control::{approvals, dead, freeze, runs};
use millstream_core::failure::Failure;
use millstream_deployment::Misread;
use millstream_endpoint::InvokeError;
use millstream_errors::{Code, Coded};
use millstream_language::diagnostic::Diagnostics;
use millstream_plan::compile::PlanError;
use millstream_worker::{functions, home, sources};

use crate::commands::Usage;

/// An error that another place has told in full, with its code.
#[derive(Debug)]
pub struct Told {
    pub code: Code,
    pub message: String,
    /// What was asked for makes no sense, rather than that it could not be done.
    pub is_usage: bool,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Told {}

/// The code of the outermost cause that has one.
pub fn of(error: &anyhow::Error) -> Code {
    error.chain().find_map(known).unwrap_or(Code::CommandFailed)
}

fn known(cause: &(dyn Error + 'static)) -> Option<Code> {
    fn coded<E: Coded + Error + 'static>(cause: &(dyn Error + 'static)) -> Option<Code> {
        cause.downcast_ref::<E>().map(Coded::code)
    }
    if let Some(told) = cause.downcast_ref::<Told>() {
        return Some(told.code);
    }
    if cause.is::<Usage>() {
        return Some(Code::Usage);
    }
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        // A reader or writer of a store hands its errors through.
        let own = error.get_ref().and_then(|inner| inner.downcast_ref::<millstream_store::Error>());
        return Some(own.map_or(Code::System, Coded::code));
    }
    [
        #[cfg(feature = "aws")]
        coded::<millstream_aws_package::Error>,
        #[cfg(feature = "aws")]
        coded::<millstream_aws_stack::Error>,
        coded::<millstream_control::Error>,
        coded::<runs::Error>,
        coded::<approvals::Error>,
        coded::<dead::Error>,
        coded::<freeze::Error>,
        coded::<sources::Error>,
        coded::<functions::Error>,
        coded::<home::Error>,
        coded::<millstream_state::Error<millstream_store::Error>>,
        coded::<PlanError>,
        coded::<Diagnostics>,
        coded::<millstream_triggers::Error>,
        coded::<Misread>,
        coded::<Failure>,
        coded::<InvokeError>,
        coded::<millstream_api::StartError>,
        coded::<millstream_store::Error>,
        coded::<millstream_queue::Error>,
    ]
    .into_iter()
    .find_map(|code| code(cause))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_outermost_cause_with_a_code_gives_it() {
        let store = || millstream_store::Error::new(millstream_store::ErrorKind::Full, "the disk is full");
        let wrapped = Err::<(), _>(store()).context("cannot register").unwrap_err();
        assert_eq!(of(&wrapped), Code::StoreFull);
        assert_eq!(of(&millstream_control::Error::from(store()).into()), Code::StoreFull);
        let refused = millstream_control::Error::Refused("it is in use".to_owned());
        assert_eq!(of(&anyhow::Error::new(refused).context("cannot remove it")), Code::RefusedByState);
        assert_eq!(of(&Usage("no".to_owned()).into()), Code::Usage);
        assert_eq!(of(&io::Error::from(store()).into()), Code::StoreFull);
        assert_eq!(of(&io::Error::from(io::ErrorKind::NotFound).into()), Code::System);
        assert_eq!(of(&anyhow::anyhow!("something")), Code::CommandFailed);
    }
}
