//! From a file to something that can be run: reading, overrides, decoding, checks across sections, compilation.
//!
//! This is the only floor that knows file syntax and the only one that reads input files.

pub mod set;
pub mod yaml;
