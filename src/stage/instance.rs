//! Sizes of instances: processors and memory behind a name such as `m7g.xlarge` or `db.r6g.large`.
//! Source: the instance tables of Amazon EC2 and Amazon RDS (seen 2026-11); within the general (m), compute (c), memory
//! (r) and burstable (t) families the size word decides, so a rule takes the place of the tables. Generations before m5,
//! c5, r5 and t3 were cut differently and are not known here.

/// What an instance has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in GiB.
    pub memory_gib: f64,
}

/// Kinds of families: memory in GiB for each vCPU.
const FAMILIES: &[(char, f64)] = &[('m', 4.0), ('c', 2.0), ('r', 8.0)];

/// Sizes of the burstable family: vCPUs and memory in GiB.
const BURSTABLE: &[(&str, u32, f64)] = &[
    ("nano", 2, 0.5),
    ("micro", 2, 1.0),
    ("small", 2, 2.0),
    ("medium", 2, 4.0),
    ("large", 2, 8.0),
    ("xlarge", 4, 16.0),
    ("2xlarge", 8, 32.0),
];

impl Instance {
    /// What is allowed, for messages.
    pub const EXPECTED: &str = "expected a type such as `m7g.large`, `c6i.2xlarge`, `r6g.xlarge` or `t4g.medium`";

    /// The instance of a type, with or without the prefix `db.`. Nothing for families or sizes not known here.
    pub fn of(name: &str) -> Option<Instance> {
        let name = name.strip_prefix("db.").unwrap_or(name);
        let (family, size) = name.split_once('.')?;
        let kind = family.chars().next()?;
        let generation = family.chars().nth(1)?.to_digit(10)?;
        if generation < if kind == 't' { 3 } else { 5 } {
            return None;
        }
        if kind == 't' {
            let &(_, vcpus, memory_gib) = BURSTABLE.iter().find(|(word, ..)| *word == size)?;
            return Some(Instance { vcpus, memory_gib });
        }
        let &(_, memory) = FAMILIES.iter().find(|(letter, _)| *letter == kind)?;
        let vcpus = vcpus_of(size)?;
        Some(Instance { vcpus, memory_gib: memory * vcpus as f64 })
    }
}

fn vcpus_of(size: &str) -> Option<u32> {
    match size {
        "medium" => Some(1),
        "large" => Some(2),
        "xlarge" => Some(4),
        _ => size.strip_suffix("xlarge")?.parse::<u32>().ok().filter(|n| (2..=48).contains(n)).map(|n| 4 * n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_tables() {
        let of = |name| Instance::of(name).map(|instance| (instance.vcpus, instance.memory_gib));
        assert_eq!(of("db.r6g.large"), Some((2, 16.0)));
        assert_eq!(of("m7i.large"), Some((2, 8.0)));
        assert_eq!(of("c6i.8xlarge"), Some((32, 64.0)));
        assert_eq!(of("m7g.medium"), Some((1, 4.0)));
        assert_eq!(of("db.t4g.micro"), Some((2, 1.0)));
    }

    #[test]
    fn a_type_that_is_not_known_is_not_guessed() {
        for name in [
            "large",
            "db.large",
            "x2idn.large",
            "m7i.huge",
            "m7i.1xlarge",
            "t3.4xlarge",
            "mx.large",
            "t2.micro",
            "m4.large",
            "",
            ".",
        ] {
            assert_eq!(Instance::of(name), None, "{name}");
        }
    }
}
