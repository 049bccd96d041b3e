//! `link`: a network line between two places, such as Direct Connect or a VPN: a round trip, the time its bandwidth
//! needs for the bytes, and lost packets. Bytes in flight do not wait for each other: it shows where distance and size
//! cost time, not what happens when the line is full.

use super::defaults::Defaults;
use super::fleet::there_and_back;
use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Builder, Origin, Part, Per, Sourced};
use crate::spec::{Decode, DurationLaw, Json, Node, above};
use crate::units::Share;
use crate::{section, words};

/// Bytes that bandwidth is told for.
const KIB_BITS: f64 = 8.0 * 1024.0;

words! {
    /// What kind of line it is.
    pub enum Line {
        /// A line told by its own keys alone.
        Plain = "plain",
        /// AWS Direct Connect: light in glass over `distance_km`, port and jitter.
        DirectConnect = "direct_connect",
        /// Site-to-site VPN: encryption, jitter and loss on top of `rtt`.
        Vpn = "vpn",
    }
}

section! {
    /// A network line.
    pub struct LinkSpec {
        /// What kind of line it is.
        line: Line = Line::Plain,
        /// Round trip.
        rtt: Option<DurationLaw>,
        /// Length of the line, for `line: direct_connect`.
        distance_km: Option<f64> => above(0.0),
        /// Bits a second, such as `1 Gbps`.
        bandwidth: Option<Bandwidth>,
        /// Share of requests that lose a packet on the way there or back.
        loss: Option<Share>,
        /// Time to repair a loss.
        recovery: Option<DurationLaw>,
    }
}

/// Bits a second, written as `50 Mbps` or `1.25 Gbps`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth(pub f64);

impl Bandwidth {
    fn parse(text: &str) -> Option<Bandwidth> {
        let text = text.trim();
        let units = [("Kbps", 1e3), ("Mbps", 1e6), ("Gbps", 1e9)];
        let (number, unit) = units.iter().find_map(|(word, unit)| Some((text.strip_suffix(word)?, unit)))?;
        let number: f64 = number.trim().parse().ok()?;
        (number > 0.0 && number.is_finite()).then_some(Bandwidth(number * unit))
    }
}

impl Decode for Bandwidth {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Bandwidth> {
        let bandwidth = node.as_text().and_then(Bandwidth::parse);
        if bandwidth.is_none() {
            problems
                .error(node.span, "this is no bandwidth")
                .label("expected bits a second such as `50 Mbps` or `1.25 Gbps`");
        }
        bandwidth
    }

    fn schema() -> Json {
        serde_json::json!({
            "type": "string",
            "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[KMG]bps\s*$",
            "description": "bits a second",
            "examples": ["1.25 Gbps"],
        })
    }
}

/// A checked line.
#[derive(Debug)]
pub struct Link {
    name: String,
    line: Line,
    port: &'static str,
    delays: Vec<(&'static str, Sourced<LawSpec>)>,
    per_kib: Option<Sourced<LawSpec>>,
    loss: Option<Loss>,
}

#[derive(Debug)]
struct Loss {
    share: Sourced<f64>,
    recovery: Sourced<LawSpec>,
}

impl Stage for Link {
    const KIND: &'static str = "link";
    type Spec = LinkSpec;

