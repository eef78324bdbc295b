//! The course of a run: what is measured, in which order, on which processes.

mod compare;
mod footprint;
pub(crate) mod houses;
mod loads;
mod memory;
mod neighbours;
pub(crate) mod soak;
mod stage;
mod streams;

use std::path::Path;

use anyhow::Result;

use crate::arguments::{Arguments, Part};
use crate::measure::descriptors;
use crate::measure::disk::disk;
use crate::measure::machine::machine;
use crate::report::{Measured, Report};
use crate::settings::Settings;
use crate::world::database::Database;
use crate::world::gateway::{self, Setup};
use crate::world::room::Room;
use stage::Stage;

/// The subjects as the report calls them.
pub(crate) const DIRECT: &str = "simulator alone";
pub(crate) const WAYBILL: &str = "through Waybill";
/// The same with its data directory in memory.
pub(crate) const IN_MEMORY: &str = "through Waybill, data in memory";
/// nginx, which passes bytes on and does nothing else: the least that standing in between costs.
pub(crate) const PROXY: &str = "through nginx";
/// A plain proxy out of the libraries that Waybill is made of: the least that standing in between costs with them.
pub(crate) const FLOOR: &str = "through the HTTP libraries alone";
/// A key without limits, in a house without budgets.
pub(crate) const UNGOVERNED: &str = "ungoverned";
/// A key that three hard budgets and three rate limits hold.
pub(crate) const GOVERNED: &str = "governed";

/// Measures what is asked for and gives the report. `say` is told what happens.
pub(crate) async fn run(arguments: &Arguments, root: &Path, say: &dyn Fn(&str)) -> Result<Report> {
    let settings = Settings::new(arguments);
    let machine = machine(root);
    let room = Room::new(root)?;
    let mut stage = Stage::new(settings.clone(), arguments, &room).await?;
    let mut measured = Measured::default();
    if arguments.harness_only {
        (measured.streams, measured.loads) = stage.measure(say).await?;
    } else {
        let binary = match &arguments.binary {
            Some(binary) => std::path::absolute(binary)?,
            None => gateway::build(root)?,
        };
        let setup = Setup::new(binary, stage.upstream.addr, &settings.all())?;
        let world = World {
            arguments,
            root,
            setup: &setup,
            room: &room,
        };
        beside(&mut stage, &world, &mut measured, say).await?;
        together(&mut stage, &mut measured, say).await?;
        measured.nginx = stage.proxy.as_ref().map(|proxy| proxy.version.clone());
        comparisons(&stage, &world, &mut measured, say).await?;
    }
    Ok(Report::new(
        settings,
        machine,
        descriptors::limits()?.soft,
        measured,
    ))
}

/// What gateways are opened with.
struct World<'a> {
    arguments: &'a Arguments,
    root: &'a Path,
    setup: &'a Setup,
    room: &'a Room,
}

/// Opens those that stand beside each other, if anything wants them.
async fn beside(
    stage: &mut Stage,
    world: &World<'_>,
    measured: &mut Measured,
    say: &dyn Fn(&str),
) -> Result<()> {
    let loads = [Part::Streams, Part::Sizes, Part::Loads, Part::Others];
    let has_loads = loads.iter().any(|part| stage.wants(*part));
    if has_loads {
        stage
            .open_proxy(world.room, &mut measured.absent, say)
            .await?;
        stage.open_floor(world.room).await?;
    }
    if stage.wants(Part::Start) || has_loads {
        let footprint = stage.open_gateway(world.setup, world.room, say).await?;
        measured.footprint = Some(footprint);
    }
    if stage.wants(Part::Loads) {
        say("measuring the disk");
        measured.disk = Some(disk(&world.room.file(""))?);
        stage
            .open_in_memory(world.setup, &mut measured.absent, say)
            .await?;
    }
    stage.open_others(world, measured, say).await
}

/// Measures all that stand beside each other, and then lets the gateways go.
async fn together(stage: &mut Stage, measured: &mut Measured, say: &dyn Fn(&str)) -> Result<()> {
    (measured.streams, measured.loads) = match stage.measure(say).await {
        Ok(figures) => figures,
        Err(error) => return Err(stage.why(error)),
    };
    stage.end_others().await;
    stage.end_in_memory().await?;
    if let Some(gateway) = stage.gateway.take() {
        if let Some(footprint) = &mut measured.footprint {
            footprint.after(gateway.child.pid())?;
        }
        gateway.child.stop().await?;
    }
    Ok(())
}

/// Gateways that differ in one thing. What cannot be had is left out and named.
async fn comparisons(
    stage: &Stage,
    world: &World<'_>,
    measured: &mut Measured,
    say: &dyn Fn(&str),
) -> Result<()> {
    let place = (world.setup, world.room);
    if stage.wants(Part::Governed) {
        let plan = houses::governed(stage);
        compare::measure(stage, place, plan, measured, say).await?;
    }
    if stage.wants(Part::Databases) {
        say("starting PostgreSQL");
        match Database::start(world.root, world.room).await {
            Ok(database) => {
                let plan = houses::databases(stage, &database);
                compare::measure(stage, place, plan, measured, say).await?;
            }
            Err(error) => measured
                .absent
                .push(format!("PostgreSQL was not measured: {error:#}")),
        }
    }
    if stage.wants(Part::Plenty) {
        let filled = world.arguments.filled.as_deref();
        if filled.is_none() {
            measured.absent.push(
                "A record store with millions of rows was not measured: `--filled sqlite:PATH` names one \
                 that `cargo run --release -p bench --bin records` has filled."
                    .to_owned(),
            );
        }
        let plan = houses::plenty(stage, filled);
        compare::measure(stage, place, plan, measured, say).await?;
    }
    Ok(())
}
