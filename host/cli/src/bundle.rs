//! The functions and the template that this binary carries; `build.rs` writes the lists.

use millstream_worker::Bundled;

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));
