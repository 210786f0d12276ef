//! The bootstrap of Lambda functions: worker, endpoint, trigger, undertaker.
