//! Shelves: where the rows of hours, days and minutes stand. Those of facets are on one of each
//! grain, and those of its cubes on another.

use super::cube::Cube;
use super::query::Grain;

/// Rows of a grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// By facet.
    Facets(Grain),
    /// By what a cube counts by.
    Cube(Grain, Cube),
}

impl Shelf {
    /// The table.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Facets(grain) => grain.table(),
            // There are no cubes of minutes.
            Self::Cube(Grain::Minute | Grain::Hour, _) => "cube_hours",
            Self::Cube(Grain::Day, _) => "cube_days",
        }
    }

    /// The table that says what its facets are.
    pub(super) const fn facets(self) -> &'static str {
        match self {
            Self::Facets(_) => "facets",
            Self::Cube(..) => "cube_facets",
        }
    }

    /// The number that begins the key of its rows, where others stand in the table as well.
    pub(super) fn cube(self) -> Option<i64> {
        match self {
            Self::Facets(_) => None,
            Self::Cube(_, cube) => Some(cube.number()),
        }
    }

    /// The condition for its rows, to be followed by further ones.
    pub(super) fn condition(self) -> String {
        self.cube()
            .map_or_else(String::new, |cube| format!("cube = {cube} AND "))
    }

    /// The columns of its key.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Facets(_) => "bucket, facet",
            Self::Cube(..) => "cube, bucket, facet",
        }
    }
}
