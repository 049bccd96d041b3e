//! Reports: tables, a one-screen summary, JSON, and a folder of results. Functions of a result, without arithmetic that
//! could change an answer.

pub mod bill;
pub mod break_even;
pub mod capacity;
pub mod cheapest;
pub mod explain;
pub mod folder;
pub mod json;
pub mod manifest;
pub mod number;
pub mod schema;
mod style;
pub mod table;
pub mod tail;
pub mod terminal;
pub mod theory;

pub use folder::{Folder, FolderError};
pub use manifest::Manifest;
pub use table::{Cell, Table};
