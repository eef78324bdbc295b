//! Cubes: facets by few of their parts, of which there are far fewer than of facets themselves.
//!
//! Most questions are by one or two dimensions. What hours and days that are over add up to along
//! each cube is kept beside them ([`super::seal`]), so that such a question reads a row for each
//! model or key, not for each combination of everything.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::dimensions::Dimension;
use super::facets::{self, Facet};
use super::query::Grain;
use super::rows::{FACETS_PER_STATEMENT, in_list};
use crate::StoreError;
use crate::database::{Statement, Transaction};

/// Some dimensions that calls are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Cube {
    /// None: all calls.
    All,
    /// How calls went, by workspace.
    Fate,
    /// Who served.
    Route,
    /// What called.
    App,
    /// Who called.
    Caller,
    /// Who served whom.
    RouteOfWorkspace,
    /// What callers called.
    ModelOfCaller,
}

impl Cube {
    /// All of them, those with the fewest rows first.
    pub(super) const ALL: [Self; 7] = [
        Self::All,
        Self::Fate,
        Self::Route,
        Self::App,
        Self::Caller,
        Self::RouteOfWorkspace,
        Self::ModelOfCaller,
    ];

    /// Its number in the database; never to be changed.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::All => 0,
            Self::Fate => 1,
            Self::Route => 2,
            Self::App => 3,
            Self::Caller => 4,
            Self::RouteOfWorkspace => 5,
            Self::ModelOfCaller => 6,
        }
    }

    /// What it counts by.
    const fn dimensions(self) -> &'static [Dimension] {
        use Dimension::{
            App, Dialect, Endpoint, ErrorKind, Key, Member, Model, Origin, Outcome, Provider,
            Status, Workspace,
        };
        match self {
            Self::All => &[],
            Self::Fate => &[Workspace, Dialect, Status, Outcome, ErrorKind],
            Self::Route => &[Model, Provider, Endpoint, Outcome],
            Self::App => &[Workspace, App, Origin],
            Self::Caller => &[Workspace, Key, Member],
            Self::RouteOfWorkspace => &[Workspace, Model, Provider, Endpoint, Outcome],
            Self::ModelOfCaller => &[Workspace, Key, Member, Model],
        }
    }

    /// Those kept of a grain. Hours, of which there are many, have the small ones only.
    pub(super) const fn of_grain(grain: Grain) -> &'static [Self] {
        match grain {
            Grain::Minute => &[],
            Grain::Hour => Self::ALL.split_at(5).0,
            Grain::Day => &Self::ALL,
        }
    }

    /// The smallest that knows all of these dimensions.
    pub(super) fn for_dimensions(grain: Grain, wanted: &[Dimension]) -> Option<Self> {
        let knows = |cube: &Self| wanted.iter().all(|one| cube.dimensions().contains(one));
        Self::of_grain(grain).iter().copied().find(knows)
    }

    /// A facet without what the cube does not count by.
    pub(super) fn project(self, facet: &Facet) -> Facet {
        let mut kept = Facet::nothing();
        for dimension in self.dimensions() {
            match dimension {
                Dimension::Workspace => kept.workspace_id.clone_from(&facet.workspace_id),
                Dimension::Key => kept.key_hash.clone_from(&facet.key_hash),
                Dimension::Member => kept.member.clone_from(&facet.member),
                Dimension::Dialect => kept.dialect.clone_from(&facet.dialect),
                Dimension::App => kept.app.clone_from(&facet.app),
                Dimension::Origin => kept.origin.clone_from(&facet.origin),
                Dimension::Model => kept.model.clone_from(&facet.model),
                Dimension::Provider => kept.provider.clone_from(&facet.provider),
                Dimension::Endpoint => kept.endpoint.clone_from(&facet.endpoint),
                Dimension::Status => kept.status = facet.status,
                Dimension::Outcome => kept.outcome.clone_from(&facet.outcome),
                Dimension::ErrorKind => kept.error_kind.clone_from(&facet.error_kind),
            }
        }
        kept
    }

    /// The name of such a projection: the first 63 bits of a hash over the cube and its parts, the
    /// member included, who is no part of what makes a facet.
    pub(super) fn id(self, projected: &Facet) -> i64 {
        let mut hash = Sha256::new();
        hash.update(self.number().to_le_bytes());
        hash.update(projected.id().to_le_bytes());
        hash.update([u8::from(projected.member.is_some())]);
        hash.update(projected.member.as_deref().unwrap_or_default());
        facets::first_bits(hash)
    }
}

/// Stores the combinations that are not stored yet.
pub(super) async fn store_facets(
    transaction: &mut Transaction,
    all: &BTreeMap<i64, Facet>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = all.keys().copied().collect();
    let mut stored = HashSet::with_capacity(ids.len());
    for some in ids.chunks(FACETS_PER_STATEMENT) {
        let found = in_list("SELECT id FROM cube_facets WHERE id IN", None, some);
        for row in &found.rows(transaction).await? {
            stored.insert(row.int("id")?);
        }
    }
    for (id, facet) in all.iter().filter(|(id, _)| !stored.contains(id)) {
        let mut statement = Statement::new(
            "INSERT INTO cube_facets (id, workspace_id, key_hash, dialect, app, origin, model, \
             provider, endpoint, outcome, error_kind, status, member) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (id) DO NOTHING",
        )
        .int(*id);
        for part in facet.parts().texts {
            statement = statement.text(part);
        }
        statement
            .int(facet.status)
            .maybe_text(facet.member.as_deref())
            .run(transaction)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_cube_that_knows_what_is_asked_is_taken() {
        use Dimension::{App, Key, Model, Provider, Status, Workspace};
        for (wanted, by_hour, by_day) in [
            (&[][..], Some(Cube::All), Some(Cube::All)),
            (&[Workspace], Some(Cube::Fate), Some(Cube::Fate)),
            (&[Provider, Model], Some(Cube::Route), Some(Cube::Route)),
            (&[Key], Some(Cube::Caller), Some(Cube::Caller)),
            (&[Workspace, Model], None, Some(Cube::RouteOfWorkspace)),
            (&[Model, Key], None, Some(Cube::ModelOfCaller)),
            (&[Status, Model], None, None),
            (&[App, Model], None, None),
        ] {
            let found = [Grain::Minute, Grain::Hour, Grain::Day]
                .map(|grain| Cube::for_dimensions(grain, wanted));
            assert_eq!(found, [None, by_hour, by_day], "{wanted:?}");
        }
    }

    #[test]
    fn numbers_and_names_are_unlike_each_other() {
        let nothing = Facet::nothing();
        let numbers: HashSet<i64> = Cube::ALL.map(Cube::number).into();
        let names: HashSet<i64> = Cube::ALL.map(|cube| cube.id(&nothing)).into();
        assert_eq!((numbers.len(), names.len()), (7, 7));
        let of_member = |member: Option<&str>| Facet {
            member: member.map(str::to_owned),
            ..Facet::nothing()
        };
        let unlike = [None, Some(""), Some("m")].map(|one| Cube::Caller.id(&of_member(one)));
        assert_eq!(HashSet::from(unlike).len(), 3);
    }
}
