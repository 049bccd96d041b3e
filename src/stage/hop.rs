//! Hops: the round trip between two tiers of a Region, in one Availability Zone or across two.

use super::defaults::Defaults;
use crate::law::LawSpec;
use crate::program::Sourced;
use crate::spec::DurationLaw;

/// Zones a tier is spread over when nothing is said: three, as in most Regions.
pub const ZONES: u32 = 3;

/// The round trip to the next tier: as written, else from the number of zones. With callers and targets spread evenly
/// over `zones` and no affinity, `1 - 1/zones` of the requests cross to another zone; with `crossing` false none does.
pub fn round_trip(
    written: &Option<DurationLaw>,
    zones: u32,
    crossing: bool,
    defaults: &mut Defaults<'_, '_>,
) -> Option<Sourced<LawSpec>> {
    // A law that is written needs no fact.
    let same = defaults.law(written, "network_rtt.same_az_rtt_model")?;
    if written.is_some() || zones <= 1 || !crossing {
        return Some(same);
    }
    let other = defaults.law(&None, "network_rtt.cross_az_rtt_model")?;
    let share = 1.0 / zones as f64;
    let parts = vec![(share, same.value), (1.0 - share, other.value)];
    Some(Sourced { value: LawSpec::Mixture { parts }, origin: other.origin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Problems, SourceSpan};
    use crate::facts::Facts;
    use crate::law::Law;
    use crate::stage::Context;

    fn mean(zones: u32, crossing: bool) -> f64 {
        let facts = Facts::pack(Facts::DEFAULT_PACK).expect("the pack");
        let context = Context { name: "hop", span: SourceSpan::default(), facts, classes: &[] };
        let mut problems = Problems::new();
        let law = round_trip(&None, zones, crossing, &mut Defaults::new(&context, &mut problems)).expect("a law");
        Law::compile(&law.value).expect("a law").mean()
    }

    #[test]
    fn with_three_zones_two_of_three_requests_cross() {
        let (same, three) = (mean(1, true), mean(3, true));
        assert_eq!(mean(3, false), same);
        // One zone: 0.12 ms x e^(0.5^2 / 2); across: 1.06 ms x e^(0.44^2 / 2).
        assert!((same / 135_978.0 - 1.0).abs() < 1e-4, "{same}");
        assert!((three / (135_978.0 / 3.0 + 1_167_741.0 * 2.0 / 3.0) - 1.0).abs() < 1e-4, "{three}");
    }
}
