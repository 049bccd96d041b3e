//! The data pack: dated facts with source and grade, as values with their origin.

/// Facts of one data pack.
#[derive(Clone, Debug, Default)]
pub struct Facts {}
