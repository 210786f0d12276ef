//! The registry: models and their versions, endpoints, keys. One object each in the store, changed by compare-and-swap.