    fn check(spec: LinkSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Link> {
        let before = problems.len();
        let mut defaults = Defaults::new(context, problems);
        let delays = delays(&spec, context, &mut defaults);
        let loss = Loss::check(&spec, context, &mut defaults);
        let per_kib = spec.bandwidth.map(|Bandwidth(bits)| Sourced::given(LawSpec::Constant(KIB_BITS / bits * 1e9)));
        if problems.len() > before {
            return None;
        }
        let port = port(spec.bandwidth);
        Some(Link { name: context.name.to_owned(), line: spec.line, port, delays: delays?, per_kib, loss: loss? })
    }
}

/// The smallest dedicated port of Direct Connect for a bandwidth; 1 Gbps when nothing is said.
fn port(bandwidth: Option<Bandwidth>) -> &'static str {
    match bandwidth.map_or(0.0, |Bandwidth(bits)| bits) {
        bits if bits <= 1e9 => "port_dedicated_1g_hour",
        bits if bits <= 10e9 => "port_dedicated_10g_hour",
        bits if bits <= 100e9 => "port_dedicated_100g_hour",
        _ => "port_dedicated_400g_hour",
    }
}

/// Round trip and its additions, each with its own origin.
fn delays(
    spec: &LinkSpec,
    context: &Context<'_>,
    defaults: &mut Defaults<'_, '_>,
) -> Option<Vec<(&'static str, Sourced<LawSpec>)>> {
    let mut delays = Vec::new();
    if let Some(rtt) = &spec.rtt {
        delays.push(("round trip", given_law(rtt, defaults.problems())?));
    }
    let mut fact = |id: &str| defaults.law(&None, id);
    match (spec.line, spec.distance_km) {
        (Line::Plain, _) => {}
        (Line::DirectConnect, Some(km)) => {
            let glass = fact("link.fibre_rtt_per_100_km")?;
            let glass = glass.map(|law| LawSpec::Scaled { factor: km / 100.0, law: Box::new(law) });
            delays.push(("distance", glass));
            delays.push(("port", fact("link.dx_port_default")?));
            delays.push(("jitter", fact("link.dx_jitter_default")?));
        }
        (Line::DirectConnect, None) => {
            delays.push(("port", fact("link.dx_port_default")?));
            delays.push(("jitter", fact("link.dx_jitter_default")?));
        }
        (Line::Vpn, _) => {
            delays.push(("encryption", fact("link.vpn_crypto_default")?));
            delays.push(("jitter", fact("link.vpn_jitter_default")?));
        }
    }
    if spec.rtt.is_none() && spec.distance_km.is_none() {
        defaults
            .problems()
            .error(context.span, "how long is this line?")
            .help("give its `rtt`, or its `distance_km` with `line: direct_connect`");
    }
    if spec.distance_km.is_some() && spec.line != Line::DirectConnect {
        defaults
            .problems()
            .error(context.span, "`distance_km` needs `line: direct_connect`")
            .help("give the `rtt` instead");
    }
    Some(delays)
}

impl Loss {
    /// Nothing inside when nothing is lost.
    fn check(spec: &LinkSpec, context: &Context<'_>, defaults: &mut Defaults<'_, '_>) -> Option<Option<Loss>> {
        let share = match (spec.loss, spec.line) {
            (Some(Share(share)), _) => Sourced::given(share),
            (None, Line::Vpn) => defaults.fact(context.facts.share("link.vpn_loss_default"))?.map(|share| share.0),
            (None, _) => return Some(None),
        };
        let recovery = defaults.law(&spec.recovery, "link.vpn_recovery_default")?;
        Some(Some(Loss { share, recovery }))
    }

    fn compile(&self, b: &mut Builder) {
        let (lost, done) = (b.label(), b.label());
        b.chance("loss", &self.share, lost);
        b.jump(done);
        b.bind(lost);
        b.delay("recovery", &self.recovery);
        b.bind(done);
    }
}

impl Link {
    /// What comes after, half of each round trip before it and half after it.
    fn cross(&self, b: &mut Builder, delays: &[(&'static str, Sourced<LawSpec>)]) {
        match delays.split_first() {
            Some(((purpose, law), rest)) => there_and_back(b, purpose, law, |b| self.cross(b, rest)),
            None => b.next(),
        }
    }
}

impl Part for Link {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Link::KIND
    }

    fn compile(&self, b: &mut Builder) {
        match self.line {
            Line::Plain => {}
            Line::DirectConnect => b.standing(self.port, 1, 1),
            Line::Vpn => b.standing("site_to_site_connection_hour", 1, 1),
        }
        b.fact("line", self.line, &Origin::Scenario);
        b.meter("bytes_in", "B", Amount::RequestBytes);
        if let Some(loss) = &self.loss {
            loss.compile(b);
        }
        if let Some(per_kib) = &self.per_kib {
            b.delay_per("bandwidth", per_kib, Per::RequestKib);
        }
        self.cross(b, &self.delays);
        if let Some(per_kib) = &self.per_kib {
            b.delay_per("bandwidth back", per_kib, Per::ResponseKib);
        }
        b.meter("bytes_out", "B", Amount::ResponseBytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidth_needs_its_unit() {
        assert_eq!(Bandwidth::parse("1.25 Gbps"), Some(Bandwidth(1.25e9)));
        assert_eq!(Bandwidth::parse("50Mbps"), Some(Bandwidth(50e6)));
        for wrong in ["50", "50 MB/s", "0 Gbps", "-1 Gbps", "fast", ""] {
            assert_eq!(Bandwidth::parse(wrong), None, "{wrong}");
        }
    }
}
