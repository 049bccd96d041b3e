//! `rds`: a database. A request needs a connection, which the server refuses beyond its maximum, and its query needs a
//! processor. State machine: data pack note 5.10, without storage and failover.

use super::defaults::Defaults;
use super::fleet::there_and_back;
use super::instance::Instance;
use super::{Context, Stage, given_law, hop};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Answered, Builder, ConnectionsSpec, Discipline, Origin, OutcomeId, Part, Service, Sourced, StationSpec,
};
use crate::spec::{At, DurationLaw, between};
use crate::units::Share;
use crate::{section, words};

words! {
    /// Database engines.
    pub enum Engine {
        /// PostgreSQL.
        Postgres = "postgres",
        /// MySQL.
        Mysql = "mysql",
        /// MariaDB.
        Mariadb = "mariadb",
    }
}

words! {
    /// How queries share the processors.
    pub enum QueryOrder {
        /// First come, first served, by two servers a vCPU.
        Fifo = "fifo",
        /// All at once, sharing the vCPUs equally.
        ProcessorSharing = "processor_sharing",
    }
}

section! {
    /// A database.
    pub struct RdsSpec {
        /// Instance class, which tells processors, memory and with it the maximum of connections.
        class: Option<At<String>>,
        /// Database engine.
        engine: Engine = Engine::Postgres,
        /// Connections in use at the same time at most, instead of the maximum of the class.
        connections: Option<u32> => between(1, 1_000_000),
        /// Processors, instead of those of the class.
        vcpus: Option<u32> => between(1, 448),
        /// Time of a query that has a processor for itself.
        query: Option<DurationLaw>,
        /// How queries share the processors.
        discipline: QueryOrder = QueryOrder::Fifo,
        /// Share of requests that end with a commit.
        commits: Option<Share>,
        /// Time of a commit.
        commit: Option<DurationLaw>,
        /// Whether a standby in another zone confirms each commit.
        multi_az: bool = false,
        /// Availability Zones its callers are spread over.
        zones: u32 = hop::ZONES => between(1, 6),
        /// Round trip to it, instead of one by `zones`.
        rtt: Option<DurationLaw>,
        /// Time to open a connection, instead of one by engine and round trip.
        connect: Option<DurationLaw>,
        /// How long callers keep an idle connection.
        keep_alive: Option<DurationLaw>,
        /// HTTP status the application answers with when the database refuses a connection.
        status: u16 = 500 => between(400, 599),
    }
}

/// A checked database.
#[derive(Debug)]
pub struct Rds {
    name: String,
    about: String,
    item: String,
    connections: Sourced<u32>,
    vcpus: u32,
    servers: Sourced<u32>,
    discipline: Discipline,
    query: Sourced<LawSpec>,
    commit: Option<Commit>,
    rtt: Sourced<LawSpec>,
    connect: Vec<(&'static str, Sourced<LawSpec>)>,
    keep_alive: Sourced<LawSpec>,
    status: u16,
}

#[derive(Debug)]
struct Commit {
    share: f64,
    time: Sourced<LawSpec>,
    standby: Option<Sourced<LawSpec>>,
}

/// The maximum of connections that an engine grants on an instance: as written, else memory by the formula of the engine.
pub fn max_connections(
    written: Option<u32>,
    engine: Engine,
    instance: Option<Instance>,
    context: &Context<'_>,
    defaults: &mut Defaults<'_, '_>,
) -> Option<Sourced<u32>> {
    let facts = context.facts;
    if let Some(connections) = written {
        return Some(Sourced::given(connections));
    }
    let Some(instance) = instance else {
        defaults
            .problems()
            .error(context.span, "the number of connections is unknown")
            .help("say the `class`, for example `db.r6g.large`, or the number of `connections`");
        return None;
    };
    let per_connection = format!("rds.max_connections_bytes_{engine}");
    let per_connection = defaults.fact(facts.bytes(&per_connection))?;
    let net = defaults.fact(facts.number("rds.memory_net_factor_default"))?.value;
    let memory = instance.memory_gib * (1u64 << 30) as f64 * net;
    let cap = match engine {
        Engine::Mysql => u32::MAX,
        Engine::Postgres | Engine::Mariadb => {
            defaults.fact(facts.count(&format!("rds.max_connections_cap_{engine}")))?.value
        }
    };
    Some(per_connection.map(|bytes| ((memory / bytes.0 as f64) as u32).clamp(1, cap)))
}

/// The instance behind a class as written; absent, with an error, when it is not known.
pub fn instance(class: &Option<At<String>>, problems: &mut Problems) -> Option<Option<Instance>> {
    let Some(class) = class else { return Some(None) };
    let instance = Instance::of(&class.value).filter(|_| class.value.starts_with("db."));
    if instance.is_none() {
        problems
            .error(class.span, format!("unknown instance class `{}`", class.value))
            .label("expected a class such as `db.r6g.large`, `db.m7g.2xlarge` or `db.t4g.medium`")
            .help("or say its `vcpus` and `connections` instead");
    }
    instance.map(Some)
}

impl Stage for Rds {
    const KIND: &'static str = "rds";
    type Spec = RdsSpec;

