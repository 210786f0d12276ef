//! Numbers on other scales.

pub mod binning;
pub mod log;
pub mod normal;
pub mod power;
pub mod quantile;
pub mod scale;
pub mod spline;
