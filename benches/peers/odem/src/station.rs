//! A FIFO station of several servers. ODEM-rs offers a facility of one; this is its natural extension, built from
//! the library's own `waker` and `sleep`.

use odem_rs::core::ops::{sleep, waker};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    task::Waker,
};

/// Servers and the requests that wait for one, in order of arrival.
pub struct Station {
    free: Cell<usize>,
    waiting: RefCell<VecDeque<Waker>>,
}

impl Station {
    /// A station of `servers` servers, all of them free.
    pub fn new(servers: usize) -> Self {
        Station { free: Cell::new(servers), waiting: RefCell::default() }
    }

    /// Waits for a server and takes it.
    pub async fn seize(&self) {
        match self.free.get() {
            0 => {
                let request = waker().await;
                self.waiting.borrow_mut().push_back(request);
                sleep().await;
            }
            free => self.free.set(free - 1),
        }
    }

    /// Hands the server to the request that waits longest, so that none that arrives at this very moment overtakes it.
    pub fn release(&self) {
        match self.waiting.borrow_mut().pop_front() {
            Some(request) => request.wake(),
            None => self.free.set(self.free.get() + 1),
        }
    }
}
