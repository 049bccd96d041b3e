//! The operators: how a request is served, limited, cached, balanced. Each keeps its state in plain data, never does
//! I/O, never fails and never schedules; executors tell it the time and act on what it answers.

pub mod cache;
pub mod choose;
pub mod connect;
pub mod fifo;
pub mod hold;
pub mod keyed;
pub mod later;
pub mod limit;
pub mod priority;
pub mod retry;
pub mod sharing;
pub mod window;