    fn check(spec: RdsSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Rds> {
        let instance = instance(&spec.class, problems)?;
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let connections = max_connections(spec.connections, spec.engine, instance, context, &mut defaults);
        let Some(vcpus) = spec.vcpus.or(instance.map(|instance| instance.vcpus)) else {
            defaults
                .problems()
                .error(context.span, "the number of processors is unknown")
                .help("say the `class`, for example `db.r6g.large`, or the number of `vcpus`");
            return None;
        };
        let (servers, discipline) = match spec.discipline {
            QueryOrder::Fifo => {
                let active = defaults.fact(facts.count("rds.active_queries_per_vcpu"));
                (active.map(|active| active.map(|active| active * vcpus)), Discipline::Fifo)
            }
            QueryOrder::ProcessorSharing => (Some(Sourced::given(vcpus)), Discipline::ProcessorSharing),
        };
        let query = defaults.law(&spec.query, "rds.query_default_join");
        let rtt = hop::round_trip(&spec.rtt, spec.zones, true, &mut defaults)?;
        let connect = connect(&spec, &rtt, context, &mut defaults);
        let keep_alive = defaults.law(&spec.keep_alive, "rds.app_connection_idle_default");
        let commit = Commit::check(&spec, &mut defaults);
        let zones = if spec.multi_az { "multi" } else { "single" };
        let class = spec.class.map_or("instance".to_owned(), |class| class.value);
        Some(Rds {
            name: context.name.to_owned(),
            item: format!("{}_{zones}_az_{class}_hour", spec.engine),
            about: format!("{class}, {}", spec.engine),
            connections: connections?,
            vcpus,
            servers: servers?,
            discipline,
            query: query?,
            commit: commit?,
            rtt,
            connect: connect?,
            keep_alive: keep_alive?,
            status: spec.status,
        })
    }
}

/// Time to open a connection, part by part.
fn connect(
    spec: &RdsSpec,
    rtt: &Sourced<LawSpec>,
    context: &Context<'_>,
    defaults: &mut Defaults<'_, '_>,
) -> Option<Vec<(&'static str, Sourced<LawSpec>)>> {
    if let Some(law) = &spec.connect {
        return Some(vec![("connect", given_law(law, defaults.problems())?)]);
    }
    let (trips, server) = match spec.engine {
        Engine::Postgres => ("rds.new_connection_round_trips", "rds.new_connection_server"),
        Engine::Mysql | Engine::Mariadb => ("rds.new_connection_round_trips_mysql", "rds.new_connection_server_mysql"),
    };
    let factor = defaults.fact(context.facts.number(trips))?.value;
    let trips = rtt.clone().map(|law| LawSpec::Scaled { factor, law: Box::new(law) });
    let server = defaults.law(&None, server)?;
    Some(vec![("connect round trips", trips), ("connect server", server)])
}

impl Commit {
    /// Nothing inside when no request commits.
    fn check(spec: &RdsSpec, defaults: &mut Defaults<'_, '_>) -> Option<Option<Commit>> {
        let Some(Share(share)) = spec.commits else { return Some(None) };
        let time = defaults.law(&spec.commit, "rds.query_default_commit")?;
        let standby = match spec.multi_az {
            true => Some(defaults.law(&None, "rds.commit_multi_az_extra")?),
            false => None,
        };
        Some(Some(Commit { share, time, standby }))
    }

    fn compile(&self, b: &mut Builder) {
        let (writes, done) = (b.label(), b.label());
        b.chance("commits", &Sourced::given(self.share), writes);
        b.jump(done);
        b.bind(writes);
        b.delay("commit", &self.time);
        if let Some(standby) = &self.standby {
            b.delay("standby", standby);
        }
        b.bind(done);
    }
}

impl Rds {
    fn tell(&self, b: &mut Builder) {
        b.fact("database", &self.about, &Origin::Scenario);
        b.fact("connections", self.connections.value, &self.connections.origin);
        b.fact("vCPUs", self.vcpus, &Origin::Scenario);
        b.fact("queries served at the same time", self.servers.value, &self.servers.origin);
    }

    fn query(&self, b: &mut Builder, refused: OutcomeId) {
        there_and_back(b, "round trip", &self.rtt, |b| self.serve(b, refused));
    }

    fn serve(&self, b: &mut Builder, refused: OutcomeId) {
        let station = StationSpec {
            name: "cpu".to_owned(),
            targets: 1,
            servers: self.servers.value,
            // No more can wait than there are connections: nobody is refused here.
            queue: None,
            discipline: self.discipline,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: None,
        };
        let service = Service::Law(b.site("query", &self.query));
        b.serve(station, service, refused, refused);
        if let Some(commit) = &self.commit {
            commit.compile(b);
        }
        b.next();
    }
}

impl Part for Rds {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Rds::KIND
    }

    fn compile(&self, b: &mut Builder) {
        b.standing(&self.item, 1, 1);
        self.tell(b);
        let refused = b.outcome(self.status, Answered::Rejected, "too many connections");
        let connections = ConnectionsSpec {
            name: "connections".to_owned(),
            targets: 1,
            limit: Some(self.connections.value),
            keep_alive: Some(b.site("idle connection", &self.keep_alive)),
            provisioned: 0,
            state: b.register("connection"),
            target: None,
        };
        let open = |b: &mut Builder| self.connect.iter().for_each(|(purpose, law)| b.delay(purpose, law));
        b.connect(connections, refused, open, |b| self.query(b, refused));
    }
}
