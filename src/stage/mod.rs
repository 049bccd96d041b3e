//! Stages: what a path is made of. A stage is declared once (what may be written), checked once (against facts), and
//! compiles itself into operators. It sees no clock, no thread, no file and no money.
//!
//! To add a stage: one file here, one line in [`kinds`].

pub mod alb;
pub mod authorizer;
pub mod balancer;
pub mod bucket;
pub mod cache;
pub mod client;
pub mod cloud_map;
pub mod cloudfront;
pub mod defaults;
pub mod delay;
pub mod ec2;
pub mod ecs;
pub mod fail;
pub mod fleet;
pub mod gateway;
pub mod hop;
pub mod http_api;
pub mod instance;
pub mod lambda;
pub mod link;
pub mod meter;
pub mod nlb;
pub mod parallel;
pub mod pool;
pub mod rds;
pub mod rds_proxy;
pub mod rest_api;
pub mod retry;
pub mod route;
pub mod route53;
pub mod station;
pub mod timeout;
pub mod vpc_link_v1;
pub mod vpc_link_v2;
pub mod waf;
pub mod websocket_api;
pub mod workers;

use std::sync::Arc;

use crate::diagnostic::{Problems, SourceSpan};
use crate::facts::Facts;
use crate::law::{Law, LawSpec};
use crate::program::{Part, Sourced, written};
use crate::spec::{Decode, DurationLaw, Json, Node};

/// What a stage may look at while it is checked.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Name of the stage in the scenario.
    pub name: &'a str,
    /// Where the stage is written.
    pub span: SourceSpan,
    /// The data pack.
    pub facts: &'a Facts,
    /// Names of the traffic classes.
    pub classes: &'a [String],
}

/// A kind of stage.
pub trait Stage: Part + Sized + 'static {
    /// The word for it in a path.
    const KIND: &'static str;
    /// What may be written.
    type Spec: Decode;

    /// Checks what was written against the facts; what comes out cannot be wrong.
    fn check(spec: Self::Spec, context: &Context<'_>, problems: &mut Problems) -> Option<Self>;
}

/// Reads and checks a stage of one kind.
pub type ReadStage = fn(&Node, &Context<'_>, &mut Problems) -> Option<Arc<dyn Part>>;

/// An entry of the list of kinds.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The word for it in a path.
    pub name: &'static str,
    /// JSON schema of what may be written.
    pub schema: fn() -> Json,
    /// Reads and checks it.
    pub read: ReadStage,
}

impl Kind {
    const fn of<S: Stage>() -> Kind {
        Kind { name: S::KIND, schema: S::Spec::schema, read: read::<S> }
    }
}

fn read<S: Stage>(node: &Node, context: &Context<'_>, problems: &mut Problems) -> Option<Arc<dyn Part>> {
    let spec = S::Spec::decode(node, problems)?;
    let stage = S::check(spec, context, problems)?;
    Some(Arc::new(stage))
}

/// All kinds of stages, the generic ones first. `route`, `parallel` and `use` hold paths and are read by the scenario.
pub fn kinds() -> &'static [Kind] {
    const KINDS: &[Kind] = &[
        Kind::of::<delay::Delay>(),
        Kind::of::<station::Station>(),
        Kind::of::<bucket::Bucket>(),
        Kind::of::<cache::Cache>(),
        Kind::of::<balancer::Balancer>(),
        Kind::of::<pool::Pool>(),
        Kind::of::<fail::Fail>(),
        Kind::of::<meter::Meter>(),
        Kind::of::<timeout::Timeout>(),
        Kind::of::<retry::Retry>(),
        Kind::of::<route53::Route53>(),
        Kind::of::<cloudfront::Cloudfront>(),
        Kind::of::<waf::Waf>(),
        Kind::of::<rest_api::RestApi>(),
        Kind::of::<http_api::HttpApi>(),
        Kind::of::<websocket_api::WebsocketApi>(),
        Kind::of::<vpc_link_v1::VpcLinkV1>(),
        Kind::of::<vpc_link_v2::VpcLinkV2>(),
        Kind::of::<cloud_map::CloudMap>(),
        Kind::of::<link::Link>(),
        Kind::of::<nlb::Nlb>(),
        Kind::of::<alb::Alb>(),
        Kind::of::<ec2::Ec2>(),
        Kind::of::<ecs::Ecs>(),
        Kind::of::<lambda::Lambda>(),
        Kind::of::<rds_proxy::RdsProxy>(),
        Kind::of::<rds::Rds>(),
    ];
    KINDS
}

/// A law the user has written, checked at its place.
pub fn given_law(law: &DurationLaw, problems: &mut Problems) -> Option<Sourced<LawSpec>> {
    let spec = written::law(law).and_then(|spec| Law::compile(&spec).map(|_| spec));
    match spec {
        Ok(spec) => Some(Sourced::given(spec)),
        Err(error) => {
            problems.error(law.span, "this law is impossible").label(error.to_string());
            None
        }
    }
}
