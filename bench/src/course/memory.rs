//! The same gateway once more, its data in memory: what lies between the two is the disk's.

use anyhow::Result;

use super::IN_MEMORY;
use super::stage::Stage;
use crate::load::order::{Naming, Subject};
use crate::world::gateway::{Gateway, PLAIN_KEY, Setup};
use crate::world::room::Room;

/// A gateway and the directory in memory that it works in.
pub(super) struct InMemory {
    pub(super) gateway: Gateway,
    pub(super) subject: Subject,
    /// Removed after the gateway has ended.
    _room: Room,
}

impl Stage {
    /// Opens it, where this machine has a file system in memory.
    pub(super) async fn open_in_memory(
        &mut self,
        setup: &Setup,
        absent: &mut Vec<String>,
        say: &dyn Fn(&str),
    ) -> Result<()> {
        let Some(room) = Room::in_memory()? else {
            say("there is no /dev/shm: what the disk adds is not measured");
            absent.push(
                "Waybill with its data in memory was not measured: there is no /dev/shm here, so it is not \
                 known how much of the latency is the disk's."
                    .to_owned(),
            );
            return Ok(());
        };
        let gateway = setup.start(&room, "memory").await?;
        let mut subject = Subject::new(IN_MEMORY, gateway.addr, "/api/v1", Naming::Catalog);
        subject
            .keys
            .push(setup.make_key(&gateway, PLAIN_KEY).await?);
        subject.pid = Some(gateway.child.pid());
        self.in_memory = Some(InMemory {
            gateway,
            subject,
            _room: room,
        });
        Ok(())
    }

    /// Ends it.
    pub(super) async fn end_in_memory(&mut self) -> Result<()> {
        match self.in_memory.take() {
            Some(it) => it.gateway.child.stop().await,
            None => Ok(()),
        }
    }
}
