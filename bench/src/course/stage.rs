//! Everything that runs while subjects stand beside each other.

use anyhow::Result;

use super::memory::InMemory;
use super::{DIRECT, FLOOR, PROXY, WAYBILL, footprint, loads, streams};
use crate::arguments::{Arguments, Part};
use crate::load::order::{Naming, Subject, Way, Workload};
use crate::report::figures::{Footprint, Load, Loop, Streams};
use crate::settings::Settings;
use crate::world::floor::Floor;
use crate::world::gateway::{Gateway, PLAIN_KEY, Setup};
use crate::world::other::Other;
use crate::world::proxy::Proxy;
use crate::world::room::Room;
use crate::world::upstream::Upstream;

/// The processes, and who of them is asked.
pub(super) struct Stage {
    pub(super) settings: Settings,
    pub(super) upstream: Upstream,
    pub(super) gateway: Option<Gateway>,
    pub(super) proxy: Option<Proxy>,
    floor: Option<Floor>,
    /// Waybill once more, its data in memory.
    pub(super) in_memory: Option<InMemory>,
    pub(super) others: Vec<Other>,
    subjects: Vec<Subject>,
    parts: Vec<Part>,
}

impl Stage {
    /// The simulator alone.
    pub(super) async fn new(
        settings: Settings,
        arguments: &Arguments,
        room: &Room,
    ) -> Result<Self> {
        let upstream = Upstream::start(room).await?;
        let direct = Subject::new(DIRECT, upstream.addr, "/v1", Naming::Script);
        let all = <Part as clap::ValueEnum>::value_variants().iter().copied();
        Ok(Self {
            settings,
            upstream,
            gateway: None,
            proxy: None,
            floor: None,
            in_memory: None,
            others: Vec::new(),
            subjects: vec![direct],
            parts: all.filter(|part| arguments.wants(*part)).collect(),
        })
    }

    /// Whether a part is measured.
    pub(super) fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// The simulator, the plain proxies and Waybill.
    pub(super) fn ours(&self) -> impl DoubleEndedIterator<Item = &Subject> {
        self.subjects.iter()
    }

    /// Who can be asked for such calls. Plain proxies translate nothing. Other gateways are asked for the simple
    /// ones in a closed loop: at the rate that is half of what Waybill can do, most would only be late. Waybill with
    /// its data in memory is asked at that rate alone.
    pub(super) fn asked(&self, workload: &Workload, how: Loop) -> impl Iterator<Item = &Subject> {
        let is_translated = workload.way != Way::Chat;
        let of_all = self.settings.workloads();
        let is_simple = of_all.iter().any(|simple| simple.name == workload.name);
        let ours = self.subjects.iter();
        let in_memory = self.in_memory.iter().map(|it| &it.subject);
        let others = self.others.iter().map(|other| &other.subject);
        ours.filter(move |subject| ![PROXY, FLOOR].contains(&subject.name) || !is_translated)
            .chain(in_memory.filter(move |_| how != Loop::Closed))
            .chain(others.filter(move |_| is_simple && how == Loop::Closed))
    }

    pub(super) async fn measure(&self, say: &dyn Fn(&str)) -> Result<(Vec<Streams>, Vec<Load>)> {
        let slow = match self.wants(Part::Streams) {
            true => streams::measure(self, say).await?,
            false => Vec::new(),
        };
        let loads = loads::measure(self, say).await?;
        Ok((slow, loads))
    }

    /// The death of a process explains every other error.
    pub(super) fn why(&mut self, error: anyhow::Error) -> anyhow::Error {
        let gateway = self
            .gateway
            .as_mut()
            .map_or(Ok(()), |it| it.child.has_not_ended());
        let in_memory = self
            .in_memory
            .as_mut()
            .map_or(Ok(()), |it| it.gateway.child.has_not_ended());
        let proxy = self
            .proxy
            .as_mut()
            .map_or(Ok(()), |it| it.child.has_not_ended());
        let floor = self
            .floor
            .as_mut()
            .map_or(Ok(()), |it| it.child.has_not_ended());
        let upstream = self.upstream.child.has_not_ended();
        let all = gateway.and(in_memory).and(proxy).and(floor).and(upstream);
        all.err().unwrap_or(error)
    }

    /// Starts a plain proxy, if there is one on this machine, and puts it among the subjects.
    pub(super) async fn open_proxy(
        &mut self,
        room: &Room,
        absent: &mut Vec<String>,
        say: &dyn Fn(&str),
    ) -> Result<()> {
        let Some(program) = Proxy::program() else {
            say("nginx is not installed: measured without the reference that a plain proxy is");
            absent.push(
                "**No plain proxy was measured**: nginx is not installed here, so there is nothing to \
                 compare with."
                    .to_owned(),
            );
            return Ok(());
        };
        let proxy = Proxy::start(&program, self.upstream.addr, room).await?;
        let mut subject = Subject::new(PROXY, proxy.addr, "/v1", Naming::Script);
        subject.pid = Some(proxy.child.pid());
        self.subjects.push(subject);
        self.proxy = Some(proxy);
        Ok(())
    }

    /// Starts the plain proxy that is made of our libraries and puts it among the subjects.
    pub(super) async fn open_floor(&mut self, room: &Room) -> Result<()> {
        let floor = Floor::start(self.upstream.addr, room).await?;
        let mut subject = Subject::new(FLOOR, floor.addr, "/v1", Naming::Script);
        subject.pid = Some(floor.child.pid());
        self.subjects.push(subject);
        self.floor = Some(floor);
        Ok(())
    }

    /// Times the starts, leaves one gateway running and puts it among the subjects.
    pub(super) async fn open_gateway(
        &mut self,
        setup: &Setup,
        room: &Room,
        say: &dyn Fn(&str),
    ) -> Result<Footprint> {
        let starts = match self.wants(Part::Start) {
            true => self.settings.starts,
            false => 1,
        };
        let mut footprint = footprint::starts(setup, room, starts, say).await?;
        let gateway = setup.start(room, "main").await?;
        footprint
            .rest(gateway.child.pid(), self.settings.rest_ms)
            .await?;
        let mut subject = Subject::new(WAYBILL, gateway.addr, "/api/v1", Naming::Catalog);
        subject
            .keys
            .push(setup.make_key(&gateway, PLAIN_KEY).await?);
        subject.pid = Some(gateway.child.pid());
        self.subjects.push(subject);
        self.gateway = Some(gateway);
        Ok(footprint)
    }
}
