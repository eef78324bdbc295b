//! Which gateways are compared: what they differ in, and on which calls.

use super::compare::Plan;
use super::{GOVERNED, Stage, UNGOVERNED};
use crate::report::comparison::Topic;
use crate::settings::Plenty;
use crate::world::database::Database;
use crate::world::house::House;

/// Governed, and everything that is asked and answered is kept.
pub(crate) const CONTENT: &str = "governed, content kept";
/// Governed, on the databases that there are.
pub(crate) const SQLITE: &str = "SQLite";
pub(crate) const POSTGRES: &str = "PostgreSQL";
/// Governed, with little or much of what no call needs.
pub(crate) const FEW: &str = "few of everything";
pub(crate) const KEYS: &str = "many keys, few of them used";
pub(crate) const KEYS_IN_TURN: &str = "many keys, all used in turn";
pub(crate) const BUDGETS: &str = "many budgets";
pub(crate) const ENDPOINTS: &str = "many endpoints";
pub(crate) const RECORDS: &str = "many records";

/// A key without limits, one under budgets and limits, and one whose calls are kept as well.
pub(super) fn governed(stage: &Stage) -> Plan {
    let governed = House {
        name: GOVERNED,
        is_governed: true,
        ..House::default()
    };
    Plan {
        topic: Topic::Governed,
        houses: vec![
            House {
                name: UNGOVERNED,
                ..House::default()
            },
            governed.clone(),
            House {
                name: CONTENT,
                keeps_content: true,
                ..governed
            },
        ],
        workloads: stage.settings.workloads().into(),
    }
}

/// The same on either database.
pub(super) fn databases(stage: &Stage, database: &Database) -> Plan {
    let sqlite = House {
        name: SQLITE,
        is_governed: true,
        ..House::default()
    };
    let postgres = House {
        name: POSTGRES,
        storage: Some(database.url.clone()),
        database: (!database.is_foreign).then(|| database.pid()),
        ..sqlite.clone()
    };
    Plan {
        topic: Topic::Databases,
        houses: vec![sqlite, postgres],
        workloads: stage.settings.workloads().into(),
    }
}

/// Few of everything, and then many of one thing at a time; many records only where somebody has them.
pub(super) fn plenty(stage: &Stage, filled: Option<&str>) -> Plan {
    let (few, many) = (stage.settings.few, stage.settings.many);
    let house = |name, plenty| House {
        name,
        is_governed: true,
        plenty: Some(plenty),
        ..House::default()
    };
    let mut houses = vec![
        house(FEW, few),
        house(
            KEYS,
            Plenty {
                keys: many.keys,
                ..few
            },
        ),
        house(
            KEYS_IN_TURN,
            Plenty {
                keys: many.keys,
                used: many.used,
                ..few
            },
        ),
        house(
            BUDGETS,
            Plenty {
                budgets: many.budgets,
                ..few
            },
        ),
        house(
            ENDPOINTS,
            Plenty {
                endpoints: many.endpoints,
                ..few
            },
        ),
    ];
    houses.extend(filled.map(|url| House {
        storage: Some(url.to_owned()),
        ..house(RECORDS, few)
    }));
    let [whole, _] = stage.settings.workloads();
    Plan {
        topic: Topic::Plenty,
        houses,
        workloads: vec![whole],
    }
}
