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
