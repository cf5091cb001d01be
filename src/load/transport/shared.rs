//! What all users of a worker share: the prepared requests, and memory lent for the length of one.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use plimsoll_metrics::{Event, ReachedPeer, Side};
use plimsoll_plan::{HttpPlan, HttpVersion, Plan, ProxyPlan, Target};
use plimsoll_units::RunTime;

use super::address::Origin;
use super::body::RenderedMessage;
use super::exemplars::Exemplars;
use super::group::ConcurrentRequests;
use super::memory::MemoryBudget;
use super::parser::ResponseParser;
use super::pool::{ConnectionPool, WorkerConnectionLimit};
use super::prepared::{PreparedRequest, RequestTarget};
use super::resolver::Resolver;
use super::sign::SigningKeys;
use super::{Clock, HostPermit, SourcePool, Timers, TlsSetup};

/// What all users of a worker share.
#[derive(Debug)]
pub struct WorkerTransport {
    pub(super) plan: Arc<Plan>,
    pub(super) tls: TlsSetup,
    pub(super) permit: HostPermit,
    pub(super) resolver: Rc<Resolver>,
    /// Where the proxy is, if there is one.
    proxy: Option<Origin>,
    pub(super) open: Rc<Cell<u64>>,
    opened: RefCell<Vec<(ReachedPeer, u64)>>,
    /// The connections that all users share, where they share a few.
    lasting: OnceCell<Box<[ConcurrentRequests]>>,
    pub(super) timers: Rc<Timers>,
    pub(super) sources: SourcePool,
    /// By side; one where the run is not split.
    prepared_targets: Vec<PreparedTarget>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) parsers: RefCell<Vec<ResponseParser>>,
    pub(super) buffers: RefCell<Vec<RenderedMessage>>,
    /// Idle connections, where users share them.
    pub(super) pool: RefCell<ConnectionPool>,
    pub(super) connection_limit: WorkerConnectionLimit,
    /// What responses, events and messages may hold together.
    pub(super) memory: MemoryBudget,
    pub(super) signing_keys: RefCell<SigningKeys>,
    pub(super) exemplars: Exemplars,
}

/// A target, and the requests as they are sent there.
#[derive(Debug)]
pub(super) struct PreparedTarget {
    pub(super) target: Rc<Origin>,
    pub(super) requests: Vec<PreparedRequest>,
}

/// A response larger than this takes more than one read; 64 KiB is the most that loopback delivers at once.
const SCRATCH: usize = 64 * 1024;

/// No more peers are told apart within a second.
const MAX_PEERS: usize = 256;

/// Streams are read as they come, so nobody may compress them.
fn compile(plan: &Plan, target: &Target) -> PreparedTarget {
    let is_stream = |at| plan.streams.iter().any(|stream| stream.request.0 as usize == at);
    let requests = plan.requests.iter().enumerate();
    let origin = Origin::of_target(target);
    let named = RequestTarget { authority: &origin.authority, forwarder: forwarder(plan, &origin) };
    let requests = requests
        .map(|(at, request)| PreparedRequest::compile(request, (plan, named), !is_stream(at)));
    PreparedTarget { requests: requests.collect(), target: Rc::new(origin) }
}

/// The proxy that requests to `origin` name their whole URL to: those without a tunnel.
fn forwarder<'a>(plan: &'a Plan, origin: &Origin) -> Option<&'a ProxyPlan> {
    let forwards = !origin.tls && plan.http.version != HttpVersion::Http2;
    plan.http.proxy.as_ref().filter(|proxy| forwards && proxy.serves(&origin.host, origin.port))
}

impl WorkerTransport {
    /// Prepares a worker for `plan`.
    pub fn new(plan: Arc<Plan>, tls: TlsSetup, permit: HostPermit, timers: Rc<Timers>) -> Rc<Self> {
        let green = plan.split.as_ref().map(|split| &split.green);
        let targets = std::iter::once(&plan.target).chain(green);
        let prepared_targets = targets.map(|target| compile(&plan, target)).collect();
        Rc::new(Self {
            sources: SourcePool::new(&plan.http.source_ips),
            prepared_targets,
            tls,
            permit,
            resolver: Resolver::new(plan.http.dns, plan.seed.get()),
            proxy: plan.http.proxy.as_ref().map(Origin::of_proxy),
            open: Rc::default(),
            opened: RefCell::default(),
            lasting: OnceCell::new(),
            timers,
            scratch: RefCell::new(vec![0; SCRATCH].into()),
            parsers: RefCell::default(),
            buffers: RefCell::default(),
            pool: RefCell::default(),
            connection_limit: WorkerConnectionLimit::default(),
            memory: MemoryBudget::default(),
            signing_keys: RefCell::default(),
            exemplars: Exemplars::new(plan.steps.len()),
            plan,
        })
    }

