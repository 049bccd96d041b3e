//! The components that both benches are assembled from: a model a station, a message a step.

use crate::luck::{Law, Luck};
use hdrhistogram::Histogram;
use nexosim::model::{BuildContext, Context, Model, ProtoModel, schedulable};
use nexosim::ports::Output;
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A request on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    born: MonotonicTime,
}

/// A model before it is part of a bench: its state, and the luck it will draw from.
pub struct With<M> {
    /// The model.
    pub model: M,
    /// Its luck.
    pub luck: Luck,
}

impl<M> With<M> {
    /// The model number `number` of a run, which draws from `law`.
    pub fn new(model: M, seed: u64, number: u64, law: Law) -> With<M> {
        With { model, luck: Luck::new(seed, number, law) }
    }
}

impl<M: Model<Env = Luck>> ProtoModel for With<M> {
    type Model = M;

    fn build(self, _: &mut BuildContext<Self>) -> (M, Luck) {
        (self.model, self.luck)
    }
}

/// Sends so many requests.
#[derive(Serialize, Deserialize)]
pub struct Source {
    pub left: u64,
    pub output: Output<Request>,
}

#[Model(type Env = Luck)]
impl Source {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>, luck: &mut Luck) {
        cx.schedule_event(luck.span(), schedulable!(Self::send), ()).expect("a time in the future");
    }

    #[nexosim(schedulable)]
    async fn send(&mut self, _: (), cx: &Context<Self>, luck: &mut Luck) {
        self.left -= 1;
        if self.left > 0 {
            cx.schedule_event(luck.span(), schedulable!(Self::send), ()).expect("a time in the future");
        }
        self.output.send(Request { born: cx.time() }).await;
    }
}

/// Keeps each request for a time; a share of them leaves by the other output.
#[derive(Serialize, Deserialize)]
pub struct Delay {
    pub leave: f64,
    pub output: Output<Request>,
    pub left: Output<Request>,
}

impl Delay {
    /// A delay that so large a share leaves by the other output.
    pub fn new(leave: f64) -> Delay {
        Delay { leave, output: Output::default(), left: Output::default() }
    }
}

#[Model(type Env = Luck)]
impl Delay {
    pub fn input(&mut self, request: Request, cx: &Context<Self>, luck: &mut Luck) {
        cx.schedule_event(luck.span(), schedulable!(Self::send), request).expect("a time in the future");
    }

    #[nexosim(schedulable)]
    async fn send(&mut self, request: Request, _: &Context<Self>, luck: &mut Luck) {
        if self.leave > 0.0 && luck.happens(self.leave) {
            self.left.send(request).await;
        } else {
            self.output.send(request).await;
        }
    }
}

/// A token bucket that starts full: `rate` tokens a second, at most `burst` at a time.
#[derive(Serialize, Deserialize)]
pub struct Bucket {
    pub rate: f64,
    pub burst: f64,
    pub tokens: f64,
    pub filled: MonotonicTime,
    pub output: Output<Request>,
    pub rejected: Output<Request>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: f64, burst: f64) -> Bucket {
        let (output, rejected) = (Output::default(), Output::default());
        Bucket { rate, burst, tokens: burst, filled: MonotonicTime::EPOCH, output, rejected }
    }
}

#[Model]
impl Bucket {
    pub async fn input(&mut self, request: Request, cx: &Context<Self>) {
        let now = cx.time();
        let passed = now.duration_since(self.filled).as_nanos() as f64 / 1e9;
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            self.rejected.send(request).await;
        } else {
            self.tokens -= 1.0;
            self.output.send(request).await;
        }
    }
}

/// Gives requests to its outputs in turn.
#[derive(Serialize, Deserialize)]
pub struct RoundRobin {
    pub next: usize,
    pub outputs: Vec<Output<Request>>,
}

#[Model]
impl RoundRobin {
    pub async fn input(&mut self, request: Request) {
        let output = self.next;
        self.next = (output + 1) % self.outputs.len();
        self.outputs[output].send(request).await;
    }
}

/// A FIFO station.
#[derive(Serialize, Deserialize)]
pub struct Station {
    pub free: usize,
    pub waiting: VecDeque<Request>,
    pub output: Output<Request>,
}

impl Station {
    /// A station of so many servers, all of them free.
    pub fn new(servers: usize) -> Station {
        Station { free: servers, waiting: VecDeque::new(), output: Output::default() }
    }
}

#[Model(type Env = Luck)]
impl Station {
    pub fn input(&mut self, request: Request, cx: &Context<Self>, luck: &mut Luck) {
        if self.free == 0 {
            return self.waiting.push_back(request);
        }
        self.free -= 1;
        cx.schedule_event(luck.span(), schedulable!(Self::finish), request).expect("a time in the future");
    }

    #[nexosim(schedulable)]
    async fn finish(&mut self, request: Request, cx: &Context<Self>, luck: &mut Luck) {
        match self.waiting.pop_front() {
            Some(next) => {
                cx.schedule_event(luck.span(), schedulable!(Self::finish), next).expect("a time in the future");
            }
            None => self.free += 1,
        }
        self.output.send(request).await;
    }
}

/// Whoever asked: records how long it took.
#[derive(Default, Serialize, Deserialize)]
pub struct Client;

/// A client before it is part of a bench.
pub struct NewClient;

impl ProtoModel for NewClient {
    type Model = Client;

    fn build(self, _: &mut BuildContext<Self>) -> (Client, Histogram<u64>) {
        (Client, Histogram::new(3).expect("three digits are supported"))
    }
}

#[Model(type Env = Histogram<u64>)]
impl Client {
    pub fn input(&mut self, request: Request, cx: &Context<Self>, latency: &mut Histogram<u64>) {
        let passed = cx.time().duration_since(request.born);
        latency.record(passed.as_nanos() as u64).expect("the histogram grows by itself");
    }

    /// The latencies so far, in nanoseconds.
    pub async fn report(&mut self, _: (), _: &Context<Self>, latency: &mut Histogram<u64>) -> Histogram<u64> {
        latency.clone()
    }
}
