//! Compares simulated models with what is known of them: `cases.csv` holds numbers from closed forms and exact numerical
//! methods, `readings.csv` says which scenario has the model and how the number is read off its runs, `scenarios/` holds the
//! scenarios.

pub mod accept;
pub mod family;
pub mod observed;
pub mod presence;
pub mod reading;
pub mod rows;
pub mod run;
pub mod sized;
