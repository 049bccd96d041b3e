//! Tables are kept by family and shape for the whole process: a sweep over means or rates builds one table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Family;
use super::table::Table;

/// Tables kept before those that no law uses are dropped: 96 KiB each.
const CAPACITY: usize = 256;

type Tables = Mutex<BTreeMap<Vec<u64>, Arc<Table>>>;

/// The table of a family, built unless a law of the same family and shape was there before.
pub(super) fn table(family: &dyn Family) -> Arc<Table> {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    let tables = TABLES.get_or_init(Tables::default);
    let lock = || tables.lock().unwrap_or_else(PoisonError::into_inner);
    let mut key = Vec::new();
    family.key(&mut key);
    if let Some(table) = lock().get(&key) {
        return table.clone();
    }
    // Built outside the lock: a table in preparation keeps no other law waiting. Two builders come to equal tables.
    let built = Arc::new(Table::build(family));
    let mut kept = lock();
    if kept.len() >= CAPACITY {
        kept.retain(|_, table| Arc::strong_count(table) > 1 || Arc::strong_count(&table.cells) > 1);
    }
    kept.entry(key).or_insert(built).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::lognormal::Lognormal;

    #[test]
    fn one_shape_has_one_table() {
        let first = table(&Lognormal { sigma: 0.123 });
        assert!(Arc::ptr_eq(&first, &table(&Lognormal { sigma: 0.123 })));
        assert!(!Arc::ptr_eq(&first, &table(&Lognormal { sigma: 0.124 })));
    }
}
