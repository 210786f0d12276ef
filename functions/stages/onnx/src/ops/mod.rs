//! The operators. Floats are computed in double precision within an operator and rounded to the operator's type at its
//! end, so that results are at least as near to the true ones as those of other runtimes.

mod algebra;
mod broadcast;
mod elementwise;
#[cfg(test)]
mod integers;
mod linear;
mod preprocess;
mod reduce;
pub mod scan;
mod scores;
pub mod shapes;
mod svm;
mod trees;

use crate::fault::Fault;
use crate::node::{Attributes, Kernel};

/// The domain of operators for classical machine learning.
pub const ML: &str = "ai.onnx.ml";

/// Makes a node's operator. `version` is that of the standard operators. None: there is no such operator here.
pub fn kernel(attributes: &Attributes<'_>, version: i64) -> Option<Result<Kernel, Fault>> {
    let operator = attributes.0.op_type.as_str();
    match attributes.0.domain.as_str() {
        "" | "ai.onnx" => elementwise::kernel(attributes, operator)
            .or_else(|| algebra::kernel(attributes, operator))
            .or_else(|| reduce::kernel(attributes, operator, version))
            .map(Ok)
            .or_else(|| shapes::kernel(attributes, operator))
            .or_else(|| scan::kernel(attributes, operator, version)),
        ML => preprocess::kernel(attributes, operator)
            .or_else(|| linear::kernel(attributes, operator))
            .or_else(|| trees::kernel(attributes, operator))
            .or_else(|| svm::kernel(attributes, operator)),
        "com.microsoft" => algebra::own_kernel(attributes, operator),
        _ => None,
    }
}
