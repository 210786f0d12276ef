//! How often a request was sent.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Counts how often a request was sent: an interceptor for one call. After more than one try, "it is there already" may be the
/// answer to what an earlier try, whose answer was lost, has done itself.
#[derive(Clone, Debug, Default)]
pub struct SendCount(Arc<AtomicU32>);

impl SendCount {
    /// Tries so far.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for SendCount {
    fn name(&self) -> &'static str {
        "SendCount"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
