//! Stations at run time: a queue of one discipline, and what a visit needs to know besides.

use crate::op::fifo::Fifo;
use crate::op::priority::Priority;
use crate::op::sharing::Sharing;
use crate::op::window::Window;
use crate::program::{Discipline, Register, SiteId, StationSpec};
use crate::time::Time;

/// A group of stations at run time.
#[derive(Clone, Debug)]
pub struct Station {
    /// Servers and queues.
    pub queue: Queue,
    /// Register with the target; nothing means the only one.
    pub target: Option<Register>,
    /// Service times are multiplied by this, one a target; empty for equal targets.
    pub slowness: Vec<f64>,
    /// Longest wait before a request leaves unserved.
    pub patience: Option<SiteId>,
    /// Time to switch on a server that finds no work.
    pub setup: Option<SiteId>,
}

/// Servers and queues by discipline.
#[derive(Clone, Debug)]
pub enum Queue {
    /// Decides on arrival.
    Fifo(Fifo),
    /// Has events of its own.
    Sharing(Sharing),
    /// Has events of its own.
    Priority(Priority),
}

impl Station {
    /// Idle stations.
    pub fn new(spec: &StationSpec) -> Station {
        let queue = match spec.discipline {
            Discipline::Fifo => Queue::Fifo(Fifo::new(spec)),
            Discipline::ProcessorSharing => Queue::Sharing(Sharing::new(spec)),
            Discipline::Priority => Queue::Priority(Priority::new(spec, false)),
            Discipline::PreemptivePriority => Queue::Priority(Priority::new(spec, true)),
        };
        let StationSpec { target, patience, setup, .. } = *spec;
        Station { queue, target, slowness: spec.slowness.clone(), patience, setup }
    }

    /// Busy time of its servers by target, if it keeps that itself.
    pub fn busy(&self, at: Time, window: Window) -> Option<Vec<u64>> {
        match &self.queue {
            Queue::Fifo(_) => None,
            Queue::Sharing(sharing) => Some(sharing.busy(at, window)),
            Queue::Priority(priority) => Some(priority.busy(at, window)),
        }
    }

    /// Requests that wait at a target.
    pub fn waiting(&self, target: usize) -> usize {
        match &self.queue {
            Queue::Fifo(fifo) => fifo.waiting(target),
            Queue::Sharing(sharing) => sharing.waiting(target),
            Queue::Priority(priority) => priority.waiting(target),
        }
    }

    /// Requests present; none where they leave with their arrival.
    pub fn taken(&self) -> u64 {
        match &self.queue {
            Queue::Fifo(_) => 0,
            Queue::Sharing(sharing) => sharing.taken(),
            Queue::Priority(priority) => priority.taken(),
        }
    }
}
