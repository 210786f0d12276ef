//! What local receipts say: which message, and which of its lives.

use crate::{Error, Receipt, Result};

/// A message's number and the count of changes of hands (deliveries, moves to and from the dead letters). Both never
/// repeat, so a receipt fits one delivery only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) id: i64,
    pub(crate) generation: i64,
}

impl Handle {
    pub(crate) fn receipt(self, queue: &str) -> Receipt {
        Receipt { queue: queue.to_owned(), handle: format!("{}.{}", self.id, self.generation) }
    }

    pub(crate) fn parse(receipt: &Receipt) -> Result<Self> {
        let parts = receipt.handle.split_once('.');
        parts
            .and_then(|(id, generation)| {
                Some(Self { id: id.parse().ok()?, generation: generation.parse().ok()? })
            })
            .ok_or_else(|| Error::invalid(format!("{:?} is no receipt of this queue", receipt.handle)))
    }
}