    /// Where requests of `side` go. In a run that is not split, nobody is on any side but blue.
    pub(super) fn prepared_target(&self, side: Side) -> &PreparedTarget {
        &self.prepared_targets[side as usize]
    }

    /// Whether `origin` is one of the run's own targets.
    pub(super) fn is_target(&self, origin: &Origin) -> bool {
        self.prepared_targets.iter().any(|prepared_target| *prepared_target.target == *origin)
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.timers.clock()
    }

    /// The slowest requests and the first failures of a minute that is over at `now`; all that are left where the run is.
    pub fn take_exemplars(&self, now: RunTime, is_last: bool) -> Vec<Event> {
        self.exemplars.take(now, is_last)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.open.get()
    }

    /// Lets all users share `count` connections to each origin.
    pub fn share_connections(&self, count: u32) {
        // Said once, before the first request.
        let _ = self.lasting.set((0..count).map(|_| ConcurrentRequests::lasting()).collect());
    }

    /// The connection that user `number` shares with others, if users share.
    pub(super) fn shared_with(&self, number: u64) -> Option<&ConcurrentRequests> {
        let lasting = self.lasting.get()?;
        lasting.get((number % (lasting.len() as u64).max(1)) as usize)
    }

    /// Counts a connection that was opened.
    pub(super) fn count_opened(&self, peer: ReachedPeer) {
        let mut opened = self.opened.borrow_mut();
        if let Some((_, count)) = opened.iter_mut().find(|(known, _)| *known == peer) {
            *count += 1;
        } else if opened.len() < MAX_PEERS {
            opened.push((peer, 1));
        }
    }

    /// The connections opened since the last call, by peer.
    pub fn take_opened(&self) -> Vec<(ReachedPeer, u64)> {
        self.opened.take()
    }

    /// Allows `limit` connections at once; idle ones are closed to make room, and counted.
    pub fn limit_connections(&self, limit: u64) {
        self.connection_limit.limit(limit);
    }

    /// Leaves this worker its share of what all responses and streams of a run may hold in memory.
    pub fn share_memory(&self, workers: u32) {
        self.memory.limit(self.plan.max_memory().get() / u64::from(workers.max(1)));
    }

    /// A parser, lent for the length of a request.
    pub(super) fn parser(&self) -> ResponseParser {
        let spare = self.parsers.borrow_mut().pop();
        spare.unwrap_or_else(|| ResponseParser::within(&self.memory, self.max_head()))
    }

    /// The largest head of a response, in bytes.
    pub(super) fn max_head(&self) -> usize {
        usize::try_from(self.http().max_head.get()).unwrap_or(usize::MAX)
    }

    /// How many idle connections were closed to make room.
    pub fn closed_to_make_room(&self) -> u64 {
        self.connection_limit.closed()
    }

    /// The address that the first user's connections come from.
    pub(super) fn first_source(&self) -> Option<IpAddr> {
        self.sources.of_user(0)
    }

    /// The proxy that requests to `origin` go through, if they do.
    pub(super) fn proxy_of(&self, origin: &Origin) -> Option<&ProxyPlan> {
        let proxy = self.plan.http.proxy.as_ref()?;
        proxy.serves(&origin.host, origin.port).then_some(proxy)
    }

    /// How a request over HTTP/1.1 to `origin` names where it goes.
    pub(super) fn request_target<'a>(&'a self, origin: &'a Origin) -> RequestTarget<'a> {
        RequestTarget { authority: &origin.authority, forwarder: forwarder(&self.plan, origin) }
    }

    /// Where a connection to `origin` leads first.
    pub(super) fn next_hop<'a>(&'a self, origin: &'a Origin) -> &'a Origin {
        match &self.proxy {
            Some(proxy) if self.proxy_of(origin).is_some() => proxy,
            _ => origin,
        }
    }

    /// How connections behave.
    pub(super) fn http(&self) -> &HttpPlan {
        &self.plan.http
    }
}
