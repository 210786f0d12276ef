//! What a message means.

use std::time::Duration;

use millstream_queue::{DeadLetter, Delivery};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It is done with: delete it.
    Delete,
    /// Deliver it again after this time.
    Again(Duration),
    /// Store or queue were out of reach: deliver it again, after a wait that grows with each delivery.
    Trouble,
}

/// Deals with messages. One for all threads of a consumer.
pub trait Handle: Send + Sync + 'static {
    /// Ends the work on one message early. A clone ends the same.
    type Cancel: Clone + Default + Send + Sync + 'static;

    /// Deals with one message, which may have been delivered before.
    fn handle(&self, delivery: &Delivery, cancel: &Self::Cancel) -> Handled;

    /// Ends the work that was given this token, from another thread: the consumer stops. It may go on where it cannot be ended.
    fn cancel(&self, cancel: &Self::Cancel);

    /// Cancels those messages in hand whose work nobody wants any more. Called every [`Options::look`](crate::Options), never for
    /// a message that has been in hand for less: may cost a request.
    fn look(&self, in_hand: &[(Delivery, Self::Cancel)]) {
        let _ = in_hand;
    }

    /// The message has been settled as `handle` said, or could not be and comes again.
    fn settled(&self) {}

    /// Writes down that nobody could deal with a message. It stays in the dead letters. False: try again.
    fn bury(&self, letter: &DeadLetter) -> bool;
}
