//! The course of a run: what is measured, in which order, on which processes.

mod footprint;
mod governed;
mod loads;
mod streams;

use std::path::Path;

use anyhow::Result;

use crate::load::order::{Naming, Subject, Way, Workload};
use crate::measure::descriptors;
use crate::measure::machine::machine;
use crate::report::Report;
use crate::report::figures::{Footprint, Load, Streams};
use crate::settings::{Arguments, Settings};
use crate::world::gateway::{self, Gateway, PLAIN_KEY, Setup};
use crate::world::proxy::Proxy;
use crate::world::room::Room;
use crate::world::upstream::Upstream;

/// The subjects as the report calls them.
pub(crate) const DIRECT: &str = "simulator alone";
pub(crate) const WAYBILL: &str = "through Waybill";
/// nginx, which passes bytes on and does nothing else: the least that standing in between costs.
pub(crate) const PROXY: &str = "through nginx";
/// A key without limits, in a house without budgets.
pub(crate) const UNGOVERNED: &str = "ungoverned";
/// A key that three hard budgets and three rate limits hold.
pub(crate) const GOVERNED: &str = "governed";

/// Everything that runs.
struct Stage {
    settings: Settings,
    upstream: Upstream,
    gateway: Option<Gateway>,
    proxy: Option<Proxy>,
    subjects: Vec<Subject>,
}

/// Measures everything and gives the report. `say` is told what happens.
pub(crate) async fn run(arguments: &Arguments, root: &Path, say: &dyn Fn(&str)) -> Result<Report> {
    let settings = Settings::new(arguments);
    let machine = machine(root);
    let room = Room::new(root)?;
    let upstream = Upstream::start(&room).await?;
    let direct = Subject {
        name: DIRECT,
        addr: upstream.addr,
        root: "/v1",
        key: None,
        pid: None,
        naming: Naming::Script,
    };
    let mut stage = Stage {
        settings: settings.clone(),
        upstream,
        gateway: None,
        proxy: None,
        subjects: vec![direct],
    };
    if !arguments.harness_only {
        stage.open_proxy(&room, say).await?;
    }
    let setup = stage.setup(arguments, root, &room)?;
    let mut footprint = None;
    if let Some(setup) = &setup {
        footprint = Some(stage.open_gateway(setup, &room, say).await?);
    }
    let (slow, loads) = match stage.measure(say).await {
        Ok(figures) => figures,
        Err(error) => return Err(stage.why(error)),
    };
    if let Some(gateway) = stage.gateway.take() {
        if let Some(footprint) = &mut footprint {
            footprint.after(gateway.child.pid())?;
        }
        gateway.child.stop().await?;
    }
    let nginx = stage.proxy.as_ref().map(|proxy| proxy.version.clone());
    let governed = match &setup {
        Some(setup) => governed::measure(&stage, (setup, &room), say).await?,
        None => Vec::new(),
    };
    let limits = descriptors::limits()?;
    Ok(Report::new(
        settings,
        (machine, nginx),
        limits.soft,
        (footprint, slow, loads, governed),
    ))
}

impl Stage {
    /// How the gateway is started; none when only the harness is measured.
    fn setup(&self, arguments: &Arguments, root: &Path, room: &Room) -> Result<Option<Setup>> {
        if arguments.harness_only {
            return Ok(None);
        }
        let binary = match &arguments.binary {
            Some(binary) => std::path::absolute(binary)?,
            None => gateway::build(root)?,
        };
        Setup::new(binary, self.upstream.addr, &self.settings.all(), room).map(Some)
    }

    /// Who can be asked for such calls: a plain proxy translates nothing.
    fn asked(&self, workload: &Workload) -> impl Iterator<Item = &Subject> {
        let is_translated = workload.way != Way::Chat;
        let subjects = self.subjects.iter();
        subjects.filter(move |subject| subject.name != PROXY || !is_translated)
    }

    async fn measure(&self, say: &dyn Fn(&str)) -> Result<(Vec<Streams>, Vec<Load>)> {
        let slow = streams::measure(self, say).await?;
        let loads = loads::measure(self, say).await?;
        Ok((slow, loads))
    }

    /// The death of a process explains every other error.
    fn why(&mut self, error: anyhow::Error) -> anyhow::Error {
        let gateway = self
            .gateway
            .as_mut()
            .map_or(Ok(()), |it| it.child.has_not_ended());
        let proxy = self
            .proxy
            .as_mut()
            .map_or(Ok(()), |it| it.child.has_not_ended());
        let upstream = self.upstream.child.has_not_ended();
        gateway.and(proxy).and(upstream).err().unwrap_or(error)
    }

    /// Starts a plain proxy, if there is one on this machine, and puts it among the subjects.
    async fn open_proxy(&mut self, room: &Room, say: &dyn Fn(&str)) -> Result<()> {
        let Some(program) = Proxy::program() else {
            say("nginx is not installed: measured without the reference that a plain proxy is");
            return Ok(());
        };
        let proxy = Proxy::start(&program, self.upstream.addr, room).await?;
        self.subjects.push(Subject {
            name: PROXY,
            addr: proxy.addr,
            root: "/v1",
            key: None,
            pid: Some(proxy.child.pid()),
            naming: Naming::Script,
        });
        self.proxy = Some(proxy);
        Ok(())
    }

    /// Times the starts, leaves one gateway running and puts it among the subjects.
    async fn open_gateway(
        &mut self,
        setup: &Setup,
        room: &Room,
        say: &dyn Fn(&str),
    ) -> Result<Footprint> {
        let mut footprint = footprint::starts(setup, room, self.settings.starts, say).await?;
        let gateway = setup.start(room, "main").await?;
        footprint
            .rest(gateway.child.pid(), self.settings.rest_ms)
            .await?;
        let key = setup.make_key(&gateway, PLAIN_KEY).await?;
        self.subjects.push(Subject {
            name: WAYBILL,
            addr: gateway.addr,
            root: "/api/v1",
            key: Some(key),
            pid: Some(gateway.child.pid()),
            naming: Naming::Catalog,
        });
        self.gateway = Some(gateway);
        Ok(footprint)
    }
}
