//! Prices: a book of dated rates, conventions, and the pure function from quantities to a bill.
//!
//! Nothing here measures, reads files or knows the simulation: what was used goes in as plain quantities, what it costs
//! comes out line by line in exact decimals. Regions are books of their own, never multipliers; what the book does not
//! price is an error that names the row.

pub mod bill;
pub mod book;
pub mod conventions;
pub mod costing;
pub mod money;
pub mod offers;
pub mod plans;

pub use bill::{Bill, Line, Unpriced, Usage, bill};
pub use book::{Book, Key, Missing, Price, Tier};
pub use conventions::{Conventions, FreeTier, Own};
pub use costing::Costing;
pub use money::Decimal;
pub use offers::Offers;
