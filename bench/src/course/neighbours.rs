//! Other gateways beside Waybill: installed, started, looked at while they rest.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::World;
use super::stage::Stage;
use crate::arguments::Part;
use crate::measure::proc;
use crate::report::Measured;
use crate::report::neighbours::Neighbour;
use crate::world::other::{Other, Row, Site, rows};
use crate::world::room::Room;

impl Stage {
    /// Opens each that its row says how to; one that cannot be opened is named with the reason.
    pub(super) async fn open_others(
        &mut self,
        world: &World<'_>,
        measured: &mut Measured,
        say: &dyn Fn(&str),
    ) -> Result<()> {
        if !self.wants(Part::Others) {
            return Ok(());
        }
        let ours = world.root.join("bench").join("others.toml");
        let file = world.arguments.others_file.as_ref().unwrap_or(&ours);
        for (slug, row) in rows(file)? {
            say(&format!(
                "opening {} (the first time it is installed)",
                row.name
            ));
            match self.open_other((&slug, &row), world.root, world.room).await {
                Ok((other, neighbour)) => {
                    measured.neighbours.push(neighbour);
                    self.others.push(other);
                }
                Err(error) => {
                    say(&format!("{} is left out: {error:#}", row.name));
                    let reason = format!("{} was not measured: {error:#}", row.name);
                    measured.absent.push(reason);
                }
            }
        }
        Ok(())
    }

    async fn open_other(
        &self,
        (slug, row): (&str, &Row),
        root: &Path,
        room: &Room,
    ) -> Result<(Other, Neighbour)> {
        let workloads = self.settings.workloads();
        let site = Site::new(root, slug, self.upstream.addr, workloads.each_ref());
        let other = row.open(site, room).await?;
        let pid = other.child.pid();
        let rest = Duration::from_millis(self.settings.rest_ms);
        let before = proc::family_processor_time(pid)?;
        sleep(rest).await;
        let used = proc::family_processor_time(pid)?.saturating_sub(before);
        let neighbour = Neighbour {
            subject: other.subject.name,
            version: other.version.clone(),
            settings: row.settings.clone(),
            start_us: u64::try_from(other.start.as_micros())?,
            rest_kib: proc::family_resident_kib(pid)?,
            rest_processor_permille: u64::try_from(used.as_millis())? * 1000
                / self.settings.rest_ms.max(1),
        };
        Ok((other, neighbour))
    }

    /// Ends them; one that does not want to is killed.
    pub(super) async fn end_others(&mut self) {
        for other in self.others.drain(..) {
            // Whether it ends politely is its own affair.
            let _ = other.child.stop().await;
        }
    }
}
